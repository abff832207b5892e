/* template_builtin.c: the filters, tests, methods and functions that a template may name. A name that is not in these tables is refused
 * when the template is opened. */
#include "runtime/template_ast.h"

/* ---- filters for any value ---- */

static int call_default(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    const int also_false = call->count == 2 && rt_value_true(&call->arguments[1].value);
    *out = *call->self;
    if (out->kind == RT_VALUE_UNDEFINED || (also_false && !rt_value_true(out)))
        *out = call->count ? call->arguments[0].value : rt_value_text(rt_text_of(""));
    return 0;
}

static int call_string(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    out->kind = RT_VALUE_TEXT;
    return rt_value_print(render, call->self, &out->text);
}

/* ---- functions ---- */

static int call_raise_exception(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)out;
    struct rt_text text;
    if (rt_value_print(render, &call->arguments[0].value, &text))
        return -1;
    return rt_render_fail(render, "it refuses this conversation: %.*s", (int)(text.count > 500 ? 500 : text.count), text.bytes);
}

static int call_namespace(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_map *map;
    if (rt_render_take(render, sizeof *map, &map))
        return -1;
    map->is_namespace = 1;
    for (size_t i = 0; i < call->count; i++) {
        if (!call->arguments[i].keyword.count)
            return rt_render_fail(render, "namespace() of a value is not there yet");
        if (rt_map_set(render, map, call->arguments[i].keyword, &call->arguments[i].value))
            return -1;
    }
    *out = (struct rt_value){.kind = RT_VALUE_MAP, .map = map};
    return 0;
}

/* Templates ask `strftime_now is defined` before they call it. It never is: an answer must not depend on the day it is given. */
static int call_strftime_now(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)call, (void)out;
    return rt_render_fail(render, "\"strftime_now\" is undefined: an answer does not depend on the date");
}

/* ---- tests ---- */

static int test_true(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    *out = rt_value_bool(call->self->kind == RT_VALUE_BOOL && call->self->integer);
    return 0;
}

static int test_false(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    (void)render;
    *out = rt_value_bool(call->self->kind == RT_VALUE_BOOL && !call->self->integer);
    return 0;
}

static int test_equal(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    *out = rt_value_bool(rt_value_equal(render, call->self, &call->arguments[0].value));
    return 0;
}

static int test_unequal(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    *out = rt_value_bool(!rt_value_equal(render, call->self, &call->arguments[0].value));
    return 0;
}

static int test_in(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    int found;
    if (rt_value_contains(render, &call->arguments[0].value, call->self, &found))
        return -1;
    *out = rt_value_bool(found);
    return 0;
}

/* ---- the tables ---- */

static const struct rt_builtin filters[] = {
    {.name = "trim", .run = rt_call_trim, .most = 1, .undefined = 1},
    {.name = "upper", .run = rt_call_upper, .undefined = 1},
    {.name = "lower", .run = rt_call_lower, .undefined = 1},
    {.name = "string", .run = call_string, .undefined = 1},
    {.name = "length", .run = rt_call_length, .undefined = 1},
    {.name = "count", .run = rt_call_length, .undefined = 1},
    {.name = "default", .run = call_default, .most = 2, .undefined = 1},
    {.name = "d", .run = call_default, .most = 2, .undefined = 1},
    {.name = "first", .run = rt_call_first},
    {.name = "last", .run = rt_call_last},
    {.name = "replace", .run = rt_call_replace, .least = 2, .most = 2},
    {.name = "tojson", .run = rt_call_tojson, .most = 1, .keywords = 1},
    {.name = "list", .run = rt_call_list, .undefined = 1},
    {.name = "items", .run = rt_call_items, .undefined = 1},
    {.name = "selectattr", .run = rt_call_selectattr, .least = 1, .most = 3, .undefined = 1},
    {.name = "rejectattr", .run = rt_call_rejectattr, .least = 1, .most = 3, .undefined = 1},
};

static const struct rt_builtin methods[] = {
    {.name = "strip", .run = rt_call_strip, .most = 1},
    {.name = "lstrip", .run = rt_call_lstrip, .most = 1},
    {.name = "rstrip", .run = rt_call_rstrip, .most = 1},
    {.name = "upper", .run = rt_call_upper},
    {.name = "lower", .run = rt_call_lower},
    {.name = "startswith", .run = rt_call_startswith, .least = 1, .most = 1},
    {.name = "endswith", .run = rt_call_endswith, .least = 1, .most = 1},
    {.name = "split", .run = rt_call_split, .most = 1},
    {.name = "replace", .run = rt_call_replace, .least = 2, .most = 2},
    {.name = "get", .run = rt_call_get, .least = 1, .most = 2},
    {.name = "items", .run = rt_call_items},
};

static const struct rt_builtin functions[] = {
    {.name = "raise_exception", .run = call_raise_exception, .least = 1, .most = 1},
    {.name = "namespace", .run = call_namespace, .most = RT_TEMPLATE_ARGUMENTS_MAX, .keywords = 1},
    {.name = "strftime_now", .run = call_strftime_now, .least = 1, .most = 1},
};

#define KIND(name) (1U << RT_VALUE_##name)
static const struct rt_builtin tests[] = {
    {.name = "defined", .kinds = ~KIND(UNDEFINED), .undefined = 1},
    {.name = "undefined", .kinds = KIND(UNDEFINED), .undefined = 1},
    {.name = "none", .kinds = KIND(NONE), .undefined = 1},
    {.name = "string", .kinds = KIND(TEXT), .undefined = 1},
    {.name = "boolean", .kinds = KIND(BOOL), .undefined = 1},
    {.name = "integer", .kinds = KIND(INTEGER), .undefined = 1},
    {.name = "number", .kinds = KIND(INTEGER) | KIND(BOOL), .undefined = 1},
    {.name = "mapping", .kinds = KIND(MAP), .undefined = 1},
    {.name = "iterable", .kinds = KIND(UNDEFINED) | KIND(TEXT) | KIND(LIST) | KIND(MAP), .undefined = 1},
    {.name = "sequence", .kinds = KIND(UNDEFINED) | KIND(TEXT) | KIND(LIST) | KIND(MAP), .undefined = 1},
    {.name = "true", .run = test_true, .undefined = 1},
    {.name = "false", .run = test_false, .undefined = 1},
    {.name = "eq", .run = test_equal, .least = 1, .most = 1, .undefined = 1},
    {.name = "equalto", .run = test_equal, .least = 1, .most = 1, .undefined = 1},
    {.name = "ne", .run = test_unequal, .least = 1, .most = 1, .undefined = 1},
    {.name = "in", .run = test_in, .least = 1, .most = 1, .undefined = 1},
};
#undef KIND

const struct rt_builtin *rt_builtin_find(enum rt_builtin_kind kind, struct rt_text name)
{
    static const struct {
        const struct rt_builtin *first;
        size_t count;
    } tables[] = {
        [RT_BUILTIN_FILTER] = {filters, sizeof filters / sizeof *filters},
        [RT_BUILTIN_TEST] = {tests, sizeof tests / sizeof *tests},
        [RT_BUILTIN_METHOD] = {methods, sizeof methods / sizeof *methods},
        [RT_BUILTIN_FUNCTION] = {functions, sizeof functions / sizeof *functions},
    };
    for (size_t i = 0; i < tables[kind].count; i++)
        if (rt_text_is(name, tables[kind].first[i].name))
            return &tables[kind].first[i];
    return NULL;
}
