/* schema_choice.c: enum and const: the values that all schemas of the place allow, as they are written in the schema. Of one thread. */
#include <math.h>
#include <stdlib.h>

#include "runtime/schema_parts.h"

static unsigned type_of(yyjson_val *value)
{
    if (yyjson_is_real(value))
        return yyjson_get_real(value) == floor(yyjson_get_real(value)) ? RT_TYPE_INTEGER : RT_TYPE_NUMBER;
    return yyjson_is_null(value)   ? RT_TYPE_NULL
           : yyjson_is_bool(value) ? RT_TYPE_BOOLEAN
           : yyjson_is_num(value)  ? RT_TYPE_INTEGER
           : yyjson_is_str(value)  ? RT_TYPE_STRING
           : yyjson_is_arr(value)  ? RT_TYPE_ARRAY
                                   : RT_TYPE_OBJECT;
}

/* yyjson_equals goes as deep as the flatter of its two values. */
static int is_flat(yyjson_val *value, int depth)
{
    yyjson_val *key, *inner;
    size_t i, count;
    if (depth > RT_SCHEMA_VALUE_DEPTH)
        return 0;
    if (yyjson_is_arr(value))
        yyjson_arr_foreach(value, i, count, inner) if (!is_flat(inner, depth + 1)) return 0;
    if (yyjson_is_obj(value))
        yyjson_obj_foreach(value, i, count, key, inner) if (!is_flat(inner, depth + 1)) return 0;
    return 1;
}

static int is_listed(struct rt_schema *schema, yyjson_val *list, yyjson_val *value)
{
    yyjson_val *other;
    size_t i, count;
    rt_schema_spend(schema, yyjson_arr_size(list));
    yyjson_arr_foreach(list, i, count, other) if (yyjson_equals(other, value)) return 1;
    return 0;
}

/* Whether all that holds allows the value; it is from the list `from`, if that is not NULL. */
static int is_wanted(struct rt_schema *schema, const struct rt_all *all, yyjson_val *value, yyjson_val *from, unsigned types)
{
    if (!is_flat(value, 0))
        rt_build_fail(&schema->build, "a value of enum or const that is more than %d deep; make it flatter", RT_SCHEMA_VALUE_DEPTH);
    for (uint32_t i = 0; i < all->count && !schema->build.failed; i++) {
        yyjson_val *list = yyjson_obj_get(all->at[i].schema, "enum"), *only = yyjson_obj_get(all->at[i].schema, "const");
        if ((only && !yyjson_equals(only, value)) || (list && list != from && !is_listed(schema, list, value)))
            return 0;
    }
    return (type_of(value) & types) != 0;
}

static uint32_t choose(struct rt_schema *schema, const struct rt_all *all, yyjson_val *list)
{
    const unsigned types = rt_all_types(schema, all);
    struct rt_name *texts = calloc(yyjson_arr_size(list) + 1, sizeof *texts);
    uint32_t expr = 0;
    yyjson_val *value;
    size_t i, count, kept = 0;
    rt_schema_spend(schema, yyjson_arr_size(list));
    if (!texts)
        rt_build_no_memory(&schema->build, "the values of enum");
    yyjson_arr_foreach(list, i, count, value)
    {
        if (!texts || schema->build.failed || !is_wanted(schema, all, value, list, types))
            continue;
        texts[kept].text = yyjson_val_write(value, YYJSON_WRITE_NOFLAG, &texts[kept].bytes);
        if (texts[kept].text)
            kept++;
        else
            rt_build_fail(&schema->build, "value %zu of enum cannot be written as JSON", i);
    }
    if (texts)
        expr = rt_expr_choice(&schema->build, texts, kept);
    for (i = 0; i < kept; i++)
        free((void *)texts[i].text);
    free(texts);
    return expr;
}

uint32_t rt_schema_choice(struct rt_schema *schema, const struct rt_all *all)
{
    yyjson_val *only = rt_all_find(all, "const"), *list = rt_all_find(all, "enum");
    if (rt_all_types_meant(all))
        rt_build_fail(&schema->build,
                      "enum or const beside keywords other than type is not supported; leave out the values that do not fit");
    if (list && !yyjson_is_arr(list))
        rt_build_fail(&schema->build, "/enum: not a list of values");
    if (schema->build.failed)
        return 0;
    if (!only)
        return choose(schema, all, list);
    return is_wanted(schema, all, only, NULL, rt_all_types(schema, all)) ? rt_expr_json_literal(&schema->build, only)
                                                                         : rt_expr_list(&schema->build, RT_EXPR_ALT);
}
