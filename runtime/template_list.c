/* template_list.c: the filters and methods that work on lists and mappings. */
#include "runtime/template_ast.h"

int rt_call_length(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    size_t length = 0;
    switch (call->self->kind) {
    case RT_VALUE_UNDEFINED: break;
    case RT_VALUE_LIST: length = call->self->list.count; break;
    case RT_VALUE_TEXT:
        rt_render_count(render, call->self->text.count);
        length = rt_text_length(call->self->text);
        break;
    case RT_VALUE_MAP:
        for (const struct rt_entry *entry = call->self->map->first; entry; entry = entry->next)
            length++;
        break;
    default: return rt_render_fail(render, "%s has no length", rt_value_type(call->self));
    }
    *out = (struct rt_value){.kind = RT_VALUE_INTEGER, .integer = (int64_t)length};
    return 0;
}

static int item_at(struct rt_render *render, const struct rt_call *call, int64_t index, struct rt_value *out)
{
    const struct rt_value key = {.kind = RT_VALUE_INTEGER, .integer = index};
    if (call->self->kind != RT_VALUE_LIST && call->self->kind != RT_VALUE_TEXT)
        return rt_render_fail(render, "%s has no first and last item", rt_value_type(call->self));
    return rt_value_index(render, call->self, &key, out);
}

int rt_call_first(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return item_at(render, call, 0, out);
}

int rt_call_last(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return item_at(render, call, -1, out);
}

int rt_call_get(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *key = &call->arguments[0].value;
    if (call->self->kind != RT_VALUE_MAP || key->kind != RT_VALUE_TEXT)
        return rt_render_fail(render, "get() of %s is not there yet", rt_value_type(call->self));
    const struct rt_value *found = rt_map_find(call->self->map, key->text);
    *out = found ? *found : call->count == 2 ? call->arguments[1].value : (struct rt_value){.kind = RT_VALUE_NONE};
    return 0;
}

/* What a loop would go through. */
int rt_call_list(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    *out = *call->self;
    if (out->kind == RT_VALUE_UNDEFINED)
        *out = (struct rt_value){.kind = RT_VALUE_LIST};
    return out->kind == RT_VALUE_LIST ? 0 : rt_render_fail(render, "a list of %s is not there yet", rt_value_type(call->self));
}

static int make_pair(struct rt_render *render, const struct rt_entry *entry, struct rt_value *out)
{
    struct rt_value *pair;
    if (rt_render_take(render, 2 * sizeof *pair, &pair))
        return -1;
    pair[0] = rt_value_text(entry->key);
    pair[1] = entry->value;
    *out = (struct rt_value){.kind = RT_VALUE_LIST, .list = {pair, 2}};
    return 0;
}

int rt_call_items(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_value *items;
    size_t count = 0;
    *out = (struct rt_value){.kind = RT_VALUE_LIST};
    if (call->self->kind == RT_VALUE_UNDEFINED)
        return 0;
    if (call->self->kind != RT_VALUE_MAP)
        return rt_render_fail(render, "%s has no items", rt_value_type(call->self));
    if (rt_render_take(render, RT_TEMPLATE_NAMES_MAX * sizeof *items, &items))
        return -1;
    for (const struct rt_entry *entry = call->self->map->first; entry; entry = entry->next)
        if (make_pair(render, entry, &items[count++]))
            return -1;
    out->list = (struct rt_list){items, count};
    return 0;
}

/* ---- selectattr('role', 'equalto', 'user') and its opposite ---- */

/* The attribute's truth or, where a test is named, what the test says of it. */
static int test_attribute(struct rt_render *render, const struct rt_call *call, const struct rt_builtin *test, const struct rt_value *item,
                          int *passes)
{
    struct rt_value value, result;
    if (rt_value_index(render, item, &call->arguments[0].value, &value))
        return -1;
    if (!test) {
        *passes = rt_value_true(&value);
        return 0;
    }
    if (!test->run) {
        *passes = (int)(test->kinds >> value.kind & 1);
        return 0;
    }
    if (test->run(render, &(struct rt_call){&value, call->arguments + 2, call->count - 2}, &result))
        return -1;
    *passes = rt_value_true(&result);
    return 0;
}

static int find_test(struct rt_render *render, const struct rt_call *call, const struct rt_builtin **test)
{
    *test = NULL;
    if (call->count == 1)
        return 0;
    const struct rt_value *name = &call->arguments[1].value;
    *test = name->kind == RT_VALUE_TEXT ? rt_builtin_find(RT_BUILTIN_TEST, name->text) : NULL;
    if (!*test || (*test)->least != call->count - 2)
        return rt_render_fail(render, "this test of an attribute is not there yet");
    return 0;
}

static int filter(struct rt_render *render, const struct rt_call *call, int wanted, struct rt_value *out)
{
    const struct rt_builtin *test;
    struct rt_value all, *kept;
    size_t count = 0;
    if (rt_call_list(render, call, &all) || find_test(render, call, &test) || rt_render_take(render, all.list.count * sizeof *kept, &kept))
        return -1;
    for (size_t i = 0; i < all.list.count; i++) {
        int passes;
        rt_render_count(render, 0);
        if (test_attribute(render, call, test, &all.list.items[i], &passes))
            return -1;
        if (passes == wanted)
            kept[count++] = all.list.items[i];
    }
    *out = (struct rt_value){.kind = RT_VALUE_LIST, .list = {kept, count}};
    return 0;
}

int rt_call_selectattr(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return filter(render, call, 1, out);
}

int rt_call_rejectattr(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return filter(render, call, 0, out);
}
