/* engine_step.c: one step of all workers together: tokens in, blocks one after another, logits out. */
#include "runtime/engine_step.h"

#include <string.h>

#include "runtime/block_ops.h"

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
        rt_norm_row(e, &model->final_norm, e->in.f32 + i * e->in.f32_ld, e->residual + e->logit_rows[i] * e->widths.hidden);
        if (rt_quantised(&model->head.w))
            rt_quantize_row(e, &e->in, i, model->hidden);
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
