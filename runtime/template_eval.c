/* template_eval.c: expressions → values. */
#include "runtime/template_ast.h"

/* ---- variables ---- */

const struct rt_value *rt_find_variable(struct rt_render *render, struct rt_text name)
{
    for (const struct rt_scope *scope = render->scope; scope; scope = scope->outer) {
        const struct rt_value *found = rt_map_find(&scope->variables, name);
        if (found)
            return found;
        rt_render_count(render, 0);
    }
    return NULL;
}

static void evaluate_name(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    const struct rt_value *found = rt_find_variable(render, node->name);
    *out = found ? *found : (struct rt_value){.kind = RT_VALUE_UNDEFINED, .text = node->name};
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

static int evaluate_negative(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value value;
    if (rt_evaluate(render, node->operand, &value))
        return -1;
    if (!rt_value_is_number(&value))
        return rt_render_fail(render, "%s cannot be negative", rt_value_type(&value));
    return rt_value_apply(render, RT_OP_SUBTRACT, &(struct rt_value){.kind = RT_VALUE_INTEGER}, &value, out);
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
    if (rt_render_take(render, count * sizeof *items, &items))
        return -1;
    *out = (struct rt_value){.kind = RT_VALUE_LIST, .list = {items, count}};
    for (const struct rt_node *item = node->operand; item; item = item->next)
        if (rt_evaluate(render, item, items++))
            return -1;
    return 0;
}

static int evaluate_index(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value object, key;
    if (rt_evaluate(render, node->index.object, &object) || rt_evaluate(render, node->index.key, &key))
        return -1;
    return rt_value_index(render, &object, &key, out);
}

/* A bound of a slice: what is written, counted from the end if negative and cut to lowest … highest, or `otherwise`. */
static int evaluate_bound(struct rt_render *render, const struct rt_node *node, int64_t length, int64_t otherwise, int backwards,
                          int64_t *out)
{
    const int64_t lowest = backwards ? -1 : 0, highest = backwards ? length - 1 : length;
    struct rt_value value = {.kind = RT_VALUE_NONE};
    *out = otherwise;
    if (node && rt_evaluate(render, node, &value))
        return -1;
    if (value.kind == RT_VALUE_NONE)
        return 0;
    if (!rt_value_is_number(&value))
        return rt_render_fail(render, "%s cannot bound a slice", rt_value_type(&value));
    *out = value.integer < 0 ? value.integer + length : value.integer;
    *out = *out < lowest ? lowest : *out > highest ? highest : *out;
    return 0;
}

static int evaluate_step(struct rt_render *render, const struct rt_node *node, int64_t *out)
{
    struct rt_value value = {.kind = RT_VALUE_INTEGER, .integer = 1};
    if (node && rt_evaluate(render, node, &value))
        return -1;
    if (value.kind != RT_VALUE_INTEGER || !value.integer || value.integer > INT32_MAX || value.integer < -INT32_MAX)
        return rt_render_fail(render, "%s cannot be the step of a slice", rt_value_type(&value));
    *out = value.integer;
    return 0;
}

static int slice_list(struct rt_render *render, struct rt_list list, int64_t from, int64_t to, int64_t step, struct rt_value *out)
{
    struct rt_value *items;
    size_t count = 0;
    rt_render_count(render, list.count * sizeof *items);
    if (rt_render_take(render, list.count * sizeof *items, &items))
        return -1;
    for (int64_t i = from; step > 0 ? i < to : i > to; i += step)
        items[count++] = list.items[i];
    *out = (struct rt_value){.kind = RT_VALUE_LIST, .list = {items, count}};
    return 0;
}

static int slice_text(struct rt_render *render, struct rt_text text, int64_t from, int64_t to, int64_t step, struct rt_value *out)
{
    if (step != 1)
        return rt_render_fail(render, "slicing text with a step is not there yet");
    rt_render_count(render, text.count);
    const size_t begin = rt_text_offset(text, (size_t)from), end = rt_text_offset(text, (size_t)(to > from ? to : from));
    *out = rt_value_text(rt_text_part(text, begin, end));
    return 0;
}

static int evaluate_slice(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value object;
    int64_t step, from, to;
    if (rt_evaluate(render, node->slice.object, &object))
        return -1;
    if (object.kind != RT_VALUE_TEXT && object.kind != RT_VALUE_LIST)
        return rt_render_fail(render, "%s cannot be sliced", rt_value_type(&object));
    const int is_text = object.kind == RT_VALUE_TEXT;
    const int64_t length = (int64_t)(is_text ? rt_text_length(object.text) : object.list.count);
    if (evaluate_step(render, node->slice.step, &step))
        return -1;
    const int backwards = step < 0;
    if (evaluate_bound(render, node->slice.from, length, backwards ? length - 1 : 0, backwards, &from) ||
        evaluate_bound(render, node->slice.to, length, backwards ? -1 : length, backwards, &to))
        return -1;
    return is_text ? slice_text(render, object.text, from, to, step, out) : slice_list(render, object.list, from, to, step, out);
}

static int evaluate_call(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    const struct rt_builtin *builtin = node->call.builtin;
    struct rt_argument arguments[RT_TEMPLATE_ARGUMENTS_MAX] = {0};
    struct rt_value self = {.kind = RT_VALUE_NONE};
    size_t count = 0;
    if (node->call.self && rt_evaluate(render, node->call.self, &self))
        return -1;
    for (const struct rt_node *argument = node->call.arguments; argument; argument = argument->next, count++) {
        arguments[count].keyword = argument->keyword;
        if (rt_evaluate(render, argument, &arguments[count].value))
            return -1;
    }
    render->line = node->line;
    if (self.kind == RT_VALUE_UNDEFINED && !builtin->undefined)
        return rt_value_index(render, &self, &self, out);
    if (builtin->run)
        return builtin->run(render, &(struct rt_call){&self, arguments, count}, out);
    *out = rt_value_bool(builtin->kinds >> self.kind & 1);
    return 0;
}

static int evaluate_kind(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    switch (node->kind) {
    case RT_NODE_CONSTANT: *out = node->constant; return 0;
    case RT_NODE_NAME: evaluate_name(render, node, out); return 0;
    case RT_NODE_LIST: return evaluate_list(render, node, out);
    case RT_NODE_INDEX: return evaluate_index(render, node, out);
    case RT_NODE_SLICE: return evaluate_slice(render, node, out);
    case RT_NODE_NEGATE: return evaluate_negative(render, node, out);
    case RT_NODE_BINARY: return evaluate_binary(render, node, out);
    case RT_NODE_CONDITION: return evaluate_condition(render, node, out);
    case RT_NODE_CALL: return evaluate_call(render, node, out);
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
