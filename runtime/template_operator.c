/* template_operator.c: what operators do to two values, as in Python. `and` and `or` are not here: they look at one value at a time. */
#include "runtime/template_ast.h"

#include <string.h>

static int wrong_types(struct rt_render *render, const char *what, const struct rt_value *a, const struct rt_value *b)
{
    return rt_render_fail(render, "%s and %s cannot be %s", rt_value_type(a), rt_value_type(b), what);
}

static int order(struct rt_render *render, enum rt_operator op, const struct rt_value *a, const struct rt_value *b, struct rt_value *out)
{
    int sign;
    if (rt_value_is_number(a) && rt_value_is_number(b)) {
        sign = (a->integer > b->integer) - (a->integer < b->integer);
    } else if (a->kind == RT_VALUE_TEXT && b->kind == RT_VALUE_TEXT) { /* UTF-8 sorts as its characters do */
        const size_t common = a->text.count < b->text.count ? a->text.count : b->text.count;
        rt_render_count(render, common);
        sign = common ? memcmp(a->text.bytes, b->text.bytes, common) : 0;
        if (!sign)
            sign = (a->text.count > b->text.count) - (a->text.count < b->text.count);
    } else {
        return wrong_types(render, "ordered", a, b);
    }
    *out = rt_value_bool(op == RT_OP_LESS ? sign < 0 : op == RT_OP_LESS_EQUAL ? sign <= 0 : op == RT_OP_GREATER ? sign > 0 : sign >= 0);
    return 0;
}

/* Division rounds down and a remainder has the divisor's sign, as in Python. */
static int divide(struct rt_render *render, int64_t a, int64_t b, int64_t *quotient, int64_t *remainder)
{
    if (!b)
        return rt_render_fail(render, "division by zero");
    if (b == -1) { /* INT64_MIN / -1 traps */
        *remainder = 0;
        return __builtin_sub_overflow(0, a, quotient) ? rt_render_fail(render, "a number is too large") : 0;
    }
    *quotient = a / b;
    *remainder = a % b;
    if (*remainder && (*remainder < 0) != (b < 0)) {
        *remainder += b;
        --*quotient;
    }
    return 0;
}

static int calculate(struct rt_render *render, enum rt_operator op, int64_t a, int64_t b, struct rt_value *out)
{
    int64_t quotient = 0, remainder = 0, result;
    int overflow = 0;
    *out = (struct rt_value){.kind = RT_VALUE_INTEGER};
    switch (op) {
    case RT_OP_ADD: overflow = __builtin_add_overflow(a, b, &result); break;
    case RT_OP_SUBTRACT: overflow = __builtin_sub_overflow(a, b, &result); break;
    case RT_OP_MULTIPLY: overflow = __builtin_mul_overflow(a, b, &result); break;
    default:
        if (divide(render, a, b, &quotient, &remainder))
            return -1;
        result = op == RT_OP_REMAINDER ? remainder : quotient;
    }
    out->integer = result;
    return overflow ? rt_render_fail(render, "a number is too large") : 0;
}

static int add_lists(struct rt_render *render, struct rt_list a, struct rt_list b, struct rt_value *out)
{
    struct rt_value *items;
    rt_render_count(render, (a.count + b.count) * sizeof *items);
    if (rt_render_take(render, (a.count + b.count) * sizeof *items, &items))
        return -1;
    if (a.count)
        memcpy(items, a.items, a.count * sizeof *items);
    if (b.count)
        memcpy(items + a.count, b.items, b.count * sizeof *items);
    *out = (struct rt_value){.kind = RT_VALUE_LIST, .list = {items, a.count + b.count}};
    return 0;
}

static int arithmetic(struct rt_render *render, enum rt_operator op, const struct rt_value *a, const struct rt_value *b,
                      struct rt_value *out)
{
    const struct rt_value *missing = a->kind == RT_VALUE_UNDEFINED ? a : b->kind == RT_VALUE_UNDEFINED ? b : NULL;
    if (missing)
        return rt_value_index(render, missing, missing, out);
    if (rt_value_is_number(a) && rt_value_is_number(b))
        return calculate(render, op, a->integer, b->integer, out);
    if (op == RT_OP_ADD && a->kind == RT_VALUE_TEXT && b->kind == RT_VALUE_TEXT)
        return rt_text_join(render, (struct rt_text[]){a->text, b->text}, 2, out);
    if (op == RT_OP_ADD && a->kind == RT_VALUE_LIST && b->kind == RT_VALUE_LIST)
        return add_lists(render, a->list, b->list, out);
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
    case RT_OP_GREATER_EQUAL: return order(render, op, a, b, out);
    case RT_OP_IN:
    case RT_OP_NOT_IN:
        if (rt_value_contains(render, b, a, &found))
            return -1;
        *out = rt_value_bool(found == (op == RT_OP_IN));
        return 0;
    case RT_OP_JOIN: return join_printed(render, a, b, out);
    default: return arithmetic(render, op, a, b, out);
    }
}
