/* constraint.c: one answer's way through a grammar, token by token. What it holds is bounded (some 2 MB) whatever the grammar. One thread. */
#include <stdlib.h>
#include <string.h>

#include "runtime/constraint_parts.h"
#include "runtime/scope.h"

int rt_constraint_open(struct rt_constraint **out, const struct rt_grammar *grammar, const struct rt_token_bytes *bytes, uint32_t vocab,
                       const uint32_t *stops, uint32_t stop_count, struct rt_error *error)
{
    RT_CLEAN(rt_constraint_close) struct rt_constraint *constraint = NULL;
    *out = NULL;
    if (vocab < bytes->size)
        return rt_fail(error, RT_EXIT_USAGE, "a tokenizer of %u tokens for a model of %u; use the bundle's own", bytes->size, vocab);
    for (uint32_t i = 0; i < stop_count; i++)
        if (stops[i] >= vocab)
            return rt_fail(error, RT_EXIT_USAGE, "stop token %u is not one of the model's %u; use an id below", stops[i], vocab);
    constraint = calloc(1, sizeof *constraint);
    if (!constraint || rt_places_open(&constraint->places, grammar, error))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to follow a grammar");
    constraint->bytes = bytes;
    constraint->vocab = vocab;
    constraint->words = (vocab + 31) / 32;
    constraint->first = 1;
    constraint->stop_count = stop_count;
    constraint->stops = calloc(stop_count + (size_t)1, sizeof *stops);
    constraint->mask_words = calloc((size_t)RT_MASKS * constraint->words + 1, sizeof *constraint->mask_words);
    if (!constraint->stops || !constraint->mask_words)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to follow a grammar");
    if (stop_count)
        memcpy(constraint->stops, stops, stop_count * sizeof *stops);
    constraint->place = rt_places_start(&constraint->places);
    *out = RT_MOVE(constraint);
    return 0;
}

void rt_constraint_close(struct rt_constraint **constraint)
{
    if (*constraint) {
        rt_places_free(&(*constraint)->places);
        free((*constraint)->stops);
        free((*constraint)->mask_words);
    }
    free(*constraint);
    *constraint = NULL;
}

void rt_constraint_mask(struct rt_constraint *constraint, uint32_t *allowed)
{
    memcpy(allowed, rt_constraint_allowed(constraint), constraint->words * sizeof *allowed);
}

/* --- tokens --- */

int rt_constraint_drops(const struct rt_constraint *constraint, const uint8_t *bytes, uint32_t count)
{
    if (!constraint->first || bytes[count - 1] != ' ' || count > constraint->bytes->dropped_spaces)
        return 0;
    return count == 1 || rt_constraint_drops(constraint, bytes, count - 1);
}

uint32_t rt_constraint_step(struct rt_constraint *constraint, uint32_t place, const uint8_t *bytes, uint32_t count)
{
    if (constraint->first && bytes[count - 1] == ' ') {
        if (rt_constraint_drops(constraint, bytes, count))
            return place;
        if (constraint->bytes->dropped_spaces == SIZE_MAX)
            return RT_PLACE_DEAD; /* the decoder would drop it, too */
    }
    return rt_places_step(&constraint->places, place, bytes[count - 1]);
}

/* The place after a token's bytes; RT_PLACE_UNKNOWN: no room. */
static uint32_t follow(struct rt_constraint *constraint, const uint8_t *bytes, uint32_t count)
{
    uint32_t place = constraint->place;
    for (uint32_t i = 1; i <= count && place >= RT_PLACE_FIRST; i++)
        place = rt_constraint_step(constraint, place, bytes, i);
    return place;
}

static int is_stop(const struct rt_constraint *constraint, uint32_t id)
{
    for (uint32_t i = 0; i < constraint->stop_count; i++)
        if (constraint->stops[i] == id)
            return 1;
    return 0;
}

int rt_constraint_accept(struct rt_constraint *constraint, uint32_t id)
{
    const struct rt_token_bytes *vocabulary = constraint->bytes;
    if (id < constraint->vocab && is_stop(constraint, id)) {
        if (!(rt_constraint_allowed(constraint)[id / 32] >> id % 32 & 1))
            return -1;
        constraint->ended = 1;
        rt_constraint_forget(constraint);
        return 0;
    }
    if (constraint->ended || id >= vocabulary->size)
        return -1;
    const uint8_t *bytes = vocabulary->pool + vocabulary->starts[id];
    const uint32_t count = vocabulary->starts[id + 1] - vocabulary->starts[id];
    if (!count || rt_constraint_drops(constraint, bytes, count))
        return -1;
    uint32_t place = follow(constraint, bytes, count);
    if (place == RT_PLACE_UNKNOWN) {
        constraint->place = rt_places_forget(&constraint->places, constraint->place);
        rt_constraint_forget(constraint);
        place = follow(constraint, bytes, count);
    }
    if (place < RT_PLACE_FIRST)
        return -1;
    constraint->place = place;
    if (constraint->first)
        rt_constraint_forget(constraint); /* the same place again allows what it did not */
    constraint->first = 0;
    return 0;
}
