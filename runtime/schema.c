/* schema.c: JSON schemas (draft 2020-12, the part that a grammar can hold) as grammars. Members come in the order of "properties". A schema that
 * names properties and says nothing of others, or prefixItems and nothing of further items, allows none; a schema without "type" has the type that
 * its keywords speak of; oneOf is read as anyOf. So what is allowed is valid wherever oneOf's cases exclude each other, but not everything valid
 * is allowed. Of one thread. */
#include <stdlib.h>
#include <string.h>

#include "runtime/schema_parts.h"
#include "runtime/scope.h"

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
    } types[] = {{"null", RT_TYPE_NULL},       {"boolean", RT_TYPE_BOOLEAN},
                 {"integer", RT_TYPE_INTEGER}, {"number", RT_TYPE_NUMBER | RT_TYPE_INTEGER},
                 {"string", RT_TYPE_STRING},   {"array", RT_TYPE_ARRAY},
                 {"object", RT_TYPE_OBJECT}};
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
    const unsigned null = yyjson_is_true(yyjson_obj_get(object, "nullable")) ? RT_TYPE_NULL : 0;
    unsigned types = null;
    size_t i, count;
    if (!said)
        return RT_TYPE_ALL;
    if (!yyjson_is_arr(said))
        return types | type_named(schema, said);
    yyjson_arr_foreach(said, i, count, name) types |= type_named(schema, name);
    return types;
}

static const struct {
    const char *keyword;
    unsigned types;
} speaks_of[] = {
    {"properties", RT_TYPE_OBJECT},
    {"required", RT_TYPE_OBJECT},
    {"additionalProperties", RT_TYPE_OBJECT},
    {"items", RT_TYPE_ARRAY},
    {"prefixItems", RT_TYPE_ARRAY},
    {"minItems", RT_TYPE_ARRAY},
    {"maxItems", RT_TYPE_ARRAY},
    {"minLength", RT_TYPE_STRING},
    {"maxLength", RT_TYPE_STRING},
    {"pattern", RT_TYPE_STRING},
    {"format", RT_TYPE_STRING},
    {"minimum", RT_TYPE_NUMBER | RT_TYPE_INTEGER},
    {"maximum", RT_TYPE_NUMBER | RT_TYPE_INTEGER},
    {"exclusiveMinimum", RT_TYPE_NUMBER | RT_TYPE_INTEGER},
    {"exclusiveMaximum", RT_TYPE_NUMBER | RT_TYPE_INTEGER},
    {"multipleOf", RT_TYPE_NUMBER | RT_TYPE_INTEGER},
};

unsigned rt_all_types_meant(const struct rt_all *all)
{
    unsigned types = 0;
    for (size_t i = 0; i < sizeof speaks_of / sizeof *speaks_of; i++)
        if (rt_all_find(all, speaks_of[i].keyword))
            types |= speaks_of[i].types;
    return types;
}

unsigned rt_all_types(struct rt_schema *schema, const struct rt_all *all)
{
    unsigned types = RT_TYPE_ALL;
    int said = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        types &= types_said(schema, all->at[i].schema);
        said |= yyjson_obj_get(all->at[i].schema, "type") != NULL;
    }
    const unsigned meant = said ? 0 : rt_all_types_meant(all);
    return meant ? meant : types;
}

/* --- values --- */

static uint32_t of_types(struct rt_schema *schema, const struct rt_all *all)
{
    struct rt_build *build = &schema->build;
    const unsigned types = rt_all_types(schema, all);
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    if (types == RT_TYPE_ALL)
        return rt_expr_json(&schema->json, RT_JSON_ANY);
    if (types & RT_TYPE_OBJECT)
        rt_expr_add(build, list, rt_schema_object(schema, all));
    if (types & RT_TYPE_ARRAY)
        rt_expr_add(build, list, rt_schema_array(schema, all));
    if (types & RT_TYPE_STRING)
        rt_expr_add(build, list, rt_schema_string(schema, all));
    if (types & (RT_TYPE_NUMBER | RT_TYPE_INTEGER))
        rt_expr_add(build, list, rt_schema_number(schema, all, !(types & RT_TYPE_NUMBER)));
    if (types & RT_TYPE_BOOLEAN) {
        rt_expr_add(build, list, rt_expr_text(build, "true"));
        rt_expr_add(build, list, rt_expr_text(build, "false"));
    }
    if (types & RT_TYPE_NULL)
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
    return rt_all_find(all, "enum") || rt_all_find(all, "const") ? rt_schema_choice(schema, all) : of_types(schema, all);
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
