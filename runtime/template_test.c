/* template_test.c: the tests that look at more than a value's kind. */
#include "runtime/template_value.h"

static int answer(struct rt_value *out, int truth)
{
    *out = rt_value_bool(truth);
    return 0;
}

int rt_test_true(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    return answer(out, call->self->kind == RT_VALUE_BOOL && call->self->integer);
}

int rt_test_false(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    return answer(out, call->self->kind == RT_VALUE_BOOL && !call->self->integer);
}

/* ---- comparison ---- */

int rt_test_equal(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return rt_value_apply(render, RT_OP_EQUAL, call->self, rt_call_given(call, 0), out);
}

int rt_test_unequal(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return rt_value_apply(render, RT_OP_UNEQUAL, call->self, rt_call_given(call, 0), out);
}

int rt_test_less(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return rt_value_apply(render, RT_OP_LESS, call->self, rt_call_given(call, 0), out);
}

int rt_test_less_equal(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return rt_value_apply(render, RT_OP_LESS_EQUAL, call->self, rt_call_given(call, 0), out);
}

int rt_test_greater(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return rt_value_apply(render, RT_OP_GREATER, call->self, rt_call_given(call, 0), out);
}

int rt_test_greater_equal(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return rt_value_apply(render, RT_OP_GREATER_EQUAL, call->self, rt_call_given(call, 0), out);
}

int rt_test_in(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return rt_value_apply(render, RT_OP_IN, call->self, rt_call_given(call, 0), out);
}

static int has_remainder(struct rt_render *render, const struct rt_value *self, const struct rt_value *by, int64_t wanted,
                         struct rt_value *out)
{
    struct rt_value remainder;
    const struct rt_value number = rt_value_integer(wanted);
    if (rt_value_apply(render, RT_OP_REMAINDER, self, by, &remainder))
        return -1;
    return answer(out, rt_value_equal(render, &remainder, &number));
}

int rt_test_odd(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value two = rt_value_integer(2);
    return has_remainder(render, call->self, &two, 1, out);
}

int rt_test_even(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value two = rt_value_integer(2);
    return has_remainder(render, call->self, &two, 0, out);
}

int rt_test_divisible(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return has_remainder(render, call->self, rt_call_given(call, 0), 0, out);
}

/* Python's `is`: here, the same bytes or items in memory, or the same small value. */
int rt_test_same(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *self = call->self, *other = rt_call_given(call, 0);
    if (self->kind != other->kind)
        return answer(out, 0);
    if (self->kind == RT_VALUE_LIST)
        return answer(out, self->list.items == other->list.items && self->list.count == other->list.count);
    if (self->kind == RT_VALUE_MAP)
        return answer(out, self->map == other->map);
    return answer(out, rt_value_equal(render, self, other));
}

/* ---- kinds ---- */

int rt_test_lower(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return rt_call_islower(render, call, out);
}

int rt_test_upper(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return rt_call_isupper(render, call, out);
}

int rt_test_mapping(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    return answer(out, rt_value_is_dict(call->self));
}

/* What has a length and items. */
int rt_test_sequence(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    const struct rt_value *self = call->self;
    return answer(out, self->kind == RT_VALUE_TEXT || self->kind == RT_VALUE_UNDEFINED || rt_value_is_dict(self) ||
                           (self->kind == RT_VALUE_LIST && self->list.form < RT_LIST_VIEW));
}

int rt_test_iterable(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    const struct rt_value *self = call->self;
    const int is_loop = self->kind == RT_VALUE_MAP && self->map->kind == RT_MAP_LOOP;
    return answer(out, self->kind == RT_VALUE_TEXT || self->kind == RT_VALUE_UNDEFINED || self->kind == RT_VALUE_LIST ||
                           rt_value_is_dict(self) || is_loop);
}

/* Undefined values are, in Jinja: the call is what fails. */
int rt_test_callable(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    const struct rt_value *self = call->self;
    const int is_object = self->kind == RT_VALUE_MAP && (self->map->kind == RT_MAP_LOOP || self->map->kind == RT_MAP_JOINER);
    return answer(out, self->kind == RT_VALUE_FUNCTION || self->kind == RT_VALUE_UNDEFINED || is_object);
}

int rt_test_escaped(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    return answer(out, call->self->kind == RT_VALUE_TEXT && call->self->text.markup);
}

int rt_test_filter(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    return answer(out, call->self->kind == RT_VALUE_TEXT && rt_builtin_find(RT_BUILTIN_FILTER, call->self->text));
}

int rt_test_test(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    return answer(out, call->self->kind == RT_VALUE_TEXT && rt_builtin_find(RT_BUILTIN_TEST, call->self->text));
}
