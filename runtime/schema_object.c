/* schema_object.c: objects: members in the order of "properties", those not required may be left out. Behind them come others, if there may be
 * any. Of one thread. */
#include <stdlib.h>
#include <string.h>

#include "runtime/schema_parts.h"
#include "runtime/scope.h"

struct property {
    const char *name;
    size_t bytes;
    int required;
    uint32_t rule; /* 1 + its rule; 0: it is used once */
};

struct object {
    struct rt_schema *schema;
    const struct rt_all *all;
    struct property *properties; /* [RT_SCHEMA_MEMBERS_MAX] */
    uint32_t count;
    int open;       /* members of other names may come */
    uint32_t other; /* 1 + the rule of one */
};

/* --- what there is --- */

static struct property *find(struct object *object, const char *name, size_t bytes)
{
    for (uint32_t i = 0; i < object->count; i++)
        if (object->properties[i].bytes == bytes && !memcmp(object->properties[i].name, name, bytes))
            return &object->properties[i];
    if (object->count == RT_SCHEMA_MEMBERS_MAX) {
        rt_build_fail(&object->schema->build, "more than %d properties; make it simpler", RT_SCHEMA_MEMBERS_MAX);
        return NULL;
    }
    object->properties[object->count] = (struct property){.name = name, .bytes = bytes};
    return &object->properties[object->count++];
}

static void take_properties(struct object *object, yyjson_val *properties)
{
    yyjson_val *key, *value;
    size_t i, count;
    if (!properties)
        return;
    if (!yyjson_is_obj(properties))
        rt_build_fail(&object->schema->build, "/properties: not an object of schemas");
    yyjson_obj_foreach(properties, i, count, key, value) if (!object->schema->build.failed)
        find(object, yyjson_get_str(key), yyjson_get_len(key));
}

static void take_required(struct object *object, yyjson_val *required)
{
    yyjson_val *name;
    size_t i, count;
    if (!required)
        return;
    if (!yyjson_is_arr(required))
        rt_build_fail(&object->schema->build, "/required: not a list of names");
    yyjson_arr_foreach(required, i, count, name)
    {
        if (!yyjson_is_str(name))
            rt_build_fail(&object->schema->build, "/required: not a list of names");
        struct property *property = object->schema->build.failed ? NULL : find(object, yyjson_get_str(name), yyjson_get_len(name));
        if (property)
            property->required = 1;
    }
}

static void take_all(struct object *object)
{
    int named = 0, said = 0, closed = 0;
    for (uint32_t i = 0; i < object->all->count; i++) {
        yyjson_val *schema = object->all->at[i].schema, *others = yyjson_obj_get(schema, "additionalProperties");
        take_properties(object, yyjson_obj_get(schema, "properties"));
        named |= yyjson_obj_get(schema, "properties") != NULL;
        said |= others != NULL;
        closed |= yyjson_is_false(others);
    }
    for (uint32_t i = 0; i < object->all->count; i++)
        take_required(object, yyjson_obj_get(object->all->at[i].schema, "required"));
    object->open = !closed && (said || !named);
}

/* --- members --- */

/* What every schema says of a member; at NULL: of members that none names. */
static uint32_t member_value(struct object *object, const struct property *at)
{
    struct rt_schema *schema = object->schema;
    struct rt_all all = {0};
    const size_t place = at ? rt_schema_enter(schema, "/properties", at->name) : rt_schema_enter(schema, "/additionalProperties", NULL);
    for (uint32_t i = 0; i < object->all->count; i++) {
        yyjson_val *one = object->all->at[i].schema, *properties = yyjson_obj_get(one, "properties");
        yyjson_val *said = at ? yyjson_obj_getn(properties, at->name, at->bytes) : NULL;
        if (!said)
            said = yyjson_obj_get(one, "additionalProperties");
        if (said)
            rt_all_add(schema, &all, said, 0);
    }
    const uint32_t value = rt_schema_value(schema, &all);
    rt_schema_leave(schema, place);
    return value;
}

static uint32_t key_text(struct rt_build *build, const char *name, size_t bytes)
{
    yyjson_val key = {0};
    yyjson_set_strn(&key, name, bytes);
    return rt_expr_json_literal(build, &key);
}

static uint32_t member(struct object *object, const struct property *property)
{
    struct rt_json_rules *json = &object->schema->json;
    const uint32_t key = key_text(json->build, property->name, property->bytes);
    return RT_EXPR_OF(json->build, RT_EXPR_SEQ, key, rt_expr_json_colon(json), member_value(object, property));
}

static uint32_t make_rule(struct object *object, uint32_t expr)
{
    struct rt_build *build = &object->schema->build;
    const uint32_t rule = rt_rule_new(build, build->place, strlen(build->place), 0);
    if (!build->failed)
        build->rules[rule].expr = expr;
    return rule;
}

static uint32_t property(struct object *object, uint32_t index)
{
    struct property *at = &object->properties[index];
    if (!at->rule)
        at->rule = 1 + make_rule(object, member(object, at));
    return rt_expr_rule(&object->schema->build, at->rule - 1);
}

static uint32_t other_member(struct object *object)
{
    struct rt_json_rules *json = &object->schema->json;
    struct rt_build *build = json->build;
    if (!object->other) {
        RT_FREE struct rt_name *names = calloc(object->count + (size_t)1, sizeof *names);
        if (!names)
            rt_build_no_memory(build, "the names of properties");
        for (uint32_t i = 0; names && i < object->count; i++)
            names[i] = (struct rt_name){object->properties[i].name, object->properties[i].bytes};
        const uint32_t key = names ? rt_expr_json_other_key(json, names, object->count) : 0;
        object->other = 1 + make_rule(object, RT_EXPR_OF(build, RT_EXPR_SEQ, key, rt_expr_json_colon(json), member_value(object, NULL)));
    }
    return rt_expr_rule(build, object->other - 1);
}

/* --- their order --- */

static uint32_t behind_comma(struct object *object, uint32_t expr)
{
    return RT_EXPR_OF(&object->schema->build, RT_EXPR_SEQ, rt_expr_json_separator(&object->schema->json), expr);
}

/* The members from `first` on, each with a comma before it. */
static uint32_t rest(struct object *object, uint32_t first)
{
    struct rt_build *build = &object->schema->build;
    const uint32_t list = rt_expr_list(build, RT_EXPR_SEQ);
    for (uint32_t i = first; i < object->count && !build->failed; i++) {
        const struct property *at = &object->properties[i];
        const uint32_t expr = behind_comma(object, at->rule ? property(object, i) : member(object, at));
        rt_expr_add(build, list, at->required ? expr : rt_expr_optional(build, expr));
    }
    if (object->open)
        rt_expr_add(build, list, rt_expr_repeat(build, behind_comma(object, other_member(object)), 0, RT_NO_LIMIT));
    return list;
}

/* Any of the members before the first required one may be the first. What can follow them is a rule for each, which goes on to the next's. */
static uint32_t optional_first(struct object *object, uint32_t required)
{
    struct rt_build *build = &object->schema->build;
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT), last = required < object->count ? required : object->count;
    uint32_t rules = (uint32_t)build->rule_count;
    for (uint32_t i = 0; i < last && !build->failed; i++) /* rules[i]: behind member i */
        rt_rule_new(build, build->place, strlen(build->place), 0);
    const uint32_t behind_last = required < object->count ? RT_EXPR_OF(build, RT_EXPR_SEQ, behind_comma(object, property(object, required)),
                                                                       rest(object, required + 1))
                                                          : rest(object, last);
    for (uint32_t i = 0; i < last && !build->failed; i++) {
        const uint32_t next = i + 1 == last
                                  ? behind_last
                                  : RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_optional(build, behind_comma(object, property(object, i + 1))),
                                               rt_expr_rule(build, rules + i + 1));
        rt_expr_add(build, list, RT_EXPR_OF(build, RT_EXPR_SEQ, property(object, i), rt_expr_rule(build, rules + i)));
        if (!build->failed)
            build->rules[rules + i].expr = next;
    }
    if (required < object->count)
        rt_expr_add(build, list, RT_EXPR_OF(build, RT_EXPR_SEQ, property(object, required), rest(object, required + 1)));
    else if (object->open)
        rt_expr_add(build, list, RT_EXPR_OF(build, RT_EXPR_SEQ, other_member(object), rest(object, last)));
    return list;
}

static uint32_t members(struct object *object)
{
    struct rt_build *build = &object->schema->build;
    uint32_t required = 0;
    while (required < object->count && !object->properties[required].required)
        required++;
    const uint32_t body = required || !object->count
                              ? optional_first(object, required)
                              : RT_EXPR_OF(build, RT_EXPR_SEQ, member(object, &object->properties[0]), rest(object, 1));
    return rt_expr_json_brackets(&object->schema->json, "{", body, required == object->count, "}");
}

uint32_t rt_schema_object(struct rt_schema *schema, const struct rt_all *all)
{
    RT_FREE struct property *properties = calloc(RT_SCHEMA_MEMBERS_MAX, sizeof *properties);
    struct object object = {.schema = schema, .all = all, .properties = properties};
    if (!properties) {
        rt_build_no_memory(&schema->build, "properties");
        return 0;
    }
    take_all(&object);
    if (schema->build.failed)
        return 0;
    if (object.open && !object.count && !rt_all_find(all, "additionalProperties"))
        return rt_expr_json(&schema->json, RT_JSON_OBJECT);
    return members(&object);
}
