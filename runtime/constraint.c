/* constraint.c: one answer's way through a grammar, opened and closed. What it holds is bounded (some 2 MB) whatever the grammar. One thread. */
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
