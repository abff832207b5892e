/* template_run.c: statements → output. Every statement and expression counts against the limits, so no template and no message can make
 * rendering run long or deep. */
#include "runtime/template_ast.h"

int rt_render_enter(struct rt_render *render, const struct rt_node *node)
{
    render->line = node->line;
    return rt_render_deeper(render);
}

/* ---- scopes ---- */

int rt_scope_open(struct rt_render *render, struct rt_scope *outer, struct rt_scope **out)
{
    if (rt_render_take(render, 1, sizeof **out, out))
        return -1;
    (*out)->outer = outer;
    return 0;
}

int rt_render_scoped(struct rt_render *render, const struct rt_node *first, struct rt_scope *scope)
{
    struct rt_scope *outside = render->scope;
    render->scope = scope;
    const int status = rt_render_statements(render, first);
    render->scope = outside;
    return status;
}

int rt_render_captured(struct rt_render *render, const struct rt_node *first, struct rt_scope *scope, struct rt_text *out)
{
    const struct rt_builder outside = render->output;
    render->output = (struct rt_builder){0};
    const int status = rt_render_scoped(render, first, scope);
    *out = rt_builder_text(&render->output);
    render->output = outside;
    return status;
}

/* ---- if ---- */

static int run_if(struct rt_render *render, const struct rt_node *branch)
{
    for (; branch; branch = branch->branch.otherwise) {
        struct rt_value test = {.kind = RT_VALUE_BOOL, .integer = 1};
        if (branch->branch.test && rt_evaluate(render, branch->branch.test, &test))
            return -1;
        if (rt_value_true(&test))
            return rt_render_statements(render, branch->branch.body);
    }
    return 0;
}

/* ---- set ---- */

static int assign_attribute(struct rt_render *render, const struct rt_node *target, const struct rt_value *value)
{
    const struct rt_text name = target->index.object->name;
    const struct rt_value *object = rt_find_variable(render, name);
    if (!object || object->kind != RT_VALUE_MAP || object->map->kind != RT_MAP_NAMESPACE)
        return rt_render_fail(render, "\"%.*s\" is not a namespace", rt_text_shown(name), name.bytes);
    return rt_map_set(render, object->map, target->index.key->constant.text, value);
}

static int assign_items(struct rt_render *render, const struct rt_node *target, const struct rt_value *value)
{
    struct rt_list list;
    size_t i = 0;
    if (value->kind == RT_VALUE_UNDEFINED)
        return rt_value_undefined_fail(render, value);
    if (rt_value_iterate(render, value, &list))
        return -1;
    for (const struct rt_node *one = target->operand; one; one = one->next, i++)
        if (i < list.count && rt_render_assign(render, one, &list.items[i]))
            return -1;
    return i == list.count ? 0 : rt_render_fail(render, "%zu values for %zu names", list.count, i);
}

int rt_render_assign(struct rt_render *render, const struct rt_node *target, const struct rt_value *value)
{
    if (target->kind == RT_NODE_NAME)
        return rt_map_set(render, &render->scope->variables, target->name, value);
    if (rt_render_enter(render, target) ||
        (target->kind == RT_NODE_TUPLE ? assign_items(render, target, value) : assign_attribute(render, target, value)))
        return -1;
    render->depth--;
    return 0;
}

static int run_set(struct rt_render *render, const struct rt_node *node)
{
    struct rt_value value;
    if (rt_evaluate(render, node->set.value, &value))
        return -1;
    return rt_render_assign(render, node->set.target, &value);
}

/* What the body writes, filtered; where it ends the round, nobody wants to know. */
static int filter_body(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    const struct rt_text outside = render->body;
    struct rt_scope *scope;
    struct rt_text text;
    if (rt_scope_open(render, render->scope, &scope) || rt_render_captured(render, node->set.body, scope, &text))
        return -1;
    *out = rt_value_text(text);
    if (render->jump)
        return 0;
    render->body = text;
    const int status = rt_evaluate(render, node->set.value, out);
    render->body = outside;
    return status;
}

static int run_set_block(struct rt_render *render, const struct rt_node *node)
{
    struct rt_value value;
    if (filter_body(render, node, &value))
        return -1;
    return render->jump ? 0 : rt_render_assign(render, node->set.target, &value);
}

/* ---- output ---- */

static int put(struct rt_render *render, const struct rt_value *value)
{
    struct rt_text text;
    return rt_value_print(render, value, &text) ? -1 : rt_builder_put(render, &render->output, text);
}

static int run_output(struct rt_render *render, const struct rt_node *node)
{
    struct rt_value value;
    return rt_evaluate(render, node->operand, &value) ? -1 : put(render, &value);
}

static int run_filter_block(struct rt_render *render, const struct rt_node *node)
{
    struct rt_value value;
    if (filter_body(render, node, &value))
        return -1;
    return render->jump ? 0 : put(render, &value);
}

/* ---- scopes of their own ---- */

/* All values are looked up outside. */
static int run_with(struct rt_render *render, const struct rt_node *node)
{
    struct rt_scope *scope;
    struct rt_value value;
    if (rt_scope_open(render, render->scope, &scope))
        return -1;
    const struct rt_node *target = node->set.target;
    for (const struct rt_node *one = node->set.value; one; one = one->next, target = target->next)
        if (rt_evaluate(render, one, &value) || rt_map_set(render, &scope->variables, target->name, &value))
            return -1;
    return rt_render_scoped(render, node->set.body, scope);
}

static int run_scope(struct rt_render *render, const struct rt_node *node)
{
    struct rt_scope *scope;
    return rt_scope_open(render, render->scope, &scope) ? -1 : rt_render_scoped(render, node->operand, scope);
}

static int jump(struct rt_render *render, enum rt_jump where)
{
    render->jump = where;
    return 0;
}

static int run_statement(struct rt_render *render, const struct rt_node *node)
{
    switch (node->kind) {
    case RT_NODE_TEXT: return rt_builder_put(render, &render->output, node->constant.text);
    case RT_NODE_OUTPUT: return run_output(render, node);
    case RT_NODE_IF: return run_if(render, node);
    case RT_NODE_FOR: return rt_render_for(render, node);
    case RT_NODE_SET: return run_set(render, node);
    case RT_NODE_SET_BLOCK: return run_set_block(render, node);
    case RT_NODE_MACRO: return rt_render_macro(render, node);
    case RT_NODE_CALL_BLOCK: return rt_render_call_block(render, node);
    case RT_NODE_FILTER_BLOCK: return run_filter_block(render, node);
    case RT_NODE_WITH: return run_with(render, node);
    case RT_NODE_SCOPE: return run_scope(render, node);
    case RT_NODE_BREAK: return jump(render, RT_JUMP_BREAK);
    case RT_NODE_CONTINUE: return jump(render, RT_JUMP_CONTINUE);
    default: return rt_render_fail(render, "an expression where a statement belongs");
    }
}

int rt_render_statements(struct rt_render *render, const struct rt_node *node)
{
    for (; node && !render->jump; node = node->next) {
        if (rt_render_enter(render, node) || run_statement(render, node))
            return -1;
        render->depth--;
    }
    return 0;
}
