/* template_macro.c: macros, call blocks, and calling whatever can be called. */
#include "runtime/template_ast.h"

/* ---- arguments ---- */

static const struct rt_argument *find_keyword(const struct rt_argument *arguments, size_t count, struct rt_text name)
{
    for (size_t i = 0; i < count; i++)
        if (arguments[i].keyword.count && rt_text_equal(arguments[i].keyword, name))
            return &arguments[i];
    return NULL;
}

static int is_parameter(const struct rt_node *macro, struct rt_text name, size_t from)
{
    size_t i = 0;
    for (const struct rt_node *parameter = macro->macro.parameters; parameter; parameter = parameter->next)
        if (i++ >= from && rt_text_equal(parameter->keyword, name))
            return 1;
    return 0;
}

/* The parameters by place, by name, or by default, which may look at those before. */
static int set_parameters(struct rt_render *render, const struct rt_node *macro, const struct rt_argument *arguments, size_t placed,
                          size_t count)
{
    size_t i = 0;
    for (const struct rt_node *parameter = macro->macro.parameters; parameter; parameter = parameter->next, i++) {
        const struct rt_argument *argument = i < placed ? &arguments[i] : find_keyword(arguments, count, parameter->keyword);
        struct rt_value value;
        if (argument)
            value = argument->value;
        else if (rt_evaluate(render, parameter, &value))
            return -1;
        if (rt_map_set(render, &render->scope->variables, parameter->keyword, &value))
            return -1;
    }
    return 0;
}

static int set_varargs(struct rt_render *render, const struct rt_node *macro, const struct rt_argument *arguments, size_t placed)
{
    size_t parameters = 0;
    struct rt_value *items;
    for (const struct rt_node *parameter = macro->macro.parameters; parameter; parameter = parameter->next)
        parameters++;
    const size_t more = placed > parameters ? placed - parameters : 0;
    if (more && !(macro->macro.uses & RT_USES_VARARGS))
        return rt_render_fail(render, "macro \"%.*s\" takes fewer arguments", rt_text_shown(macro->macro.name), macro->macro.name.bytes);
    if (!(macro->macro.uses & RT_USES_VARARGS))
        return 0;
    if (rt_render_take(render, more, sizeof *items, &items))
        return -1;
    for (size_t i = 0; i < more; i++)
        items[i] = arguments[parameters + i].value;
    const struct rt_value varargs = rt_value_list(items, more, RT_LIST_TUPLE);
    return rt_map_set(render, &render->scope->variables, rt_text_of("varargs"), &varargs);
}

/* What is left of the named arguments: the caller, and others if the macro looks at them. */
static int set_kwargs(struct rt_render *render, const struct rt_node *macro, const struct rt_argument *arguments, size_t placed,
                      size_t count)
{
    const unsigned uses = macro->macro.uses;
    struct rt_value caller = rt_value_undefined(rt_text_of("caller")), kwargs = {.kind = RT_VALUE_MAP};
    if (rt_render_take(render, 1, sizeof *kwargs.map, &kwargs.map))
        return -1;
    for (size_t i = placed; i < count; i++) {
        const struct rt_text name = arguments[i].keyword;
        if (is_parameter(macro, name, placed))
            continue;
        if (rt_text_is(name, "caller") && uses & RT_USES_CALLER)
            caller = arguments[i].value;
        else if (!(uses & RT_USES_KWARGS))
            return rt_render_fail(render, "macro \"%.*s\" has no parameter \"%.*s\"", rt_text_shown(macro->macro.name),
                                  macro->macro.name.bytes, rt_text_shown(name), name.bytes);
        else if (rt_map_set(render, kwargs.map, name, &arguments[i].value))
            return -1;
    }
    struct rt_map *variables = &render->scope->variables;
    if (uses & RT_USES_CALLER && !is_parameter(macro, rt_text_of("caller"), 0) &&
        rt_map_set(render, variables, rt_text_of("caller"), &caller))
        return -1;
    return uses & RT_USES_KWARGS ? rt_map_set(render, variables, rt_text_of("kwargs"), &kwargs) : 0;
}

/* ---- calling ---- */

static int enter_macro(struct rt_render *render, const struct rt_function *function, const struct rt_argument *arguments, size_t count,
                       struct rt_text *out)
{
    const struct rt_node *macro = function->macro;
    size_t placed = 0;
    while (placed < count && !arguments[placed].keyword.count)
        placed++;
    if (set_parameters(render, macro, arguments, placed, count) || set_varargs(render, macro, arguments, placed) ||
        set_kwargs(render, macro, arguments, placed, count))
        return -1;
    return rt_render_captured(render, macro->macro.body, render->scope, out);
}

/* A macro sees the variables of where it was written, not of where it is called. */
static int call_macro(struct rt_render *render, const struct rt_function *function, const struct rt_argument *arguments, size_t count,
                      struct rt_value *out)
{
    struct rt_scope *outside = render->scope, *scope;
    const unsigned line = render->line;
    struct rt_text text;
    if (rt_render_deeper(render) || rt_scope_open(render, function->scope, &scope))
        return -1;
    render->scope = scope;
    const int status = enter_macro(render, function, arguments, count, &text);
    render->scope = outside;
    if (status)
        return -1;
    render->line = line;
    render->depth--;
    *out = rt_value_text(text);
    return 0;
}

/* The first time it says nothing. */
static int call_joiner(struct rt_map *joiner, struct rt_value *out)
{
    *out = joiner->at++ ? joiner->items.items[0] : rt_value_text(rt_text_of(""));
    return 0;
}

int rt_function_call(struct rt_render *render, const struct rt_value *function, const struct rt_argument *arguments, size_t count,
                     struct rt_value *out)
{
    if (function->kind == RT_VALUE_UNDEFINED)
        return rt_value_undefined_fail(render, function);
    if (function->kind == RT_VALUE_MAP && function->map->kind == RT_MAP_JOINER && !count)
        return call_joiner(function->map, out);
    if (function->kind != RT_VALUE_FUNCTION)
        return rt_render_fail(render, "%s cannot be called", rt_value_type(function));
    if (function->function->macro)
        return call_macro(render, function->function, arguments, count, out);
    return rt_builtin_run(render, function->function->builtin, &(struct rt_call){&function->function->self, arguments, count}, out);
}

/* ---- statements ---- */

static int make_macro(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_function *function;
    if (rt_render_take(render, 1, sizeof *function, &function))
        return -1;
    *function = (struct rt_function){.macro = node, .scope = render->scope, .self = {.kind = RT_VALUE_NONE}};
    *out = (struct rt_value){.kind = RT_VALUE_FUNCTION, .function = function};
    return 0;
}

int rt_render_macro(struct rt_render *render, const struct rt_node *node)
{
    struct rt_value macro;
    if (make_macro(render, node, &macro))
        return -1;
    return rt_map_set(render, &render->scope->variables, node->macro.name, &macro);
}

/* {% call macro(…) %}body{% endcall %}: the macro's `caller` writes the body. */
int rt_render_call_block(struct rt_render *render, const struct rt_node *node)
{
    const struct rt_node *call = node->macro.call;
    struct rt_argument *arguments;
    struct rt_value function, result;
    struct rt_text text;
    size_t count;
    if (rt_evaluate(render, call->call.self, &function) || rt_evaluate_arguments(render, call->call.arguments, 1, &arguments, &count))
        return -1;
    if (call->kind == RT_NODE_METHOD) {
        const struct rt_value object = function;
        if (rt_value_attribute(render, &object, call->call.name, &function))
            return -1;
    }
    arguments[count] = (struct rt_argument){.keyword = rt_text_of("caller"), .given = 1};
    if (make_macro(render, node, &arguments[count].value) || rt_function_call(render, &function, arguments, count + 1, &result) ||
        rt_value_print(render, &result, &text))
        return -1;
    return rt_builder_put(render, &render->output, text);
}
