/* tokenizer_json.c: takes typed members out of tokenizer.json, or says which one is broken. Knows nothing of what
 * they mean. Any thread. */
#include "runtime/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

int rt_json_null(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    return !value || yyjson_is_null(value);
}

int rt_json_text(yyjson_val *object, const char *key, int required, const char **text, size_t *bytes, struct rt_error *error)
{
    *text = "";
    *bytes = 0;
    if (rt_json_null(object, key) && !required)
        return 0;
    yyjson_val *value = yyjson_obj_get(object, key);
    if (!yyjson_is_str(value))
        return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is not a string", key);
    *text = yyjson_get_str(value);
    *bytes = yyjson_get_len(value);
    return 0;
}

int rt_json_flag(yyjson_val *object, const char *key, int otherwise, int *value, struct rt_error *error)
{
    *value = otherwise;
    if (rt_json_null(object, key))
        return 0;
    yyjson_val *flag = yyjson_obj_get(object, key);
    if (!yyjson_is_bool(flag))
        return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is not true or false", key);
    *value = yyjson_get_bool(flag);
    return 0;
}

int rt_json_id(yyjson_val *value, const char *what, uint32_t *id, struct rt_error *error)
{
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) >= RT_TOKEN_ID_MAX)
        return rt_fail(error, RT_EXIT_TRUST, "the id of %s is not a number below %d", what, RT_TOKEN_ID_MAX);
    *id = (uint32_t)yyjson_get_uint(value);
    return 0;
}

int rt_json_copy(char **copy, const char *text, size_t bytes, struct rt_error *error)
{
    *copy = malloc(bytes + 1);
    if (!*copy)
        return rt_fail(error, RT_EXIT_RESOURCES, "tokenizer: no memory for %zu bytes", bytes);
    memcpy(*copy, text, bytes);
    (*copy)[bytes] = 0;
    return 0;
}

int rt_json_pattern(yyjson_val *object, const char **string, const char **regex, size_t *bytes, struct rt_error *error)
{
    yyjson_val *pattern = yyjson_obj_get(object, "pattern");
    yyjson_val *as_string = yyjson_obj_get(pattern, "String"), *as_regex = yyjson_obj_get(pattern, "Regex");
    *string = yyjson_get_str(as_string);
    *regex = *string ? NULL : yyjson_get_str(as_regex);
    *bytes = yyjson_get_len(*string ? as_string : as_regex);
    if (!*string && !*regex)
        return rt_fail(error, RT_EXIT_TRUST, "\"pattern\" has neither a \"String\" nor a \"Regex\"");
    if (!*bytes)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "an empty \"pattern\"");
    return 0;
}

static int walk_sequence(struct rt_json_walk *walk, yyjson_val *json, int depth, struct rt_error *error)
{
    yyjson_val *parts = yyjson_obj_get(json, walk->list), *part;
    if (!yyjson_is_arr(parts))
        return rt_fail(error, RT_EXIT_TRUST, "a Sequence without \"%s\"", walk->list);
    size_t i, count;
    yyjson_arr_foreach(parts, i, count, part) if (rt_json_walk(walk, part, depth + 1, error)) return -1;
    return 0;
}

int rt_json_walk(struct rt_json_walk *walk, yyjson_val *json, int depth, struct rt_error *error)
{
    if (depth == 0 && (!json || yyjson_is_null(json)))
        return 0;
    if (depth > RT_PARTS_DEPTH)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: Sequences nested deeper than %d", walk->component, RT_PARTS_DEPTH);
    const char *type = yyjson_get_str(yyjson_obj_get(json, "type"));
    if (!type)
        return rt_fail(error, RT_EXIT_TRUST, "%s: a part without a \"type\"", walk->component);
    if (!strcmp(type, "Sequence"))
        return walk_sequence(walk, json, depth, error);
    if (walk->parts++ == RT_PARTS_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: more than %d parts", walk->component, RT_PARTS_MAX);
    if (walk->part(walk->user, type, json, error))
        return rt_wrap(error, "%s %s", walk->component, type);
    return 0;
}
