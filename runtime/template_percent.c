/* template_percent.c: '%s' % x and |format. */
#include "runtime/template_format.h"

#include <math.h>
#include <string.h>

struct source { /* where the values come from */
    const struct rt_value *values;
    struct rt_list list; /* a tuple's items, or the one value */
    size_t taken;
};

static int take_value(struct rt_render *render, struct source *source, const struct rt_value **out)
{
    if (source->taken == source->list.count)
        return rt_render_fail(render, "a format has fewer values than it needs");
    *out = &source->list.items[source->taken++];
    return 0;
}

/* %(name)s: the value of that name. */
static int take_named(struct rt_render *render, struct source *source, struct rt_text format, size_t *at, const struct rt_value **out)
{
    size_t end;
    const struct rt_text rest = rt_text_part(format, *at, format.count);
    *out = NULL;
    if (!rest.count || rest.bytes[0] != '(')
        return 0;
    if (!rt_text_find(rest, rt_text_of(")"), &end) || !rt_value_is_dict(source->values))
        return rt_render_fail(render, "a format names a value, and there is no mapping");
    *at += end + 1;
    *out = rt_map_find(source->values->map, rt_text_part(rest, 1, end));
    source->taken = source->list.count;
    return *out ? 0 : rt_render_fail(render, "a format names a value that is not there");
}

static int read_percent(struct rt_render *render, struct rt_text format, size_t *at, struct rt_format *how)
{
    *how = (struct rt_format){.fill = rt_text_of(" "), .precision = -1};
    for (; *at < format.count && format.bytes[*at] && strchr("-+ #0", format.bytes[*at]); ++*at) {
        const char flag = format.bytes[*at];
        how->align = flag == '-' ? '<' : how->align;
        how->sign = flag == '+' || (flag == ' ' && how->sign != '+') ? flag : how->sign;
        how->alternate |= flag == '#';
        how->zero |= flag == '0';
    }
    if (rt_format_count(render, format, at, 0, &how->width))
        return -1;
    if (*at < format.count && format.bytes[*at] == '.') {
        ++*at;
        if (rt_format_count(render, format, at, 0, &how->precision))
            return -1;
    }
    if (*at == format.count)
        return rt_render_fail(render, "a format that ends within a value");
    how->type = format.bytes[(*at)++];
    return 0;
}

static int put_percent(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value, struct rt_format *how)
{
    struct rt_builder repr = {0};
    struct rt_value whole = *value;
    struct rt_text text;
    switch (how->type) {
    case 's': return rt_value_print(render, value, &text) ? -1 : rt_format_text(render, builder, text, how, '>');
    case 'r': return rt_value_repr(render, &repr, value) ? -1 : rt_format_text(render, builder, rt_builder_text(&repr), how, '>');
    case 'd':
    case 'i':
    case 'u':
        if (value->kind == RT_VALUE_FLOAT && fabs(value->number) < 9e18)
            whole = (struct rt_value){.kind = RT_VALUE_INTEGER, .foreign = value->foreign, .integer = (int64_t)value->number};
        return rt_value_is_integer(&whole) ? rt_format_integer(render, builder, &whole, how) : rt_format_wrong(render, value, how->type);
    case 'x':
    case 'X':
    case 'o':
        return rt_value_is_integer(value) ? rt_format_integer(render, builder, value, how) : rt_format_wrong(render, value, how->type);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': return rt_value_is_number(value) ? rt_format_float(render, builder, value, how) : rt_format_wrong(render, value, how->type);
    default: return rt_format_wrong(render, value, how->type);
    }
}

static int put_next_percent(struct rt_render *render, struct rt_builder *builder, struct rt_text format, size_t *at, struct source *source)
{
    struct rt_format how;
    const struct rt_value *value;
    if (take_named(render, source, format, at, &value) || read_percent(render, format, at, &how))
        return -1;
    if (how.type == '%')
        return rt_builder_put_bytes(render, builder, "%", 1, format.foreign && format.foreign[*at - 1]);
    if (!value && take_value(render, source, &value))
        return -1;
    return put_percent(render, builder, value, &how);
}

int rt_format_percent(struct rt_render *render, struct rt_text format, const struct rt_value *values, struct rt_value *out)
{
    const int is_tuple = values->kind == RT_VALUE_LIST && values->list.form == RT_LIST_TUPLE;
    struct source source = {.values = values, .list = is_tuple ? values->list : (struct rt_list){values, 1, RT_LIST_PLAIN, NULL}};
    struct rt_builder builder = {0};
    size_t at = 0;
    if (format.markup)
        return rt_render_fail(render, "formatting escaped text is not there yet");
    while (at < format.count) {
        const char *found = memchr(format.bytes + at, '%', format.count - at);
        const size_t end = found ? (size_t)(found - format.bytes) : format.count;
        if (rt_builder_put(render, &builder, rt_text_part(format, at, end)))
            return -1;
        at = end + 1;
        if (found && put_next_percent(render, &builder, format, &at, &source))
            return -1;
    }
    if (source.taken < source.list.count && !rt_value_is_dict(values) && !(values->kind == RT_VALUE_LIST && !is_tuple))
        return rt_render_fail(render, "a format has more values than it needs");
    *out = rt_value_text(rt_builder_text(&builder));
    return 0;
}

/* The arguments by place as a tuple, or those with names as a mapping. */
static int gather(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_value *items;
    struct rt_map *map;
    size_t placed = 0;
    if (rt_render_take(render, call->count, sizeof *items, &items) || rt_render_take(render, 1, sizeof *map, &map))
        return -1;
    for (size_t i = 0; i < call->count; i++) {
        if (!call->arguments[i].keyword.count)
            items[placed++] = call->arguments[i].value;
        else if (rt_map_set(render, map, call->arguments[i].keyword, &call->arguments[i].value))
            return -1;
    }
    if (placed && map->count)
        return rt_render_fail(render, "a format with values by place and by name");
    *out = map->count ? (struct rt_value){.kind = RT_VALUE_MAP, .map = map} : rt_value_list(items, placed, RT_LIST_TUPLE);
    return 0;
}

int rt_call_format_filter(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text format;
    struct rt_value values;
    if (rt_call_self_text(render, call, &format) || gather(render, call, &values))
        return -1;
    return rt_format_percent(render, format, &values, out);
}
