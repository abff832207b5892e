/* template_operator.c: what operators do to two values, as in Python. `and` and `or` are not here: they look at one value at a time. */
#include "runtime/template_value.h"

#include <string.h>

static int wrong_types(struct rt_render *render, const char *what, const struct rt_value *a, const struct rt_value *b)
{
    return rt_render_fail(render, "%s and %s cannot be %s", rt_value_type(a), rt_value_type(b), what);
}

static int compare(struct rt_render *render, enum rt_operator op, const struct rt_value *a, const struct rt_value *b, struct rt_value *out)
{
    int sign;
    if (rt_value_order(render, a, b, &sign))
        return -1;
    *out = rt_value_bool(op == RT_OP_LESS ? sign < 0 : op == RT_OP_LESS_EQUAL ? sign <= 0 : op == RT_OP_GREATER ? sign > 0 : sign >= 0);
    return 0;
}

/* ---- text and lists ---- */

static int add_texts(struct rt_render *render, struct rt_text a, struct rt_text b, struct rt_value *out)
{
    struct rt_value left = rt_value_text(a), right = rt_value_text(b);
    const int markup = a.markup || b.markup;
    if (markup && (rt_text_escape(render, a, &left) || rt_text_escape(render, b, &right)))
        return -1;
    if (rt_text_join(render, (struct rt_text[]){left.text, right.text}, 2, out))
        return -1;
    out->text.markup = markup;
    return 0;
}

static int add_lists(struct rt_render *render, const struct rt_value *a, const struct rt_value *b, struct rt_value *out)
{
    struct rt_value *items;
    const size_t count = a->list.count + b->list.count;
    rt_render_count(render, count * sizeof *items);
    if (rt_render_check(render) || rt_render_take(render, count, sizeof *items, &items))
        return -1;
    if (a->list.count)
        memcpy(items, a->list.items, a->list.count * sizeof *items);
    if (b->list.count)
        memcpy(items + a->list.count, b->list.items, b->list.count * sizeof *items);
    *out = rt_value_list(items, count, a->list.form);
    return 0;
}

static int repeat_text(struct rt_render *render, struct rt_text text, int64_t times, struct rt_value *out)
{
    struct rt_builder builder = {0};
    if (rt_builder_fill(render, &builder, text, times > 0 ? (size_t)times : 0))
        return -1;
    *out = rt_value_text(rt_builder_text(&builder));
    out->text.markup = text.markup;
    return 0;
}

static int repeat_list(struct rt_render *render, struct rt_list list, int64_t times, struct rt_value *out)
{
    struct rt_value *items;
    size_t count;
    if (times < 0)
        times = 0;
    if (__builtin_mul_overflow(list.count, (size_t)times, &count) || count > RT_TEMPLATE_ARENA_MAX)
        count = RT_TEMPLATE_ARENA_MAX; /* more than there is room for */
    rt_render_count(render, count * sizeof *items);
    if (rt_render_check(render) || rt_render_take(render, count, sizeof *items, &items))
        return -1;
    for (size_t i = 0; i < count; i++)
        items[i] = list.items[i % list.count];
    *out = rt_value_list(items, count, list.form);
    return 0;
}

static int repeat(struct rt_render *render, const struct rt_value *what, int64_t times, struct rt_value *out)
{
    return what->kind == RT_VALUE_TEXT ? repeat_text(render, what->text, times, out) : repeat_list(render, what->list, times, out);
}

static int is_sequence(const struct rt_value *value)
{
    return value->kind == RT_VALUE_TEXT || (value->kind == RT_VALUE_LIST && value->list.form <= RT_LIST_TUPLE);
}

static int combine(struct rt_render *render, enum rt_operator op, const struct rt_value *a, const struct rt_value *b, struct rt_value *out)
{
    if (rt_value_is_number(a) && rt_value_is_number(b))
        return rt_number_apply(render, op, a, b, out);
    if (op == RT_OP_REMAINDER && a->kind == RT_VALUE_TEXT)
        return rt_format_percent(render, a->text, b, out);
    if (a->kind == RT_VALUE_UNDEFINED || b->kind == RT_VALUE_UNDEFINED)
        return rt_value_undefined_fail(render, a->kind == RT_VALUE_UNDEFINED ? a : b);
    if (op == RT_OP_ADD && a->kind == RT_VALUE_TEXT && b->kind == RT_VALUE_TEXT)
        return add_texts(render, a->text, b->text, out);
    if (op == RT_OP_ADD && a->kind == RT_VALUE_LIST && b->kind == RT_VALUE_LIST && a->list.form == b->list.form && is_sequence(a))
        return add_lists(render, a, b, out);
    if (op == RT_OP_MULTIPLY && is_sequence(a) && rt_value_is_integer(b))
        return repeat(render, a, b->integer, out);
    if (op == RT_OP_MULTIPLY && is_sequence(b) && rt_value_is_integer(a))
        return repeat(render, b, a->integer, out);
    return wrong_types(render, "combined", a, b);
}

static int join_printed(struct rt_render *render, const struct rt_value *a, const struct rt_value *b, struct rt_value *out)
{
    struct rt_text parts[2];
    if (rt_value_print(render, a, &parts[0]) || rt_value_print(render, b, &parts[1]))
        return -1;
    return rt_text_join(render, parts, 2, out);
}

int rt_value_apply(struct rt_render *render, enum rt_operator op, const struct rt_value *a, const struct rt_value *b, struct rt_value *out)
{
    int found;
    switch (op) {
    case RT_OP_EQUAL:
    case RT_OP_UNEQUAL: *out = rt_value_bool(rt_value_equal(render, a, b) == (op == RT_OP_EQUAL)); return 0;
    case RT_OP_LESS:
    case RT_OP_LESS_EQUAL:
    case RT_OP_GREATER:
    case RT_OP_GREATER_EQUAL: return compare(render, op, a, b, out);
    case RT_OP_IN:
    case RT_OP_NOT_IN:
        if (rt_value_contains(render, b, a, &found))
            return -1;
        *out = rt_value_bool(found == (op == RT_OP_IN));
        return 0;
    case RT_OP_JOIN: return join_printed(render, a, b, out);
    default: break;
    }
    const int foreign = (a->kind != RT_VALUE_TEXT && a->foreign) || (b->kind != RT_VALUE_TEXT && b->foreign);
    if (combine(render, op, a, b, out))
        return -1;
    out->foreign |= out->kind != RT_VALUE_TEXT && foreign;
    return 0;
}
