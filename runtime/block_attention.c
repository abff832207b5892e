/* block_attention.c: causal attention with grouped queries over the paged cache. Run by all workers together. */
#include "runtime/block_ops.h"

struct place { /* one attention block of one model */
    const struct rt_attention *part;
    const struct rt_cache_plan *plan;
    size_t group; /* query heads per key/value head */
};

static void norm_head(const struct rt_engine *e, const struct rt_norm *norm, float *head, size_t dim)
{
    if (norm->kind == RT_NORM_RMS)
        kn_rms_norm(e->kernels, head, head, norm->weight, dim, norm->eps);
}

static void turn_head(const struct rt_engine *e, const struct rt_attention *part, uint32_t row, float *head)
{
    if (part->rope < 0)
        return;
    const float *angles = e->angles + ((size_t)part->rope * e->options.max_rows + row) * e->widths.rope;
    kn_rope_half(e->kernels, head, angles, e->model->ropes[part->rope].dim / 2);
}

/* Norms and turns one key/value head of one row with its query heads, and stores key and value in the cache. */
static void prepare_head(const struct rt_engine *e, const struct place *at, uint32_t row, uint32_t kv_head)
{
    const struct rt_attention *part = at->part;
    size_t dim = part->head_dim;
    for (size_t h = 0; h < at->group; h++) {
        float *query = e->query + row * e->widths.heads + (kv_head * at->group + h) * dim;
        norm_head(e, &part->q_norm, query, dim);
        turn_head(e, part, row, query);
    }
    float *key = e->key + row * e->widths.kv + kv_head * dim;
    norm_head(e, &part->k_norm, key, dim);
    turn_head(e, part, row, key);
    uint32_t position = e->rows[row].position;
    uint8_t *page = e->rows[row].sequence->pages[position / KN_KV_BLOCK] + at->plan->offset + kv_head * at->plan->head_bytes;
    kn_kv_store(e->kernels, e->options.kv, page, position % KN_KV_BLOCK, key, dim);
    kn_kv_store(e->kernels, e->options.kv, page + at->plan->value_offset, position % KN_KV_BLOCK,
                e->value + row * e->widths.kv + kv_head * dim, dim);
}

static void attend(const struct rt_engine *e, unsigned worker, const struct place *at, uint32_t row, uint32_t kv_head)
{
    const struct rt_attention *part = at->part;
    size_t first = kv_head * at->group * part->head_dim;
    size_t offset = at->plan->offset + kv_head * at->plan->head_bytes;
    kn_attention(e->kernels, &(struct kn_attention){
                                 .kv = e->options.kv,
                                 .pages = (const uint8_t *const *)e->rows[row].sequence->pages,
                                 .k_offset = offset,
                                 .v_offset = offset + at->plan->value_offset,
                                 .keys = e->rows[row].position + 1,
                                 .q = e->query + row * e->widths.heads + first,
                                 .ldq = part->head_dim,
                                 .group = at->group,
                                 .k_dim = part->head_dim,
                                 .v_dim = part->head_dim,
                                 .scale = part->scale,
                                 .out = e->inner.f32 + row * e->inner.f32_ld + first,
                                 .ldo = part->head_dim,
                                 .scratch = e->scratch + worker * e->scratch_bytes,
                             });
}

void rt_block_attention(const struct rt_engine *e, unsigned worker, uint32_t layer, uint32_t block_index)
{
    const struct rt_block *block = &e->model->layers[layer].blocks[block_index];
    const struct rt_attention *part = &block->attention;
    const struct place at = {part, rt_cache_plan(e->cache, layer, block_index), part->heads / part->kv_heads};
    uint32_t rows = e->row_count, items = rows * part->kv_heads, step = rt_workers_count(e->workers);

    rt_norm_rows(e, worker, &block->norm_in, &e->in, rt_quantised(&part->q.w) || rt_quantised(&part->k.w) || rt_quantised(&part->v.w));
    rt_workers_wait(e->workers, worker);
    rt_product(e, worker, &part->q.w, part->q.bias, &e->in, 0, rows, e->query, e->widths.heads);
    rt_product(e, worker, &part->k.w, part->k.bias, &e->in, 0, rows, e->key, e->widths.kv);
    rt_product(e, worker, &part->v.w, part->v.bias, &e->in, 0, rows, e->value, e->widths.kv);
    rt_workers_wait(e->workers, worker);
    for (uint32_t i = worker; i < items; i += step)
        prepare_head(e, &at, i / part->kv_heads, i % part->kv_heads);
    rt_workers_wait(e->workers, worker);
    for (uint32_t i = worker; i < items; i += step) /* in turn, since later rows see more keys */
        attend(e, worker, &at, i / part->kv_heads, i % part->kv_heads);
    rt_workers_wait(e->workers, worker);
    if (rt_quantised(&part->o.w)) {
        rt_quantize_rows(e, worker, &e->inner, rows, (size_t)part->heads * part->head_dim);
        rt_workers_wait(e->workers, worker);
    }
    rt_product(e, worker, &part->o.w, part->o.bias, &e->inner, 0, rows, e->mixed, e->widths.hidden);
    rt_add_to_residual(e, worker, block);
}
