/* template_strip.c: what takes characters off the ends of a text. */
#include "runtime/template_value.h"

#include <string.h>

enum { STRIP_LEFT = 1, STRIP_RIGHT = 2, STRIP_CHARACTERS_MAX = 256 };

static int is_among(struct rt_text set, struct rt_text text, size_t at, size_t step)
{
    for (size_t i = 0, width; (width = rt_text_step(set, i)); i += width)
        if (width == step && !memcmp(set.bytes + i, text.bytes + at, step))
            return 1;
    return 0;
}

/* Bytes of the character at `at` if it is to go: one of `set`, or white space where that is NULL. */
static size_t strippable(struct rt_text text, size_t at, const struct rt_text *set)
{
    if (!set)
        return rt_text_space(text, at);
    const size_t step = rt_text_step(text, at);
    return is_among(*set, text, at, step) ? step : 0;
}

static size_t strippable_before(struct rt_text text, size_t end, const struct rt_text *set)
{
    for (size_t step = 1; step <= 4 && step <= end; step++)
        if (rt_text_step(text, end - step) == step && strippable(text, end - step, set) == step)
            return step;
    return 0;
}

/* Each character taken off is looked for in the set; the steps that it takes are counted as they are made. */
static int strip_sides(struct rt_render *render, struct rt_text text, const struct rt_text *set, unsigned sides, struct rt_value *out)
{
    const size_t cost = set ? set->count + 1 : 1;
    size_t begin = 0, end = text.count, step, work = 0;
    for (;;) {
        if ((sides & STRIP_LEFT) && begin < end && (step = strippable(text, begin, set)))
            begin += step;
        else if ((sides & STRIP_RIGHT) && end > begin && (step = strippable_before(text, end, set)))
            end -= step;
        else
            break;
        work += cost;
        if (work < RT_TEMPLATE_STEP_BYTES)
            continue;
        rt_render_count(render, work);
        work = 0;
        if (rt_render_check(render))
            return -1;
    }
    *out = rt_value_text(rt_text_part(text, begin, end));
    return 0;
}

static int strip(struct rt_render *render, const struct rt_call *call, unsigned sides, struct rt_value *out)
{
    const struct rt_value *given = rt_call_given(call, 0);
    const int is_space = !given || given->kind == RT_VALUE_NONE;
    const struct rt_text *set = is_space ? NULL : &given->text;
    struct rt_text text;
    if (rt_call_self_text(render, call, &text))
        return -1;
    if (set && given->kind != RT_VALUE_TEXT)
        return rt_render_fail(render, "%s cannot be trimmed off", rt_value_type(given));
    if (set && set->count > STRIP_CHARACTERS_MAX)
        return rt_render_fail(render, "more than %d characters to trim", STRIP_CHARACTERS_MAX);
    return strip_sides(render, text, set, sides, out);
}

int rt_call_strip(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return strip(render, call, STRIP_LEFT | STRIP_RIGHT, out);
}

int rt_call_lstrip(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return strip(render, call, STRIP_LEFT, out);
}

int rt_call_rstrip(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return strip(render, call, STRIP_RIGHT, out);
}

/* ---- prefix and suffix ---- */

static int remove_affix(struct rt_render *render, const struct rt_call *call, int at_end, struct rt_value *out)
{
    const struct rt_text text = call->self->text;
    struct rt_text affix;
    if (rt_call_text(render, call, 0, NULL, &affix))
        return -1;
    const size_t at = at_end && affix.count <= text.count ? text.count - affix.count : 0;
    const int has = affix.count <= text.count && rt_text_equal(rt_text_part(text, at, at + affix.count), affix);
    rt_render_count(render, affix.count);
    *out = rt_value_text(!has ? text : at_end ? rt_text_part(text, 0, at) : rt_text_part(text, affix.count, text.count));
    return 0;
}

int rt_call_removeprefix(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return remove_affix(render, call, 0, out);
}

int rt_call_removesuffix(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return remove_affix(render, call, 1, out);
}
