/* template_braces.c: '{}'.format(x). */
#include "runtime/template_format.h"

#include <string.h>

/* [[fill]align][sign][#][0][width][,][.precision][type] */
static int read_specification(struct rt_render *render, struct rt_text text, struct rt_format *how)
{
    size_t at = rt_text_step(text, 0);
    *how = (struct rt_format){.fill = rt_text_of(" "), .precision = -1};
    if (at < text.count && text.bytes[at] && strchr("<>^", text.bytes[at])) {
        how->fill = rt_text_part(text, 0, at);
        how->align = text.bytes[at++];
    } else {
        at = 0;
        if (text.count && text.bytes[0] && strchr("<>^", text.bytes[0]))
            how->align = text.bytes[at++];
    }
    if (at < text.count && text.bytes[at] && strchr("+- ", text.bytes[at]))
        how->sign = text.bytes[at++];
    if (at < text.count && text.bytes[at] == '#')
        how->alternate = text.bytes[at++] == '#';
    if (at < text.count && text.bytes[at] == '0')
        how->zero = text.bytes[at++] == '0';
    if (rt_format_count(render, text, &at, 0, &how->width))
        return -1;
    if (at < text.count && text.bytes[at] == ',')
        how->comma = text.bytes[at++] == ',';
    if (at < text.count && text.bytes[at] == '.' && (++at == text.count || rt_format_count(render, text, &at, -1, &how->precision)))
        return rt_render_fail(render, "a format without a precision");
    if (at < text.count)
        how->type = text.bytes[at++];
    return at == text.count ? 0 : rt_render_fail(render, "such a format is not there yet");
}

static int put_formatted(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value, struct rt_text specification)
{
    struct rt_format how;
    struct rt_text text;
    if (read_specification(render, specification, &how))
        return -1;
    const int is_integer = value->kind == RT_VALUE_INTEGER || (value->kind == RT_VALUE_BOOL && how.type && how.type != 's');
    if (is_integer && (!how.type || strchr("dxXo", how.type)) && how.precision < 0)
        return rt_format_integer(render, builder, value, &how);
    if (rt_value_is_number(value) && how.type && strchr("eEfFgG%", how.type))
        return rt_format_float(render, builder, value, &how);
    if ((how.type && (how.type != 's' || value->kind != RT_VALUE_TEXT)) || how.comma || how.sign ||
        (specification.count && value->kind != RT_VALUE_TEXT && !rt_value_is_number(value)) ||
        (how.precision >= 0 && value->kind != RT_VALUE_TEXT))
        return rt_format_wrong(render, value, how.type ? how.type : '?');
    if (rt_value_print(render, value, &text))
        return -1;
    return rt_format_text(render, builder, text, &how, rt_value_is_number(value) ? '>' : '<');
}

/* The value of a field: by place, by name, or the next one. */
static int find_field(struct rt_render *render, const struct rt_call *call, struct rt_text name, int64_t *next, const struct rt_value **out)
{
    int64_t place = *next;
    *out = NULL;
    if (!name.count)
        ++*next;
    if (name.count && rt_number_parse(name, 10, &place)) {
        for (size_t i = 0; i < call->count; i++)
            if (call->arguments[i].keyword.count && rt_text_equal(call->arguments[i].keyword, name))
                *out = &call->arguments[i].value;
    } else if (place >= 0 && place < (int64_t)call->count && !call->arguments[place].keyword.count) {
        *out = &call->arguments[place].value;
    }
    return *out ? 0 : rt_render_fail(render, "a format names a value that is not there");
}

/* NAME!r:SPECIFICATION */
static int put_field(struct rt_render *render, struct rt_builder *builder, const struct rt_call *call, struct rt_text field, int64_t *next)
{
    size_t colon, mark;
    const struct rt_value *value;
    struct rt_value shown;
    struct rt_builder repr = {0};
    if (!rt_text_find(field, rt_text_of(":"), &colon))
        colon = field.count;
    const struct rt_text specification = colon < field.count ? rt_text_part(field, colon + 1, field.count) : rt_text_of("");
    const struct rt_text head = rt_text_part(field, 0, colon);
    const int converts = rt_text_find(head, rt_text_of("!"), &mark);
    const struct rt_text conversion = converts ? rt_text_part(head, mark + 1, head.count) : rt_text_of("");
    if (find_field(render, call, converts ? rt_text_part(head, 0, mark) : head, next, &value))
        return -1;
    shown = *value;
    if (rt_text_is(conversion, "r")) {
        if (rt_value_repr(render, &repr, value))
            return -1;
        shown = rt_value_text(rt_builder_text(&repr));
    } else if (rt_text_is(conversion, "s")) {
        shown.kind = RT_VALUE_TEXT;
        if (rt_value_print(render, value, &shown.text))
            return -1;
    } else if (converts) {
        return rt_render_fail(render, "such a format is not there yet");
    }
    return put_formatted(render, builder, &shown, specification);
}

int rt_call_format(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_text text = call->self->text;
    struct rt_builder builder = {0};
    int64_t next = 0;
    if (text.markup)
        return rt_render_fail(render, "formatting escaped text is not there yet");
    for (size_t at = 0, end; at < text.count; at = end) {
        const char c = text.bytes[at];
        const int is_double = at + 1 < text.count && text.bytes[at + 1] == c;
        size_t length;
        end = at + 1;
        if ((c == '{' || c == '}') && is_double) {
            end++;
        } else if (c == '{') {
            if (!rt_text_find(rt_text_part(text, at, text.count), rt_text_of("}"), &length))
                return rt_render_fail(render, "a format without the closing bracket");
            end = at + length + 1;
            if (put_field(render, &builder, call, rt_text_part(text, at + 1, at + length), &next))
                return -1;
            continue;
        } else if (c == '}') {
            return rt_render_fail(render, "a format with a single closing bracket");
        }
        if (rt_builder_put(render, &builder, rt_text_part(text, at, at + 1)))
            return -1;
    }
    *out = rt_value_text(rt_builder_text(&builder));
    return 0;
}
