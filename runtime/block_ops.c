/* block_ops.c: what the kinds of block share: norms, quantisation, products, and the way onto the residual. Work is split by rows where a row
 * is the unit and by panels where a matrix is, so no sum crosses workers. Run by all workers together. */
#include "runtime/block_ops.h"

#include <string.h>

/* ---- rows ---- */

void rt_quantize_row(const struct rt_engine *e, const struct rt_rows *out, size_t row, const float *in, size_t n)
{
    kn_quantize(e->kernels, out->q + row * out->q_ld, out->scale + row, in, n);
}

void rt_norm_row(const struct rt_engine *e, const struct rt_norm *norm, float *out, const float *in)
{
    if (norm->kind == RT_NORM_RMS)
        kn_rms_norm(e->kernels, out, in, norm->weight, e->model->hidden, norm->eps);
    else if (out != in)
        memcpy(out, in, e->model->hidden * sizeof *out);
}

static float *residual_row(const struct rt_engine *e, const struct rt_live *live, size_t row)
{
    return e->residual + rt_live_row(live, row) * e->widths.hidden;
}

/* Rows of n in the worker's own memory. */
static struct rt_rows own_rows(const struct rt_engine *e, unsigned worker, size_t n)
{
    struct rt_rows rows = e->own[worker].rows;
    rows.f32_ld = rows.q_ld = kn_pad(n);
    return rows;
}

struct rt_rows rt_norm_rows(const struct rt_engine *e, unsigned worker, const struct rt_norm *norm, const struct rt_live *live,
                            int quantised)
{
    int alone = rt_alone(live->count, e->model->hidden);
    struct rt_rows out = alone ? own_rows(e, worker, e->model->hidden) : e->in;
    size_t first, last;
    rt_enter(e, worker, RT_PART_ROWS);
    rt_own_rows(e, worker, alone, live->count, &first, &last);
    for (size_t row = first; row < last; row++) {
        float *normed = out.f32 + row * out.f32_ld;
        rt_norm_row(e, norm, normed, residual_row(e, live, row));
        if (quantised)
            rt_quantize_row(e, &out, row, normed, e->model->hidden);
    }
    return out;
}

struct rt_rows rt_quantize_rows(const struct rt_engine *e, unsigned worker, const struct rt_rows *rows, size_t count, size_t n,
                                int quantised)
{
    if (!quantised)
        return *rows;
    int alone = rt_alone(count, n);
    struct rt_rows out = alone ? own_rows(e, worker, n) : *rows;
    size_t first, last;
    rt_enter(e, worker, RT_PART_ROWS);
    rt_own_rows(e, worker, alone, count, &first, &last);
    for (size_t row = first; row < last; row++)
        rt_quantize_row(e, &out, row, rows->f32 + row * rows->f32_ld, n);
    if (!alone)
        rt_meet(e, worker);
    return out;
}

/* ---- products ---- */

struct kn_gemm rt_gemm(const struct rt_engine *e, unsigned worker, const struct rt_product *product, const struct rt_rows *rows,
                       const struct rt_rect *rect)
{
    int quantised = rt_quantised(&product->linear->w);
    size_t first = product->index ? 0 : rect->row0;
    struct kn_gemm gemm = {
        .w = &product->linear->w,
        .ldx = quantised ? rows->q_ld : rows->f32_ld,
        .rows = product->index ? product->index + rect->row0 : NULL,
        .m = rect->row1 - rect->row0,
        .y = product->y + rect->row0 * product->ldy,
        .ldy = product->ldy,
        .bias = product->linear->bias,
        .scratch = rt_scratch(e, worker),
    };
    if (quantised) {
        gemm.x = rows->q + first * rows->q_ld;
        gemm.sx = rows->scale + first;
    } else {
        gemm.x = rows->f32 + first * rows->f32_ld;
    }
    return gemm;
}

void rt_products(const struct rt_engine *e, unsigned worker, const struct rt_product *list, size_t count, const struct rt_rows *rows)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += rt_share_cost(e, worker, list[i].linear->w.n, list[i].count);
    struct rt_cut cut = rt_share_start(e, worker, total);
    for (size_t i = 0; i < count; i++) {
        struct rt_rects rects = rt_share_next(e, worker, &cut, list[i].linear->w.n, list[i].count);
        for (unsigned r = 0; r < rects.count; r++) {
            struct kn_gemm gemm = rt_gemm(e, worker, &list[i], rows, &rects.list[r]);
            kn_gemm(e->kernels, &gemm, rects.list[r].panel0, rects.list[r].panel1);
        }
    }
}

void rt_gated(const struct rt_engine *e, unsigned worker, const struct rt_product *gate, const struct rt_linear *up,
              const struct rt_rows *rows, const struct rt_rects *rects)
{
    for (unsigned r = 0; r < rects->count; r++) {
        const struct rt_rect *rect = &rects->list[r];
        struct kn_gated gated = {.gate = rt_gemm(e, worker, gate, rows, rect), .up = &up->w, .up_bias = up->bias};
        kn_gated(e->kernels, &gated, rect->panel0, rect->panel1);
    }
}

/* ---- the way out ---- */

/* A norm needs whole rows, which several workers have made. */
static void add_normed(const struct rt_engine *e, unsigned worker, const struct rt_block *block, const struct rt_live *live)
{
    size_t first, last;
    rt_meet(e, worker);
    rt_workers_share(e->workers, worker, live->count, &first, &last);
    for (size_t row = first; row < last; row++) {
        float *mixed = e->mixed + row * e->widths.hidden;
        rt_norm_row(e, &block->norm_out, mixed, mixed);
        kn_axpy(e->kernels, residual_row(e, live, row), block->multiplier, mixed, e->model->hidden);
    }
}

/* Without one each worker adds what it has made. */
static void add_own(const struct rt_engine *e, unsigned worker, const struct rt_block *block, const struct rt_live *live)
{
    struct rt_rects rects = rt_share(e, worker, e->model->hidden, live->count);
    for (unsigned r = 0; r < rects.count; r++) {
        size_t left = rects.list[r].panel0 * KN_PANEL, width = rects.list[r].panel1 * KN_PANEL - left;
        for (size_t row = rects.list[r].row0; row < rects.list[r].row1; row++)
            kn_axpy(e->kernels, residual_row(e, live, row) + left, block->multiplier, e->mixed + row * e->widths.hidden + left, width);
    }
}

void rt_add_to_residual(const struct rt_engine *e, unsigned worker, const struct rt_block *block, const struct rt_live *live)
{
    rt_enter(e, worker, RT_PART_ROWS);
    if (block->norm_out.kind != RT_NORM_NONE)
        add_normed(e, worker, block, live);
    else
        add_own(e, worker, block, live);
    rt_meet(e, worker);
}
