/* template_eval.c: the tree → output. Every expression counts against the limits, so no template and no message can make it run long
 * or deep. */
#include "runtime/template_ast.h"

#include <stdlib.h>
#include <string.h>

static int evaluate(struct rt_render *render, const struct rt_node *node, struct rt_value *out);

/* ---- limits ---- */

void rt_render_count(struct rt_render *render, size_t bytes)
{
    render->steps += 1 + bytes / RT_TEMPLATE_STEP_BYTES;
}

int rt_render_take(struct rt_render *render, size_t bytes, void *pointer_address)
{
    void *memory = rt_arena_take(&render->arena, bytes);
    if (!memory)
        return rt_template_fail(render->error, RT_EXIT_RESOURCES, render->line, "rendering takes too much memory");
    memcpy(pointer_address, &memory, sizeof memory);
    return 0;
}

static int enter(struct rt_render *render, const struct rt_node *node)
{
    render->line = node->line;
    rt_render_count(render, 0);
    if (render->steps > RT_TEMPLATE_STEPS_MAX)
        return rt_render_fail(render, "rendering takes too many steps");
    if (++render->depth > RT_TEMPLATE_EVAL_MAX)
        return rt_render_fail(render, "an expression is nested too deep");
    return 0;
}

/* ---- output ---- */

static int make_room(struct rt_render *render, size_t more)
{
    if (more > RT_TEMPLATE_OUTPUT_MAX - render->bytes)
        return rt_template_fail(render->error, RT_EXIT_RESOURCES, render->line, "the rendered text is longer than %d MiB",
                                RT_TEMPLATE_OUTPUT_MAX >> 20);
    if (render->bytes + more < render->room)
        return 0;
    const size_t room = 2 * (render->bytes + more) + 256;
    char *text = realloc(render->text, room);
    if (text)
        render->text = text;
    uint8_t *foreign = text ? realloc(render->foreign, room) : NULL;
    if (!foreign)
        return rt_template_fail(render->error, RT_EXIT_RESOURCES, render->line, "no memory");
    render->foreign = foreign;
    render->room = room;
    return 0;
}

static int put(struct rt_render *render, struct rt_text text)
{
    rt_render_count(render, text.count);
    if (make_room(render, text.count))
        return -1;
    if (text.count)
        memcpy(render->text + render->bytes, text.bytes, text.count);
    if (text.foreign)
        memcpy(render->foreign + render->bytes, text.foreign, text.count);
    else
        memset(render->foreign + render->bytes, 0, text.count);
    render->bytes += text.count;
    render->text[render->bytes] = 0;
    return 0;
}

/* ---- variables ---- */

static const struct rt_value *find_variable(struct rt_render *render, struct rt_text name)
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
    const struct rt_value *found = find_variable(render, node->name);
    *out = found ? *found : (struct rt_value){.kind = RT_VALUE_UNDEFINED, .text = node->name};
}

/* ---- operators ---- */

static int wrong_types(struct rt_render *render, const char *what, const struct rt_value *a, const struct rt_value *b)
{
    return rt_render_fail(render, "%s and %s cannot be %s", rt_value_type(a), rt_value_type(b), what);
}

static int order(struct rt_render *render, enum rt_operator operator, const struct rt_value *a, const struct rt_value *b, struct rt_value *out)
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
    *out = rt_value_bool(operator == RT_OP_LESS           ? sign < 0
                         : operator == RT_OP_LESS_EQUAL ? sign <= 0
                         : operator == RT_OP_GREATER    ? sign > 0
                                                        : sign >= 0);
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

static int calculate(struct rt_render *render, enum rt_operator operator, int64_t a, int64_t b, struct rt_value *out)
{
    int64_t quotient = 0, remainder = 0, result;
    int overflow = 0;
    *out = (struct rt_value){.kind = RT_VALUE_INTEGER};
    switch (operator) {
    case RT_OP_ADD: overflow = __builtin_add_overflow(a, b, &result); break;
    case RT_OP_SUBTRACT: overflow = __builtin_sub_overflow(a, b, &result); break;
    case RT_OP_MULTIPLY: overflow = __builtin_mul_overflow(a, b, &result); break;
    default:
        if (divide(render, a, b, &quotient, &remainder))
            return -1;
        result = operator == RT_OP_REMAINDER ? remainder : quotient;
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

static int arithmetic(struct rt_render *render, enum rt_operator operator, const struct rt_value *a, const struct rt_value *b,
                      struct rt_value *out)
{
    const struct rt_value *missing = a->kind == RT_VALUE_UNDEFINED ? a : b->kind == RT_VALUE_UNDEFINED ? b : NULL;
    if (missing)
        return rt_value_index(render, missing, missing, out);
    if (rt_value_is_number(a) && rt_value_is_number(b))
        return calculate(render, operator, a->integer, b->integer, out);
    if (operator == RT_OP_ADD && a->kind == RT_VALUE_TEXT && b->kind == RT_VALUE_TEXT)
        return rt_text_join(render, (struct rt_text[]){a->text, b->text}, 2, out);
    if (operator == RT_OP_ADD && a->kind == RT_VALUE_LIST && b->kind == RT_VALUE_LIST)
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

static int apply(struct rt_render *render, enum rt_operator operator, const struct rt_value *a, const struct rt_value *b, struct rt_value *out)
{
    int found;
    switch (operator) {
    case RT_OP_EQUAL:
    case RT_OP_UNEQUAL: *out = rt_value_bool(rt_value_equal(render, a, b) == (operator == RT_OP_EQUAL)); return 0;
    case RT_OP_LESS:
    case RT_OP_LESS_EQUAL:
    case RT_OP_GREATER:
    case RT_OP_GREATER_EQUAL: return order(render, operator, a, b, out);
    case RT_OP_IN:
    case RT_OP_NOT_IN:
        if (rt_value_contains(render, b, a, &found))
            return -1;
        *out = rt_value_bool(found == (operator == RT_OP_IN));
        return 0;
    case RT_OP_JOIN: return join_printed(render, a, b, out);
    default: return arithmetic(render, operator, a, b, out);
    }
}

static int evaluate_binary(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    const enum rt_operator operator = node->binary.operator;
    struct rt_value left, right;
    if (evaluate(render, node->binary.left, &left))
        return -1;
    if ((operator == RT_OP_OR && rt_value_true(&left)) || (operator == RT_OP_AND && !rt_value_true(&left))) {
        *out = left;
        return 0;
    }
    if (evaluate(render, node->binary.right, &right))
        return -1;
    if (operator == RT_OP_OR || operator == RT_OP_AND) {
        *out = right;
        return 0;
    }
    return apply(render, operator, &left, &right, out);
}

static int evaluate_negative(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value value;
    if (evaluate(render, node->operand, &value))
        return -1;
    if (!rt_value_is_number(&value))
        return rt_render_fail(render, "%s cannot be negative", rt_value_type(&value));
    return calculate(render, RT_OP_SUBTRACT, 0, value.integer, out);
}

static int evaluate_condition(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value test;
    if (evaluate(render, node->branch.test, &test))
        return -1;
    const struct rt_node *chosen = rt_value_true(&test) ? node->branch.body : node->branch.otherwise;
    *out = (struct rt_value){.kind = RT_VALUE_UNDEFINED, .text = rt_text_of("if without else")};
    return chosen ? evaluate(render, chosen, out) : 0;
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
        if (evaluate(render, item, items++))
            return -1;
    return 0;
}

static int evaluate_index(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value object, key;
    if (evaluate(render, node->index.object, &object) || evaluate(render, node->index.key, &key))
        return -1;
    return rt_value_index(render, &object, &key, out);
}

/* A bound of a slice: what is written, counted from the end if negative and cut to lowest … highest, or `otherwise`. */
static int evaluate_bound(struct rt_render *render, const struct rt_node *node, int64_t length, int64_t otherwise, int backwards, int64_t *out)
{
    const int64_t lowest = backwards ? -1 : 0, highest = backwards ? length - 1 : length;
    struct rt_value value = {.kind = RT_VALUE_NONE};
    *out = otherwise;
    if (node && evaluate(render, node, &value))
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
    if (node && evaluate(render, node, &value))
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
    if (evaluate(render, node->slice.object, &object))
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
    if (node->call.self && evaluate(render, node->call.self, &self))
        return -1;
    for (const struct rt_node *argument = node->call.arguments; argument; argument = argument->next, count++) {
        arguments[count].keyword = argument->keyword;
        if (evaluate(render, argument, &arguments[count].value))
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
        if (evaluate(render, node->operand, out))
            return -1;
        *out = rt_value_bool(!rt_value_true(out));
        return 0;
    default: return rt_render_fail(render, "a statement where an expression belongs");
    }
}

static int evaluate(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    if (enter(render, node) || evaluate_kind(render, node, out))
        return -1;
    render->depth--;
    return 0;
}

/* ---- statements ---- */

static int run_if(struct rt_render *render, const struct rt_node *branch)
{
    for (; branch; branch = branch->branch.otherwise) {
        struct rt_value test = {.kind = RT_VALUE_BOOL, .integer = 1};
        if (branch->branch.test && evaluate(render, branch->branch.test, &test))
            return -1;
        if (rt_value_true(&test))
            return rt_render_statements(render, branch->branch.body);
    }
    return 0;
}

/* The value of `loop` in round `at` of a list. */
static int describe_round(struct rt_render *render, struct rt_list list, size_t at, struct rt_map *loop)
{
    static const struct rt_value nothing = {.kind = RT_VALUE_UNDEFINED, .text = {.bytes = "loop item", .count = 9}};
    const struct {
        const char *name;
        struct rt_value value;
    } entries[] = {
        {"index0", {.kind = RT_VALUE_INTEGER, .integer = (int64_t)at}},
        {"index", {.kind = RT_VALUE_INTEGER, .integer = (int64_t)at + 1}},
        {"revindex0", {.kind = RT_VALUE_INTEGER, .integer = (int64_t)(list.count - at - 1)}},
        {"revindex", {.kind = RT_VALUE_INTEGER, .integer = (int64_t)(list.count - at)}},
        {"first", rt_value_bool(at == 0)},
        {"last", rt_value_bool(at + 1 == list.count)},
        {"length", {.kind = RT_VALUE_INTEGER, .integer = (int64_t)list.count}},
        {"previtem", at ? list.items[at - 1] : nothing},
        {"nextitem", at + 1 < list.count ? list.items[at + 1] : nothing},
    };
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        if (rt_map_set(render, loop, rt_text_of(entries[i].name), &entries[i].value))
            return -1;
    return 0;
}

/* Each round has its own variables: what it sets is gone after it. */
static int run_round(struct rt_render *render, const struct rt_node *node, const struct rt_value *item, struct rt_map *loop,
                     const struct rt_node *body)
{
    struct rt_scope scope = {.outer = render->scope};
    const struct rt_value loop_value = {.kind = RT_VALUE_MAP, .map = loop};
    if (rt_map_set(render, &scope.variables, node->loop.name, item) || rt_map_set(render, &scope.variables, rt_text_of("loop"), &loop_value))
        return -1;
    render->scope = &scope;
    const int status = rt_render_statements(render, body);
    render->scope = scope.outer;
    return status;
}

static int test_item(struct rt_render *render, const struct rt_node *node, const struct rt_value *item, int *keep)
{
    struct rt_scope scope = {.outer = render->scope};
    struct rt_value test = {.kind = RT_VALUE_NONE};
    if (rt_map_set(render, &scope.variables, node->loop.name, item))
        return -1;
    render->scope = &scope;
    const int status = evaluate(render, node->loop.test, &test);
    render->scope = scope.outer;
    *keep = rt_value_true(&test);
    return status;
}

/* `for … if …`: the loop counts only the items that pass. */
static int keep_tested(struct rt_render *render, const struct rt_node *node, struct rt_list *list)
{
    struct rt_value *kept;
    size_t count = 0;
    if (rt_render_take(render, list->count * sizeof *kept, &kept))
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        int keep;
        if (test_item(render, node, &list->items[i], &keep))
            return -1;
        if (keep)
            kept[count++] = list->items[i];
    }
    *list = (struct rt_list){kept, count};
    return 0;
}

static int run_for(struct rt_render *render, const struct rt_node *node)
{
    struct rt_value value;
    struct rt_map *loop;
    if (evaluate(render, node->loop.list, &value))
        return -1;
    if (value.kind != RT_VALUE_LIST && value.kind != RT_VALUE_UNDEFINED)
        return rt_render_fail(render, "a loop over %s is not there yet", rt_value_type(&value));
    struct rt_list list = value.kind == RT_VALUE_LIST ? value.list : (struct rt_list){0};
    if ((node->loop.test && keep_tested(render, node, &list)) || rt_render_take(render, sizeof *loop, &loop))
        return -1;
    for (size_t i = 0; i < list.count; i++)
        if (describe_round(render, list, i, loop) || run_round(render, node, &list.items[i], loop, node->loop.body))
            return -1;
    return list.count ? 0 : rt_render_statements(render, node->loop.otherwise);
}

static int run_set(struct rt_render *render, const struct rt_node *node)
{
    struct rt_value value;
    if (evaluate(render, node->set.value, &value))
        return -1;
    if (!node->set.attribute.count)
        return rt_map_set(render, &render->scope->variables, node->set.name, &value);
    const struct rt_value *object = find_variable(render, node->set.name);
    if (!object || object->kind != RT_VALUE_MAP || !object->map->is_namespace)
        return rt_render_fail(render, "\"%.*s\" is not a namespace", (int)node->set.name.count, node->set.name.bytes);
    return rt_map_set(render, object->map, node->set.attribute, &value);
}

static int run_output(struct rt_render *render, const struct rt_node *node)
{
    struct rt_value value;
    struct rt_text text;
    if (evaluate(render, node->operand, &value) || rt_value_print(render, &value, &text))
        return -1;
    return put(render, text);
}

int rt_render_statements(struct rt_render *render, const struct rt_node *node)
{
    for (; node; node = node->next) {
        int status;
        if (enter(render, node))
            return -1;
        switch (node->kind) {
        case RT_NODE_TEXT: status = put(render, node->constant.text); break;
        case RT_NODE_OUTPUT: status = run_output(render, node); break;
        case RT_NODE_IF: status = run_if(render, node); break;
        case RT_NODE_FOR: status = run_for(render, node); break;
        default: status = run_set(render, node); break;
        }
        if (status)
            return -1;
        render->depth--;
    }
    return 0;
}
