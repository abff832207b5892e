/* template_json.c: |tojson as transformers has it: json.dumps(value, ensure_ascii, indent, separators, sort_keys). */
#include "runtime/template_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dump { /* how to write */
    struct rt_builder builder;
    struct rt_text comma, colon, indent;
    int is_indented, is_ascii, is_sorted;
    size_t depth;
};

static int put(struct rt_render *render, struct dump *dump, const char *bytes, int foreign)
{
    return rt_builder_put_bytes(render, &dump->builder, bytes, strlen(bytes), foreign);
}

/* ---- text ---- */

static int put_character(struct rt_render *render, struct dump *dump, struct rt_text text, size_t at, size_t step)
{
    static const char special[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const int foreign = text.foreign && text.foreign[at];
    const unsigned char first = (unsigned char)text.bytes[at];
    const char *found = first && step == 1 ? strchr(special, first) : NULL;
    char bytes[16];
    const uint32_t c = rt_text_character(text, at);
    if (found)
        snprintf(bytes, sizeof bytes, "\\%c", names[found - special]);
    else if (c < 0x20 || (dump->is_ascii && c >= 0x7f && c < 0x10000))
        snprintf(bytes, sizeof bytes, "\\u%04x", (unsigned)c);
    else if (dump->is_ascii && c >= 0x10000)
        snprintf(bytes, sizeof bytes, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)), (unsigned)(0xdc00 + (c & 0x3ff)));
    else
        return rt_builder_put(render, &dump->builder, rt_text_part(text, at, at + step));
    return put(render, dump, bytes, foreign);
}

static int put_text(struct rt_render *render, struct dump *dump, struct rt_text text)
{
    const int foreign = text.foreign && memchr(text.foreign, 1, text.count);
    if (put(render, dump, "\"", foreign))
        return -1;
    for (size_t at = 0, step; (step = rt_text_step(text, at)); at += step)
        if (put_character(render, dump, text, at, step))
            return -1;
    return put(render, dump, "\"", foreign);
}

/* ---- lists and mappings ---- */

static int put_value(struct rt_render *render, struct dump *dump, const struct rt_value *value);

static int put_foreign(struct rt_render *render, struct dump *dump, struct rt_text text, int foreign)
{
    return foreign ? rt_builder_put_bytes(render, &dump->builder, text.bytes, text.count, 1) : rt_builder_put(render, &dump->builder, text);
}

static int put_line(struct rt_render *render, struct dump *dump, int foreign)
{
    if (!dump->is_indented)
        return 0;
    if (put(render, dump, "\n", foreign))
        return -1;
    for (size_t i = 0; i < dump->depth; i++)
        if (put_foreign(render, dump, dump->indent, foreign))
            return -1;
    return 0;
}

/* Opens an item: the separator between it and the one before, and its line. */
static int put_separator(struct rt_render *render, struct dump *dump, int is_first, int foreign)
{
    if (!is_first && put_foreign(render, dump, dump->comma, foreign))
        return -1;
    return put_line(render, dump, foreign);
}

static int put_list(struct rt_render *render, struct dump *dump, const struct rt_value *value)
{
    if (!value->list.count)
        return put(render, dump, "[]", value->foreign);
    if (put(render, dump, "[", value->foreign))
        return -1;
    dump->depth++;
    for (size_t i = 0; i < value->list.count; i++)
        if (put_separator(render, dump, !i, value->foreign) || put_value(render, dump, &value->list.items[i]))
            return -1;
    dump->depth--;
    return put_line(render, dump, value->foreign) ? -1 : put(render, dump, "]", value->foreign);
}

/* A key that is not text is written as text. */
static int put_key(struct rt_render *render, struct dump *dump, const struct rt_value *key)
{
    if (key->kind == RT_VALUE_TEXT)
        return put_text(render, dump, key->text);
    if (key->kind != RT_VALUE_NONE && !rt_value_is_number(key))
        return rt_render_fail(render, "%s as a key of JSON is not there yet", rt_value_type(key));
    return put(render, dump, "\"", key->foreign) || put_value(render, dump, key) ? -1 : put(render, dump, "\"", key->foreign);
}

static int compare_entries(const void *a, const void *b)
{
    const struct rt_text one = (*(const struct rt_entry *const *)a)->key.text, other = (*(const struct rt_entry *const *)b)->key.text;
    const int sign = memcmp(one.bytes, other.bytes, one.count < other.count ? one.count : other.count);
    return sign ? sign : (one.count > other.count) - (one.count < other.count);
}

static int list_entries(struct rt_render *render, const struct rt_map *map, int is_sorted, const struct rt_entry ***out)
{
    size_t count = 0;
    if (rt_render_take(render, map->count, sizeof **out, out))
        return -1;
    for (const struct rt_entry *entry = map->first; entry; entry = entry->next) {
        if (is_sorted && entry->key.kind != RT_VALUE_TEXT)
            return rt_render_fail(render, "sorting keys that are not text is not there yet");
        (*out)[count++] = entry;
    }
    if (is_sorted)
        qsort(*out, count, sizeof **out, compare_entries);
    return 0;
}

static int put_map(struct rt_render *render, struct dump *dump, const struct rt_value *value)
{
    const struct rt_entry **entries;
    if (!value->map->count)
        return put(render, dump, "{}", value->foreign);
    if (list_entries(render, value->map, dump->is_sorted, &entries) || put(render, dump, "{", value->foreign))
        return -1;
    dump->depth++;
    for (size_t i = 0; i < value->map->count; i++)
        if (put_separator(render, dump, !i, value->foreign) || put_key(render, dump, &entries[i]->key) ||
            put_foreign(render, dump, dump->colon, value->foreign) || put_value(render, dump, &entries[i]->value))
            return -1;
    dump->depth--;
    return put_line(render, dump, value->foreign) ? -1 : put(render, dump, "}", value->foreign);
}

static int put_number(struct rt_render *render, struct dump *dump, const struct rt_value *value)
{
    char bytes[RT_FLOAT_BYTES];
    if (value->kind == RT_VALUE_INTEGER)
        snprintf(bytes, sizeof bytes, "%lld", (long long)value->integer);
    else if (isfinite(value->number))
        rt_float_print(value->number, bytes);
    else
        snprintf(bytes, sizeof bytes, "%s", isnan(value->number) ? "NaN" : value->number < 0 ? "-Infinity" : "Infinity");
    return put(render, dump, bytes, value->foreign);
}

static int put_any(struct rt_render *render, struct dump *dump, const struct rt_value *value)
{
    switch (value->kind) {
    case RT_VALUE_NONE: return put(render, dump, "null", value->foreign);
    case RT_VALUE_BOOL: return put(render, dump, value->integer ? "true" : "false", value->foreign);
    case RT_VALUE_INTEGER:
    case RT_VALUE_FLOAT: return put_number(render, dump, value);
    case RT_VALUE_TEXT: return put_text(render, dump, value->text);
    case RT_VALUE_LIST:
        if (value->list.form <= RT_LIST_TUPLE)
            return put_list(render, dump, value);
        break;
    case RT_VALUE_MAP:
        if (value->map->kind == RT_MAP_DICT)
            return put_map(render, dump, value);
        break;
    default: break;
    }
    return rt_render_fail(render, "%s cannot be written as JSON", rt_value_type(value));
}

static int put_value(struct rt_render *render, struct dump *dump, const struct rt_value *value)
{
    if (rt_render_deeper(render) || put_any(render, dump, value))
        return -1;
    render->depth--;
    return 0;
}

/* ---- the filter ---- */

static int read_indent(struct rt_render *render, const struct rt_value *indent, struct dump *dump)
{
    struct rt_value spaces;
    if (!indent || indent->kind == RT_VALUE_NONE)
        return 0;
    dump->is_indented = 1;
    dump->comma = rt_text_of(",");
    dump->indent = indent->text;
    if (indent->kind == RT_VALUE_TEXT)
        return 0;
    const struct rt_value space = rt_value_text(rt_text_of(" "));
    if (!rt_value_is_integer(indent) || rt_value_apply(render, RT_OP_MULTIPLY, &space, indent, &spaces))
        return rt_value_is_integer(indent) ? -1 : rt_render_fail(render, "%s cannot be an indentation", rt_value_type(indent));
    dump->indent = spaces.text;
    return 0;
}

static int read_separators(struct rt_render *render, const struct rt_value *separators, struct dump *dump)
{
    if (!separators || separators->kind == RT_VALUE_NONE)
        return 0;
    const struct rt_list list = separators->list;
    if (separators->kind != RT_VALUE_LIST || list.count != 2 || list.items[0].kind != RT_VALUE_TEXT || list.items[1].kind != RT_VALUE_TEXT)
        return rt_render_fail(render, "separators are two texts");
    dump->comma = list.items[0].text;
    dump->colon = list.items[1].text;
    return 0;
}

/* ensure_ascii, indent, separators, sort_keys */
int rt_call_tojson(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct dump dump = {.comma = rt_text_of(", "), .colon = rt_text_of(": ")};
    dump.is_ascii = rt_call_flag(call, 0);
    dump.is_sorted = rt_call_flag(call, 3);
    if (read_indent(render, rt_call_given(call, 1), &dump) || read_separators(render, rt_call_given(call, 2), &dump) ||
        put_value(render, &dump, call->self))
        return -1;
    *out = rt_value_text(rt_builder_text(&dump.builder));
    return 0;
}
