/* schema_scalar.c: strings and numbers of a JSON schema. Of one thread. */
#include <string.h>

#include "runtime/schema_parts.h"

/* --- strings --- */

/* The pattern there is, or the format's; *place: the keyword. NULL: neither. */
static yyjson_val *find_pattern(struct rt_schema *schema, const struct rt_all *all)
{
    yyjson_val *found = NULL;
    for (uint32_t i = 0; i < all->count; i++) {
        yyjson_val *pattern = yyjson_obj_get(all->at[i].schema, "pattern");
        if (!pattern)
            continue;
        if (!yyjson_is_str(pattern) || (found && !yyjson_equals(found, pattern)))
            rt_build_fail(&schema->build, "/pattern: %s",
                          found ? "two patterns at once are not supported; write them as one" : "not a text");
        found = pattern;
    }
    return found;
}

uint32_t rt_schema_string(struct rt_schema *schema, const struct rt_all *all)
{
    struct rt_build *build = &schema->build;
    const uint32_t least = rt_all_count(schema, all, "minLength", 0, 0), most = rt_all_count(schema, all, "maxLength", 1, RT_NO_LIMIT);
    yyjson_val *pattern = find_pattern(schema, all), *format = rt_all_find(all, "format");
    const char *known = yyjson_is_str(format) && !least && most == RT_NO_LIMIT ? rt_schema_format(yyjson_get_str(format)) : NULL;
    const size_t place = rt_schema_enter(schema, pattern ? "/pattern" : known ? "/format" : "", NULL);
    uint32_t inside = 0;
    if (build->failed)
        return 0;
    if (pattern)
        inside = rt_expr_json_pattern(&schema->json, yyjson_get_str(pattern), yyjson_get_len(pattern), least, most);
    else if (known)
        inside = rt_expr_json_pattern(&schema->json, known, strlen(known), 0, RT_NO_LIMIT);
    rt_schema_leave(schema, place);
    if (!inside && !least && most == RT_NO_LIMIT)
        return build->failed ? 0 : rt_expr_json(&schema->json, RT_JSON_STRING);
    if (!inside)
        inside = least > most ? rt_expr_list(build, RT_EXPR_ALT) : rt_expr_repeat(build, rt_expr_json_character(build), least, most);
    return RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_text(build, "\""), inside, rt_expr_text(build, "\""));
}

/* --- numbers --- */

/* sign 1: a lower bound. */
static void tighten(struct rt_schema *schema, const struct rt_all *all, struct rt_bound *bound, const char *keyword, int exclusive,
                    int sign)
{
    for (uint32_t i = 0; i < all->count; i++) {
        yyjson_val *value = yyjson_obj_get(all->at[i].schema, keyword);
        if (!value)
            continue;
        if (!yyjson_is_num(value)) {
            const size_t place = rt_schema_enter(schema, "", keyword);
            rt_build_fail(&schema->build, "not a number");
            rt_schema_leave(schema, place);
            return;
        }
        const double is = yyjson_get_num(value), was = bound->there ? yyjson_get_num(bound->value) : 0;
        if (!bound->there || (is - was) * sign > 0 || (is == was && exclusive))
            *bound = (struct rt_bound){1, exclusive, value};
    }
}

/* Whether multipleOf wants whole numbers; others it may not want. */
static int wants_whole(struct rt_schema *schema, const struct rt_all *all)
{
    yyjson_val *multiple = rt_all_find(all, "multipleOf");
    for (uint32_t i = 0; i < all->count; i++) {
        yyjson_val *one = yyjson_obj_get(all->at[i].schema, "multipleOf");
        if (one && yyjson_get_num(one) != 1)
            rt_build_fail(&schema->build, "/multipleOf: only 1 is supported; take it out");
    }
    return multiple != NULL;
}

uint32_t rt_schema_number(struct rt_schema *schema, const struct rt_all *all, int integer)
{
    struct rt_bound low = {0}, high = {0};
    tighten(schema, all, &low, "minimum", 0, 1);
    tighten(schema, all, &low, "exclusiveMinimum", 1, 1);
    tighten(schema, all, &high, "maximum", 0, -1);
    tighten(schema, all, &high, "exclusiveMaximum", 1, -1);
    integer |= wants_whole(schema, all);
    if (schema->build.failed)
        return 0;
    if (!low.there && !high.there)
        return rt_expr_json(&schema->json, integer ? RT_JSON_INTEGER : RT_JSON_NUMBER);
    return rt_expr_json_number_between(&schema->build, low, high, integer);
}
