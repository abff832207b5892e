/* template_mapping.c: the filters and methods that work on mappings. */
#include "runtime/template_value.h"

static int make_pair(struct rt_render *render, const struct rt_entry *entry, uint8_t foreign, struct rt_value *out)
{
    struct rt_value *pair;
    if (rt_render_take(render, 2, sizeof *pair, &pair))
        return -1;
    pair[0] = entry->key;
    pair[1] = entry->value;
    *out = rt_value_list(pair, 2, RT_LIST_TUPLE);
    out->foreign = foreign;
    return 0;
}

enum part { PART_KEY, PART_VALUE, PART_PAIR };

static int list_entries(struct rt_render *render, const struct rt_value *self, enum part part, struct rt_value *out)
{
    struct rt_value *items;
    size_t count = 0;
    rt_render_count(render, self->map->count * sizeof *items);
    if (rt_render_take(render, self->map->count, sizeof *items, &items))
        return -1;
    for (const struct rt_entry *entry = self->map->first; entry; entry = entry->next, count++) {
        if (part == PART_PAIR && make_pair(render, entry, self->foreign, &items[count]))
            return -1;
        if (part != PART_PAIR)
            items[count] = part == PART_KEY ? entry->key : entry->value;
    }
    *out = rt_value_list(items, count, RT_LIST_VIEW);
    out->foreign = self->foreign;
    return 0;
}

int rt_call_items(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return list_entries(render, call->self, PART_PAIR, out);
}

int rt_call_keys(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return list_entries(render, call->self, PART_KEY, out);
}

int rt_call_values(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return list_entries(render, call->self, PART_VALUE, out);
}

int rt_call_items_filter(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_value view = {0};
    if (call->self->kind != RT_VALUE_UNDEFINED && !rt_value_is_dict(call->self))
        return rt_render_fail(render, "%s has no items", rt_value_type(call->self));
    if (call->self->kind != RT_VALUE_UNDEFINED && list_entries(render, call->self, PART_PAIR, &view))
        return -1;
    return rt_value_iterator(render, view.list.items, view.list.count, out);
}

int rt_call_get(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *key = rt_call_given(call, 0), *otherwise = rt_call_given(call, 1);
    if (key->kind == RT_VALUE_LIST || rt_value_is_dict(key))
        return rt_render_fail(render, "%s cannot be a key", rt_value_type(key));
    const struct rt_value *found = rt_map_get(render, call->self->map, key);
    *out = found ? *found : otherwise ? *otherwise : (struct rt_value){.kind = RT_VALUE_NONE};
    return 0;
}

int rt_call_copy(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    *out = *call->self; /* nothing could tell them apart: neither can be changed */
    return 0;
}
