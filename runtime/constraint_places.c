/* constraint_places.c: places in a grammar, and the steps between them (constraint_parts.h): a pushdown automaton made deterministic while it is
 * used. A step does at most RT_VISITS_MAX things, whatever the grammar. No allocation after open. */
#include <stdlib.h>
#include <string.h>

#include "runtime/constraint_parts.h"

enum {
    FRAME_SLOTS = 2 * RT_FRAMES_MAX,
    PLACE_SLOTS = 2 * RT_PLACES_MAX,
    VISIT_SLOTS = 2 * RT_VISITS_MAX,
    ALIKE_MAX = 32,
    ALIKE_DEPTH = 64
};

static uint32_t mix(uint32_t hash, uint32_t value)
{
    hash = (hash ^ value) * 0x9e3779b1u;
    return hash ^ hash >> 15;
}

/* --- frames --- */

static uint32_t hash_frame(const struct rt_frame *frame)
{
    return mix(mix(mix(1, frame->node), frame->count), frame->parent) % FRAME_SLOTS;
}

static void place_frame(struct rt_places *places, uint32_t index)
{
    uint32_t slot = hash_frame(&places->frames[index]);
    while (places->frame_slots[slot])
        slot = (slot + 1) % FRAME_SLOTS;
    places->frame_slots[slot] = (uint16_t)index;
}

/* There is room. */
static uint32_t push_frame(struct rt_places *places, uint32_t node, uint32_t count, uint32_t parent)
{
    const struct rt_frame frame = {node, count, parent, places->frames[parent].depth + 1};
    for (uint32_t slot = hash_frame(&frame); places->frame_slots[slot]; slot = (slot + 1) % FRAME_SLOTS) {
        const struct rt_frame *other = &places->frames[places->frame_slots[slot]];
        if (other->node == node && other->count == count && other->parent == parent)
            return places->frame_slots[slot];
    }
    places->frames[places->frame_count] = frame;
    place_frame(places, places->frame_count);
    return places->frame_count++;
}

/* --- steps without a byte --- */

static void pend(struct rt_places *places, uint32_t node, uint32_t frame, uint32_t count)
{
    if (places->pending_count < VISIT_SLOTS)
        places->pending[places->pending_count++] = (struct rt_visit){node, frame, count, 0};
}

/* Whether it is the first time in this step. */
static int visit(struct rt_places *places, const struct rt_visit *at)
{
    uint32_t slot = mix(mix(mix(2, at->node), at->frame), at->count) % VISIT_SLOTS;
    if (places->visit_count == RT_VISITS_MAX)
        return 0;
    for (; places->visits[slot].stamp == places->stamp; slot = (slot + 1) % VISIT_SLOTS) {
        const struct rt_visit *other = &places->visits[slot];
        if (other->node == at->node && other->frame == at->frame && other->count == at->count)
            return 0;
    }
    places->visits[slot] = (struct rt_visit){at->node, at->frame, at->count, places->stamp};
    places->visit_count++;
    return 1;
}

/* `done` repetitions are finished. What is pending last comes first. */
static void repeat(struct rt_places *places, uint32_t node, uint32_t frame, uint32_t done)
{
    const struct rt_node *at = &places->grammar->nodes[node];
    const struct rt_counts *counts = &places->grammar->counts[at->c];
    if (done >= counts->min)
        pend(places, at->b, frame, RT_FRAME_CALL);
    if (done < counts->max)
        pend(places, at->a, push_frame(places, node, done, frame), RT_FRAME_CALL);
}

static void pop(struct rt_places *places, uint32_t frame)
{
    const struct rt_frame *top = &places->frames[frame];
    uint32_t done = RT_FRAME_CALL;
    if (!frame) {
        places->ends = 1;
        return;
    }
    if (top->count != RT_FRAME_CALL) { /* without an upper limit nobody need count beyond the lower */
        const struct rt_counts *counts = &places->grammar->counts[places->grammar->nodes[top->node].c];
        done = counts->max == RT_NO_LIMIT && top->count >= counts->min ? counts->min : top->count + 1;
    }
    pend(places, top->node, top->parent, done);
}

static void follow(struct rt_places *places, const struct rt_visit *at)
{
    const struct rt_grammar *grammar = places->grammar;
    const struct rt_node *node = &grammar->nodes[at->node];
    if (places->frames[at->frame].depth + node->height > RT_FRAMES_DEEP)
        return;
    switch (node->kind) {
    case RT_NODE_SET:
        if (places->set_count < RT_SET_MAX)
            places->set[places->set_count++] = (struct rt_config){at->node, at->frame};
        break;
    case RT_NODE_ALT:
        for (uint32_t i = node->b; i > 0; i--)
            pend(places, grammar->edges[node->a + i - 1], at->frame, RT_FRAME_CALL);
        break;
    case RT_NODE_CALL: {
        const int last = grammar->nodes[node->b].kind == RT_NODE_POP; /* then nobody need come back here */
        pend(places, node->a, last ? at->frame : push_frame(places, node->b, RT_FRAME_CALL, at->frame), RT_FRAME_CALL);
        break;
    }
    case RT_NODE_REPEAT: repeat(places, at->node, at->frame, at->count == RT_FRAME_CALL ? 0 : at->count); break;
    default: pop(places, at->frame); break;
    }
}

static void begin(struct rt_places *places)
{
    places->set_count = places->visit_count = places->pending_count = 0;
    places->ends = 0;
    if (!++places->stamp) {
        memset(places->visits, 0, VISIT_SLOTS * sizeof *places->visits);
        places->stamp = 1;
    }
}

static void close_set(struct rt_places *places)
{
    while (places->pending_count) {
        const struct rt_visit at = places->pending[--places->pending_count];
        if (visit(places, &at))
            follow(places, &at);
    }
}

static void add_advanced(struct rt_places *places, struct rt_config config, uint8_t byte)
{
    const struct rt_node *node = &places->grammar->nodes[config.node];
    if (!rt_set_has(places->grammar->sets[node->a], byte))
        return;
    pend(places, node->b, config.frame, RT_FRAME_CALL);
    close_set(places);
}

void rt_places_advance(struct rt_places *places, struct rt_config config, uint8_t byte)
{
    begin(places);
    add_advanced(places, config, byte);
}

void rt_places_enter(struct rt_places *places, uint32_t node, uint32_t frame)
{
    begin(places);
    pend(places, node, frame, RT_FRAME_CALL);
    close_set(places);
}

/* --- places --- */

int rt_places_room(const struct rt_places *places)
{
    return places->place_count < places->place_max && places->config_count + RT_SET_MAX <= RT_CONFIGS_MAX &&
           places->frame_count + RT_VISITS_MAX <= RT_FRAMES_MAX;
}

/* The number of the set in the making. */
static uint32_t number_set(struct rt_places *places)
{
    uint32_t hash = (uint32_t)places->ends;
    if (!places->set_count && !places->ends)
        return RT_PLACE_DEAD;
    for (uint32_t i = 0; i < places->set_count; i++)
        hash = mix(mix(hash, places->set[i].node), places->set[i].frame);
    uint32_t slot = hash % PLACE_SLOTS;
    for (; places->place_slots[slot]; slot = (slot + 1) % PLACE_SLOTS) {
        const struct rt_place *other = &places->places[places->place_slots[slot]];
        if (other->hash == hash && other->count == places->set_count && other->ends == places->ends &&
            !memcmp(places->configs + other->first, places->set, places->set_count * sizeof *places->set))
            return places->place_slots[slot];
    }
    const uint32_t number = places->place_count++;
    places->places[number] = (struct rt_place){places->config_count, places->set_count, hash, places->ends};
    places->place_slots[slot] = (uint16_t)number;
    memcpy(places->configs + places->config_count, places->set, places->set_count * sizeof *places->set);
    places->config_count += places->set_count;
    memset(places->rows + (size_t)number * places->grammar->class_count, 0, places->grammar->class_count * sizeof *places->rows);
    return number;
}

uint32_t rt_places_start(struct rt_places *places)
{
    rt_places_enter(places, places->grammar->root, 0);
    return number_set(places);
}

uint32_t rt_places_step(struct rt_places *places, uint32_t place, uint8_t byte)
{
    uint16_t *known = &places->rows[(size_t)place * places->grammar->class_count + places->grammar->class_of[byte]];
    if (*known)
        return *known;
    if (!rt_places_room(places))
        return RT_PLACE_UNKNOWN;
    const struct rt_place from = places->places[place];
    begin(places);
    for (uint32_t i = 0; i < from.count; i++)
        add_advanced(places, places->configs[from.first + i], byte);
    return *known = (uint16_t)number_set(places);
}

/* The same stack where counts do not matter for so many bytes: beyond the lower limit, and too far from the upper one. */
static uint32_t alike_frame(struct rt_places *places, uint32_t index, uint32_t bytes)
{
    const struct rt_frame frame = places->frames[index];
    if (!index)
        return 0;
    const uint32_t parent = alike_frame(places, frame.parent, bytes);
    uint32_t count = frame.count;
    if (count != RT_FRAME_CALL && count != RT_FRAME_ANY) {
        const struct rt_counts *counts = &places->grammar->counts[places->grammar->nodes[frame.node].c];
        if (count >= counts->min && counts->max != RT_NO_LIMIT && counts->max - count > bytes)
            count = RT_FRAME_ANY;
    }
    return parent == frame.parent && count == frame.count ? index : push_frame(places, frame.node, count, parent);
}

uint32_t rt_places_alike(struct rt_places *places, uint32_t place, uint32_t bytes)
{
    const struct rt_place *like = &places->places[place];
    if (like->count > ALIKE_MAX || !rt_places_room(places))
        return place;
    places->set_count = like->count;
    places->ends = like->ends;
    for (uint32_t i = 0; i < like->count; i++) {
        const struct rt_config *config = &places->configs[like->first + i];
        if (places->frames[config->frame].depth > ALIKE_DEPTH)
            return place;
        places->set[i] = (struct rt_config){config->node, alike_frame(places, config->frame, bytes)};
    }
    return number_set(places);
}

/* Frames that the set needs, moved together; parents come before children, so that one pass each way does it. */
static void keep_frames(struct rt_places *places)
{
    uint32_t kept = 1;
    memset(places->moved, 0, RT_FRAMES_MAX * sizeof *places->moved);
    memset(places->frame_slots, 0, FRAME_SLOTS * sizeof *places->frame_slots);
    for (uint32_t i = 0; i < places->set_count; i++)
        places->moved[places->set[i].frame] = 1;
    for (uint32_t i = places->frame_count - 1; i > 0; i--)
        if (places->moved[i])
            places->moved[places->frames[i].parent] = 1;
    for (uint32_t i = 1; i < places->frame_count; i++) {
        if (!places->moved[i])
            continue;
        struct rt_frame frame = places->frames[i];
        frame.parent = frame.parent ? places->moved[frame.parent] : 0;
        places->frames[kept] = frame;
        places->moved[i] = (uint16_t)kept;
        place_frame(places, kept++);
    }
    places->frame_count = kept;
    for (uint32_t i = 0; i < places->set_count; i++)
        places->set[i].frame = places->set[i].frame ? places->moved[places->set[i].frame] : 0;
}

uint32_t rt_places_forget(struct rt_places *places, uint32_t place)
{
    const struct rt_place kept = places->places[place];
    memcpy(places->set, places->configs + kept.first, kept.count * sizeof *places->set);
    places->set_count = kept.count;
    places->ends = kept.ends;
    keep_frames(places);
    memset(places->place_slots, 0, PLACE_SLOTS * sizeof *places->place_slots);
    places->place_count = RT_PLACE_FIRST;
    places->config_count = 0;
    return number_set(places);
}

int rt_places_open(struct rt_places *places, const struct rt_grammar *grammar, struct rt_error *error)
{
    const uint32_t most = RT_ROWS_MAX / grammar->class_count;
    places->grammar = grammar;
    places->place_max = most < RT_PLACES_MAX ? most : RT_PLACES_MAX;
    places->place_count = RT_PLACE_FIRST;
    places->frame_count = 1;
    places->frames = calloc(RT_FRAMES_MAX, sizeof *places->frames);
    places->frame_slots = calloc(FRAME_SLOTS, sizeof *places->frame_slots);
    places->moved = calloc(RT_FRAMES_MAX, sizeof *places->moved);
    places->configs = calloc(RT_CONFIGS_MAX, sizeof *places->configs);
    places->places = calloc(RT_PLACES_MAX, sizeof *places->places);
    places->place_slots = calloc(PLACE_SLOTS, sizeof *places->place_slots);
    places->rows = calloc((size_t)places->place_max * grammar->class_count, sizeof *places->rows);
    places->visits = calloc(VISIT_SLOTS, sizeof *places->visits);
    places->pending = calloc(VISIT_SLOTS, sizeof *places->pending);
    places->set = calloc(RT_SET_MAX, sizeof *places->set);
    if (!places->frames || !places->frame_slots || !places->moved || !places->configs || !places->places || !places->place_slots ||
        !places->rows || !places->visits || !places->pending || !places->set)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to follow a grammar");
    return 0;
}

void rt_places_free(struct rt_places *places)
{
    free(places->frames);
    free(places->frame_slots);
    free(places->moved);
    free(places->configs);
    free(places->places);
    free(places->place_slots);
    free(places->rows);
    free(places->visits);
    free(places->pending);
    free(places->set);
}
