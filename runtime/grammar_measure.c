/* grammar_measure.c: what a constraint wants to know of a finished graph: how many frames each node needs to get to an end, and which bytes the
 * grammar never tells apart. Of one thread. */
#include "runtime/grammar_parts.h"

enum { HEIGHT_PASSES = 128 };

static unsigned least_height(const struct rt_grammar *grammar, const struct rt_node *node)
{
    const struct rt_node *nodes = grammar->nodes;
    unsigned height = UINT16_MAX;
    switch (node->kind) {
    case RT_NODE_POP: return 0;
    case RT_NODE_SET: return nodes[node->b].height;
    case RT_NODE_CALL:
        height = nodes[node->a].height + (nodes[node->b].kind != RT_NODE_POP);
        return height > nodes[node->b].height ? height : nodes[node->b].height;
    case RT_NODE_REPEAT:
        height = grammar->counts[node->c].min ? nodes[node->a].height + 1u : 0;
        return height > nodes[node->b].height ? height : nodes[node->b].height;
    default:
        for (uint32_t i = 0; i < node->b; i++)
            if (nodes[grammar->edges[node->a + i]].height < height)
                height = nodes[grammar->edges[node->a + i]].height;
        return height;
    }
}

/* Of one rule's nodes, each of which stands behind those that follow it. Returns whether something has changed. */
static int measure_rule(struct rt_grammar *grammar, uint32_t begin, uint32_t end)
{
    int changed = 0;
    for (uint32_t i = begin; i < end; i++) {
        const unsigned height = least_height(grammar, &grammar->nodes[i]);
        const uint16_t bounded = height > UINT16_MAX ? UINT16_MAX : (uint16_t)height;
        changed |= bounded != grammar->nodes[i].height;
        grammar->nodes[i].height = bounded;
    }
    return changed;
}

static void measure_heights(struct rt_lowering *lowering)
{
    struct rt_grammar *grammar = lowering->grammar;
    int changed = 1;
    for (size_t i = 0; i < grammar->node_count; i++)
        grammar->nodes[i].height = grammar->nodes[i].kind == RT_NODE_POP ? 0 : UINT16_MAX;
    for (int pass = 0; changed && pass < HEIGHT_PASSES; pass++) {
        changed = 0;
        for (uint32_t i = 0; i < lowering->queued; i++) {
            const uint32_t rule = pass % 2 ? i : lowering->queued - 1 - i;
            changed |= measure_rule(grammar, lowering->starts[rule], lowering->starts[rule + 1]);
        }
    }
    if (changed || grammar->nodes[grammar->root].height > RT_FRAMES_DEEP / 2)
        rt_build_fail(lowering->build, "even its shortest text nests too deep; make it simpler");
}

static void find_classes(struct rt_grammar *grammar)
{
    grammar->class_count = 1;
    for (size_t i = 0; i < grammar->set_count && grammar->class_count < 256; i++) {
        uint16_t divided[256] = {0}; /* 1 + the class of those of a class that are in the set */
        uint32_t inside[256] = {0}, all[256] = {0};
        for (unsigned byte = 0; byte < 256; byte++) {
            all[grammar->class_of[byte]]++;
            inside[grammar->class_of[byte]] += (uint32_t)rt_set_has(grammar->sets[i], (uint8_t)byte);
        }
        for (unsigned byte = 0; byte < 256; byte++) {
            const uint8_t class = grammar->class_of[byte];
            if (!rt_set_has(grammar->sets[i], (uint8_t)byte) || inside[class] == all[class])
                continue;
            if (!divided[class])
                divided[class] = (uint16_t)++grammar->class_count;
            grammar->class_of[byte] = (uint8_t)(divided[class] - 1);
        }
    }
}

void rt_lower_measure(struct rt_lowering *lowering)
{
    measure_heights(lowering);
    find_classes(lowering->grammar);
}
