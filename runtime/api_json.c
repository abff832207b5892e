/* api_json.c: see api_json.h. */
#include "runtime/api_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the body ---- */

/* The byte where arrays and objects get too deep; `bytes` where they do not. What is no JSON may be counted wrongly and fails later. */
static size_t too_deep_at(const char *body, size_t bytes)
{
    unsigned depth = 0;
    int in_string = 0;
    for (size_t i = 0; i < bytes; i++) {
        const char c = body[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = 0;
        } else if (c == '"') {
            in_string = 1;
        } else if (c == '[' || c == '{') {
            if (++depth > RT_API_DEPTH_MAX)
                return i;
        } else if ((c == ']' || c == '}') && depth) {
            depth--;
        }
    }
    return bytes;
}

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The key whose value begins at or just before `at`, for numbers that JSON cannot hold (NaN, 1e999): "temperature", or "". */
static void key_before(char *out, size_t room, const char *body, size_t at)
{
    *out = 0;
    while (at && body[at - 1] != ':' && body[at - 1] != '"' && body[at - 1] != ',')
        at--;
    if (!at || body[--at] != ':')
        return;
    while (at && is_space(body[at - 1]))
        at--;
    if (!at || body[--at] != '"')
        return;
    size_t start = at;
    while (start && body[start - 1] != '"')
        start--;
    if (start)
        snprintf(out, room, "%.*s", (int)(at - start < room ? at - start : room - 1), body + start);
}

static int fail_at(const char *body, size_t bytes, const yyjson_read_err *why, struct rt_api_error *error)
{
    char key[sizeof error->param] = "";
    if (why->pos < bytes && (why->code == YYJSON_READ_ERROR_INVALID_NUMBER || why->code == YYJSON_READ_ERROR_UNEXPECTED_CHARACTER ||
                             why->code == YYJSON_READ_ERROR_LITERAL))
        key_before(key, sizeof key, body, why->pos);
    return rt_api_fail(error, 400, "invalid_json", key, "the body is not JSON in UTF-8: byte %zu: %s", why->pos, why->msg);
}

int rt_api_parse(yyjson_doc **out, const char *body, size_t bytes, struct rt_api_error *error)
{
    yyjson_read_err why;
    const size_t deep = too_deep_at(body, bytes);
    *out = NULL;
    if (!bytes)
        return rt_api_fail(error, 400, "invalid_json", NULL, "the body is empty; send a JSON object");
    if (deep < bytes)
        return rt_api_fail(error, 400, "invalid_json", NULL, "byte %zu: more than %d arrays and objects in each other; send a flatter body",
                           deep, RT_API_DEPTH_MAX);
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)body, bytes, YYJSON_READ_NOFLAG, NULL, &why);
    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for the body");
    if (!doc)
        return fail_at(body, bytes, &why, error);
    if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
        yyjson_doc_free(doc);
        return rt_api_fail(error, 400, "invalid_json", NULL, "the body is not a JSON object");
    }
    *out = doc;
    return 0;
}

/* ---- fields ---- */

yyjson_val *rt_api_get(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    return yyjson_is_null(value) ? NULL : value;
}

int rt_api_number(yyjson_val *object, const char *key, double low, double high, double *out, struct rt_api_error *error)
{
    yyjson_val *value = rt_api_get(object, key);
    if (!value)
        return 0;
    const double number = yyjson_is_num(value) ? yyjson_get_num(value) : (double)NAN;
    if (!yyjson_is_num(value))
        return rt_api_fail(error, 400, "invalid_type", key, "%s is not a number", key);
    if (!(number >= low && number <= high))
        return rt_api_fail(error, 400, "invalid_value", key, "%s is %g; give a number from %g to %g", key, number, low, high);
    *out = number;
    return 0;
}

int rt_api_float(yyjson_val *object, const char *key, double low, double high, float *out, struct rt_api_error *error)
{
    double number = (double)*out;
    if (rt_api_number(object, key, low, high, &number, error))
        return -1;
    *out = (float)number;
    return 0;
}

int rt_api_unsigned(yyjson_val *object, const char *key, uint64_t low, uint64_t high, uint64_t *out, struct rt_api_error *error)
{
    yyjson_val *value = rt_api_get(object, key);
    if (!value)
        return 0;
    if (!yyjson_is_int(value))
        return rt_api_fail(error, 400, "invalid_type", key, "%s is not a whole number", key);
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) < low || yyjson_get_uint(value) > high)
        return rt_api_fail(error, 400, "invalid_value", key, "%s is out of its range; give a whole number from %llu to %llu", key,
                           (unsigned long long)low, (unsigned long long)high);
    *out = yyjson_get_uint(value);
    return 0;
}

int rt_api_flag(yyjson_val *object, const char *key, int *out, struct rt_api_error *error)
{
    yyjson_val *value = rt_api_get(object, key);
    if (!value)
        return 0;
    if (!yyjson_is_bool(value))
        return rt_api_fail(error, 400, "invalid_type", key, "%s is neither true nor false", key);
    *out = yyjson_get_bool(value);
    return 0;
}

int rt_api_text(yyjson_val *object, const char *key, const char **out, struct rt_api_error *error)
{
    yyjson_val *value = rt_api_get(object, key);
    if (!value)
        return 0;
    if (!yyjson_is_str(value))
        return rt_api_fail(error, 400, "invalid_type", key, "%s is not a string", key);
    *out = yyjson_get_str(value);
    return 0;
}
