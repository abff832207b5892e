/* template_run.c: statements → output. Every statement and expression counts against the limits, so no template and no message can make
 * rendering run long or deep. */
#include "runtime/template_ast.h"

#include <stdlib.h>
#include <string.h>

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

int rt_render_enter(struct rt_render *render, const struct rt_node *node)
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

/* ---- statements ---- */

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

static int set_item(struct rt_render *render, const struct rt_node *node, const struct rt_value *item, struct rt_map *variables)
{
    if (!node->loop.second.count)
        return rt_map_set(render, variables, node->loop.name, item);
    if (item->kind != RT_VALUE_LIST || item->list.count != 2)
        return rt_render_fail(render, "the loop's items are not pairs");
    if (rt_map_set(render, variables, node->loop.name, &item->list.items[0]))
        return -1;
    return rt_map_set(render, variables, node->loop.second, &item->list.items[1]);
}

/* Each round has its own variables: what it sets is gone after it. */
static int run_round(struct rt_render *render, const struct rt_node *node, const struct rt_value *item, struct rt_map *loop,
                     const struct rt_node *body)
{
    struct rt_scope scope = {.outer = render->scope};
    const struct rt_value loop_value = {.kind = RT_VALUE_MAP, .map = loop};
    if (set_item(render, node, item, &scope.variables) || rt_map_set(render, &scope.variables, rt_text_of("loop"), &loop_value))
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
    if (set_item(render, node, item, &scope.variables))
        return -1;
    render->scope = &scope;
    const int status = rt_evaluate(render, node->loop.test, &test);
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
    if (rt_evaluate(render, node->loop.list, &value))
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
    if (rt_evaluate(render, node->set.value, &value))
        return -1;
    if (!node->set.attribute.count)
        return rt_map_set(render, &render->scope->variables, node->set.name, &value);
    const struct rt_value *object = rt_find_variable(render, node->set.name);
    if (!object || object->kind != RT_VALUE_MAP || !object->map->is_namespace)
        return rt_render_fail(render, "\"%.*s\" is not a namespace", (int)node->set.name.count, node->set.name.bytes);
    return rt_map_set(render, object->map, node->set.attribute, &value);
}

static int run_output(struct rt_render *render, const struct rt_node *node)
{
    struct rt_value value;
    struct rt_text text;
    if (rt_evaluate(render, node->operand, &value) || rt_value_print(render, &value, &text))
        return -1;
    return put(render, text);
}

int rt_render_statements(struct rt_render *render, const struct rt_node *node)
{
    for (; node; node = node->next) {
        int status;
        if (rt_render_enter(render, node))
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
