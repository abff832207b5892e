/* block_ops.c: what the kinds of block share: norms, quantisation, products, and the way onto the residual. Work is split by rows where a row
 * is the unit and by panels where a matrix is, so no sum crosses workers. Run by all workers together. */
#include "runtime/block_ops.h"

#include <string.h>

void rt_quantize_row(const struct rt_engine *e, const struct rt_rows *rows, size_t row, size_t n)
{
    kn_quantize(e->kernels, rows->q + row * rows->q_ld, rows->scale + row, rows->f32 + row * rows->f32_ld, n);
}

void rt_norm_row(const struct rt_engine *e, const struct rt_norm *norm, float *out, const float *in)
{
    if (norm->kind == RT_NORM_RMS)
        kn_rms_norm(e->kernels, out, in, norm->weight, e->model->hidden, norm->eps);
    else if (out != in)
        memcpy(out, in, e->model->hidden * sizeof *out);
}

void rt_norm_rows(const struct rt_engine *e, unsigned worker, const struct rt_norm *norm, const struct rt_rows *out, int quantised)
{
    size_t first, last;
    rt_workers_share(e->workers, worker, e->row_count, &first, &last);
    for (size_t row = first; row < last; row++) {
        rt_norm_row(e, norm, out->f32 + row * out->f32_ld, e->residual + row * e->widths.hidden);
        if (quantised)
            rt_quantize_row(e, out, row, e->model->hidden);
    }
}

void rt_quantize_rows(const struct rt_engine *e, unsigned worker, const struct rt_rows *rows, size_t count, size_t n)
{
    size_t first, last;
    rt_workers_share(e->workers, worker, count, &first, &last);
    for (size_t row = first; row < last; row++)
        rt_quantize_row(e, rows, row, n);
}

void rt_product(const struct rt_engine *e, unsigned worker, const struct kn_matrix *w, const float *bias, const struct rt_rows *rows,
                size_t first, size_t count, float *y, size_t ldy)
{
    size_t panel0, panel1;
    rt_workers_share(e->workers, worker, kn_panels(w->n), &panel0, &panel1);
    if (panel0 == panel1)
        return;
    int quantised = rt_quantised(w);
    struct kn_gemm gemm = {
        .w = w,
        .ldx = quantised ? rows->q_ld : rows->f32_ld,
        .m = count,
        .y = y,
        .ldy = ldy,
        .bias = bias,
        .scratch = e->scratch + worker * e->scratch_bytes,
    };
    if (quantised) {
        gemm.x = rows->q + first * rows->q_ld;
        gemm.sx = rows->scale + first;
    } else {
        gemm.x = rows->f32 + first * rows->f32_ld;
    }
    kn_gemm(e->kernels, &gemm, panel0, panel1);
}

void rt_own_columns(const struct rt_engine *e, unsigned worker, size_t n, size_t *first, size_t *last)
{
    rt_workers_share(e->workers, worker, kn_panels(n), first, last);
    *first *= KN_PANEL;
    *last *= KN_PANEL;
}

void rt_activate(const struct rt_engine *e, unsigned worker, size_t n, float *gate, const float *up, size_t ld, size_t first, size_t count)
{
    size_t left, right;
    rt_own_columns(e, worker, n, &left, &right);
    for (size_t row = first; row < first + count && left < right; row++) {
        float *at = gate + row * ld + left;
        kn_silu_mul(e->kernels, at, at, up + row * ld + left, right - left);
    }
}

/* A norm needs whole rows, which several workers have made; without one each worker adds its own columns. */
void rt_add_to_residual(const struct rt_engine *e, unsigned worker, const struct rt_block *block)
{
    size_t ld = e->widths.hidden, first, last, left = 0, right = ld;
    if (block->norm_out.kind != RT_NORM_NONE) {
        rt_workers_wait(e->workers, worker);
        rt_workers_share(e->workers, worker, e->row_count, &first, &last);
        right = e->model->hidden;
        for (size_t row = first; row < last; row++)
            rt_norm_row(e, &block->norm_out, e->mixed + row * ld, e->mixed + row * ld);
    } else {
        first = 0;
        last = e->row_count;
        rt_own_columns(e, worker, e->model->hidden, &left, &right);
    }
    for (size_t row = first; row < last && left < right; row++)
        kn_axpy(e->kernels, e->residual + row * ld + left, block->multiplier, e->mixed + row * ld + left, right - left);
    rt_workers_wait(e->workers, worker);
}
