/* template_list.c: the filters and methods that work on lists, and on what can be made one. */
#include "runtime/template_value.h"

#include <string.h>

int rt_call_length(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *self = call->self;
    *out = rt_value_integer(0);
    if (self->kind == RT_VALUE_TEXT) {
        rt_render_count(render, self->text.count);
        out->integer = (int64_t)rt_text_length(self->text);
        return 0;
    }
    if (self->kind == RT_VALUE_LIST && self->list.form != RT_LIST_ITERATOR)
        out->integer = (int64_t)self->list.count;
    else if (rt_value_is_dict(self))
        out->integer = (int64_t)self->map->count;
    else if (self->kind != RT_VALUE_UNDEFINED)
        return rt_render_fail(render, "%s has no length", rt_value_type(self));
    return 0;
}

/* ---- items ---- */

static int first_of(const struct rt_list *list, int last, struct rt_value *out)
{
    *out = list->count ? list->items[last ? list->count - 1 : 0] : rt_value_undefined(rt_text_of(last ? "last item" : "first item"));
    return 0;
}

int rt_call_first(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_list list = call->self->list;
    if (call->self->kind != RT_VALUE_LIST || list.form != RT_LIST_ITERATOR)
        return rt_value_iterate(render, call->self, &list) ? -1 : first_of(&list, 0, out);
    *out = rt_value_undefined(rt_text_of("first item"));
    if (*list.taken < list.count)
        *out = list.items[(*list.taken)++];
    return 0;
}

int rt_call_last(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_list list;
    if (call->self->kind == RT_VALUE_LIST && call->self->list.form == RT_LIST_ITERATOR)
        return rt_render_fail(render, "what can only be gone through has no last item; |list makes a list of it");
    return rt_value_iterate(render, call->self, &list) ? -1 : first_of(&list, 1, out);
}

int rt_call_list(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_list list;
    if (rt_value_iterate(render, call->self, &list))
        return -1;
    *out = rt_value_list(list.items, list.count, RT_LIST_PLAIN);
    out->foreign = call->self->kind == RT_VALUE_LIST && call->self->foreign;
    return 0;
}

int rt_call_reverse(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_list list;
    struct rt_value *items;
    if (rt_value_iterate(render, call->self, &list) || rt_render_take(render, list.count, sizeof *items, &items))
        return -1;
    rt_render_count(render, list.count * sizeof *items);
    for (size_t i = 0; i < list.count; i++)
        items[i] = list.items[list.count - 1 - i];
    if (call->self->kind != RT_VALUE_TEXT)
        return rt_value_iterator(render, items, list.count, out);
    struct rt_builder builder = {0};
    for (size_t i = 0; i < list.count; i++)
        if (rt_builder_put(render, &builder, items[i].text))
            return -1;
    *out = rt_value_text(rt_builder_text(&builder));
    out->text.markup = call->self->text.markup;
    return 0;
}

int rt_call_list_count(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_list list = call->self->list;
    *out = rt_value_integer(0);
    for (size_t i = 0; i < list.count; i++)
        out->integer += rt_value_equal(render, &list.items[i], rt_call_given(call, 0));
    return rt_render_check(render);
}

int rt_call_list_index(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_list list = call->self->list;
    for (size_t i = 0; i < list.count; i++) {
        if (!rt_value_equal(render, &list.items[i], rt_call_given(call, 0)))
            continue;
        *out = rt_value_integer((int64_t)i);
        return 0;
    }
    return rt_render_fail(render, "index() of what is not in the list");
}

/* append, update and their like. */
int rt_call_mutation(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)out;
    return rt_render_fail(render, "changing %s is not allowed; a namespace can be changed", rt_value_type(call->self));
}

/* ---- sums and groups ---- */

/* attribute, start */
int rt_call_sum(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *path = rt_call_given(call, 0), *start = rt_call_given(call, 1);
    static const struct rt_value none = {.kind = RT_VALUE_NONE};
    struct rt_list list;
    *out = start ? *start : rt_value_integer(0);
    if (out->kind == RT_VALUE_TEXT)
        return rt_render_fail(render, "text cannot be summed up; |join joins it");
    if (rt_value_iterate(render, call->self, &list))
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        struct rt_value item, total = *out;
        rt_render_count(render, 0);
        if (rt_value_attributes(render, &list.items[i], path ? path : &none, &item) ||
            rt_value_apply(render, RT_OP_ADD, &total, &item, out))
            return -1;
    }
    return 0;
}

/* A list of so many items from `from`, filled up to `count` with `fill`. */
static int make_group(struct rt_render *render, struct rt_list list, size_t from, size_t taken, size_t count, const struct rt_value *fill,
                      struct rt_value *out)
{
    struct rt_value *items;
    rt_render_count(render, count * sizeof *items);
    if (rt_render_check(render) || rt_render_take(render, count, sizeof *items, &items))
        return -1;
    for (size_t i = 0; i < count; i++)
        items[i] = i < taken ? list.items[from + i] : *fill;
    *out = rt_value_list(items, count, RT_LIST_PLAIN);
    return 0;
}

static const struct rt_value *fill_of(const struct rt_call *call)
{
    const struct rt_value *fill = rt_call_given(call, 1);
    return fill && fill->kind != RT_VALUE_NONE ? fill : NULL;
}

/* linecount, fill_with */
int rt_call_batch(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *fill = fill_of(call);
    struct rt_list list;
    struct rt_value *groups;
    int64_t size;
    size_t count = 0;
    if (rt_call_integer(render, call, 0, 0, &size) || rt_value_iterate(render, call->self, &list) ||
        rt_render_take(render, list.count, sizeof *groups, &groups))
        return -1;
    if (size < 1 || size > RT_TEMPLATE_RANGE_MAX)
        return rt_render_fail(render, "batches of %lld", (long long)size);
    for (size_t at = 0; at < list.count; at += (size_t)size) {
        const size_t left = list.count - at, taken = left < (size_t)size ? left : (size_t)size;
        if (make_group(render, list, at, taken, fill ? (size_t)size : taken, fill, &groups[count++]))
            return -1;
    }
    return rt_value_iterator(render, groups, count, out);
}

/* slices, fill_with */
int rt_call_slice(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *fill = fill_of(call);
    struct rt_list list;
    struct rt_value *groups;
    int64_t slices;
    if (rt_call_integer(render, call, 0, 0, &slices) || rt_value_iterate(render, call->self, &list))
        return -1;
    if (slices < 1 || slices > RT_TEMPLATE_RANGE_MAX)
        return rt_render_fail(render, "%lld slices", (long long)slices);
    if (rt_render_take(render, (size_t)slices, sizeof *groups, &groups))
        return -1;
    const size_t each = list.count / (size_t)slices, extra = list.count % (size_t)slices;
    for (size_t i = 0, at = 0; i < (size_t)slices; i++) {
        const size_t taken = each + (i < extra);
        if (make_group(render, list, at, taken, taken + (fill && i >= extra), fill, &groups[i]))
            return -1;
        at += taken;
    }
    return rt_value_iterator(render, groups, (size_t)slices, out);
}

/* d, attribute: everything is printed. */
int rt_call_join_filter(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *given = rt_call_given(call, 0), *path = rt_call_given(call, 1);
    struct rt_text between = {0}, text;
    struct rt_builder builder = {0};
    struct rt_list list;
    if ((given && rt_value_print(render, given, &between)) || rt_value_iterate(render, call->self, &list))
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        struct rt_value item = list.items[i];
        if ((path && rt_value_attributes(render, &list.items[i], path, &item)) || rt_value_print(render, &item, &text) ||
            (i && rt_builder_put(render, &builder, between)) || rt_builder_put(render, &builder, text))
            return -1;
    }
    *out = rt_value_text(rt_builder_text(&builder));
    return 0;
}
