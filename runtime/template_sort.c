/* template_sort.c: what compares the items of a list with one another: sort, dictsort, unique, min, max. Case does not count, unless it is
 * said to. */
#include "runtime/template_value.h"

struct keyed { /* an item, and what it is sorted by */
    struct rt_value key, item;
};

/* ---- keys ---- */

static int fold_case(struct rt_render *render, int case_sensitive, struct rt_value *key)
{
    const struct rt_value given = *key;
    return case_sensitive || key->kind != RT_VALUE_TEXT ? 0 : rt_call_lower(render, &(struct rt_call){.self = &given}, key);
}

static int make_key(struct rt_render *render, const struct rt_value *item, const struct rt_value *path, int case_sensitive,
                    struct rt_value *out)
{
    *out = *item;
    if (path && rt_value_attributes(render, item, path, out))
        return -1;
    return fold_case(render, case_sensitive, out);
}

/* sort's "a,b": a list of keys. */
static int make_keys(struct rt_render *render, const struct rt_value *item, const struct rt_value *path, int case_sensitive,
                     struct rt_value *out)
{
    struct rt_value parts, comma = rt_value_text(rt_text_of(",")), *keys;
    const struct rt_argument by = {.value = comma, .given = 1};
    if (!path || path->kind != RT_VALUE_TEXT)
        return make_key(render, item, path, case_sensitive, out);
    if (rt_call_split(render, &(struct rt_call){path, &by, 1}, &parts) || rt_render_take(render, parts.list.count, sizeof *keys, &keys))
        return -1;
    for (size_t i = 0; i < parts.list.count; i++)
        if (make_key(render, item, &parts.list.items[i], case_sensitive, &keys[i]))
            return -1;
    *out = rt_value_list(keys, parts.list.count, RT_LIST_PLAIN);
    return 0;
}

/* ---- sorting: merges, so that what is equal stays in order ---- */

static int merge(struct rt_render *render, const struct keyed *from, size_t middle, size_t count, int sign_wanted, struct keyed *to)
{
    size_t left = 0, right = middle;
    for (size_t i = 0; i < count; i++) {
        int sign = 0;
        rt_render_count(render, 0);
        if (rt_render_check(render))
            return -1;
        if (left < middle && right < count && rt_value_order(render, &from[right].key, &from[left].key, &sign))
            return -1;
        const int takes_left = right == count || (left < middle && sign * sign_wanted >= 0);
        to[i] = from[takes_left ? left++ : right++];
    }
    return 0;
}

static int sort(struct rt_render *render, struct keyed *items, size_t count, int reverse)
{
    struct keyed *other;
    if (rt_render_take(render, count, sizeof *other, &other))
        return -1;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t at = 0; at < count; at += 2 * width) {
            const size_t left = count - at, middle = left < width ? left : width, both = left < 2 * width ? left : 2 * width;
            if (merge(render, items + at, middle, both, reverse ? -1 : 1, other + at))
                return -1;
        }
        for (size_t i = 0; i < count; i++)
            items[i] = other[i];
    }
    return 0;
}

static int finish(struct rt_render *render, struct keyed *keyed, size_t count, int reverse, struct rt_value *out)
{
    struct rt_value *items;
    if (sort(render, keyed, count, reverse) || rt_render_take(render, count, sizeof *items, &items))
        return -1;
    for (size_t i = 0; i < count; i++)
        items[i] = keyed[i].item;
    *out = rt_value_list(items, count, RT_LIST_PLAIN);
    return 0;
}

/* reverse, case_sensitive, attribute */
int rt_call_sort(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_list list;
    struct keyed *keyed;
    int64_t reverse;
    if (rt_call_integer(render, call, 0, 0, &reverse) || rt_value_iterate(render, call->self, &list) ||
        rt_render_take(render, list.count, sizeof *keyed, &keyed))
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        keyed[i].item = list.items[i];
        if (make_keys(render, &list.items[i], rt_call_given(call, 2), rt_call_flag(call, 1), &keyed[i].key))
            return -1;
    }
    return finish(render, keyed, list.count, reverse != 0, out);
}

/* case_sensitive, by, reverse */
int rt_call_dictsort(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text by;
    struct rt_value pairs;
    struct keyed *keyed;
    int64_t reverse;
    if (rt_call_text(render, call, 1, "key", &by) || rt_call_integer(render, call, 2, 0, &reverse))
        return -1;
    const int by_value = rt_text_is(by, "value");
    if (!rt_value_is_dict(call->self) || (!by_value && !rt_text_is(by, "key")))
        return rt_render_fail(render, "dictsort is for mappings, by 'key' or 'value'");
    if (rt_call_items(render, call, &pairs) || rt_render_take(render, pairs.list.count, sizeof *keyed, &keyed))
        return -1;
    for (size_t i = 0; i < pairs.list.count; i++) {
        keyed[i].item = pairs.list.items[i];
        if (make_key(render, &keyed[i].item.list.items[by_value], NULL, rt_call_flag(call, 0), &keyed[i].key))
            return -1;
    }
    return finish(render, keyed, pairs.list.count, reverse != 0, out);
}

/* ---- unique, min, max ---- */

/* case_sensitive, attribute */
int rt_call_unique(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_list list;
    struct rt_value *keys, *items;
    size_t count = 0;
    if (rt_value_iterate(render, call->self, &list) || rt_render_take(render, list.count, sizeof *keys, &keys) ||
        rt_render_take(render, list.count, sizeof *items, &items))
        return -1;
    for (size_t i = 0, seen; i < list.count; i++) {
        if (make_key(render, &list.items[i], rt_call_given(call, 1), rt_call_flag(call, 0), &keys[count]))
            return -1;
        if (rt_value_is_dict(&keys[count]) || (keys[count].kind == RT_VALUE_LIST && keys[count].list.form == RT_LIST_PLAIN))
            return rt_render_fail(render, "%s cannot be a key", rt_value_type(&keys[count]));
        for (seen = 0; seen < count && !rt_value_equal(render, &keys[seen], &keys[count]); seen++)
            rt_render_count(render, 0);
        if (rt_render_check(render))
            return -1;
        if (seen == count)
            items[count++] = list.items[i];
    }
    return rt_value_iterator(render, items, count, out);
}

static int find_extreme(struct rt_render *render, const struct rt_call *call, int wanted, struct rt_value *out)
{
    struct rt_list list;
    struct rt_value best, key;
    *out = rt_value_undefined(rt_text_of("aggregated item"));
    if (rt_value_iterate(render, call->self, &list))
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        int sign = wanted;
        rt_render_count(render, 0);
        if (make_key(render, &list.items[i], rt_call_given(call, 1), rt_call_flag(call, 0), &key) ||
            (i && rt_value_order(render, &key, &best, &sign)))
            return -1;
        if (sign * wanted <= 0)
            continue;
        best = key;
        *out = list.items[i];
    }
    return 0;
}

int rt_call_min(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return find_extreme(render, call, -1, out);
}

int rt_call_max(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return find_extreme(render, call, 1, out);
}
