/* block_ops.h: what the kinds of block share. Every function is run by all workers together and does the caller's part; none has a barrier
 * unless it says so. */
#ifndef CLOISTER_BLOCK_OPS_H
#define CLOISTER_BLOCK_OPS_H

#include "runtime/engine_share.h"

static inline int rt_quantised(const struct kn_matrix *w)
{
    return w->format == KN_W8 || w->format == KN_W4;
}

/* Few rows: every worker makes all of them, in memory of its own. */
static inline int rt_alone(size_t rows, size_t n)
{
    return rows * kn_pad(n) <= RT_ALONE_FLOATS;
}

/* The rows [*first, *last) of `count` that a worker makes: its share, or all of them alone. */
static inline void rt_own_rows(const struct rt_engine *engine, unsigned worker, int alone, size_t count, size_t *first, size_t *last)
{
    *first = 0;
    *last = count;
    if (!alone)
        rt_workers_share(engine->workers, worker, count, first, last);
}

/* One row of the model's width through a norm (out may be in), and one row of n floats to int8. */
void rt_norm_row(const struct rt_engine *engine, const struct rt_norm *norm, float *out, const float *in);
void rt_quantize_row(const struct rt_engine *engine, const struct rt_rows *out, size_t row, const float *in, size_t n);
/* Live rows of the residual through a norm, to int8 as well where `quantised`. Returns where they are made: where `shared`, they can be read
 * after a barrier. */
struct rt_rows rt_norm_rows(const struct rt_engine *engine, unsigned worker, const struct rt_norm *norm, const struct rt_live *live,
                            int quantised);
/* The same rows with n floats of each in int8, where `quantised`. All can be read on return; has a barrier unless few are made. */
struct rt_rows rt_quantize_rows(const struct rt_engine *engine, unsigned worker, const struct rt_rows *rows, size_t count, size_t n,
                                int quantised);
/* A barrier where the rows are shared. */
static inline void rt_meet_for(const struct rt_engine *engine, unsigned worker, const struct rt_rows *rows)
{
    if (rows->shared)
        rt_meet(engine, worker);
}

/* y = rows × matrix + bias */
struct rt_product {
    const struct rt_linear *linear;
    const uint32_t *index; /* NULL, or which of the rows */
    size_t count;
    float *y;
    size_t ldy;
};
/* A call's operands for rows [row0, row1) of a product. */
struct kn_gemm rt_gemm(const struct rt_engine *engine, unsigned worker, const struct rt_product *product, const struct rt_rows *rows,
                       const struct rt_rect *rect);
/* The worker's part of products with the same rows. */
void rt_products(const struct rt_engine *engine, unsigned worker, const struct rt_product *list, size_t count, const struct rt_rows *rows);
/* y = act(gate × rows) · (up × rows) */
void rt_gated(const struct rt_engine *engine, unsigned worker, const struct rt_product *gate, const struct rt_linear *up,
              const struct rt_rows *rows, const struct rt_rects *rects);
/* engine->mixed, through norm_out where there is one, onto the residual of live rows. Ends with a barrier. */
void rt_add_to_residual(const struct rt_engine *engine, unsigned worker, const struct rt_block *block, const struct rt_live *live);

#endif
