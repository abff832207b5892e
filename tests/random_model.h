/* random_model.h: a small model with random weights, made in memory, with a layer for each kind of feed-forward block, and one whose
 * router has several panels. Random weights prove arithmetic, not quality. */
#ifndef CLOISTER_RANDOM_MODEL_H
#define CLOISTER_RANDOM_MODEL_H

#include "runtime/model.h"
#include "runtime/workers.h"

struct random_model {
    struct rt_model model;
    void *blocks[256]; /* every allocation */
    size_t block_count;
    uint64_t state; /* of the generator */
};

/* All matrices in `format`; odd sizes on purpose. */
void random_model_open(struct random_model *out, enum kn_format format, uint64_t seed);
/* What lies on one node of the workers': of each matrix but routers the node's own panels, in memory that holds nothing else. `whole` must
 * outlive it. */
void random_model_split(struct random_model *out, const struct random_model *whole, const struct rt_workers *workers, unsigned node);
void random_model_close(struct random_model *model);

#endif
