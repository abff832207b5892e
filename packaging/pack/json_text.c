/* json_text.c: JSON files and members with limits. The parser is yyjson, which does not recurse; the depth is limited here so that
 * nobody who walks a document has to think of it. */
#include "packaging/pack/json_text.h"

#include <math.h>

#include "runtime/file_read.h"
#include "runtime/scope.h"

enum { JSON_DEPTH = 64 };

static int nests_deeper(const char *text, size_t bytes, unsigned limit)
{
    unsigned depth = 0;
    int quoted = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (quoted) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                quoted = 0;
        } else if (text[i] == '"') {
            quoted = 1;
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > limit)
                return 1;
        } else if ((text[i] == '}' || text[i] == ']') && depth > 0) {
            depth--;
        }
    }
    return 0;
}

int pk_json_parse(yyjson_doc **out, const char *text, size_t bytes, unsigned depth, const char *file, struct rt_error *error)
{
    *out = NULL;
    if (nests_deeper(text, bytes, depth))
        return rt_fail(error, RT_EXIT_FAILED, "%s: nested deeper than %u levels", file, depth);
    yyjson_read_err why;
    RT_CLEAN(pk_json_clean)
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text, bytes, 0, NULL, &why); /* without YYJSON_READ_INSITU it only reads */
    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory to read it", file);
    if (!doc)
        return rt_fail(error, RT_EXIT_FAILED, "%s: not JSON: %s at byte %zu", file, why.msg, why.pos);
    if (!yyjson_is_obj(yyjson_doc_get_root(doc)))
        return rt_fail(error, RT_EXIT_FAILED, "%s: not a JSON object", file);
    *out = RT_MOVE(doc);
    return 0;
}

int pk_json_open(yyjson_doc **out, int directory, const char *name, size_t max, struct rt_error *error)
{
    *out = NULL;
    size_t bytes;
    RT_FREE char *text = NULL;
    if (rt_file_read(&text, &bytes, directory, name, max, error))
        return -1;
    return text ? pk_json_parse(out, text, bytes, JSON_DEPTH, name, error) : 0;
}

void pk_json_clean(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

yyjson_val *pk_json_get(const struct pk_json *json, const char *key)
{
    yyjson_val *value = yyjson_obj_get(json->object, key);
    return yyjson_is_null(value) ? NULL : value;
}

int pk_json_missing(const struct pk_json *json, const char *key, struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_FAILED, "%s: \"%s\" is missing", json->file, key);
}

int pk_json_integer(const struct pk_json *json, const char *key, uint64_t min, uint64_t max, uint64_t *out, struct rt_error *error)
{
    yyjson_val *value = pk_json_get(json, key);
    if (!value)
        return 0;
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) < min || yyjson_get_uint(value) > max)
        return rt_fail(error, RT_EXIT_FAILED, "%s: \"%s\" is not an integer from %llu to %llu", json->file, key, (unsigned long long)min,
                       (unsigned long long)max);
    *out = yyjson_get_uint(value);
    return 0;
}

int pk_json_number(const struct pk_json *json, const char *key, double min, double max, double *out, struct rt_error *error)
{
    yyjson_val *value = pk_json_get(json, key);
    if (!value)
        return 0;
    double number = yyjson_get_num(value);
    if (!yyjson_is_num(value) || !isfinite(number) || number < min || number > max)
        return rt_fail(error, RT_EXIT_FAILED, "%s: \"%s\" is not a number from %g to %g", json->file, key, min, max);
    *out = number;
    return 0;
}

int pk_json_flag(const struct pk_json *json, const char *key, int *out, struct rt_error *error)
{
    yyjson_val *value = pk_json_get(json, key);
    if (!value)
        return 0;
    if (!yyjson_is_bool(value))
        return rt_fail(error, RT_EXIT_FAILED, "%s: \"%s\" is not true or false", json->file, key);
    *out = yyjson_get_bool(value);
    return 0;
}

int pk_json_text(const struct pk_json *json, const char *key, const char **out, struct rt_error *error)
{
    yyjson_val *value = pk_json_get(json, key);
    if (!value)
        return 0;
    if (!yyjson_is_str(value) || strlen(yyjson_get_str(value)) != yyjson_get_len(value))
        return rt_fail(error, RT_EXIT_FAILED, "%s: \"%s\" is not a text", json->file, key);
    *out = yyjson_get_str(value);
    return 0;
}
