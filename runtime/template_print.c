/* template_print.c: Python's str() and repr(). What a list or mapping from outside prints is foreign from bracket to bracket. */
#include "runtime/template_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* ---- numbers ---- */

static void shortest_digits(double number, char out[RT_FLOAT_BYTES])
{
    for (int digits = 0; digits < 17; digits++) {
        snprintf(out, RT_FLOAT_BYTES, "%.*e", digits, number);
        if (strtod(out, NULL) == number)
            return;
    }
}

/* From d.ddde±x: Python writes an exponent below -4 and from 16. */
void rt_float_print(double number, char out[RT_FLOAT_BYTES])
{
    char digits[RT_FLOAT_BYTES];
    if (!isfinite(number)) {
        snprintf(out, RT_FLOAT_BYTES, "%s", isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
        return;
    }
    shortest_digits(number, digits);
    const char *mark = strchr(digits, 'e');
    const int exponent = (int)strtol(mark + 1, NULL, 10),
              after_point = mark - digits > 2 + (digits[0] == '-') ? (int)(mark - strchr(digits, '.')) - 1 : 0;
    if (exponent < -4 || exponent >= 16)
        snprintf(out, RT_FLOAT_BYTES, "%.*se%c%02d", (int)(mark - digits), digits, exponent < 0 ? '-' : '+', abs(exponent));
    else
        snprintf(out, RT_FLOAT_BYTES, "%.*f", after_point > exponent ? after_point - exponent : 1, number);
}

/* ---- text ---- */

static int is_printable(uint32_t c)
{
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return 0;
    case UTF8PROC_CATEGORY_ZS: return c == ' ';
    default: return 1;
    }
}

static int put_escaped(struct rt_render *render, struct rt_builder *builder, uint32_t c, char quote, int foreign)
{
    char bytes[16];
    int count = 0;
    if (c == '\\' || c == (uint32_t)quote)
        count = snprintf(bytes, sizeof bytes, "\\%c", (char)c);
    else if (c == '\n' || c == '\r' || c == '\t')
        count = snprintf(bytes, sizeof bytes, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (!is_printable(c))
        count = snprintf(bytes, sizeof bytes, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
    return count ? rt_builder_put_bytes(render, builder, bytes, (size_t)count, foreign)
                 : rt_builder_put_character(render, builder, c, foreign);
}

static int put_quoted(struct rt_render *render, struct rt_builder *builder, struct rt_text text)
{
    const int has_single = memchr(text.bytes, '\'', text.count) != NULL, has_double = memchr(text.bytes, '"', text.count) != NULL;
    const char quote = has_single && !has_double ? '"' : '\'';
    const int foreign = text.foreign && memchr(text.foreign, 1, text.count);
    if ((text.markup && rt_builder_put_bytes(render, builder, "Markup(", 7, foreign)) ||
        rt_builder_put_bytes(render, builder, &quote, 1, foreign))
        return -1;
    for (size_t at = 0, step; (step = rt_text_step(text, at)); at += step)
        if (put_escaped(render, builder, rt_text_character(text, at), quote, text.foreign && text.foreign[at]))
            return -1;
    if (rt_builder_put_bytes(render, builder, &quote, 1, foreign))
        return -1;
    return text.markup ? rt_builder_put_bytes(render, builder, ")", 1, foreign) : 0;
}

/* ---- lists and mappings ---- */

static int put_items(struct rt_render *render, struct rt_builder *builder, struct rt_list list, const char *brackets, int foreign)
{
    if (rt_builder_put_bytes(render, builder, brackets, 1, foreign))
        return -1;
    for (size_t i = 0; i < list.count; i++)
        if ((i && rt_builder_put_bytes(render, builder, ", ", 2, foreign)) || rt_value_repr(render, builder, &list.items[i]))
            return -1;
    if (list.form == RT_LIST_TUPLE && list.count == 1 && rt_builder_put_bytes(render, builder, ",", 1, foreign))
        return -1;
    return rt_builder_put_bytes(render, builder, brackets + 1, 1, foreign);
}

static int put_entries(struct rt_render *render, struct rt_builder *builder, const struct rt_map *map, int foreign)
{
    if (rt_builder_put_bytes(render, builder, "{", 1, foreign))
        return -1;
    for (const struct rt_entry *entry = map->first; entry; entry = entry->next)
        if ((entry != map->first && rt_builder_put_bytes(render, builder, ", ", 2, foreign)) ||
            rt_value_repr(render, builder, &entry->key) || rt_builder_put_bytes(render, builder, ": ", 2, foreign) ||
            rt_value_repr(render, builder, &entry->value))
            return -1;
    return rt_builder_put_bytes(render, builder, "}", 1, foreign);
}

static int put_scalar(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value)
{
    char bytes[RT_FLOAT_BYTES];
    switch (value->kind) {
    case RT_VALUE_NONE: snprintf(bytes, sizeof bytes, "None"); break;
    case RT_VALUE_BOOL: snprintf(bytes, sizeof bytes, "%s", value->integer ? "True" : "False"); break;
    case RT_VALUE_INTEGER: snprintf(bytes, sizeof bytes, "%lld", (long long)value->integer); break;
    case RT_VALUE_FLOAT: rt_float_print(value->number, bytes); break;
    case RT_VALUE_UNDEFINED: snprintf(bytes, sizeof bytes, "Undefined"); break;
    default: return rt_render_fail(render, "printing %s is not there yet", rt_value_type(value));
    }
    return rt_builder_put_bytes(render, builder, bytes, strlen(bytes), value->foreign);
}

static int put_any(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value)
{
    switch (value->kind) {
    case RT_VALUE_TEXT: return put_quoted(render, builder, value->text);
    case RT_VALUE_LIST:
        if (value->list.form > RT_LIST_TUPLE)
            return rt_render_fail(render, "printing what can only be gone through is not there yet; |list makes a list of it");
        return put_items(render, builder, value->list, value->list.form == RT_LIST_TUPLE ? "()" : "[]", value->foreign);
    case RT_VALUE_MAP:
        if (value->map->kind == RT_MAP_DICT)
            return put_entries(render, builder, value->map, value->foreign);
        return rt_render_fail(render, "printing a namespace is not there yet");
    default: return put_scalar(render, builder, value);
    }
}

int rt_value_repr(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value)
{
    if (rt_render_deeper(render) || put_any(render, builder, value))
        return -1;
    render->depth--;
    return 0;
}

int rt_value_print(struct rt_render *render, const struct rt_value *value, struct rt_text *out)
{
    struct rt_builder builder = {0};
    *out = value->text;
    if (value->kind == RT_VALUE_TEXT)
        return 0;
    if (value->kind != RT_VALUE_UNDEFINED && rt_value_repr(render, &builder, value))
        return -1;
    *out = rt_builder_text(&builder);
    return 0;
}
