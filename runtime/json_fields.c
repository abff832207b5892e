/* json_fields.c: table-driven reading of JSON objects. Knows types and ranges, not what they are for. */
#include "runtime/json_fields.h"

#include <string.h>

#include "crypto/crypto.h"

static int wrong_type(const struct rt_field *field, const char *wanted, struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is not %s", field->key, wanted);
}

static int read_text(void *at, yyjson_val *value, const struct rt_field *field, struct rt_error *error)
{
    const char *text = yyjson_get_str(value);
    size_t bytes = yyjson_get_len(value);
    if (!text)
        return wrong_type(field, "a string", error);
    if (bytes == 0 || bytes >= field->max)
        return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is empty or longer than %llu bytes", field->key, (unsigned long long)field->max - 1);
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return rt_fail(error, RT_EXIT_TRUST, "\"%s\" holds a control character", field->key);
    memcpy(at, text, bytes + 1);
    return 0;
}

static int read_unsigned(uint64_t *out, yyjson_val *value, const struct rt_field *field, struct rt_error *error)
{
    if (!yyjson_is_uint(value))
        return wrong_type(field, "a whole number", error);
    *out = yyjson_get_uint(value);
    if (*out < field->min || *out > field->max)
        return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is %llu, not between %llu and %llu", field->key, (unsigned long long)*out,
                       (unsigned long long)field->min, (unsigned long long)field->max);
    return 0;
}

static int read_u64(void *at, yyjson_val *value, const struct rt_field *field, struct rt_error *error)
{
    return read_unsigned(at, value, field, error);
}

static int read_u32(void *at, yyjson_val *value, const struct rt_field *field, struct rt_error *error)
{
    uint64_t number;
    if (read_unsigned(&number, value, field, error))
        return -1;
    if (number > UINT32_MAX)
        return wrong_type(field, "a 32-bit number", error);
    *(uint32_t *)at = (uint32_t)number;
    return 0;
}

static int read_f32(void *at, yyjson_val *value, const struct rt_field *field, struct rt_error *error)
{
    if (!yyjson_is_num(value))
        return wrong_type(field, "a number", error);
    double number = yyjson_get_num(value);
    if (!(number >= field->low && number <= field->high))
        return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is %g, not between %g and %g", field->key, number, field->low, field->high);
    *(float *)at = (float)number;
    return 0;
}

static int read_flag(void *at, yyjson_val *value, const struct rt_field *field, struct rt_error *error)
{
    if (!yyjson_is_bool(value))
        return wrong_type(field, "true or false", error);
    *(int *)at = yyjson_get_bool(value);
    return 0;
}

static int read_digest(void *at, yyjson_val *value, const struct rt_field *field, struct rt_error *error)
{
    const char *text = yyjson_get_str(value);
    if (!text || cr_digest_parse(at, text) != CR_OK)
        return wrong_type(field, "a digest of 64 lower-case hexadecimal digits", error);
    return 0;
}

static int read_enum(void *at, yyjson_val *value, const struct rt_field *field, struct rt_error *error)
{
    if (!yyjson_is_str(value))
        return wrong_type(field, "a string", error);
    for (int i = 0; field->names[i]; i++)
        if (yyjson_equals_str(value, field->names[i])) {
            *(int *)at = i;
            return 0;
        }
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "\"%s\" is \"%.64s\", which is not known here", field->key, yyjson_get_str(value));
}

static int read_object(void *at, yyjson_val *value, const struct rt_field *field, struct rt_error *error)
{
    if (!yyjson_is_obj(value))
        return wrong_type(field, "an object", error);
    *(yyjson_val **)at = value;
    return 0;
}

static int read_array(void *at, yyjson_val *value, const struct rt_field *field, struct rt_error *error)
{
    if (!yyjson_is_arr(value))
        return wrong_type(field, "an array", error);
    if (yyjson_arr_size(value) < field->min || yyjson_arr_size(value) > field->max)
        return rt_fail(error, RT_EXIT_TRUST, "\"%s\" has %zu elements, not %llu to %llu", field->key, yyjson_arr_size(value),
                       (unsigned long long)field->min, (unsigned long long)field->max);
    *(yyjson_val **)at = value;
    return 0;
}

int rt_field_read(void *out, yyjson_val *value, const struct rt_field *field, struct rt_error *error)
{
    static int (*const readers[])(void *, yyjson_val *, const struct rt_field *, struct rt_error *) = {
        [RT_FIELD_TEXT] = read_text, [RT_FIELD_U64] = read_u64,       [RT_FIELD_U32] = read_u32,
        [RT_FIELD_F32] = read_f32,   [RT_FIELD_FLAG] = read_flag,     [RT_FIELD_DIGEST] = read_digest,
        [RT_FIELD_ENUM] = read_enum, [RT_FIELD_OBJECT] = read_object, [RT_FIELD_ARRAY] = read_array,
    };
    return readers[field->kind]((char *)out + field->offset, value, field, error);
}

/* The index of the field called `key`; count for none. */
static size_t find_field(yyjson_val *key, const struct rt_field *fields, size_t count)
{
    size_t i = 0;
    while (i < count && !yyjson_equals_str(key, fields[i].key))
        i++;
    return i;
}

int rt_fields_read(void *out, yyjson_val *object, const struct rt_field *fields, size_t count, struct rt_error *error)
{
    uint64_t seen = 0;
    if (!yyjson_is_obj(object))
        return rt_fail(error, RT_EXIT_TRUST, "not an object");
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&iter));) {
        size_t i = find_field(key, fields, count);
        if (i == count)
            return rt_fail(error, RT_EXIT_UNSUPPORTED, "\"%.64s\" is not known here", yyjson_get_str(key));
        if (seen >> i & 1)
            return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is there twice", fields[i].key);
        seen |= UINT64_C(1) << i;
        if (rt_field_read(out, yyjson_obj_iter_get_val(key), &fields[i], error))
            return -1;
    }
    for (size_t i = 0; i < count; i++)
        if (fields[i].need == RT_FIELD_REQUIRED && !(seen >> i & 1))
            return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is missing", fields[i].key);
    return 0;
}

int rt_json_lists(yyjson_val *array, uint64_t number)
{
    yyjson_arr_iter each = yyjson_arr_iter_with(array);
    for (yyjson_val *item; (item = yyjson_arr_iter_next(&each));)
        if (yyjson_is_uint(item) && yyjson_get_uint(item) == number)
            return 1;
    return 0;
}
