/* engine_step.c: one step of all workers together: tokens in, blocks one after another, logits out; and what the kinds of block share.
 * Work is split by rows where a row is the unit (norms, quantisation) and by panels where a matrix is, so no sum crosses workers. */
#include "runtime/engine_step.h"

#include <string.h>

/* ---- shared by the blocks ---- */

static void quantize_row(const struct rt_engine *e, const struct rt_rows *rows, size_t row, size_t n)
{
    kn_quantize(e->kernels, rows->q + row * rows->q_ld, rows->scale + row, rows->f32 + row * rows->f32_ld, n);
}

static void norm_row(const struct rt_engine *e, const struct rt_norm *norm, float *out, const float *in)
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
        norm_row(e, norm, out->f32 + row * out->f32_ld, e->residual + row * e->widths.hidden);
        if (quantised)
            quantize_row(e, out, row, e->model->hidden);
    }
}

void rt_quantize_rows(const struct rt_engine *e, unsigned worker, const struct rt_rows *rows, size_t count, size_t n)
{
    size_t first, last;
    rt_workers_share(e->workers, worker, count, &first, &last);
    for (size_t row = first; row < last; row++)
        quantize_row(e, rows, row, n);
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
            norm_row(e, &block->norm_out, e->mixed + row * ld, e->mixed + row * ld);
    } else {
        first = 0;
        last = e->row_count;
        rt_own_columns(e, worker, e->model->hidden, &left, &right);
    }
    for (size_t row = first; row < last && left < right; row++)
        kn_axpy(e->kernels, e->residual + row * ld + left, block->multiplier, e->mixed + row * ld + left, right - left);
    rt_workers_wait(e->workers, worker);
}

/* ---- the step ---- */

static void embed_row(const struct rt_engine *e, size_t row)
{
    const struct rt_model *model = e->model;
    float *out = e->residual + row * e->widths.hidden;
    kn_f32_from_bf16(e->kernels, out, model->embedding + (size_t)e->rows[row].token * model->hidden, model->hidden);
    if (model->embedding_multiplier != 1)
        kn_scale(e->kernels, out, model->embedding_multiplier, model->hidden);
    memset(out + model->hidden, 0, (e->widths.hidden - model->hidden) * sizeof *out);
    for (uint32_t i = 0; i < model->rope_count; i++)
        kn_rope_angles(e->angles + ((size_t)i * e->options.max_rows + row) * e->widths.rope, model->ropes[i].inv_freq,
                       model->ropes[i].dim / 2, e->rows[row].position, model->ropes[i].attention_factor);
}

static void run_block(const struct rt_engine *e, unsigned worker, uint32_t layer, uint32_t index)
{
    const struct rt_block *block = &e->model->layers[layer].blocks[index];
    switch (block->kind) {
    case RT_BLOCK_ATTENTION: rt_block_attention(e, worker, layer, index); break;
    case RT_BLOCK_MLP: rt_block_mlp(e, worker, block); break;
    case RT_BLOCK_MOE: rt_block_moe(e, worker, block); break;
    }
}

/* The rows that logits are wanted for, through the final norm and the head. */
static void project_to_logits(const struct rt_engine *e, unsigned worker)
{
    const struct rt_model *model = e->model;
    size_t first, last;
    rt_workers_share(e->workers, worker, e->logit_count, &first, &last);
    for (size_t i = first; i < last; i++) {
        norm_row(e, &model->final_norm, e->in.f32 + i * e->in.f32_ld, e->residual + e->logit_rows[i] * e->widths.hidden);
        if (rt_quantised(&model->head.w))
            quantize_row(e, &e->in, i, model->hidden);
    }
    rt_workers_wait(e->workers, worker);
    rt_product(e, worker, &model->head.w, model->head.bias, &e->in, 0, e->logit_count, e->logits, e->widths.vocab);
    size_t left, right;
    rt_own_columns(e, worker, model->vocab, &left, &right);
    if (model->head_multiplier != 1)
        for (size_t i = 0; i < e->logit_count && left < right; i++)
            kn_scale(e->kernels, e->logits + i * e->widths.vocab + left, model->head_multiplier, right - left);
}

void rt_step_worker(void *engine, unsigned worker)
{
    const struct rt_engine *e = engine;
    size_t first, last;
    kn_thread_enter(e->kernels);
    rt_workers_share(e->workers, worker, e->row_count, &first, &last);
    for (size_t row = first; row < last; row++)
        embed_row(e, row);
    rt_workers_wait(e->workers, worker);
    for (uint32_t layer = 0; layer < e->model->layer_count; layer++)
        for (uint32_t block = 0; block < e->model->layers[layer].count; block++)
            run_block(e, worker, layer, block);
    project_to_logits(e, worker);
    kn_thread_leave(e->kernels);
}
