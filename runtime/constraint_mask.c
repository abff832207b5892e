/* constraint_mask.c: which tokens may come next: the vocabulary's tries are walked together with the grammar. Where the text is inside of a run of
 * plain characters (a string, mostly), plain tokens are not walked but known by their length. The last masks are kept. */
#include <string.h>

#include "runtime/constraint_parts.h"

void rt_constraint_forget(struct rt_constraint *constraint)
{
    for (int i = 0; i < RT_MASKS; i++)
        constraint->masks[i].place = RT_PLACE_UNKNOWN;
}

/* --- walking --- */

struct walk {
    struct rt_constraint *constraint;
    uint32_t path[RT_PIECE_MAX + 1]; /* the place after so many bytes */
    uint8_t bytes[RT_PIECE_MAX + 1];
};

/* The same after forgetting; the path is found again. */
static uint32_t step_anew(struct walk *walk, uint32_t depth)
{
    struct rt_constraint *constraint = walk->constraint;
    constraint->place = rt_places_forget(&constraint->places, constraint->place);
    rt_constraint_forget(constraint);
    walk->path[0] = constraint->place;
    for (uint32_t i = 1; i <= depth; i++) {
        walk->path[i] = rt_constraint_step(constraint, walk->path[i - 1], walk->bytes, i);
        if (walk->path[i] < RT_PLACE_FIRST)
            return RT_PLACE_DEAD;
    }
    return walk->path[depth];
}

static void allow_node(const struct rt_trie *trie, const struct rt_trie_node *node, uint32_t *mask)
{
    for (uint32_t i = 0; i < node->count; i++) {
        const uint32_t id = trie->ids[node->first + i];
        mask[id / 32] |= 1u << id % 32;
    }
}

static void walk_trie(struct rt_constraint *constraint, const struct rt_trie *trie, uint32_t *mask)
{
    const struct rt_grammar *grammar = constraint->places.grammar;
    const uint16_t *rows = constraint->places.rows;
    struct walk walk = {.constraint = constraint, .path = {constraint->place}};
    for (uint32_t i = 0; i < trie->node_count;) {
        const struct rt_trie_node *node = &trie->nodes[i];
        const uint32_t depth = node->depth, from = walk.path[depth - 1];
        uint32_t to = constraint->first ? RT_PLACE_UNKNOWN : rows[(size_t)from * grammar->class_count + grammar->class_of[node->byte]];
        walk.bytes[depth - 1] = node->byte;
        if (to == RT_PLACE_UNKNOWN)
            to = rt_constraint_step(constraint, from, walk.bytes, depth);
        if (to == RT_PLACE_UNKNOWN)
            to = step_anew(&walk, depth);
        walk.path[depth] = to;
        if (to == RT_PLACE_DEAD) {
            i = node->end;
            continue;
        }
        if (!rt_constraint_drops(constraint, walk.bytes, depth)) /* a token that adds nothing could come for ever */
            allow_node(trie, node, mask);
        i++;
    }
}

/* --- runs of plain characters --- */

/* First bytes of plain characters. */
static int takes_plain(const struct rt_places *places, uint32_t node)
{
    static const uint64_t plain[4] = {0xfffffffb00000000u, 0x7fffffffefffffffu, 0, 0x001ffffffffffffcu};
    const uint64_t *set = places->grammar->sets[places->grammar->nodes[node].a];
    return ((set[0] & plain[0]) | (set[1] & plain[1]) | (set[3] & plain[3])) != 0;
}

/* How many plain characters may come one after the other from a configuration whose class has them all, by itself. */
static uint32_t run_length(struct rt_places *places, struct rt_config config)
{
    const struct rt_node *nodes = places->grammar->nodes;
    const struct rt_frame *top = &places->frames[config.frame];
    const int counted = config.frame && top->count != RT_FRAME_CALL;
    const uint32_t max = counted ? places->grammar->counts[nodes[top->node].c].max : 0;
    rt_places_advance(places, config, 'a');
    for (uint32_t i = 0; i < places->set_count; i++) {
        const struct rt_config *next = &places->set[i];
        const struct rt_frame *frame = &places->frames[next->frame];
        if (next->node != config.node)
            continue;
        if (next->frame == config.frame)
            return RT_NO_LIMIT;
        if (counted && frame->node == top->node && frame->parent == top->parent && frame->count == top->count + 1)
            return max == RT_NO_LIMIT ? RT_NO_LIMIT : max - top->count;
    }
    return 1;
}

/* Whether no plain character may come behind a counted run, nor instead of it. */
static int is_alone(struct rt_places *places, const struct rt_place *place, struct rt_config run)
{
    const struct rt_node *nodes = places->grammar->nodes, *head = &nodes[run.node];
    const struct rt_frame *top = &places->frames[run.frame];
    for (uint32_t i = 0; i < place->count; i++) {
        const struct rt_config other = places->configs[place->first + i];
        const struct rt_node *node = &nodes[other.node];
        const int same = other.frame == run.frame && (other.node == run.node || (node->plain == RT_PLAIN_LEAD && node->c == head->b));
        if (!same && takes_plain(places, other.node))
            return 0;
    }
    if (head->kind != RT_NODE_SET || nodes[head->b].kind != RT_NODE_POP || !run.frame || top->count == RT_FRAME_CALL)
        return 0;
    rt_places_enter(places, nodes[top->node].b, top->parent);
    for (uint32_t i = 0; i < places->set_count; i++)
        if (takes_plain(places, places->set[i].node))
            return 0;
    return 1;
}

static void allow_run(const struct rt_token_bytes *bytes, uint32_t run, uint32_t *mask)
{
    const uint32_t *words = bytes->runs + (size_t)(run < RT_RUN_MAX ? run : RT_RUN_MAX) * bytes->words;
    for (uint32_t i = 0; i < bytes->words; i++)
        mask[i] |= words[i];
    for (uint32_t i = 0; i < bytes->longer_count; i++)
        if (bytes->longer[i].characters <= run)
            mask[bytes->longer[i].id / 32] |= 1u << bytes->longer[i].id % 32;
}

/* Allows plain tokens by their length where that can be; 1: none but these may come. */
static int allow_runs(struct rt_constraint *constraint, uint32_t *mask)
{
    struct rt_places *places = &constraint->places;
    const struct rt_place place = places->places[constraint->place];
    struct rt_config longest = {0, 0};
    uint32_t run = 0;
    if (constraint->first && constraint->bytes->dropped_spaces)
        return 0;
    for (uint32_t i = 0; i < place.count && run != RT_NO_LIMIT && rt_places_room(places); i++) {
        const struct rt_config config = places->configs[place.first + i];
        const uint32_t length = places->grammar->nodes[config.node].plain == RT_PLAIN_ASCII ? run_length(places, config) : 0;
        if (length <= run)
            continue;
        run = length;
        longest = config;
    }
    if (!run)
        return 0;
    allow_run(constraint->bytes, run, mask);
    return run == RT_NO_LIMIT || (rt_places_room(places) && is_alone(places, &place, longest));
}

/* --- masks --- */

static void allow_stops(const struct rt_constraint *constraint, uint32_t *mask, int may)
{
    for (uint32_t i = 0; i < constraint->stop_count; i++) {
        const uint32_t id = constraint->stops[i], bit = 1u << id % 32;
        mask[id / 32] = may ? mask[id / 32] | bit : mask[id / 32] & ~bit;
    }
}

static int is_empty(const uint32_t *mask, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++)
        if (mask[i])
            return 0;
    return 1;
}

static void make_mask(struct rt_constraint *constraint, uint32_t *mask)
{
    memset(mask, 0, constraint->words * sizeof *mask);
    if (!constraint->ended) {
        if (!allow_runs(constraint, mask))
            walk_trie(constraint, &constraint->bytes->plain, mask);
        walk_trie(constraint, &constraint->bytes->rest, mask);
    }
    allow_stops(constraint, mask, constraint->ended || constraint->places.places[constraint->place].ends);
    if (is_empty(mask, constraint->words))
        allow_stops(constraint, mask, 1);
}

const uint32_t *rt_constraint_allowed(struct rt_constraint *constraint)
{
    int oldest = 0;
    const uint32_t place = rt_places_alike(&constraint->places, constraint->place, constraint->bytes->longest);
    constraint->clock++;
    for (int i = 0; i < RT_MASKS; i++) {
        struct rt_mask *mask = &constraint->masks[i];
        if (mask->place == place) {
            mask->used = constraint->clock;
            return constraint->mask_words + (size_t)i * constraint->words;
        }
        if (mask->used < constraint->masks[oldest].used)
            oldest = i;
    }
    uint32_t *words = constraint->mask_words + (size_t)oldest * constraint->words;
    constraint->masks[oldest].place = RT_PLACE_UNKNOWN;
    make_mask(constraint, words);
    /* Its number again: all may have been forgotten in between. */
    constraint->masks[oldest].place = rt_places_alike(&constraint->places, constraint->place, constraint->bytes->longest);
    constraint->masks[oldest].used = constraint->clock;
    return words;
}
