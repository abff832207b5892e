/* template_text.c: the filters and methods that work on text, as Python's str does. */
#include "runtime/template_ast.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

enum { STRIP_LEFT = 1, STRIP_RIGHT = 2, STRIP_CHARACTERS_MAX = 256 };

static int need_text(struct rt_render *render, const struct rt_value *value, const char *what)
{
    return value->kind == RT_VALUE_TEXT ? 0 : rt_render_fail(render, "%s %s is not there yet", what, rt_value_type(value));
}

/* ---- trimming ---- */

static int is_among(struct rt_text set, struct rt_text text, size_t at, size_t step)
{
    for (size_t i = 0, width; (width = rt_text_step(set, i)); i += width)
        if (width == step && !memcmp(set.bytes + i, text.bytes + at, step))
            return 1;
    return 0;
}

/* Bytes of the character at `at` if it is to go: one of `set`, or white space where that is NULL. */
static size_t strippable(struct rt_text text, size_t at, const struct rt_text *set)
{
    if (!set)
        return rt_text_space(text, at);
    const size_t step = rt_text_step(text, at);
    return is_among(*set, text, at, step) ? step : 0;
}

static size_t strippable_before(struct rt_text text, size_t end, const struct rt_text *set)
{
    for (size_t step = 1; step <= 4 && step <= end; step++)
        if (rt_text_step(text, end - step) == step && strippable(text, end - step, set) == step)
            return step;
    return 0;
}

static int strip(struct rt_render *render, struct rt_text text, const struct rt_call *call, unsigned sides, struct rt_value *out)
{
    const struct rt_text *set = NULL;
    if (call->count && call->arguments[0].value.kind != RT_VALUE_NONE) {
        if (need_text(render, &call->arguments[0].value, "trimming by"))
            return -1;
        set = &call->arguments[0].value.text;
        if (set->count > STRIP_CHARACTERS_MAX)
            return rt_render_fail(render, "more than %d characters to trim", STRIP_CHARACTERS_MAX);
    }
    size_t begin = 0, end = text.count, step;
    while ((sides & STRIP_LEFT) && begin < end && (step = strippable(text, begin, set)))
        begin += step;
    while ((sides & STRIP_RIGHT) && end > begin && (step = strippable_before(text, end, set)))
        end -= step;
    rt_render_count(render, (text.count - (end - begin)) * (set ? set->count + 1 : 1));
    *out = rt_value_text(rt_text_part(text, begin, end));
    return 0;
}

static int strip_self(struct rt_render *render, const struct rt_call *call, unsigned sides, struct rt_value *out)
{
    if (need_text(render, call->self, "stripping"))
        return -1;
    return strip(render, call->self->text, call, sides, out);
}

int rt_call_strip(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return strip_self(render, call, STRIP_LEFT | STRIP_RIGHT, out);
}

int rt_call_lstrip(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return strip_self(render, call, STRIP_LEFT, out);
}

int rt_call_rstrip(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return strip_self(render, call, STRIP_RIGHT, out);
}

/* The filter, unlike the method, prints first what is not text. */
int rt_call_trim(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text printed;
    if (rt_value_print(render, call->self, &printed))
        return -1;
    return strip(render, printed, call, STRIP_LEFT | STRIP_RIGHT, out);
}

/* ---- case: character by character; of Python's longer mappings only the one that people write ---- */

static size_t put_upper(utf8proc_int32_t c, char *out)
{
    if (c != 0xdf) /* ß */
        return (size_t)utf8proc_encode_char(utf8proc_toupper(c), (utf8proc_uint8_t *)out);
    out[0] = out[1] = 'S';
    return 2;
}

static size_t put_lower(utf8proc_int32_t c, char *out)
{
    return (size_t)utf8proc_encode_char(utf8proc_tolower(c), (utf8proc_uint8_t *)out);
}

static int change_case(struct rt_render *render, const struct rt_call *call, size_t (*put)(utf8proc_int32_t, char *), struct rt_value *out)
{
    struct rt_text text;
    char *bytes;
    uint8_t *foreign = NULL;
    if (rt_value_print(render, call->self, &text) || rt_render_take(render, 4 * text.count, &bytes) ||
        (text.foreign && rt_render_take(render, 4 * text.count, &foreign)))
        return -1;
    rt_render_count(render, 16 * text.count);
    size_t made = 0;
    for (size_t at = 0, step; (step = rt_text_step(text, at)); at += step) {
        utf8proc_int32_t c;
        size_t width = step;
        if (utf8proc_iterate((const utf8proc_uint8_t *)text.bytes + at, (utf8proc_ssize_t)step, &c) > 0)
            width = put(c, bytes + made);
        else
            memcpy(bytes + made, text.bytes + at, step);
        if (foreign)
            memset(foreign + made, text.foreign[at], width);
        made += width;
    }
    *out = rt_value_text((struct rt_text){.bytes = bytes, .foreign = foreign, .count = made});
    return 0;
}

int rt_call_upper(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return change_case(render, call, put_upper, out);
}

int rt_call_lower(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return change_case(render, call, put_lower, out);
}

/* ---- parts ---- */

static int has_affix(struct rt_render *render, const struct rt_call *call, int at_end, struct rt_value *out)
{
    const struct rt_value *affix = &call->arguments[0].value;
    if (need_text(render, call->self, "looking at the ends of") || need_text(render, affix, "looking at the ends for"))
        return -1;
    const size_t whole = call->self->text.count, part = affix->text.count, at = at_end ? whole - part : 0;
    rt_render_count(render, part);
    *out = rt_value_bool(part <= whole && rt_text_equal(rt_text_part(call->self->text, at, at + part), affix->text));
    return 0;
}

int rt_call_startswith(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return has_affix(render, call, 0, out);
}

int rt_call_endswith(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return has_affix(render, call, 1, out);
}

/* Where the next separator is and how long it is: `by`, or a run of white space where that is NULL. */
static int find_separator(struct rt_text rest, const struct rt_text *by, size_t *at, size_t *width)
{
    if (by) {
        *width = by->count;
        return rt_text_find(rest, *by, at);
    }
    for (*at = 0; *at < rest.count; *at += rt_text_step(rest, *at)) {
        *width = 0;
        for (size_t step; (step = rt_text_space(rest, *at + *width)); *width += step)
            ;
        if (*width)
            return 1;
    }
    return 0;
}

/* Fills items (room for all of them) or, where that is NULL, counts. Without a separator empty pieces are left out. */
static size_t cut(struct rt_text rest, const struct rt_text *by, struct rt_value *items)
{
    size_t count = 0, at, width;
    int found;
    do {
        found = find_separator(rest, by, &at, &width);
        const size_t end = found ? at : rest.count;
        if (end || by) {
            if (items)
                items[count] = rt_value_text(rt_text_part(rest, 0, end));
            count++;
        }
        if (found)
            rest = rt_text_part(rest, at + width, rest.count);
    } while (found);
    return count;
}

static int split(struct rt_render *render, struct rt_text text, const struct rt_text *by, struct rt_value *out)
{
    struct rt_value *items;
    if (by && !by->count)
        return rt_render_fail(render, "splitting by nothing");
    const size_t pieces = cut(text, by, NULL);
    rt_render_count(render, 2 * text.count + pieces * sizeof *items);
    if (rt_render_take(render, pieces * sizeof *items, &items))
        return -1;
    cut(text, by, items);
    *out = (struct rt_value){.kind = RT_VALUE_LIST, .list = {items, pieces}};
    return 0;
}

int rt_call_split(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *by = call->count ? &call->arguments[0].value : NULL;
    if (need_text(render, call->self, "splitting") || (by && need_text(render, by, "splitting by")))
        return -1;
    return split(render, call->self->text, by ? &by->text : NULL, out);
}

int rt_call_replace(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *old = &call->arguments[0].value, *new = &call->arguments[1].value;
    struct rt_value pieces;
    struct rt_text *parts;
    if (need_text(render, call->self, "replacing in") || need_text(render, old, "replacing") || need_text(render, new, "replacing by") ||
        split(render, call->self->text, &old->text, &pieces))
        return -1;
    const size_t count = 2 * pieces.list.count - 1;
    if (rt_render_take(render, count * sizeof *parts, &parts))
        return -1;
    for (size_t i = 0; i < count; i++)
        parts[i] = i % 2 ? new->text : pieces.list.items[i / 2].text;
    return rt_text_join(render, parts, count, out);
}

/* ---- JSON, as json.dumps(ensure_ascii=False) writes it; indentation, the argument, changes nothing on what has no members ---- */

static size_t put_json_character(char *out, unsigned char c)
{
    static const char special[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const char *found = c ? strchr(special, c) : NULL;
    if (found)
        return (size_t)snprintf(out, 7, "\\%c", names[found - special]);
    if (c < 0x20)
        return (size_t)snprintf(out, 7, "\\u%04x", c);
    *out = (char)c;
    return 1;
}

static int quote(struct rt_render *render, struct rt_text text, struct rt_value *out)
{
    char *bytes;
    uint8_t *foreign = NULL;
    size_t count = 1;
    rt_render_count(render, 8 * text.count);
    if (rt_render_take(render, 6 * text.count + 8, &bytes) || (text.foreign && rt_render_take(render, 6 * text.count + 8, &foreign)))
        return -1;
    bytes[0] = '"';
    for (size_t i = 0; i < text.count; i++)
        count += put_json_character(bytes + count, (unsigned char)text.bytes[i]);
    bytes[count++] = '"';
    if (foreign)
        memset(foreign, 1, count);
    *out = rt_value_text((struct rt_text){.bytes = bytes, .foreign = foreign, .count = count});
    return 0;
}

int rt_call_tojson(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    switch (call->self->kind) {
    case RT_VALUE_TEXT: return quote(render, call->self->text, out);
    case RT_VALUE_NONE: *out = rt_value_text(rt_text_of("null")); return 0;
    case RT_VALUE_BOOL: *out = rt_value_text(rt_text_of(call->self->integer ? "true" : "false")); return 0;
    case RT_VALUE_INTEGER: out->kind = RT_VALUE_TEXT; return rt_value_print(render, call->self, &out->text);
    default: return rt_render_fail(render, "%s as JSON is not there yet", rt_value_type(call->self));
    }
}
