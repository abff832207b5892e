/* template_function.c: the functions that a template may call, and the objects that they make. */
#include "runtime/template_value.h"

#include <string.h>
#include <time.h>

enum { DATE_BYTES_MAX = 256 };

int rt_call_raise_exception(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)out;
    struct rt_text text;
    if (rt_value_print(render, rt_call_given(call, 0), &text))
        return -1;
    return rt_render_fail(render, "it refuses this conversation: %.*s", (int)(text.count > 500 ? 500 : text.count), text.bytes);
}

/* ---- range ---- */

/* How many numbers lie from `from` up to `to`, `step` apart. */
static size_t count_range(int64_t from, int64_t to, int64_t step)
{
    const uint64_t room = step > 0 ? (uint64_t)to - (uint64_t)from : (uint64_t)from - (uint64_t)to;
    const uint64_t width = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    return (step > 0 ? from < to : from > to) ? (size_t)((room - 1) / width + 1) : 0;
}

int rt_call_range(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    int64_t bounds[3];
    uint8_t foreign = 0;
    struct rt_value *items;
    for (size_t i = 0; i < 3; i++) {
        if (rt_call_integer(render, call, i, i == 2, &bounds[i]))
            return -1;
        foreign |= rt_call_given(call, i) && rt_call_given(call, i)->foreign;
    }
    if (!rt_call_given(call, 1)) {
        bounds[1] = bounds[0];
        bounds[0] = 0;
    }
    const int64_t step = bounds[2];
    const size_t count = step ? count_range(bounds[0], bounds[1], step) : 0;
    if (!step || count > RT_TEMPLATE_RANGE_MAX)
        return rt_render_fail(render, step ? "range() of more than %d numbers" : "range() with a step of zero; at most %d numbers",
                              RT_TEMPLATE_RANGE_MAX);
    rt_render_count(render, count * sizeof *items);
    if (rt_render_take(render, count, sizeof *items, &items))
        return -1;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct rt_value){.kind = RT_VALUE_INTEGER, .foreign = foreign, .integer = bounds[0] + (int64_t)i * step};
    *out = rt_value_list(items, count, RT_LIST_RANGE);
    return 0;
}

/* ---- dict and namespace ---- */

static int add_pair(struct rt_render *render, struct rt_map *map, const struct rt_value *pair)
{
    struct rt_list both;
    if (rt_value_iterate(render, pair, &both))
        return -1;
    if (both.count != 2)
        return rt_render_fail(render, "a mapping is made of pairs");
    return rt_map_put(render, map, &both.items[0], &both.items[1]);
}

static int add_all(struct rt_render *render, struct rt_map *map, const struct rt_value *from)
{
    struct rt_list list;
    if (rt_value_is_dict(from)) {
        for (const struct rt_entry *entry = from->map->first; entry; entry = entry->next)
            if (rt_map_put(render, map, &entry->key, &entry->value))
                return -1;
        return 0;
    }
    if (rt_value_iterate(render, from, &list))
        return -1;
    for (size_t i = 0; i < list.count; i++)
        if (add_pair(render, map, &list.items[i]))
            return -1;
    return 0;
}

static int make_map(struct rt_render *render, const struct rt_call *call, enum rt_map_kind kind, struct rt_value *out)
{
    *out = (struct rt_value){.kind = RT_VALUE_MAP};
    if (rt_render_take(render, 1, sizeof *out->map, &out->map))
        return -1;
    out->map->kind = kind;
    for (size_t i = 0; i < call->count; i++) {
        const struct rt_argument *argument = &call->arguments[i];
        if (!argument->keyword.count && i)
            return rt_render_fail(render, "a mapping of more than one value");
        if (argument->keyword.count ? rt_map_set(render, out->map, argument->keyword, &argument->value)
                                    : add_all(render, out->map, &argument->value))
            return -1;
        out->foreign |= kind == RT_MAP_DICT && argument->value.kind == RT_VALUE_MAP && argument->value.foreign;
    }
    return 0;
}

int rt_call_dict(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return make_map(render, call, RT_MAP_DICT, out);
}

int rt_call_namespace(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return make_map(render, call, RT_MAP_NAMESPACE, out);
}

/* ---- cycler, joiner, loop.cycle ---- */

static int copy_arguments(struct rt_render *render, const struct rt_call *call, struct rt_list *out)
{
    struct rt_value *items;
    if (rt_render_take(render, call->count, sizeof *items, &items))
        return -1;
    for (size_t i = 0; i < call->count; i++)
        items[i] = call->arguments[i].value;
    *out = (struct rt_list){items, call->count, RT_LIST_PLAIN, NULL};
    return 0;
}

static int set_current(struct rt_render *render, struct rt_map *map)
{
    return rt_map_set(render, map, rt_text_of("current"), &map->items.items[map->at % map->items.count]);
}

int rt_call_cycler(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    *out = (struct rt_value){.kind = RT_VALUE_MAP};
    if (!call->count)
        return rt_render_fail(render, "cycler() of nothing");
    if (rt_render_take(render, 1, sizeof *out->map, &out->map) || copy_arguments(render, call, &out->map->items))
        return -1;
    out->map->kind = RT_MAP_CYCLER;
    return set_current(render, out->map);
}

int rt_call_cycler_next(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_map *map = call->self->map;
    *out = map->items.items[map->at++ % map->items.count];
    return set_current(render, map);
}

int rt_call_cycler_reset(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    call->self->map->at = 0;
    *out = (struct rt_value){.kind = RT_VALUE_NONE};
    return set_current(render, call->self->map);
}

int rt_call_joiner(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_value *separator;
    *out = (struct rt_value){.kind = RT_VALUE_MAP};
    if (rt_render_take(render, 1, sizeof *out->map, &out->map) || rt_render_take(render, 1, sizeof *separator, &separator))
        return -1;
    *separator = rt_call_given(call, 0) ? *rt_call_given(call, 0) : rt_value_text(rt_text_of(", "));
    out->map->kind = RT_MAP_JOINER;
    out->map->items = (struct rt_list){separator, 1, RT_LIST_PLAIN, NULL};
    return 0;
}

int rt_call_cycle(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    if (!call->count)
        return rt_render_fail(render, "loop.cycle() of nothing");
    *out = call->arguments[call->self->map->at % call->count].value;
    return 0;
}

/* ---- the date ---- */

/* What may follow '%', a '-' in between taken off: neither widths nor what needs a locale or a zone. */
static int is_known(const char *format)
{
    for (; *format; format++) {
        if (*format != '%')
            continue;
        format += format[1] == '-' ? 2 : 1;
        if (!*format || !strchr("aAbBdHIjmMpSyYeFTDR%", *format))
            return 0;
    }
    return 1;
}

int rt_call_strftime_now(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    char format[DATE_BYTES_MAX], *date;
    struct rt_text given;
    struct tm fields;
    const time_t now = (time_t)render->now;
    if (rt_call_text(render, call, 0, NULL, &given))
        return -1;
    if (given.count >= sizeof format || memchr(given.bytes, 0, given.count))
        return rt_render_fail(render, "a date's format is at most %d bytes", DATE_BYTES_MAX - 1);
    memcpy(format, given.bytes, given.count);
    format[given.count] = 0;
    if (!is_known(format) || !gmtime_r(&now, &fields))
        return rt_render_fail(render, "such a date is not there yet");
    if (rt_render_take(render, 16 * DATE_BYTES_MAX, 1, &date))
        return -1;
    struct rt_builder builder = {0};
    const size_t bytes = strftime(date, 16 * DATE_BYTES_MAX, format, &fields);
    if (rt_builder_put_bytes(render, &builder, date, bytes, rt_value_is_outside(rt_call_given(call, 0))))
        return -1;
    *out = rt_value_text(rt_builder_text(&builder));
    return 0;
}
