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

/* Behind the last attention block only rows with logits or hidden states go on: nobody asks for the others any more. */
static struct rt_live live_rows(const struct rt_engine *e, uint32_t layer, uint32_t block)
{
    int behind = layer > e->last_layer || (layer == e->last_layer && block >= e->last_block);
    return behind ? (struct rt_live){e->live_rows, e->logit_count + e->hidden_count} : (struct rt_live){NULL, e->row_count};
}

static void run_block(const struct rt_engine *e, unsigned worker, uint32_t layer, uint32_t block)
{
    static void (*const run[])(const struct rt_engine *, unsigned, uint32_t, uint32_t, const struct rt_live *) = {
        [RT_BLOCK_ATTENTION] = rt_block_attention,
        [RT_BLOCK_MLP] = rt_block_mlp,
        [RT_BLOCK_MOE] = rt_block_moe,
    };
    struct rt_live live = live_rows(e, layer, block);
    run[e->model->layers[layer].blocks[block].kind](e, worker, layer, block, &live);
}

/* The rows that logits are wanted for, through the final norm and the head. */
static void project_to_logits(const struct rt_engine *e, unsigned worker)
{
    const struct rt_model *model = e->own[worker].node->model;
    struct rt_live live = {e->live_rows, e->logit_count};
    struct rt_rows in = rt_norm_rows(e, worker, &model->final_norm, &live, rt_quantised(&model->head.w));
    rt_meet_for(e, worker, &in);
    rt_enter(e, worker, RT_PART_HEAD);
    rt_products(e, worker, &(struct rt_product){&model->head, NULL, live.count, e->logits, e->widths.vocab}, 1, &in);
    struct rt_rects rects = rt_share(e, worker, model->vocab, live.count);
    for (unsigned r = 0; r < rects.count && model->head_multiplier != 1; r++) {
        size_t left = rects.list[r].panel0 * KN_PANEL, width = rects.list[r].panel1 * KN_PANEL - left;
        for (size_t row = rects.list[r].row0; row < rects.list[r].row1; row++)
            kn_scale(e->kernels, e->logits + row * e->widths.vocab + left, model->head_multiplier, width);
    }
}

static void keep_hidden(const struct rt_engine *e, unsigned worker)
{
    const struct rt_norm *norm = &e->own[worker].node->model->final_norm;
    size_t first, last;
    rt_enter(e, worker, RT_PART_ROWS);
    rt_workers_share(e->workers, worker, e->hidden_count, &first, &last);
    for (size_t i = first; i < last; i++)
        rt_norm_row(e, norm, e->hidden + i * e->widths.hidden, e->residual + e->live_rows[e->logit_count + i] * e->widths.hidden);
}

void rt_step_worker(void *engine, unsigned worker)
{
    const struct rt_engine *e = engine;
    size_t first, last;
    rt_clock_start(&e->own[worker].clock, RT_PART_ROWS);
    kn_thread_enter(e->kernels);
    rt_workers_share(e->workers, worker, e->row_count, &first, &last);
    for (size_t row = first; row < last; row++)
        embed_row(e, row);
    rt_meet(e, worker);
    for (uint32_t layer = 0; layer < e->model->layer_count; layer++)
        for (uint32_t block = 0; block < e->model->layers[layer].count; block++)
            run_block(e, worker, layer, block);
    keep_hidden(e, worker);
    if (e->logit_count)
        project_to_logits(e, worker);
    rt_enter(e, worker, RT_PART_WAITING);
    kn_thread_leave(e->kernels);
}
