/* block_ops.h: what the kinds of block share. Every function is run by all workers together and does the caller's share; none ends with a
 * barrier unless it says so. */
#ifndef CLOISTER_BLOCK_OPS_H
#define CLOISTER_BLOCK_OPS_H

#include "runtime/engine_parts.h"

static inline int rt_quantised(const struct kn_matrix *w)
{
    return w->format == KN_W8 || w->format == KN_W4;
}

/* One row of the model's width through a norm (out may be in), and one row of n floats to int8. */
void rt_norm_row(const struct rt_engine *engine, const struct rt_norm *norm, float *out, const float *in);
void rt_quantize_row(const struct rt_engine *engine, const struct rt_rows *rows, size_t row, size_t n);
/* Rows [0, count) through a norm into `out` (floats, and int8 where `quantised`); each worker takes its share. No barrier. */
void rt_norm_rows(const struct rt_engine *engine, unsigned worker, const struct rt_norm *norm, const struct rt_rows *out, int quantised);
/* Puts the int8 form of rows [0, count) of n floats beside them; each worker its share. */
void rt_quantize_rows(const struct rt_engine *engine, unsigned worker, const struct rt_rows *rows, size_t count, size_t n);
/* y = rows [first, first + count) × matrix + bias, the worker's own panels. */
void rt_product(const struct rt_engine *engine, unsigned worker, const struct kn_matrix *w, const float *bias, const struct rt_rows *rows,
                size_t first, size_t count, float *y, size_t ldy);
/* The columns a worker owns in any product with n outputs. */
void rt_own_columns(const struct rt_engine *engine, unsigned worker, size_t n, size_t *first, size_t *last);
/* engine->mixed, through norm_out where there is one, onto the residual. Ends with a barrier. */
void rt_add_to_residual(const struct rt_engine *engine, unsigned worker, const struct rt_block *block);
/* act(gate) · up in a worker's own columns of rows [first, first + count), into gate. */
void rt_activate(const struct rt_engine *engine, unsigned worker, size_t n, float *gate, const float *up, size_t ld, size_t first,
                 size_t count);

#endif
