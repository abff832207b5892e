/* template_eval.c: expressions → values. */
#include "runtime/template_ast.h"

/* ---- variables ---- */

const struct rt_value *rt_find_variable(struct rt_render *render, struct rt_text name)
{
    for (const struct rt_scope *scope = render->scope; scope; scope = scope->outer) {
        const struct rt_value *found = rt_map_find(&scope->variables, name);
        if (found)
            return found;
        rt_render_count(render, 16 * scope->variables.count);
    }
    return NULL;
}

static int evaluate_name(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    const struct rt_value *found = rt_find_variable(render, node->name);
    const struct rt_builtin *builtin = found ? NULL : rt_builtin_find(RT_BUILTIN_FUNCTION, node->name);
    struct rt_function *function;
    *out = found ? *found : rt_value_undefined(node->name);
    if (!builtin || (builtin->run == rt_call_strftime_now && render->now == RT_NO_DATE))
        return 0;
    if (rt_render_take(render, 1, sizeof *function, &function))
        return -1;
    *function = (struct rt_function){.builtin = builtin, .self = {.kind = RT_VALUE_NONE}};
    *out = (struct rt_value){.kind = RT_VALUE_FUNCTION, .function = function};
    return 0;
}

/* ---- operators ---- */

static int evaluate_binary(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    const enum rt_operator op = node->binary.op;
    struct rt_value left, right;
    if (rt_evaluate(render, node->binary.left, &left))
        return -1;
    if ((op == RT_OP_OR && rt_value_true(&left)) || (op == RT_OP_AND && !rt_value_true(&left))) {
        *out = left;
        return 0;
    }
    if (rt_evaluate(render, node->binary.right, &right))
        return -1;
    if (op == RT_OP_OR || op == RT_OP_AND) {
        *out = right;
        return 0;
    }
    return rt_value_apply(render, op, &left, &right, out);
}

/* a < b < c: as far as it is true, and no operand twice. */
static int evaluate_comparison(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value left, right;
    if (rt_evaluate(render, node->binary.left, &left))
        return -1;
    for (const struct rt_node *link = node->binary.right; link; link = link->next) {
        if (rt_evaluate(render, link->binary.right, &right) || rt_value_apply(render, link->binary.op, &left, &right, out))
            return -1;
        if (!rt_value_true(out))
            return 0;
        left = right;
    }
    return 0;
}

static int evaluate_sign(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    const int negative = node->kind == RT_NODE_NEGATE;
    struct rt_value value;
    if (rt_evaluate(render, node->operand, &value))
        return -1;
    if (value.kind == RT_VALUE_UNDEFINED)
        return rt_value_undefined_fail(render, &value);
    if (!rt_value_is_number(&value))
        return rt_render_fail(render, "%s cannot have a sign", rt_value_type(&value));
    const struct rt_value factor = rt_value_integer(negative ? -1 : 1);
    return rt_value_apply(render, RT_OP_MULTIPLY, &value, &factor, out);
}

static int evaluate_condition(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value test;
    if (rt_evaluate(render, node->branch.test, &test))
        return -1;
    const struct rt_node *chosen = rt_value_true(&test) ? node->branch.body : node->branch.otherwise;
    *out = (struct rt_value){.kind = RT_VALUE_UNDEFINED, .text = rt_text_of("if without else")};
    return chosen ? rt_evaluate(render, chosen, out) : 0;
}

/* ---- lists, subscripts, calls ---- */

static int evaluate_list(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value *items;
    size_t count = 0;
    for (const struct rt_node *item = node->operand; item; item = item->next)
        count++;
    if (rt_render_take(render, count, sizeof *items, &items))
        return -1;
    *out = rt_value_list(items, count, node->kind == RT_NODE_TUPLE ? RT_LIST_TUPLE : RT_LIST_PLAIN);
    for (const struct rt_node *item = node->operand; item; item = item->next)
        if (rt_evaluate(render, item, items++))
            return -1;
    return 0;
}

static int evaluate_dict(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value key, value;
    *out = (struct rt_value){.kind = RT_VALUE_MAP};
    if (rt_render_take(render, 1, sizeof *out->map, &out->map))
        return -1;
    for (const struct rt_node *item = node->operand; item; item = item->next->next)
        if (rt_evaluate(render, item, &key) || rt_evaluate(render, item->next, &value) || rt_map_put(render, out->map, &key, &value))
            return -1;
    return 0;
}

static int evaluate_index(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value object, key;
    if (rt_evaluate(render, node->index.object, &object) || rt_evaluate(render, node->index.key, &key))
        return -1;
    return node->index.dotted ? rt_value_attribute(render, &object, key.text, out) : rt_value_index(render, &object, &key, out);
}

/* ---- calls ---- */

int rt_evaluate_arguments(struct rt_render *render, const struct rt_node *first, size_t spare, struct rt_argument **out, size_t *count)
{
    *count = 0;
    for (const struct rt_node *argument = first; argument; argument = argument->next)
        ++*count;
    if (rt_render_take(render, *count + spare, sizeof **out, out))
        return -1;
    struct rt_argument *next = *out;
    for (const struct rt_node *argument = first; argument; argument = argument->next, next++) {
        *next = (struct rt_argument){.keyword = argument->keyword, .given = 1};
        if (rt_evaluate(render, argument, &next->value))
            return -1;
    }
    return 0;
}

/* A filter or a test of self. */
static int evaluate_builtin(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    const struct rt_builtin *builtin = node->call.builtin;
    struct rt_argument *arguments;
    struct rt_value self;
    size_t count;
    if (rt_evaluate(render, node->call.self, &self) || rt_evaluate_arguments(render, node->call.arguments, 0, &arguments, &count))
        return -1;
    render->line = node->line;
    if (self.kind == RT_VALUE_UNDEFINED && node->kind == RT_NODE_FILTER && !builtin->undefined)
        return rt_value_undefined_fail(render, &self);
    return rt_builtin_run(render, builtin, &(struct rt_call){&self, arguments, count}, out);
}

static int evaluate_method(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_argument *arguments;
    struct rt_value self, function;
    size_t count;
    if (rt_evaluate(render, node->call.self, &self))
        return -1;
    const struct rt_builtin *method = rt_method_find(&self, node->call.name);
    if (!method && rt_value_attribute(render, &self, node->call.name, &function))
        return -1;
    if (rt_evaluate_arguments(render, node->call.arguments, 0, &arguments, &count))
        return -1;
    render->line = node->line;
    return method ? rt_builtin_run(render, method, &(struct rt_call){&self, arguments, count}, out)
                  : rt_function_call(render, &function, arguments, count, out);
}

static int evaluate_call(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_argument *arguments;
    struct rt_value function;
    size_t count;
    if (rt_evaluate(render, node->call.self, &function) || rt_evaluate_arguments(render, node->call.arguments, 0, &arguments, &count))
        return -1;
    render->line = node->line;
    return rt_function_call(render, &function, arguments, count, out);
}

static int evaluate_kind(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    switch (node->kind) {
    case RT_NODE_CONSTANT: *out = node->constant; return 0;
    case RT_NODE_NAME: return evaluate_name(render, node, out);
    case RT_NODE_DICT: return evaluate_dict(render, node, out);
    case RT_NODE_TUPLE:
    case RT_NODE_LIST: return evaluate_list(render, node, out);
    case RT_NODE_INDEX: return evaluate_index(render, node, out);
    case RT_NODE_SLICE: return rt_evaluate_slice(render, node, out);
    case RT_NODE_POSITIVE:
    case RT_NODE_NEGATE: return evaluate_sign(render, node, out);
    case RT_NODE_COMPARE: return evaluate_comparison(render, node, out);
    case RT_NODE_BINARY: return evaluate_binary(render, node, out);
    case RT_NODE_CONDITION: return evaluate_condition(render, node, out);
    case RT_NODE_FILTER:
    case RT_NODE_TEST: return evaluate_builtin(render, node, out);
    case RT_NODE_METHOD: return evaluate_method(render, node, out);
    case RT_NODE_CALL: return evaluate_call(render, node, out);
    case RT_NODE_BODY: *out = rt_value_text(render->body); return 0;
    case RT_NODE_NOT:
        if (rt_evaluate(render, node->operand, out))
            return -1;
        *out = rt_value_bool(!rt_value_true(out));
        return 0;
    default: return rt_render_fail(render, "a statement where an expression belongs");
    }
}

int rt_evaluate(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    if (rt_render_enter(render, node) || evaluate_kind(render, node, out))
        return -1;
    render->depth--;
    return 0;
}
