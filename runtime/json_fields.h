/* json_fields.h: reads a JSON object into a struct by a table of its fields. Strict, because what it reads is signed and must not be
 * half understood: an unknown field is RT_EXIT_UNSUPPORTED; one that is missing, double, of the wrong type or out of range is
 * RT_EXIT_TRUST. Values are copied; only OBJECT and ARRAY leave pointers into the document. Any thread; no allocation. */
#ifndef CLOISTER_JSON_FIELDS_H
#define CLOISTER_JSON_FIELDS_H

#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "runtime/error.h"

enum rt_field_kind {
    RT_FIELD_TEXT,   /* char[max], 0-terminated, not empty, no control characters */
    RT_FIELD_U64,    /* uint64_t, min … max */
    RT_FIELD_U32,    /* uint32_t, min … max */
    RT_FIELD_F32,    /* float, low … high */
    RT_FIELD_FLAG,   /* int, 0 or 1 */
    RT_FIELD_DIGEST, /* uint8_t[CR_DIGEST_BYTES] */
    RT_FIELD_ENUM,   /* int-sized enum: the index in names; another name is RT_EXIT_UNSUPPORTED */
    RT_FIELD_OBJECT, /* yyjson_val * */
    RT_FIELD_ARRAY,  /* yyjson_val *, min … max elements */
};

enum rt_field_need { RT_FIELD_OPTIONAL, RT_FIELD_REQUIRED };

struct rt_field {
    const char *key;
    enum rt_field_kind kind;
    enum rt_field_need need; /* an optional field that is absent leaves its place as it was */
    size_t offset;           /* in the struct */
    uint64_t min, max;
    double low, high;
    const char *const *names; /* NULL-terminated */
};

/* One row of a table: RT_FIELD(struct rt_file, size, "size", U64, REQUIRED, .min = 1, .max = 9), RT_TEXT for a char array. */
#define RT_FIELD(type, member, name, field_kind, field_need, ...) \
    {.key = name, .kind = RT_FIELD_##field_kind, .need = RT_FIELD_##field_need, .offset = offsetof(type, member), __VA_ARGS__}
#define RT_TEXT(type, member, name, field_need) RT_FIELD(type, member, name, TEXT, field_need, .max = sizeof((type *)0)->member)

/* At most 64 fields. `object` may be NULL or another type: then it fails. */
RT_MUST_CHECK int rt_fields_read(void *out, yyjson_val *object, const struct rt_field *fields, size_t count, struct rt_error *error);
/* One value by itself, as an element of an array; the key of `field` is its name in messages. */
RT_MUST_CHECK int rt_field_read(void *out, yyjson_val *value, const struct rt_field *field, struct rt_error *error);

/* Whether an array holds a number; nothing is in what is no array. */
int rt_json_lists(yyjson_val *array, uint64_t number);

#define RT_FIELDS_READ(out, object, fields, error) rt_fields_read((out), (object), (fields), sizeof(fields) / sizeof *(fields), (error))

#endif
