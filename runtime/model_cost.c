/* model_cost.c: walks a model's parts and counts. See model_cost.h for what counts. */
#include "runtime/model_cost.h"

#include <math.h>

#include "runtime/cache.h"

struct walk {
    struct rt_cost *cost;
    const struct rt_model *model;
    const struct rt_formats *formats;
    const struct rt_step_shape *step;
    double rows, live; /* of the step, over all sequences; those of them that the block at hand still works for */
};

static int quantised(enum kn_format format)
{
    return format == KN_W8 || format == KN_W4;
}

/* ---- formats ---- */

static enum kn_format block_format(const struct rt_block *block)
{
    switch (block->kind) {
    case RT_BLOCK_ATTENTION: return block->attention.q.w.format;
    case RT_BLOCK_MLP: return block->mlp.gate.w.format;
    case RT_BLOCK_MOE: return block->moe.gate.format;
    }
    return KN_BF16;
}

struct rt_formats rt_formats_of(const struct rt_model *model, enum kn_kv kv)
{
    struct rt_formats formats = {.matrices = KN_BF16, .head = model->head.w.format, .kv = kv};
    for (uint32_t l = 0; l < model->layer_count && !quantised(formats.matrices); l++)
        for (uint32_t b = 0; b < model->layers[l].count && !quantised(formats.matrices); b++)
            formats.matrices = block_format(&model->layers[l].blocks[b]);
    return formats;
}

/* ---- a step ---- */

/* A product of `rows` rows with `matrices` matrices [n,k] between them: each weight meets rows / matrices rows on average. */
static void add_product(const struct walk *w, enum rt_part part, enum kn_format format, double matrices, double rows, uint32_t n,
                        uint32_t k)
{
    struct rt_work *work = &w->cost->parts[part];
    double operations = 2 * rows * n * k;
    *(quantised(format) ? &work->int8_operations : &work->float_operations) += operations;
    work->weight_bytes += rows > 0 ? matrices * (double)kn_matrix_bytes(format, n, k) : 0;
}

static void add_norm(const struct walk *w, const struct rt_norm *norm, uint32_t n)
{
    if (norm->kind != RT_NORM_NONE)
        w->cost->parts[RT_PART_ROWS].weight_bytes += n * sizeof(float);
}

/* Keys and values are made of every row. Row i of a sequence sees depth + i + 1 keys; the last rows alone see all. A step reads each key and
 * value of a sequence once at best. */
static void add_attention(const struct walk *w, const struct rt_attention *a)
{
    const struct rt_step_shape *step = w->step;
    uint32_t hidden = w->model->hidden, query = a->heads * a->head_dim, kv = a->kv_heads * a->head_dim;
    enum kn_format format = w->formats->matrices;
    add_product(w, RT_PART_PROJECTIONS, format, 1, w->live, query, hidden);
    add_product(w, RT_PART_PROJECTIONS, format, 2, 2 * w->rows, kv, hidden);
    add_product(w, RT_PART_PROJECTIONS, format, 1, w->live, hidden, query);
    double held = (double)step->depth + step->tokens, seen = w->live < w->rows ? held : step->depth + (step->tokens + 1.0) / 2;
    w->cost->parts[RT_PART_ATTENTION].float_operations += 4 * w->live * seen * query;
    size_t page_bytes = kn_kv_key_bytes(w->formats->kv, a->head_dim) + kn_kv_value_bytes(w->formats->kv, a->head_dim);
    w->cost->parts[RT_PART_ATTENTION].cache_bytes += step->sequences * held * a->kv_heads * (double)page_bytes / KN_KV_BLOCK;
}

static void add_mlp(const struct walk *w, const struct rt_mlp *mlp)
{
    add_product(w, RT_PART_EXPERTS, w->formats->matrices, 2, 2 * w->live, mlp->inner, w->model->hidden);
    add_product(w, RT_PART_EXPERTS, w->formats->matrices, 1, w->live, w->model->hidden, mlp->inner);
}

static void add_moe(const struct walk *w, const struct rt_moe *moe)
{
    double uses = w->live * moe->top_k;
    double even = rt_cost_distinct_experts(moe->experts, moe->top_k, w->live);
    double active = w->step->experts > 0 ? fmin(w->step->experts, moe->experts) : even;
    add_product(w, RT_PART_ROUTER, KN_BF16, 1, w->live, moe->experts, w->model->hidden);
    add_product(w, RT_PART_EXPERTS, w->formats->matrices, 2 * active, 2 * uses, moe->inner, w->model->hidden);
    add_product(w, RT_PART_EXPERTS, w->formats->matrices, active, uses, w->model->hidden, moe->inner);
}

static void add_block(const struct walk *w, const struct rt_block *block)
{
    add_norm(w, &block->norm_in, w->model->hidden);
    add_norm(w, &block->norm_out, w->model->hidden);
    switch (block->kind) {
    case RT_BLOCK_ATTENTION: add_attention(w, &block->attention); break;
    case RT_BLOCK_MLP: add_mlp(w, &block->mlp); break;
    case RT_BLOCK_MOE: add_moe(w, &block->moe); break;
    }
}

static void add_work(struct rt_work *sum, const struct rt_work *work)
{
    sum->int8_operations += work->int8_operations;
    sum->float_operations += work->float_operations;
    sum->weight_bytes += work->weight_bytes;
    sum->cache_bytes += work->cache_bytes;
}

const struct rt_block *rt_cost_last_attention(const struct rt_model *model)
{
    const struct rt_block *last = NULL;
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t b = 0; b < model->layers[l].count; b++)
            if (model->layers[l].blocks[b].kind == RT_BLOCK_ATTENTION)
                last = &model->layers[l].blocks[b];
    return last;
}

void rt_cost_of_step(struct rt_cost *out, const struct rt_model *model, const struct rt_formats *formats, const struct rt_step_shape *step)
{
    *out = (struct rt_cost){0};
    double rows = (double)step->sequences * step->tokens;
    struct walk w = {out, model, formats, step, rows, rows};
    const struct rt_block *last = rt_cost_last_attention(model);
    out->parts[RT_PART_ROWS].weight_bytes += rows * model->hidden * sizeof(uint16_t); /* of the embedding */
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t b = 0; b < model->layers[l].count; b++) {
            const struct rt_block *block = &model->layers[l].blocks[b];
            w.live = block == last ? step->logits : w.live;
            add_block(&w, block);
        }
    add_norm(&w, &model->final_norm, model->hidden);
    if (step->logits)
        add_product(&w, RT_PART_HEAD, formats->head, 1, step->logits, model->vocab, model->hidden);
    for (int part = 0; part < RT_PARTS; part++)
        add_work(&out->sum, &out->parts[part]);
}

void rt_cost_add(struct rt_cost *sum, const struct rt_cost *step)
{
    for (int part = 0; part < RT_PARTS; part++)
        add_work(&sum->parts[part], &step->parts[part]);
    add_work(&sum->sum, &step->sum);
}

double rt_cost_distinct_experts(uint32_t experts, uint32_t top_k, double rows)
{
    return rows == 1 ? top_k : experts * (1 - pow(1 - (double)top_k / experts, rows));
}

/* ---- in memory ---- */

/* A step that reads every weight once: every token of the vocabulary, every expert. */
uint64_t rt_cost_stored(uint64_t parts[RT_PARTS], const struct rt_model *model, const struct rt_formats *formats)
{
    struct rt_cost cost = {0};
    const struct rt_step_shape step = {.sequences = 1, .tokens = model->vocab, .logits = model->vocab, .experts = INFINITY};
    rt_cost_of_step(&cost, model, formats, &step);
    for (int part = 0; part < RT_PARTS; part++)
        parts[part] = (uint64_t)cost.parts[part].weight_bytes;
    return (uint64_t)cost.sum.weight_bytes;
}

uint64_t rt_cost_cache_token(const struct rt_model *model, enum kn_kv kv)
{
    return rt_cache_page_bytes(model, kv) / KN_KV_BLOCK;
}
