/* grammar_lower.c: checked rules to the graph over bytes that a constraint walks. What cannot match is left out, so that every way through the
 * graph comes to an end. Lowering is of one thread; a grammar is read-only. */
#include <stdlib.h>
#include <string.h>

#include "runtime/grammar_parts.h"
#include "runtime/scope.h"

enum { SETS_MAX = 1 << 14, SET_SLOTS = 1 << 15, NODE_SLOTS = 1 << 19, POP = 0 };

static uint32_t lower(struct rt_lowering *lowering, uint32_t index, uint32_t next);

/* --- nodes --- */

static uint32_t add_node(struct rt_lowering *lowering, struct rt_node node)
{
    struct rt_grammar *grammar = lowering->grammar;
    struct rt_node *nodes = rt_build_grow(lowering->build, grammar->nodes, &grammar->node_room, grammar->node_count + 1, sizeof *nodes,
                                          RT_NODES_MAX, "steps");
    if (!nodes)
        return POP;
    grammar->nodes = nodes;
    nodes[grammar->node_count] = node;
    return (uint32_t)grammar->node_count++;
}

static uint32_t add_edges(struct rt_lowering *lowering, uint32_t count)
{
    struct rt_grammar *grammar = lowering->grammar;
    uint32_t *edges = rt_build_grow(lowering->build, grammar->edges, &grammar->edge_room, grammar->edge_count + count + 1, sizeof *edges,
                                    RT_NODES_MAX, "alternatives");
    if (!edges)
        return 0;
    grammar->edges = edges;
    memset(edges + grammar->edge_count, 0, count * sizeof *edges);
    grammar->edge_count += count;
    return (uint32_t)(grammar->edge_count - count);
}

uint32_t rt_lower_alt(struct rt_lowering *lowering, const uint32_t *nodes, uint32_t count)
{
    const uint32_t at = add_edges(lowering, count);
    if (lowering->build->failed)
        return POP;
    if (count)
        memcpy(lowering->grammar->edges + at, nodes, count * sizeof *nodes);
    return add_node(lowering, (struct rt_node){.kind = RT_NODE_ALT, .a = at, .b = count});
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint32_t find_set(struct rt_lowering *lowering, const uint64_t set[4])
{
    struct rt_grammar *grammar = lowering->grammar;
    size_t slot = mix(mix(mix(mix(1, set[0]), set[1]), set[2]), set[3]) % SET_SLOTS;
    for (; lowering->set_slots[slot]; slot = (slot + 1) % SET_SLOTS)
        if (!memcmp(grammar->sets[lowering->set_slots[slot] - 1], set, sizeof *grammar->sets))
            return lowering->set_slots[slot] - 1;
    uint64_t(*sets)[4] = rt_build_grow(lowering->build, grammar->sets, &grammar->set_room, grammar->set_count + 1, sizeof *sets, SETS_MAX,
                                       "different character classes");
    if (!sets)
        return 0;
    grammar->sets = sets;
    memcpy(sets[grammar->set_count], set, sizeof *sets);
    lowering->set_slots[slot] = (uint32_t)++grammar->set_count;
    return (uint32_t)grammar->set_count - 1;
}

uint32_t rt_lower_set(struct rt_lowering *lowering, const uint64_t set[4], uint32_t next, enum rt_plain plain, uint32_t after)
{
    const uint32_t index = find_set(lowering, set);
    size_t slot = mix(mix(2, index), (uint64_t)next << 2 | plain) % NODE_SLOTS;
    for (; lowering->node_slots[slot]; slot = (slot + 1) % NODE_SLOTS) {
        const struct rt_node *node = &lowering->grammar->nodes[lowering->node_slots[slot] - 1];
        if (node->a == index && node->b == next && node->plain == plain)
            return lowering->node_slots[slot] - 1;
    }
    const uint32_t node = add_node(lowering,
                                   (struct rt_node){.kind = RT_NODE_SET, .plain = (uint8_t)plain, .a = index, .b = next, .c = after});
    if (!lowering->build->failed)
        lowering->node_slots[slot] = node + 1;
    return node;
}

/* --- expressions --- */

static uint32_t lower_bytes(struct rt_lowering *lowering, const struct rt_expr *expr, uint32_t next)
{
    for (uint32_t i = expr->last; i > 0 && !lowering->build->failed; i--) {
        const uint8_t byte = (uint8_t)lowering->build->bytes[expr->first + i - 1];
        uint64_t set[4] = {0};
        set[byte >> 6] = 1ull << (byte & 63);
        next = rt_lower_set(lowering, set, next, RT_PLAIN_NONE, 0);
    }
    return next;
}

static int matches_nothing(const struct rt_lowering *lowering, uint32_t expr)
{
    return rt_expr_shortest(lowering->build, expr) == RT_NO_LIMIT;
}

static uint32_t lower_alt(struct rt_lowering *lowering, const struct rt_expr *expr, uint32_t next)
{
    struct rt_build *build = lowering->build;
    uint32_t count = 0;
    for (uint32_t child = expr->first; child; child = build->exprs[child].next)
        count += !matches_nothing(lowering, child);
    if (count > RT_ALTERNATIVES_MAX)
        rt_build_fail(build, "more than %d alternatives at one place; put together those that begin alike", RT_ALTERNATIVES_MAX);
    uint32_t at = add_edges(lowering, count), only = POP;
    const uint32_t first = at;
    for (uint32_t child = expr->first; child && !build->failed; child = build->exprs[child].next) {
        if (matches_nothing(lowering, child))
            continue;
        only = lower(lowering, child, next);
        lowering->grammar->edges[at++] = only;
    }
    return count == 1 ? only : add_node(lowering, (struct rt_node){.kind = RT_NODE_ALT, .a = first, .b = count});
}

/* Without counting: a way back. */
static uint32_t lower_loop(struct rt_lowering *lowering, const struct rt_expr *expr, uint32_t next)
{
    const uint32_t edges = add_edges(lowering, 2);
    const uint32_t loop = add_node(lowering, (struct rt_node){.kind = RT_NODE_ALT, .a = edges, .b = 2});
    const uint32_t body = lower(lowering, expr->first, loop);
    if (lowering->build->failed)
        return POP;
    lowering->grammar->edges[edges] = body;
    lowering->grammar->edges[edges + 1] = next;
    return expr->min ? body : loop;
}

static uint32_t lower_counted(struct rt_lowering *lowering, const struct rt_expr *expr, uint32_t next)
{
    struct rt_grammar *grammar = lowering->grammar;
    const int empty = !rt_expr_shortest(lowering->build, expr->first);
    if (empty && expr->max != RT_NO_LIMIT && expr->max > RT_EMPTY_TIMES)
        rt_build_fail(lowering->build, "a repetition of up to %u times of what may be empty; take the empty case out of it", expr->max);
    struct rt_counts *counts = rt_build_grow(lowering->build, grammar->counts, &grammar->count_room, grammar->count_count + 1,
                                             sizeof *counts, RT_NODES_MAX, "repetitions");
    if (!counts)
        return POP;
    grammar->counts = counts;
    counts[grammar->count_count] = (struct rt_counts){empty ? 0 : expr->min, expr->max};
    const uint32_t count = (uint32_t)grammar->count_count++;
    const uint32_t body = lower(lowering, expr->first, POP);
    return add_node(lowering, (struct rt_node){.kind = RT_NODE_REPEAT, .a = body, .b = next, .c = count});
}

static uint32_t lower_repeat(struct rt_lowering *lowering, const struct rt_expr *expr, uint32_t next)
{
    if (!expr->max || matches_nothing(lowering, expr->first))
        return next;
    if (expr->max == 1 && expr->min == 1)
        return lower(lowering, expr->first, next);
    if (expr->max == 1)
        return rt_lower_alt(lowering, (const uint32_t[]){lower(lowering, expr->first, next), next}, 2);
    return expr->max == RT_NO_LIMIT && expr->min <= 1 ? lower_loop(lowering, expr, next) : lower_counted(lowering, expr, next);
}

static uint32_t lower_call(struct rt_lowering *lowering, uint32_t rule, uint32_t next)
{
    if (lowering->entries[rule] == RT_NO_LIMIT) {
        lowering->entries[rule] = POP; /* until its turn comes */
        lowering->queue[lowering->queued++] = rule;
    }
    return add_node(lowering, (struct rt_node){.kind = RT_NODE_CALL, .a = rule, .b = next});
}

static uint32_t lower(struct rt_lowering *lowering, uint32_t index, uint32_t next)
{
    const struct rt_build *build = lowering->build;
    const struct rt_expr *expr = &build->exprs[index];
    if (build->failed)
        return POP;
    switch (expr->kind) {
    case RT_EXPR_BYTES: return lower_bytes(lowering, expr, next);
    case RT_EXPR_CHARS: return rt_lower_chars(lowering, build->ranges + expr->first, expr->last, next);
    case RT_EXPR_ALT: return lower_alt(lowering, expr, next);
    case RT_EXPR_REPEAT: return lower_repeat(lowering, expr, next);
    case RT_EXPR_RULE: return lower_call(lowering, expr->first, next);
    case RT_EXPR_SEQ:
        for (uint32_t child = expr->last; child; child = build->exprs[child].before)
            next = lower(lowering, child, next);
    }
    return next;
}

/* --- the whole --- */

static void lower_rules(struct rt_lowering *lowering, uint32_t root)
{
    struct rt_grammar *grammar = lowering->grammar;
    add_node(lowering, (struct rt_node){.kind = RT_NODE_POP});
    lowering->queue[lowering->queued++] = root;
    for (uint32_t i = 0; i < lowering->queued && !lowering->build->failed; i++) {
        const uint32_t rule = lowering->queue[i];
        lowering->starts[i] = (uint32_t)grammar->node_count;
        lowering->entries[rule] = lower(lowering, lowering->build->rules[rule].expr, POP);
        lowering->starts[i + 1] = (uint32_t)grammar->node_count;
    }
    if (lowering->build->failed)
        return;
    for (size_t i = 0; i < grammar->node_count; i++)
        if (grammar->nodes[i].kind == RT_NODE_CALL)
            grammar->nodes[i].a = lowering->entries[grammar->nodes[i].a];
    grammar->root = lowering->entries[root];
    rt_lower_measure(lowering);
}

int rt_grammar_make(struct rt_grammar **out, struct rt_build *build, uint32_t root, int strict)
{
    RT_CLEAN(rt_grammar_close) struct rt_grammar *grammar = NULL;
    RT_FREE uint32_t *memory = NULL;
    *out = NULL;
    if (rt_build_check(build, root, strict))
        return -1;
    grammar = calloc(1, sizeof *grammar);
    memory = calloc(SET_SLOTS + NODE_SLOTS + 3 * build->rule_count + 1, sizeof *memory);
    if (!grammar || !memory)
        return rt_fail(build->error, RT_EXIT_RESOURCES, "no memory for a grammar");
    struct rt_lowering lowering = {.build = build, .grammar = grammar, .set_slots = memory, .node_slots = memory + SET_SLOTS};
    lowering.queue = lowering.node_slots + NODE_SLOTS;
    lowering.entries = lowering.queue + build->rule_count;
    lowering.starts = lowering.entries + build->rule_count;
    memset(lowering.entries, 0xff, build->rule_count * sizeof *lowering.entries);
    lowering.entries[root] = POP;
    lower_rules(&lowering, root);
    if (build->failed)
        return -1;
    *out = RT_MOVE(grammar);
    return 0;
}
