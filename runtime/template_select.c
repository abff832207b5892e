/* template_select.c: map, select, reject, selectattr, rejectattr: another filter or test for each item. */
#include "runtime/template_value.h"

/* The arguments from the i-th on. */
static struct rt_call rest_of(const struct rt_call *call, const struct rt_value *self, size_t i)
{
    return (struct rt_call){self, call->arguments + i, call->count - i};
}

static const struct rt_value *named(const struct rt_call *call, const char *name)
{
    for (size_t i = 0; i < call->count; i++)
        if (rt_text_is(call->arguments[i].keyword, name))
            return &call->arguments[i].value;
    return NULL;
}

static int find_builtin(struct rt_render *render, const struct rt_call *call, size_t i, enum rt_builtin_kind kind,
                        const struct rt_builtin **out)
{
    const struct rt_value *name = &call->arguments[i].value;
    *out = !call->arguments[i].keyword.count && name->kind == RT_VALUE_TEXT ? rt_builtin_find(kind, name->text) : NULL;
    return *out ? 0 : rt_render_fail(render, "this %s of each item is not there yet", kind == RT_BUILTIN_TEST ? "test" : "filter");
}

/* ---- map ---- */

/* map(attribute=…, default=…): the default stands in wherever the path ends early. */
static int take_attribute(struct rt_render *render, const struct rt_call *call, const struct rt_value *item, struct rt_value *out)
{
    const struct rt_value *otherwise = named(call, "default"), *path = named(call, "attribute");
    if (rt_value_attributes(render, item, path, out))
        return -1;
    if (otherwise && otherwise->kind != RT_VALUE_NONE && out->kind == RT_VALUE_UNDEFINED)
        *out = *otherwise;
    return 0;
}

int rt_call_map(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const int by_attribute = call->count && call->arguments[0].keyword.count && named(call, "attribute");
    const struct rt_builtin *filter = NULL;
    struct rt_list list;
    struct rt_value *items;
    if (by_attribute && call->count > 1 + (named(call, "default") != NULL))
        return rt_render_fail(render, "map() takes attribute and default");
    if (!by_attribute && (!call->count || find_builtin(render, call, 0, RT_BUILTIN_FILTER, &filter)))
        return call->count ? -1 : rt_render_fail(render, "map() of nothing");
    if (rt_value_iterate(render, call->self, &list) || rt_render_take(render, list.count, sizeof *items, &items))
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        if (rt_render_deeper(render))
            return -1;
        const struct rt_call one = rest_of(call, &list.items[i], !by_attribute);
        if (by_attribute ? take_attribute(render, call, &list.items[i], &items[i]) : rt_builtin_run(render, filter, &one, &items[i]))
            return -1;
        render->depth--;
    }
    return rt_value_iterator(render, items, list.count, out);
}

/* ---- select and reject ---- */

/* The item's (or its attribute's) truth or, where a test is named, what the test says of it. */
static int test_item(struct rt_render *render, const struct rt_call *call, const struct rt_builtin *test, const struct rt_value *path,
                     const struct rt_value *item, int *passes)
{
    struct rt_value value = *item, result;
    if (path && rt_value_attributes(render, item, path, &value))
        return -1;
    *passes = rt_value_true(&value);
    if (!test)
        return 0;
    const struct rt_call one = rest_of(call, &value, path ? 2 : 1);
    if (rt_builtin_run(render, test, &one, &result))
        return -1;
    *passes = rt_value_true(&result);
    return 0;
}

static int select_items(struct rt_render *render, const struct rt_call *call, int by_attribute, int wanted, struct rt_value *out)
{
    const struct rt_value *path = by_attribute && call->count ? &call->arguments[0].value : NULL;
    const struct rt_builtin *test = NULL;
    struct rt_list list;
    struct rt_value *kept;
    size_t count = 0;
    if (by_attribute && !path)
        return rt_render_fail(render, "an attribute's name is missing");
    if (call->count > (size_t)by_attribute && find_builtin(render, call, (size_t)by_attribute, RT_BUILTIN_TEST, &test))
        return -1;
    if (rt_value_iterate(render, call->self, &list) || rt_render_take(render, list.count, sizeof *kept, &kept))
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        int passes;
        if (rt_render_deeper(render) || test_item(render, call, test, path, &list.items[i], &passes))
            return -1;
        render->depth--;
        if (passes == wanted)
            kept[count++] = list.items[i];
    }
    return rt_value_iterator(render, kept, count, out);
}

int rt_call_select(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return select_items(render, call, 0, 1, out);
}

int rt_call_reject(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return select_items(render, call, 0, 0, out);
}

int rt_call_selectattr(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return select_items(render, call, 1, 1, out);
}

int rt_call_rejectattr(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return select_items(render, call, 1, 0, out);
}
