/* random_model.h: a small model with random weights, made in memory, with one layer of each kind of feed-forward block. Random weights prove
 * arithmetic, not quality. */
#ifndef CLOISTER_RANDOM_MODEL_H
#define CLOISTER_RANDOM_MODEL_H

#include "runtime/model.h"

struct random_model {
    struct rt_model model;
    void *blocks[256]; /* every allocation */
    size_t block_count;
    uint64_t state; /* of the generator */
};

/* All matrices in `format`; odd sizes on purpose. */
void random_model_open(struct random_model *out, enum kn_format format, uint64_t seed);
void random_model_close(struct random_model *model);

#endif
