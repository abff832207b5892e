/* moe_parts.h: what a mixture of experts is made of, shared by block_moe.c and the files that do its steps. Every function is run by all
 * workers together. */
#ifndef CLOISTER_MOE_PARTS_H
#define CLOISTER_MOE_PARTS_H

#include "runtime/block_ops.h"

/* Rows of the i-th active expert. */
static inline size_t rt_uses_of(const struct rt_uses *uses, uint32_t i)
{
    return uses->start[i + 1] - uses->start[i];
}

static inline struct rt_linear rt_expert(const struct kn_matrix *first, size_t stride, uint32_t expert)
{
    struct rt_linear linear = {.w = *first};
    linear.w.panels += expert * stride;
    return linear;
}

/* Routes rows, whose normed form is `in` (the worker's share of them made, no barrier passed), and sorts them by expert, into memory of the
 * worker's own. On return shared `in` can be read. (moe_route.c) */
const struct rt_uses *rt_moe_route(const struct rt_engine *engine, unsigned worker, const struct rt_moe *part, const struct rt_rows *in,
                                   size_t rows);
/* engine->mixed = the weighted sum of what each row's experts make of `inner`, added in ascending order of expert; the worker's part of it.
 * (moe_down.c) */
void rt_moe_down(const struct rt_engine *engine, unsigned worker, const struct rt_moe *part, const struct rt_rows *inner,
                 const struct rt_uses *uses, size_t rows);

#endif
