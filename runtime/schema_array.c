/* schema_array.c: arrays: prefixItems, then items; minItems and maxItems are counted while an answer is made, so that large ones cost nothing. Of
 * one thread. */
#include <stdlib.h>
#include <string.h>

#include "runtime/schema_parts.h"

struct array {
    struct rt_schema *schema;
    const struct rt_all *all;
    uint32_t prefix; /* positions with a schema of their own */
    uint32_t least, most;
};

/* A list under "items" is what drafts before 2020-12 called prefixItems. */
static yyjson_val *prefix_of(yyjson_val *schema)
{
    yyjson_val *prefix = yyjson_obj_get(schema, "prefixItems"), *items = yyjson_obj_get(schema, "items");
    return prefix ? prefix : yyjson_is_arr(items) ? items : NULL;
}

static uint32_t item(const struct array *array, uint32_t index)
{
    struct rt_schema *schema = array->schema;
    struct rt_all all = {0};
    char name[32];
    snprintf(name, sizeof name, "%u", index);
    const size_t place = index < array->prefix ? rt_schema_enter(schema, "/prefixItems", name) : rt_schema_enter(schema, "/items", NULL);
    for (uint32_t i = 0; i < array->all->count; i++) {
        yyjson_val *one = array->all->at[i].schema, *prefix = prefix_of(one), *items = yyjson_obj_get(one, "items");
        yyjson_val *said = index < yyjson_arr_size(prefix) ? yyjson_arr_get(prefix, index) : yyjson_is_arr(items) ? NULL : items;
        if (said)
            rt_all_add(schema, &all, said, 0);
    }
    const uint32_t value = rt_schema_value(schema, &all);
    rt_schema_leave(schema, place);
    return value;
}

/* Whether there may be more than the prefix: where it is said, or where there is no prefix. */
static int has_more(const struct array *array)
{
    int said = 0, closed = 0;
    for (uint32_t i = 0; i < array->all->count; i++) {
        yyjson_val *items = yyjson_obj_get(array->all->at[i].schema, "items");
        said |= items && !yyjson_is_arr(items);
        closed |= yyjson_is_false(items);
    }
    return !closed && (said || !array->prefix);
}

static uint32_t less(uint32_t count, uint32_t by)
{
    return count == RT_NO_LIMIT ? count : count > by ? count - by : 0;
}

/* Items behind the prefix; comma: before the first, too. */
static uint32_t more_items(const struct array *array, int comma)
{
    struct rt_build *build = &array->schema->build;
    const uint32_t least = less(array->least, array->prefix), most = has_more(array) ? less(array->most, array->prefix) : 0;
    if (least > most)
        return rt_expr_list(build, RT_EXPR_ALT);
    if (!most)
        return rt_expr_text(build, "");
    const uint32_t next = RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_json_separator(&array->schema->json), item(array, array->prefix));
    if (comma)
        return rt_expr_repeat(build, next, least, most);
    return RT_EXPR_OF(build, RT_EXPR_SEQ, item(array, array->prefix), rt_expr_repeat(build, next, less(least, 1), less(most, 1)));
}

/* From the back: what may come after a position that is optional is inside of its option. */
static uint32_t elements(const struct array *array)
{
    struct rt_build *build = &array->schema->build;
    uint32_t tail = more_items(array, array->prefix > 0);
    for (uint32_t i = array->prefix; i > 0 && !build->failed; i--) {
        uint32_t one = item(array, i - 1);
        if (i > 1)
            one = RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_json_separator(&array->schema->json), one);
        tail = RT_EXPR_OF(build, RT_EXPR_SEQ, one, tail);
        if (i > 1 && i > array->least)
            tail = rt_expr_optional(build, tail);
    }
    return tail;
}

uint32_t rt_schema_array(struct rt_schema *schema, const struct rt_all *all)
{
    struct array array = {.schema = schema, .all = all};
    array.least = rt_all_count(schema, all, "minItems", 0, 0);
    array.most = rt_all_count(schema, all, "maxItems", 1, RT_NO_LIMIT);
    for (uint32_t i = 0; i < all->count; i++) {
        yyjson_val *prefix = prefix_of(all->at[i].schema);
        if (prefix && (!yyjson_is_arr(prefix) || yyjson_arr_size(prefix) > RT_SCHEMA_DEPTH))
            rt_build_fail(&schema->build, "/prefixItems: not a list of at most %d schemas", RT_SCHEMA_DEPTH);
        if (yyjson_arr_size(prefix) > array.prefix)
            array.prefix = (uint32_t)yyjson_arr_size(prefix);
    }
    if (array.prefix > array.most)
        array.prefix = array.most;
    if (!array.most)
        return array.least ? rt_expr_list(&schema->build, RT_EXPR_ALT) : rt_expr_text(&schema->build, "[]");
    if (!array.least && array.most == RT_NO_LIMIT && !rt_all_find(all, "items") && !array.prefix)
        return rt_expr_json(&schema->json, RT_JSON_ARRAY);
    return rt_expr_json_brackets(&schema->json, "[", elements(&array), !array.least, "]");
}
