/* grammar_check.c: whether a grammar can be followed: how short its rules' texts are, which have none, and which rule calls itself before
 * the first byte. Work is bounded: a few passes over all expressions. Of one thread. */
#include <stdlib.h>

#include "runtime/grammar_parts.h"
#include "runtime/scope.h"

enum { PASSES_MAX = 64 };

/* --- shortest texts --- */

static uint32_t add_lengths(uint64_t a, uint64_t b)
{
    return a == RT_NO_LIMIT || b == RT_NO_LIMIT ? RT_NO_LIMIT : a + b > RT_SHORTEST_MAX ? RT_SHORTEST_MAX + 1 : (uint32_t)(a + b);
}

static uint32_t shortest_repeat(uint64_t min, uint64_t body)
{
    return !min || !body                  ? 0
           : body == RT_NO_LIMIT          ? RT_NO_LIMIT
           : min * body > RT_SHORTEST_MAX ? RT_SHORTEST_MAX + 1
                                          : (uint32_t)(min * body);
}

uint32_t rt_expr_shortest(const struct rt_build *build, uint32_t index)
{
    const struct rt_expr *expr = &build->exprs[index];
    uint32_t shortest = expr->kind == RT_EXPR_SEQ ? 0 : RT_NO_LIMIT;
    switch (expr->kind) {
    case RT_EXPR_BYTES: return expr->last;
    case RT_EXPR_CHARS: return expr->last ? 1 : RT_NO_LIMIT;
    case RT_EXPR_RULE: return build->rules[expr->first].shortest;
    case RT_EXPR_REPEAT: return shortest_repeat(expr->min, expr->min ? rt_expr_shortest(build, expr->first) : 0);
    case RT_EXPR_SEQ:
    case RT_EXPR_ALT:
        for (uint32_t child = expr->first; child; child = build->exprs[child].next) {
            const uint32_t length = rt_expr_shortest(build, child);
            if (expr->kind == RT_EXPR_SEQ)
                shortest = add_lengths(shortest, length);
            else if (length < shortest)
                shortest = length;
        }
    }
    return shortest;
}

/* Rules refer to later ones in some notations and to earlier ones in others: passes go either way in turns. */
static int measure_rules(struct rt_build *build)
{
    int changed = 1;
    for (int pass = 0; changed && pass < PASSES_MAX; pass++) {
        changed = 0;
        for (size_t i = 0; i < build->rule_count; i++) {
            struct rt_rule *rule = &build->rules[pass % 2 ? i : build->rule_count - 1 - i];
            const uint32_t shortest = rule->expr ? rt_expr_shortest(build, rule->expr) : RT_NO_LIMIT;
            changed |= shortest != rule->shortest;
            rule->shortest = shortest;
        }
    }
    return changed;
}

/* --- rules that call themselves first --- */

enum { NEW, OPEN, DONE };

struct left_walk {
    struct rt_build *build;
    uint8_t *states;
    uint16_t *chains; /* of calls before the first byte */
    int depth;
};

static unsigned visit_rule(struct left_walk *walk, uint32_t rule);

/* Returns the longest chain of calls before the first byte. */
static unsigned visit_left(struct left_walk *walk, uint32_t index)
{
    const struct rt_expr *expr = &walk->build->exprs[index];
    unsigned longest = 0;
    if (walk->build->failed)
        return 0;
    if (++walk->depth > RT_NEST_MAX)
        rt_build_fail(walk->build, "parts nest, or rules call rules before a first character, more than %d deep; make it simpler",
                      RT_NEST_MAX);
    else if (expr->kind == RT_EXPR_RULE)
        longest = visit_rule(walk, expr->first);
    else if (expr->kind == RT_EXPR_REPEAT)
        longest = visit_left(walk, expr->first);
    else if (expr->kind == RT_EXPR_SEQ || expr->kind == RT_EXPR_ALT)
        for (uint32_t child = expr->first; child; child = walk->build->exprs[child].next) {
            const unsigned chain = visit_left(walk, child);
            longest = chain > longest ? chain : longest;
            if (expr->kind == RT_EXPR_SEQ && rt_expr_shortest(walk->build, child))
                break;
        }
    walk->depth--;
    return longest;
}

static unsigned visit_rule(struct left_walk *walk, uint32_t rule)
{
    struct rt_build *build = walk->build;
    if (walk->states[rule] == OPEN)
        rt_build_fail(build, "%s: refers to itself before any character; put what repeats behind a character, or use * or +",
                      rt_rule_name(build, rule));
    if (walk->states[rule] != NEW || build->failed)
        return walk->chains[rule];
    walk->states[rule] = OPEN;
    const unsigned chain = 1 + visit_left(walk, build->rules[rule].expr);
    if (chain > RT_CHAIN_MAX)
        rt_build_fail(build, "%s: rules call rules before a first character, more than %d deep; make it simpler", rt_rule_name(build, rule),
                      RT_CHAIN_MAX);
    walk->chains[rule] = (uint16_t)chain;
    walk->states[rule] = DONE;
    return chain;
}

static void find_left_recursion(struct rt_build *build)
{
    RT_FREE uint8_t *states = calloc(build->rule_count + 1, sizeof *states);
    RT_FREE uint16_t *chains = calloc(build->rule_count + 1, sizeof *chains);
    struct left_walk walk = {.build = build, .states = states, .chains = chains};
    if (!states || !chains) {
        rt_build_no_memory(build, "rules");
        return;
    }
    for (size_t i = build->rule_count; i > 0 && !build->failed; i--) /* schemas chain each rule to a later one */
        visit_rule(&walk, (uint32_t)i - 1);
}

int rt_build_check(struct rt_build *build, uint32_t root, int strict)
{
    if (build->failed)
        return -1;
    if (measure_rules(build))
        rt_build_fail(build, "rules refer to one another in too long a chain; make it simpler");
    for (size_t i = build->rule_count; strict && i > 0; i--) /* the last is nearest to the cause, in most cases */
        if (build->rules[i - 1].shortest == RT_NO_LIMIT)
            rt_build_fail(build, "line %u: %s: no text can ever end it; give it an alternative that does not refer back",
                          build->rules[i - 1].line, rt_rule_name(build, (uint32_t)i - 1));
    if (!build->failed && build->rules[root].shortest == RT_NO_LIMIT)
        rt_build_fail(build, "%s: no text can match; something in it excludes everything or requires itself", rt_rule_name(build, root));
    if (!build->failed && build->rules[root].shortest > RT_SHORTEST_MAX)
        rt_build_fail(build, "%s: its shortest text is longer than %d bytes; ask for less", rt_rule_name(build, root), RT_SHORTEST_MAX);
    if (!build->failed)
        find_left_recursion(build);
    return build->failed ? -1 : 0;
}
