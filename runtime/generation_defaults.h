/* generation_defaults.h: what the publisher says of answers, in a bundle's generation.json: which tokens end one, and how to sample. Any thread.
 *
 *   {"eos_ids":[2,0],"bos_id":1,"temperature":0.6,"top_k":20,"top_p":0.95,"min_p":0,"repetition_penalty":1}   (each optional) */
#ifndef CLOISTER_GENERATION_DEFAULTS_H
#define CLOISTER_GENERATION_DEFAULTS_H

#include "runtime/sampler.h"

enum { RT_STOPS_MAX = 16 };

struct rt_generation {
    struct rt_sampling sampling;
    uint32_t stop_ids[RT_STOPS_MAX];
    uint32_t stop_count;
};

/* Overwrites what the text gives and leaves the rest. RT_EXIT_TRUST for what is no such object, or a value out of its range. */
RT_MUST_CHECK int rt_generation_read(struct rt_generation *generation, const char *json, size_t bytes, struct rt_error *error);

#endif
