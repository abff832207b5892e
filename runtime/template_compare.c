/* template_compare.c: which values are equal, which one comes first, and what is in what. */
#include "runtime/template_value.h"

#include <string.h>

/* Deep and wide values are compared only as far as the steps reach: what fails then is the next expression. */
static int is_spent(struct rt_render *render)
{
    rt_render_count(render, 0);
    if (render->depth >= RT_TEMPLATE_EVAL_MAX)
        render->steps = RT_TEMPLATE_STEPS_MAX + 1;
    return render->steps > RT_TEMPLATE_STEPS_MAX;
}

static int maps_equal(struct rt_render *render, const struct rt_map *a, const struct rt_map *b)
{
    if (a == b)
        return 1;
    if (a->kind != RT_MAP_DICT || b->kind != RT_MAP_DICT || a->count != b->count)
        return 0;
    for (const struct rt_entry *entry = a->first; entry; entry = entry->next) {
        const struct rt_value *other = rt_map_get(render, b, &entry->key);
        if (!other || !rt_value_equal(render, &entry->value, other))
            return 0;
    }
    return 1;
}

static int lists_equal(struct rt_render *render, struct rt_list a, struct rt_list b)
{
    if (a.form != b.form || a.count != b.count || a.taken != b.taken)
        return 0;
    for (size_t i = 0; i < a.count && a.items != b.items; i++)
        if (!rt_value_equal(render, &a.items[i], &b.items[i]))
            return 0;
    return 1;
}

static int functions_equal(const struct rt_function *a, const struct rt_function *b)
{
    return a == b || (a->builtin && a->builtin == b->builtin && a->self.kind == RT_VALUE_NONE && b->self.kind == RT_VALUE_NONE);
}

static int numbers_sign(const struct rt_value *a, const struct rt_value *b)
{
    if (rt_value_is_integer(a) && rt_value_is_integer(b))
        return (a->integer > b->integer) - (a->integer < b->integer);
    /* long double holds every int64 */
    const long double x = a->kind == RT_VALUE_FLOAT ? (long double)a->number : (long double)a->integer;
    const long double y = b->kind == RT_VALUE_FLOAT ? (long double)b->number : (long double)b->integer;
    return (x > y) - (x < y);
}

static int is_nan(const struct rt_value *value)
{
    return value->kind == RT_VALUE_FLOAT && value->number != value->number;
}

int rt_value_equal(struct rt_render *render, const struct rt_value *a, const struct rt_value *b)
{
    int equal = 0;
    if (rt_value_is_number(a) && rt_value_is_number(b))
        return !is_nan(a) && !is_nan(b) && !numbers_sign(a, b);
    rt_render_count(render, a->kind == RT_VALUE_TEXT ? a->text.count : 0);
    if (a->kind != b->kind || is_spent(render))
        return 0;
    render->depth++;
    switch (a->kind) {
    case RT_VALUE_TEXT: equal = rt_text_equal(a->text, b->text); break;
    case RT_VALUE_LIST: equal = lists_equal(render, a->list, b->list); break;
    case RT_VALUE_MAP: equal = maps_equal(render, a->map, b->map); break;
    case RT_VALUE_FUNCTION: equal = functions_equal(a->function, b->function); break;
    default: equal = 1;
    }
    render->depth--;
    return equal;
}

/* UTF-8 sorts as its characters do. */
static int texts_sign(struct rt_render *render, struct rt_text a, struct rt_text b)
{
    const size_t common = a.count < b.count ? a.count : b.count;
    rt_render_count(render, common);
    const int sign = common ? memcmp(a.bytes, b.bytes, common) : 0;
    return sign ? sign : (a.count > b.count) - (a.count < b.count);
}

static int lists_order(struct rt_render *render, struct rt_list a, struct rt_list b, int *sign)
{
    for (size_t i = 0; i < a.count && i < b.count; i++)
        if (!rt_value_equal(render, &a.items[i], &b.items[i]))
            return rt_value_order(render, &a.items[i], &b.items[i], sign);
    *sign = (a.count > b.count) - (a.count < b.count);
    return 0;
}

int rt_value_order(struct rt_render *render, const struct rt_value *a, const struct rt_value *b, int *sign)
{
    if (a->kind == RT_VALUE_UNDEFINED || b->kind == RT_VALUE_UNDEFINED)
        return rt_value_undefined_fail(render, a->kind == RT_VALUE_UNDEFINED ? a : b);
    if (rt_value_is_number(a) && rt_value_is_number(b)) {
        *sign = numbers_sign(a, b);
        return 0;
    }
    if (a->kind == RT_VALUE_TEXT && b->kind == RT_VALUE_TEXT) {
        *sign = texts_sign(render, a->text, b->text);
        return 0;
    }
    if (a->kind != RT_VALUE_LIST || b->kind != RT_VALUE_LIST || a->list.form != b->list.form || a->list.form > RT_LIST_TUPLE)
        return rt_render_fail(render, "%s and %s cannot be ordered", rt_value_type(a), rt_value_type(b));
    if (rt_render_deeper(render) || lists_order(render, a->list, b->list, sign))
        return -1;
    render->depth--;
    return 0;
}

/* ---- in ---- */

static int list_contains(struct rt_render *render, const struct rt_value *container, const struct rt_value *value)
{
    const struct rt_list list = container->list;
    size_t *taken = list.form == RT_LIST_ITERATOR ? list.taken : NULL, at = taken ? *taken : 0;
    int found = 0;
    while (at < list.count && !found)
        found = rt_value_equal(render, &list.items[at++], value);
    if (taken)
        *taken = at;
    return found;
}

int rt_value_contains(struct rt_render *render, const struct rt_value *container, const struct rt_value *value, int *out)
{
    size_t at;
    *out = 0;
    if (container->kind == RT_VALUE_UNDEFINED)
        return 0;
    if (container->kind == RT_VALUE_LIST) {
        *out = list_contains(render, container, value);
        return rt_render_check(render);
    }
    if (rt_value_is_dict(container)) {
        const int is_key = value->kind != RT_VALUE_LIST || value->list.form == RT_LIST_TUPLE;
        if (!is_key || rt_value_is_dict(value))
            return rt_render_fail(render, "%s cannot be a key", rt_value_type(value));
        *out = rt_map_get(render, container->map, value) != NULL;
        return 0;
    }
    if (container->kind != RT_VALUE_TEXT || value->kind != RT_VALUE_TEXT)
        return rt_render_fail(render, "%s cannot be looked for in %s", rt_value_type(value), rt_value_type(container));
    rt_render_count(render, container->text.count);
    *out = rt_text_find(container->text, value->text, &at);
    return 0;
}
