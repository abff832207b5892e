/* template_filter.c: the filters for any value, and for numbers. */
#include "runtime/template_value.h"

#include <math.h>

int rt_call_default(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    const struct rt_value *otherwise = rt_call_given(call, 0);
    *out = *call->self;
    if (out->kind == RT_VALUE_UNDEFINED || (rt_call_flag(call, 1) && !rt_value_true(out)))
        *out = otherwise ? *otherwise : rt_value_text(rt_text_of(""));
    return 0;
}

int rt_call_string(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text text;
    if (rt_value_print(render, call->self, &text))
        return -1;
    *out = rt_value_text(text);
    return 0;
}

int rt_call_safe(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    if (rt_call_string(render, call, out))
        return -1;
    out->text.markup = 1;
    return 0;
}

int rt_call_escape(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text text;
    return rt_value_print(render, call->self, &text) ? -1 : rt_text_escape(render, text, out);
}

int rt_call_forceescape(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text text;
    if (rt_value_print(render, call->self, &text))
        return -1;
    text.markup = 0;
    return rt_text_escape(render, text, out);
}

/* An attribute, never an item. */
int rt_call_attr(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text name;
    if (rt_call_text(render, call, 0, NULL, &name))
        return -1;
    *out = rt_value_undefined(name);
    return rt_value_is_dict(call->self) && !rt_method_find(call->self, name) ? 0 : rt_value_attribute(render, call->self, name, out);
}

/* ---- numbers ---- */

static int int_of_float(struct rt_render *render, double number, uint8_t foreign, const struct rt_value *otherwise, struct rt_value *out)
{
    *out = otherwise ? *otherwise : rt_value_integer(0);
    if (!isfinite(number))
        return 0;
    if (fabs(number) >= 9.2e18)
        return rt_render_fail(render, "a number is too large");
    *out = rt_value_integer((int64_t)number);
    out->foreign = foreign;
    return 0;
}

/* default, base */
int rt_call_int(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *self = call->self, *otherwise = rt_call_given(call, 0);
    int64_t base, integer;
    double number;
    *out = otherwise ? *otherwise : rt_value_integer(0);
    if (rt_value_is_integer(self)) {
        *out = rt_value_integer(self->integer);
        out->foreign = self->foreign;
        return 0;
    }
    if (self->kind == RT_VALUE_FLOAT)
        return int_of_float(render, self->number, self->foreign, otherwise, out);
    if (self->kind != RT_VALUE_TEXT)
        return 0;
    if (rt_call_integer(render, call, 1, 10, &base))
        return -1;
    if (base && (base < 2 || base > 36))
        return 0;
    rt_render_count(render, self->text.count);
    const uint8_t foreign = (uint8_t)rt_value_is_outside(self);
    if (!rt_number_parse(self->text, (int)base, &integer)) {
        *out = rt_value_integer(integer);
        out->foreign = foreign;
        return 0;
    }
    return rt_number_parse_float(self->text, &number) ? 0 : int_of_float(render, number, foreign, otherwise, out);
}

int rt_call_float(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *self = call->self, *otherwise = rt_call_given(call, 0);
    struct rt_value made = {.kind = RT_VALUE_FLOAT, .foreign = (uint8_t)rt_value_is_outside(self)};
    *out = otherwise ? *otherwise : (struct rt_value){.kind = RT_VALUE_FLOAT};
    if (rt_value_is_number(self))
        made.number = rt_value_double(self);
    rt_render_count(render, self->kind == RT_VALUE_TEXT ? self->text.count : 0);
    if (rt_value_is_number(self) || (self->kind == RT_VALUE_TEXT && !rt_number_parse_float(self->text, &made.number)))
        *out = made;
    return 0;
}

int rt_call_abs(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    *out = *call->self;
    if (out->kind == RT_VALUE_BOOL)
        out->kind = RT_VALUE_INTEGER;
    if (out->kind == RT_VALUE_FLOAT)
        out->number = fabs(out->number);
    else if (out->kind != RT_VALUE_INTEGER)
        return rt_render_fail(render, "%s has no absolute value", rt_value_type(call->self));
    else if (out->integer < 0 && __builtin_sub_overflow(0, out->integer, &out->integer))
        return rt_render_fail(render, "a number is too large");
    return 0;
}

/* precision, method: 'common' (half to even, as Python rounds), 'ceil' or 'floor'. Whole numbers stay whole with the common method. */
int rt_call_round(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text method;
    int64_t precision;
    if (rt_call_integer(render, call, 0, 0, &precision) || rt_call_text(render, call, 1, "common", &method))
        return -1;
    const int common = rt_text_is(method, "common"), ceiling = rt_text_is(method, "ceil");
    if (!common && !ceiling && !rt_text_is(method, "floor"))
        return rt_render_fail(render, "rounding is 'common', 'ceil' or 'floor'");
    if (!rt_value_is_number(call->self) || precision < -300 || precision > 300)
        return rt_render_fail(render, "%s cannot be rounded so", rt_value_type(call->self));
    if (common && rt_value_is_integer(call->self) && precision >= 0) {
        *out = rt_value_integer(call->self->integer);
        out->foreign = call->self->foreign;
        return 0;
    }
    if (common && rt_value_is_integer(call->self))
        return rt_render_fail(render, "rounding a whole number to tens is not there yet");
    const double number = rt_value_double(call->self), scale = pow(10, (double)precision);
    *out = (struct rt_value){.kind = RT_VALUE_FLOAT, .foreign = call->self->foreign};
    out->number = common ? rt_float_round(number, (int)precision) : (ceiling ? ceil(number * scale) : floor(number * scale)) / scale;
    return 0;
}
