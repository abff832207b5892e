/* reply_pairs.c: arguments that a model wrote one by one, as text, become a JSON object: of the types that the tool's schema has for them, else
 * strings. */
#include <stdlib.h>
#include <string.h>

#include "runtime/reply_parts.h"
#include "runtime/scope.h"

static void close_doc(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

static void close_mut_doc(yyjson_mut_doc **doc)
{
    yyjson_mut_doc_free(*doc);
}

/* Whether a schema allows a value of this type, as far as "type" and one level of "anyOf" and "oneOf" say; 0 where they say nothing. */
static int allows(yyjson_val *schema, const char *type)
{
    size_t i, count;
    yyjson_val *types = yyjson_obj_get(schema, "type"), *one;
    if (yyjson_equals_str(types, type))
        return 1;
    yyjson_arr_foreach(types, i, count, one)
    {
        if (yyjson_equals_str(one, type))
            return 1;
    }
    yyjson_arr_foreach(rt_reply_first_of(schema, "anyOf", "oneOf"), i, count, one)
    {
        if (yyjson_equals_str(yyjson_obj_get(one, "type"), type))
            return 1;
    }
    return 0;
}

static int fits(yyjson_val *schema, yyjson_val *value)
{
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_NULL: return allows(schema, "null");
    case YYJSON_TYPE_BOOL: return allows(schema, "boolean");
    case YYJSON_TYPE_RAW: return allows(schema, "number") || allows(schema, "integer");
    case YYJSON_TYPE_ARR: return allows(schema, "array");
    case YYJSON_TYPE_OBJ: return allows(schema, "object");
    default: return 0; /* a string in quotes is the string with its quotes */
    }
}

/* The words as Python writes them. */
static void to_json_word(char *value, size_t *bytes)
{
    static const char *const words[][2] = {{"True", "true"}, {"False", "false"}, {"None", "null"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (*bytes == strlen(words[i][0]) && !memcmp(value, words[i][0], *bytes)) {
            *bytes = strlen(words[i][1]);
            memcpy(value, words[i][1], *bytes);
            return;
        }
}

/* A value of another type than string where the schema has one and the text is such a value; else the text. */
static yyjson_mut_val *convert(yyjson_mut_doc *out, yyjson_val *schema, const char *value, size_t bytes)
{
    RT_FREE char *word = malloc(bytes + 1);
    size_t word_bytes = bytes;
    if (!word)
        return NULL;
    memcpy(word, value, bytes);
    if (allows(schema, "boolean") || allows(schema, "null"))
        to_json_word(word, &word_bytes);
    RT_CLEAN(close_doc) yyjson_doc *doc = yyjson_read(word, word_bytes, YYJSON_READ_NUMBER_AS_RAW);
    yyjson_val *root = yyjson_doc_get_root(doc);
    return root && fits(schema, root) ? yyjson_val_mut_copy(out, root) : yyjson_mut_strncpy(out, value, bytes);
}

/* From a line of its own to the next. */
static void strip_lines(const char **value, size_t *bytes)
{
    if (*bytes && **value == '\n') {
        ++*value;
        --*bytes;
    }
    if (*bytes && (*value)[*bytes - 1] == '\n')
        --*bytes;
}

static int add_pair(const struct rt_reply *reply, const struct rt_reply_pair *pair, yyjson_val *properties, yyjson_mut_doc *out)
{
    size_t key_bytes, value_bytes;
    RT_FREE char *key = rt_reply_copy(reply, pair->key, pair->key + pair->key_bytes, &key_bytes);
    RT_FREE char *copy = rt_reply_copy(reply, pair->value, pair->value + pair->value_bytes, &value_bytes);
    const char *value = copy;
    if (!key || !copy)
        return -1;
    if (reply->terms.form->flags & RT_REPLY_LINES)
        strip_lines(&value, &value_bytes);
    yyjson_mut_val *name = yyjson_mut_strncpy(out, key, key_bytes);
    yyjson_mut_val *converted = convert(out, yyjson_obj_getn(properties, key, key_bytes), value, value_bytes);
    return name && converted && yyjson_mut_obj_put(yyjson_mut_doc_get_root(out), name, converted) ? 0 : -1;
}

int rt_reply_take_pairs(struct rt_reply *reply, struct rt_error *error)
{
    yyjson_val *parameters = yyjson_obj_get(rt_reply_tool(reply->terms.tools, reply->name), "parameters");
    RT_CLEAN(close_mut_doc) yyjson_mut_doc *out = yyjson_mut_doc_new(NULL);
    if (!out)
        return rt_reply_no_memory(error);
    yyjson_mut_doc_set_root(out, yyjson_mut_obj(out));
    for (size_t i = 0; i < reply->pair_count; i++)
        if (add_pair(reply, &reply->pairs[i], yyjson_obj_get(parameters, "properties"), out))
            return rt_reply_no_memory(error);
    size_t bytes;
    yyjson_write_err reason;
    RT_FREE char *text = yyjson_mut_write_opts(out, 0, NULL, &bytes, &reason);
    if (!text) /* bytes that are no UTF-8 */
        return reason.code == YYJSON_WRITE_ERROR_MEMORY_ALLOCATION ? rt_reply_no_memory(error) : 1;
    return rt_reply_emit_call(reply, text, bytes, error);
}
