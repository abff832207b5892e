/* template_loop.c: {% for %}: its rounds, the variable `loop`, break and continue. */
#include "runtime/template_ast.h"

/* The value of `loop` in round `at` of a list. */
static int describe_round(struct rt_render *render, struct rt_list list, size_t at, struct rt_map *loop)
{
    static const struct rt_value nothing = {.kind = RT_VALUE_UNDEFINED, .text = {.bytes = "loop item", .count = 9}};
    const struct {
        const char *name;
        struct rt_value value;
    } entries[] = {
        {"index0", rt_value_integer((int64_t)at)},
        {"index", rt_value_integer((int64_t)at + 1)},
        {"revindex0", rt_value_integer((int64_t)(list.count - at - 1))},
        {"revindex", rt_value_integer((int64_t)(list.count - at))},
        {"first", rt_value_bool(at == 0)},
        {"last", rt_value_bool(at + 1 == list.count)},
        {"length", rt_value_integer((int64_t)list.count)},
        {"depth", rt_value_integer(1)},
        {"depth0", rt_value_integer(0)},
        {"previtem", at ? list.items[at - 1] : nothing},
        {"nextitem", at + 1 < list.count ? list.items[at + 1] : nothing},
    };
    loop->at = at;
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        if (rt_map_set(render, loop, rt_text_of(entries[i].name), &entries[i].value))
            return -1;
    return 0;
}

static int assign_within(struct rt_render *render, const struct rt_node *target, const struct rt_value *item, struct rt_scope *scope)
{
    struct rt_scope *outside = render->scope;
    render->scope = scope;
    const int status = rt_render_assign(render, target, item);
    render->scope = outside;
    return status;
}

/* Each round has its own variables: what it sets is gone after it. */
static int run_round(struct rt_render *render, const struct rt_node *node, const struct rt_value *item, struct rt_map *loop)
{
    const struct rt_value loop_value = {.kind = RT_VALUE_MAP, .map = loop};
    struct rt_scope *scope;
    if (rt_scope_open(render, render->scope, &scope) || assign_within(render, node->loop.target, item, scope) ||
        rt_map_set(render, &scope->variables, rt_text_of("loop"), &loop_value))
        return -1;
    return rt_render_scoped(render, node->loop.body, scope);
}

static int test_item(struct rt_render *render, const struct rt_node *node, const struct rt_value *item, int *keep)
{
    struct rt_scope *outside = render->scope, *scope;
    struct rt_value test = {.kind = RT_VALUE_NONE};
    if (rt_scope_open(render, outside, &scope) || assign_within(render, node->loop.target, item, scope))
        return -1;
    render->scope = scope;
    const int status = rt_evaluate(render, node->loop.test, &test);
    render->scope = outside;
    *keep = rt_value_true(&test);
    return status;
}

/* `for … if …`: the loop counts only the items that pass. */
static int keep_tested(struct rt_render *render, const struct rt_node *node, struct rt_list *list)
{
    struct rt_value *kept;
    size_t count = 0;
    if (rt_render_take(render, list->count, sizeof *kept, &kept))
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        int keep;
        if (test_item(render, node, &list->items[i], &keep))
            return -1;
        if (keep)
            kept[count++] = list->items[i];
    }
    *list = (struct rt_list){kept, count, RT_LIST_PLAIN, NULL};
    return 0;
}

/* As Jinja has it, `else` is also for a loop none of whose rounds came to its end. */
static int run_rounds(struct rt_render *render, const struct rt_node *node, struct rt_list list, int *completed)
{
    struct rt_map *loop;
    if (rt_render_take(render, 1, sizeof *loop, &loop))
        return -1;
    loop->kind = RT_MAP_LOOP;
    for (size_t i = 0; i < list.count; i++) {
        if (describe_round(render, list, i, loop) || run_round(render, node, &list.items[i], loop))
            return -1;
        const enum rt_jump jump = render->jump;
        render->jump = RT_JUMP_NONE;
        *completed |= jump == RT_JUMP_NONE;
        if (jump == RT_JUMP_BREAK)
            break;
    }
    return 0;
}

int rt_render_for(struct rt_render *render, const struct rt_node *node)
{
    struct rt_value value;
    struct rt_list list;
    struct rt_scope *scope;
    int completed = 0;
    if (rt_evaluate(render, node->loop.list, &value) || rt_value_iterate(render, &value, &list) ||
        (node->loop.test && keep_tested(render, node, &list)) || run_rounds(render, node, list, &completed))
        return -1;
    if (completed || !node->loop.otherwise)
        return 0;
    return rt_scope_open(render, render->scope, &scope) ? -1 : rt_render_scoped(render, node->loop.otherwise, scope);
}
