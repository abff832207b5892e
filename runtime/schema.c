/* schema.c: JSON schemas (draft 2020-12, the part that a grammar can hold) as grammars. Members come in the order of "properties". A schema that
 * names properties and says nothing of others, or prefixItems and nothing of further items, allows none; a schema without "type" has the type that
 * its keywords speak of; oneOf is read as anyOf. So what is allowed is valid wherever oneOf's cases exclude each other, but not everything valid
 * is allowed. Of one thread. */
#include <stdlib.h>
#include <string.h>

#include "runtime/schema_parts.h"
#include "runtime/scope.h"

enum { T_NULL = 1, T_BOOLEAN = 2, T_INTEGER = 4, T_NUMBER = 8, T_STRING = 16, T_ARRAY = 32, T_OBJECT = 64, T_ALL = 127 };

size_t rt_schema_enter(struct rt_schema *schema, const char *keyword, const char *name)
{
    char *place = schema->build.place;
    const size_t length = strlen(place);
    snprintf(place + length, sizeof schema->build.place - length, "%s%s%s", keyword, name ? "/" : "", name ? name : "");
    return length;
}

void rt_schema_leave(struct rt_schema *schema, size_t place)
{
    schema->build.place[place] = 0;
}

/* --- types --- */

static unsigned type_named(struct rt_schema *schema, yyjson_val *name)
{
    static const struct {
        const char *name;
        unsigned types;
    } types[] = {{"null", T_NULL},     {"boolean", T_BOOLEAN}, {"integer", T_INTEGER}, {"number", T_NUMBER | T_INTEGER},
                 {"string", T_STRING}, {"array", T_ARRAY},     {"object", T_OBJECT}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (yyjson_equals_str(name, types[i].name))
            return types[i].types;
    const size_t place = rt_schema_enter(schema, "/type", NULL);
    rt_build_fail(&schema->build, "not a type; there are null, boolean, integer, number, string, array, object");
    rt_schema_leave(schema, place);
    return 0;
}

static unsigned types_said(struct rt_schema *schema, yyjson_val *object)
{
    yyjson_val *said = yyjson_obj_get(object, "type"), *name;
    const unsigned null = yyjson_is_true(yyjson_obj_get(object, "nullable")) ? T_NULL : 0;
    unsigned types = null;
    size_t i, count;
    if (!said)
        return T_ALL;
    if (!yyjson_is_arr(said))
        return types | type_named(schema, said);
    yyjson_arr_foreach(said, i, count, name) types |= type_named(schema, name);
    return types;
}

static const struct {
    const char *keyword;
    unsigned types;
} speaks_of[] = {
    {"properties", T_OBJECT},
    {"required", T_OBJECT},
    {"additionalProperties", T_OBJECT},
    {"items", T_ARRAY},
    {"prefixItems", T_ARRAY},
    {"minItems", T_ARRAY},
    {"maxItems", T_ARRAY},
    {"minLength", T_STRING},
    {"maxLength", T_STRING},
    {"pattern", T_STRING},
    {"format", T_STRING},
    {"minimum", T_NUMBER | T_INTEGER},
    {"maximum", T_NUMBER | T_INTEGER},
    {"exclusiveMinimum", T_NUMBER | T_INTEGER},
    {"exclusiveMaximum", T_NUMBER | T_INTEGER},
    {"multipleOf", T_NUMBER | T_INTEGER},
};

/* What the keywords are about; 0: nothing in particular. */
static unsigned types_meant(const struct rt_all *all)
{
    unsigned types = 0;
    for (size_t i = 0; i < sizeof speaks_of / sizeof *speaks_of; i++)
        if (rt_all_find(all, speaks_of[i].keyword))
            types |= speaks_of[i].types;
    return types;
}

static unsigned types_of(struct rt_schema *schema, const struct rt_all *all)
{
    unsigned types = T_ALL;
    int said = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        types &= types_said(schema, all->at[i].schema);
        said |= yyjson_obj_get(all->at[i].schema, "type") != NULL;
    }
    const unsigned meant = said ? 0 : types_meant(all);
    return meant ? meant : types;
}

static unsigned type_of(yyjson_val *value)
{
    if (yyjson_is_real(value))
        return yyjson_get_real(value) == (double)(int64_t)yyjson_get_real(value) ? T_INTEGER : T_NUMBER;
    return yyjson_is_null(value)   ? T_NULL
           : yyjson_is_bool(value) ? T_BOOLEAN
           : yyjson_is_num(value)  ? T_INTEGER
           : yyjson_is_str(value)  ? T_STRING
           : yyjson_is_arr(value)  ? T_ARRAY
                                   : T_OBJECT;
}

/* --- enum and const --- */

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
    for (uint32_t i = 0; i < all->count && !schema->build.failed; i++) {
        yyjson_val *list = yyjson_obj_get(all->at[i].schema, "enum"), *only = yyjson_obj_get(all->at[i].schema, "const");
        if ((only && !yyjson_equals(only, value)) || (list && list != from && !is_listed(schema, list, value)))
            return 0;
    }
    return (type_of(value) & types) != 0;
}

static uint32_t choose(struct rt_schema *schema, const struct rt_all *all, yyjson_val *list)
{
    const unsigned types = types_of(schema, all);
    struct rt_name *texts = calloc(yyjson_arr_size(list) + 1, sizeof *texts);
    uint32_t expr = 0;
    yyjson_val *value;
    size_t i, count, kept = 0;
    rt_schema_spend(schema, yyjson_arr_size(list));
    if (!texts)
        rt_build_fail(&schema->build, "no memory for a choice of %zu values", yyjson_arr_size(list));
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

static uint32_t listed(struct rt_schema *schema, const struct rt_all *all)
{
    yyjson_val *only = rt_all_find(all, "const"), *list = rt_all_find(all, "enum");
    if (types_meant(all))
        rt_build_fail(&schema->build,
                      "enum or const beside keywords other than type is not supported; leave out the values that do not fit");
    if (list && !yyjson_is_arr(list))
        rt_build_fail(&schema->build, "/enum: not a list of values");
    if (schema->build.failed)
        return 0;
    if (!only)
        return choose(schema, all, list);
    return is_wanted(schema, all, only, NULL, types_of(schema, all)) ? rt_expr_json_literal(&schema->build, only)
                                                                     : rt_expr_list(&schema->build, RT_EXPR_ALT);
}

/* --- values --- */

static uint32_t of_types(struct rt_schema *schema, const struct rt_all *all)
{
    struct rt_build *build = &schema->build;
    const unsigned types = types_of(schema, all);
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    if (types == T_ALL)
        return rt_expr_json(&schema->json, RT_JSON_ANY);
    if (types & T_OBJECT)
        rt_expr_add(build, list, rt_schema_object(schema, all));
    if (types & T_ARRAY)
        rt_expr_add(build, list, rt_schema_array(schema, all));
    if (types & T_STRING)
        rt_expr_add(build, list, rt_schema_string(schema, all));
    if (types & (T_NUMBER | T_INTEGER))
        rt_expr_add(build, list, rt_schema_number(schema, all, !(types & T_NUMBER)));
    if (types & T_BOOLEAN) {
        rt_expr_add(build, list, rt_expr_text(build, "true"));
        rt_expr_add(build, list, rt_expr_text(build, "false"));
    }
    if (types & T_NULL)
        rt_expr_add(build, list, rt_expr_text(build, "null"));
    return list;
}

/* One case of anyOf or oneOf, with everything else that must hold. */
static uint32_t one_case(struct rt_schema *schema, const struct rt_all *all, uint32_t holder, unsigned done, yyjson_val *value)
{
    struct rt_all both = *all;
    both.at[holder].done |= done;
    if (all->count == 1 && rt_schema_assertions(all->at[0].schema) == 1)
        both = (struct rt_all){0}; /* nothing else, so that a reference stays one */
    both.by_ref = 0;
    rt_all_add(schema, &both, value, 0);
    return rt_schema_value(schema, &both);
}

/* 0: there is no such choice left. */
static uint32_t cases(struct rt_schema *schema, const struct rt_all *all, const char *keyword, unsigned done)
{
    struct rt_build *build = &schema->build;
    for (uint32_t i = 0; i < all->count; i++) {
        yyjson_val *list = yyjson_obj_get(all->at[i].schema, keyword), *value;
        size_t at, count;
        if (!list || all->at[i].done & done)
            continue;
        if (!yyjson_is_arr(list) || !yyjson_arr_size(list))
            rt_build_fail(build, "/%s: not a list of schemas", keyword);
        const uint32_t expr = rt_expr_list(build, RT_EXPR_ALT);
        yyjson_arr_foreach(list, at, count, value)
        {
            char name[32];
            snprintf(name, sizeof name, "%s/%zu", keyword, at);
            const size_t place = rt_schema_enter(schema, "", name);
            rt_expr_add(build, expr, one_case(schema, all, i, done, value));
            rt_schema_leave(schema, place);
        }
        return expr;
    }
    return 0;
}

/* The target's rule is made later, so that references are no nesting. */
static uint32_t by_rule(struct rt_schema *schema, const struct rt_all *all)
{
    struct rt_build *build = &schema->build;
    for (uint32_t i = 0; i < schema->ref_count; i++)
        if (schema->refs[i].target == all->at[0].schema)
            return rt_expr_rule(build, schema->refs[i].rule);
    if (schema->ref_count == RT_SCHEMA_REFS_MAX) {
        rt_build_fail(build, "more than %d different references; make it simpler", RT_SCHEMA_REFS_MAX);
        return 0;
    }
    const uint32_t rule = rt_rule_new(build, all->ref, strlen(all->ref), 0);
    schema->refs[schema->ref_count].target = all->at[0].schema;
    schema->refs[schema->ref_count].ref = all->ref;
    schema->refs[schema->ref_count++].rule = rule;
    return rt_expr_rule(build, rule);
}

static uint32_t value_of(struct rt_schema *schema, const struct rt_all *all)
{
    if (all->never)
        return rt_expr_list(&schema->build, RT_EXPR_ALT);
    if (all->by_ref && all->count == 1)
        return by_rule(schema, all);
    uint32_t expr = cases(schema, all, "anyOf", RT_SCHEMA_ANY_OF);
    if (!expr && !schema->build.failed)
        expr = cases(schema, all, "oneOf", RT_SCHEMA_ONE_OF);
    if (expr || schema->build.failed)
        return expr;
    return rt_all_find(all, "enum") || rt_all_find(all, "const") ? listed(schema, all) : of_types(schema, all);
}

uint32_t rt_schema_value(struct rt_schema *schema, const struct rt_all *all)
{
    if (++schema->depth > RT_SCHEMA_DEPTH)
        rt_build_fail(&schema->build, "schemas in more than %d schemas; make it flatter", RT_SCHEMA_DEPTH);
    const uint32_t expr = schema->build.failed ? 0 : value_of(schema, all);
    schema->depth--;
    return expr;
}

static void make_rule(struct rt_schema *schema, uint32_t index)
{
    struct rt_build *build = &schema->build;
    struct rt_all all = {0};
    snprintf(build->place, sizeof build->place, "%s", schema->refs[index].ref);
    rt_all_add(schema, &all, schema->refs[index].target, 0);
    const uint32_t expr = rt_schema_value(schema, &all);
    if (!build->failed)
        build->rules[schema->refs[index].rule].expr = expr;
}

static void close_schema(struct rt_schema **schema)
{
    if (*schema)
        rt_build_free(&(*schema)->build);
    free(*schema);
}

int rt_grammar_open_schema(struct rt_grammar **out, yyjson_val *value, struct rt_error *error)
{
    RT_CLEAN(close_schema) struct rt_schema *schema = calloc(1, sizeof *schema);
    *out = NULL;
    if (!schema)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a schema");
    struct rt_build *build = &schema->build;
    build->error = error;
    schema->json.build = build;
    schema->root = value;
    schema->refs[0].target = value;
    schema->refs[0].ref = "";
    schema->refs[schema->ref_count++].rule = rt_rule_new(build, "#", 1, 0);
    for (uint32_t i = 0; i < schema->ref_count && !build->failed; i++)
        make_rule(schema, i);
    build->place[0] = 0;
    return build->failed || rt_grammar_make(out, build, 0, 0) ? rt_wrap(error, "schema") : 0;
}
