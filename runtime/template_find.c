/* template_find.c: the methods that look for one text in another, as Python's str does. */
#include "runtime/template_value.h"

/* ---- part of a text ---- */

static int read_bound(struct rt_render *render, const struct rt_call *call, size_t i, int64_t otherwise, int64_t *out)
{
    const struct rt_value *given = rt_call_given(call, i);
    *out = otherwise;
    return given && given->kind == RT_VALUE_NONE ? 0 : rt_call_integer(render, call, i, otherwise, out);
}

/* The part of self from parameter 1 to parameter 2, counted in characters, and where it begins. */
static int read_range(struct rt_render *render, const struct rt_call *call, struct rt_text *part, int64_t *first)
{
    const struct rt_text text = call->self->text;
    const int64_t length = (int64_t)rt_text_length(text);
    int64_t from, to;
    rt_render_count(render, 3 * text.count);
    if (read_bound(render, call, 1, 0, &from) || read_bound(render, call, 2, length, &to))
        return -1;
    from = from < 0 ? from + length : from;
    to = to < 0 ? to + length : to;
    from = from < 0 ? 0 : from;
    to = to < 0 ? 0 : to > length ? length : to;
    *first = from <= to ? from : -1;
    if (from <= to)
        *part = rt_text_part(text, rt_text_offset(text, (size_t)from), rt_text_offset(text, (size_t)to));
    return 0;
}

/* ---- the ends ---- */

static int has_affix(struct rt_text text, struct rt_text affix, int at_end)
{
    const size_t at = at_end && affix.count <= text.count ? text.count - affix.count : 0;
    return affix.count <= text.count && rt_text_equal(rt_text_part(text, at, at + affix.count), affix);
}

static int look_at_end(struct rt_render *render, const struct rt_call *call, int at_end, struct rt_value *out)
{
    const struct rt_value *given = rt_call_given(call, 0);
    const int is_tuple = given->kind == RT_VALUE_LIST && given->list.form == RT_LIST_TUPLE;
    const struct rt_list affixes = is_tuple ? given->list : (struct rt_list){given, 1, RT_LIST_PLAIN, NULL};
    struct rt_text part;
    int64_t first;
    int found = 0;
    if (read_range(render, call, &part, &first))
        return -1;
    for (size_t i = 0; i < affixes.count && !found; i++) {
        if (affixes.items[i].kind != RT_VALUE_TEXT)
            return rt_render_fail(render, "text cannot begin or end with %s", rt_value_type(&affixes.items[i]));
        rt_render_count(render, affixes.items[i].text.count);
        found = first >= 0 && has_affix(part, affixes.items[i].text, at_end);
    }
    *out = rt_value_bool(found);
    return 0;
}

int rt_call_startswith(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return look_at_end(render, call, 0, out);
}

int rt_call_endswith(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return look_at_end(render, call, 1, out);
}

/* ---- finding ---- */

static int find(struct rt_render *render, const struct rt_call *call, int backwards, struct rt_value *out)
{
    struct rt_text wanted, part;
    int64_t first;
    size_t at;
    *out = rt_value_integer(-1);
    if (rt_call_text(render, call, 0, NULL, &wanted) || read_range(render, call, &part, &first))
        return -1;
    if (first < 0)
        return 0;
    if (backwards && rt_text_find_cost(render, part, wanted))
        return -1;
    if (backwards ? rt_text_find_last(part, wanted, &at) : rt_text_find(part, wanted, &at))
        out->integer = first + (int64_t)rt_text_length(rt_text_part(part, 0, at));
    return 0;
}

int rt_call_find(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return find(render, call, 0, out);
}

int rt_call_rfind(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return find(render, call, 1, out);
}

static int find_or_fail(struct rt_render *render, const struct rt_call *call, int backwards, struct rt_value *out)
{
    if (find(render, call, backwards, out))
        return -1;
    return out->integer < 0 ? rt_render_fail(render, "index() of what is not in the text") : 0;
}

int rt_call_text_index(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return find_or_fail(render, call, 0, out);
}

int rt_call_text_rindex(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return find_or_fail(render, call, 1, out);
}

int rt_call_text_count(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text wanted, part;
    int64_t first;
    size_t at;
    *out = rt_value_integer(0);
    if (rt_call_text(render, call, 0, NULL, &wanted) || read_range(render, call, &part, &first))
        return -1;
    if (first >= 0 && !wanted.count)
        out->integer = (int64_t)rt_text_length(part) + 1;
    for (; first >= 0 && wanted.count && rt_text_find(part, wanted, &at); out->integer++)
        part = rt_text_part(part, at + wanted.count, part.count);
    return 0;
}
