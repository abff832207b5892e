/* schema_all.c: the schemas that must all hold at a place: what $ref and allOf bring in, and which keywords there are. A keyword that would change
 * what is valid and is not supported, or not known, is refused. Of one thread. */
#include <stdlib.h>
#include <string.h>

#include "runtime/schema_parts.h"

enum kind { ANNOTATION, ASSERTION, REFUSED };

static const struct {
    const char *name;
    enum kind kind;
} keywords[] = {
    {"type", ASSERTION},
    {"enum", ASSERTION},
    {"const", ASSERTION},
    {"properties", ASSERTION},
    {"required", ASSERTION},
    {"additionalProperties", ASSERTION},
    {"items", ASSERTION},
    {"prefixItems", ASSERTION},
    {"minItems", ASSERTION},
    {"maxItems", ASSERTION},
    {"minLength", ASSERTION},
    {"maxLength", ASSERTION},
    {"pattern", ASSERTION},
    {"format", ASSERTION},
    {"minimum", ASSERTION},
    {"maximum", ASSERTION},
    {"exclusiveMinimum", ASSERTION},
    {"exclusiveMaximum", ASSERTION},
    {"multipleOf", ASSERTION},
    {"anyOf", ASSERTION},
    {"oneOf", ASSERTION},
    {"nullable", ASSERTION},
    {"$ref", ANNOTATION},
    {"allOf", ANNOTATION},
    {"title", ANNOTATION},
    {"description", ANNOTATION},
    {"default", ANNOTATION},
    {"example", ANNOTATION},
    {"examples", ANNOTATION},
    {"$schema", ANNOTATION},
    {"$id", ANNOTATION},
    {"$comment", ANNOTATION},
    {"$defs", ANNOTATION},
    {"definitions", ANNOTATION},
    {"deprecated", ANNOTATION},
    {"readOnly", ANNOTATION},
    {"writeOnly", ANNOTATION},
    {"discriminator", ANNOTATION},
    {"contentEncoding", ANNOTATION},
    {"contentMediaType", ANNOTATION},
    {"$anchor", ANNOTATION},
    {"$vocabulary", ANNOTATION},
    {"not", REFUSED},
    {"if", REFUSED},
    {"then", REFUSED},
    {"else", REFUSED},
    {"patternProperties", REFUSED},
    {"propertyNames", REFUSED},
    {"minProperties", REFUSED},
    {"maxProperties", REFUSED},
    {"dependentRequired", REFUSED},
    {"dependentSchemas", REFUSED},
    {"dependencies", REFUSED},
    {"unevaluatedProperties", REFUSED},
    {"unevaluatedItems", REFUSED},
    {"additionalItems", REFUSED},
    {"contains", REFUSED},
    {"minContains", REFUSED},
    {"maxContains", REFUSED},
    {"uniqueItems", REFUSED},
    {"contentSchema", REFUSED},
    {"$dynamicRef", REFUSED},
    {"$recursiveRef", REFUSED},
};

/* Whether the schema has a keyword that says what is valid. */
static int check_keywords(struct rt_schema *schema, yyjson_val *object)
{
    yyjson_val *key, *value;
    size_t i, count;
    int asserts = 0;
    yyjson_obj_foreach(object, i, count, key, value)
    {
        const char *name = yyjson_get_str(key);
        size_t at = 0;
        while (at < sizeof keywords / sizeof *keywords && strcmp(keywords[at].name, name))
            at++;
        if (!strncmp(name, "x-", 2) || (!strcmp(name, "uniqueItems") && yyjson_is_false(value)))
            continue;
        const size_t place = rt_schema_enter(schema, "", name);
        if (at == sizeof keywords / sizeof *keywords)
            rt_build_fail(&schema->build, "not a known keyword; take it out");
        else if (keywords[at].kind == REFUSED)
            rt_build_fail(&schema->build, "not supported; take it out, or say it with other keywords");
        else
            asserts |= keywords[at].kind == ASSERTION;
        rt_schema_leave(schema, place);
    }
    return asserts;
}

uint32_t rt_schema_assertions(yyjson_val *object)
{
    uint32_t found = 0;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        found += keywords[i].kind == ASSERTION && yyjson_obj_get(object, keywords[i].name);
    return found;
}

/* --- references --- */

/* "%25" and the like, which a reference is written with; *out has room for all of ref. */
static void unescape(const char *ref, char *out)
{
    for (; *ref; ref++) {
        char hex[3] = {0}, *end = hex;
        if (*ref == '%')
            memcpy(hex, ref + 1, strnlen(ref + 1, 2));
        const long byte = strtol(hex, &end, 16);
        *out++ = end == hex + 2 ? (char)byte : *ref;
        ref += end == hex + 2 ? 2 : 0;
    }
    *out = 0;
}

static yyjson_val *find_target(struct rt_schema *schema, yyjson_val *ref)
{
    char pointer[1024];
    const char *text = yyjson_get_str(ref);
    yyjson_val *target = NULL;
    if (text && *text == '#' && strlen(text) < sizeof pointer) {
        unescape(text + 1, pointer);
        target = *pointer ? yyjson_ptr_get(schema->root, pointer) : schema->root;
    }
    const size_t place = rt_schema_enter(schema, "/$ref", NULL);
    if (!target)
        rt_build_fail(&schema->build, "\"%.100s\": no such place in this schema; references are \"#\" or \"#/$defs/NAME\"",
                      text ? text : "");
    rt_schema_leave(schema, place);
    return target;
}

/* --- the list --- */

void rt_schema_spend(struct rt_schema *schema, size_t parts)
{
    schema->work += parts < RT_SCHEMA_WORK ? (uint32_t)parts : RT_SCHEMA_WORK;
    if (schema->work > RT_SCHEMA_WORK)
        rt_build_fail(&schema->build, "unfolds to too many parts; make it simpler");
}

static void add(struct rt_schema *schema, struct rt_all *all, yyjson_val *value, unsigned done, const char *ref, int depth);

static void add_parts(struct rt_schema *schema, struct rt_all *all, yyjson_val *parts, int depth)
{
    yyjson_val *part;
    size_t i, count;
    if (!yyjson_is_arr(parts))
        rt_build_fail(&schema->build, "/allOf: not a list of schemas");
    yyjson_arr_foreach(parts, i, count, part)
    {
        char name[16];
        snprintf(name, sizeof name, "%zu", i);
        const size_t place = rt_schema_enter(schema, "/allOf", name);
        add(schema, all, part, 0, NULL, depth);
        rt_schema_leave(schema, place);
    }
}

static void keep(struct rt_schema *schema, struct rt_all *all, yyjson_val *value, unsigned done, const char *ref)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (all->at[i].schema == value)
            return;
    if (all->count == RT_SCHEMA_ALL_MAX) {
        rt_build_fail(&schema->build, "more than %d schemas must hold at once; write them as one", RT_SCHEMA_ALL_MAX);
        return;
    }
    all->by_ref = !all->count && ref;
    all->ref = ref;
    all->at[all->count].schema = value;
    all->at[all->count++].done = done;
}

static void add(struct rt_schema *schema, struct rt_all *all, yyjson_val *value, unsigned done, const char *ref, int depth)
{
    struct rt_build *build = &schema->build;
    if (build->failed)
        return;
    rt_schema_spend(schema, 16);
    if (depth > RT_SCHEMA_DEPTH)
        rt_build_fail(build, "refers to itself, or through more than %d references; break the circle", RT_SCHEMA_DEPTH);
    else if (yyjson_is_false(value))
        all->never = 1;
    else if (!yyjson_is_true(value) && !yyjson_is_obj(value))
        rt_build_fail(build, "not a schema; it is an object, true or false");
    if (build->failed || !yyjson_is_obj(value))
        return;
    if (check_keywords(schema, value))
        keep(schema, all, value, done, ref);
    yyjson_val *reference = yyjson_obj_get(value, "$ref"), *parts = yyjson_obj_get(value, "allOf");
    if (reference) {
        yyjson_val *target = find_target(schema, reference);
        if (target)
            add(schema, all, target, 0, yyjson_get_str(reference), depth + 1);
    }
    if (parts)
        add_parts(schema, all, parts, depth + 1);
}

void rt_all_add(struct rt_schema *schema, struct rt_all *all, yyjson_val *value, unsigned done)
{
    add(schema, all, value, done, NULL, 0);
}

yyjson_val *rt_all_find(const struct rt_all *all, const char *keyword)
{
    for (uint32_t i = 0; i < all->count; i++) {
        yyjson_val *value = yyjson_obj_get(all->at[i].schema, keyword);
        if (value)
            return value;
    }
    return NULL;
}

uint32_t rt_all_count(struct rt_schema *schema, const struct rt_all *all, const char *keyword, int least, uint32_t otherwise)
{
    uint32_t found = otherwise;
    int there = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        yyjson_val *value = yyjson_obj_get(all->at[i].schema, keyword);
        const double number = yyjson_get_num(value);
        if (!value)
            continue;
        if (!yyjson_is_num(value) || number < 0 || number > 1e15 || number != (double)(uint64_t)number) {
            const size_t place = rt_schema_enter(schema, "", keyword);
            rt_build_fail(&schema->build, "not a whole number from 0 on");
            rt_schema_leave(schema, place);
            return otherwise;
        }
        const uint32_t count = number < 2e9 ? (uint32_t)number : 2000000000u;
        if (!there || (least ? count < found : count > found))
            found = count;
        there = 1;
    }
    return found;
}
