/* template_call.c: how the arguments of a call find their parameters, and how a built-in reads them. */
#include "runtime/template_value.h"

#include <string.h>

/* The name of the i-th parameter; empty behind the last. */
static struct rt_text parameter(const char *names, size_t i)
{
    names += *names == '/';
    for (; i && *names; i--) {
        names += strcspn(names, " ");
        names += *names == ' ';
    }
    return (struct rt_text){.bytes = names, .count = strcspn(names, " ")};
}

static int find_place(struct rt_render *render, const struct rt_builtin *builtin, const struct rt_argument *argument, size_t i, size_t *out)
{
    const struct rt_text keyword = argument->keyword;
    *out = i;
    if (!keyword.count)
        return parameter(builtin->parameters, i).count ? 0 : rt_render_fail(render, "\"%s\" takes fewer arguments", builtin->name);
    for (*out = 0; *builtin->parameters != '/' && parameter(builtin->parameters, *out).count; ++*out)
        if (rt_text_equal(parameter(builtin->parameters, *out), keyword))
            return 0;
    return rt_render_fail(render, "\"%s\" has no parameter \"%.*s\"", builtin->name, rt_text_shown(keyword), keyword.bytes);
}

static int place_arguments(struct rt_render *render, const struct rt_builtin *builtin, const struct rt_call *call, struct rt_call *out)
{
    struct rt_argument *slots;
    size_t count = 0;
    while (parameter(builtin->parameters, count).count)
        count++;
    if (rt_render_take(render, count, sizeof *slots, &slots))
        return -1;
    for (size_t i = 0, place; i < call->count; i++) {
        if (find_place(render, builtin, &call->arguments[i], i, &place))
            return -1;
        if (slots[place].given)
            return rt_render_fail(render, "\"%s\" is given an argument twice", builtin->name);
        slots[place] = (struct rt_argument){.value = call->arguments[i].value, .given = 1};
    }
    for (size_t i = 0; i < builtin->least; i++)
        if (!slots[i].given)
            return rt_render_fail(render, "\"%s\" needs %u arguments", builtin->name, builtin->least);
    *out = (struct rt_call){call->self, slots, count};
    return 0;
}

int rt_builtin_run(struct rt_render *render, const struct rt_builtin *builtin, const struct rt_call *call, struct rt_value *out)
{
    struct rt_call placed = *call;
    if (!builtin->run) {
        *out = rt_value_bool(builtin->kinds >> call->self->kind & 1);
        return call->count ? rt_render_fail(render, "\"%s\" takes no arguments", builtin->name) : 0;
    }
    if (builtin->parameters && place_arguments(render, builtin, call, &placed))
        return -1;
    return builtin->run(render, &placed, out);
}

const struct rt_value *rt_call_given(const struct rt_call *call, size_t i)
{
    return i < call->count && call->arguments[i].given ? &call->arguments[i].value : NULL;
}

int rt_call_flag(const struct rt_call *call, size_t i)
{
    const struct rt_value *given = rt_call_given(call, i);
    return given && rt_value_true(given);
}

int rt_call_integer(struct rt_render *render, const struct rt_call *call, size_t i, int64_t otherwise, int64_t *out)
{
    const struct rt_value *given = rt_call_given(call, i);
    *out = given ? given->integer : otherwise;
    return !given || rt_value_is_integer(given) ? 0 : rt_render_fail(render, "%s where a whole number belongs", rt_value_type(given));
}

int rt_call_text(struct rt_render *render, const struct rt_call *call, size_t i, const char *otherwise, struct rt_text *out)
{
    const struct rt_value *given = rt_call_given(call, i);
    *out = given ? given->text : rt_text_of(otherwise ? otherwise : "");
    return (given && given->kind == RT_VALUE_TEXT) || (!given && otherwise)
               ? 0
               : rt_render_fail(render, "%s where text belongs", given ? rt_value_type(given) : "nothing");
}

int rt_call_self_text(struct rt_render *render, const struct rt_call *call, struct rt_text *out)
{
    return rt_value_print(render, call->self, out);
}
