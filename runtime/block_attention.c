/* block_attention.c: causal attention with grouped queries over the paged cache. Run by all workers together. */
#include "runtime/block_ops.h"

struct place { /* one attention block of one model */
    const struct rt_attention *part;
    const struct rt_cache_plan *plan;
    size_t group; /* query heads per key/value head */
    const struct rt_live *live;
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

/* Norms and turns one key/value head of one row, and stores key and value in the cache. */
static void prepare_key(const struct rt_engine *e, const struct place *at, uint32_t row, uint32_t kv_head)
{
    const struct rt_attention *part = at->part;
    size_t dim = part->head_dim;
    float *key = e->key + row * e->widths.kv + kv_head * dim;
    norm_head(e, &part->k_norm, key, dim);
    turn_head(e, part, row, key);
    uint32_t position = e->rows[row].position;
    uint8_t *page = e->rows[row].sequence->pages[position / KN_KV_BLOCK] + at->plan->offset + kv_head * at->plan->head_bytes;
    kn_kv_store_key(e->kernels, e->options.kv, page, position % KN_KV_BLOCK, key, dim);
    kn_kv_store_value(e->kernels, e->options.kv, page + at->plan->value_offset, position % KN_KV_BLOCK,
                      e->value + row * e->widths.kv + kv_head * dim, dim);
}

/* Norms and turns the query heads of one live row that share a key/value head. */
static void prepare_queries(const struct rt_engine *e, const struct place *at, uint32_t i, uint32_t kv_head)
{
    const struct rt_attention *part = at->part;
    for (size_t h = 0; h < at->group; h++) {
        float *query = e->query + i * e->widths.heads + (kv_head * at->group + h) * part->head_dim;
        norm_head(e, &part->q_norm, query, part->head_dim);
        turn_head(e, part, rt_live_row(at->live, i), query);
    }
}

/* Each worker some rows of a head, one after another: neighbouring positions share cache lines of a page. */
static void prepare(const struct rt_engine *e, unsigned worker, const struct place *at)
{
    size_t first, last;
    rt_workers_share(e->workers, worker, (size_t)at->part->kv_heads * e->row_count, &first, &last);
    for (size_t i = first; i < last; i++)
        prepare_key(e, at, (uint32_t)(i % e->row_count), (uint32_t)(i / e->row_count));
    rt_workers_share(e->workers, worker, (size_t)at->part->kv_heads * at->live->count, &first, &last);
    for (size_t i = first; i < last; i++)
        prepare_queries(e, at, (uint32_t)(i / at->part->kv_heads), (uint32_t)(i % at->part->kv_heads));
}

static struct kn_attention item(const struct rt_engine *e, unsigned worker, const struct place *at, const struct rt_tile *tile,
                                uint32_t kv_head)
{
    const struct rt_attention *part = at->part;
    const struct rt_row *row = &e->rows[rt_live_row(at->live, tile->row)];
    size_t first = kv_head * at->group * part->head_dim, offset = at->plan->offset + kv_head * at->plan->head_bytes;
    return (struct kn_attention){
        .kv = e->options.kv,
        .pages = (const uint8_t *const *)row->sequence->pages,
        .k_offset = offset,
        .v_offset = offset + at->plan->value_offset,
        .keys = row->position + 1,
        .positions = tile->count,
        .group = at->group,
        .q = e->query + tile->row * e->widths.heads + first,
        .ldq = part->head_dim,
        .q_position = e->widths.heads,
        .k_dim = part->head_dim,
        .v_dim = part->head_dim,
        .scale = part->scale,
        .out = e->inner.f32 + tile->row * e->inner.f32_ld + first,
        .ldo = part->head_dim,
        .out_position = e->inner.f32_ld,
        .scratch = rt_scratch(e, worker),
    };
}

/* Items are taken in turn, the longest first: later rows see more keys. */
static void attend_items(const struct rt_engine *e, unsigned worker, const struct place *at)
{
    struct rt_tiles *tiles = e->tiles;
    uint32_t count = tiles->count * tiles->heads, i;
    while ((i = atomic_fetch_add_explicit(&tiles->next, 1, memory_order_relaxed)) < count) {
        const struct kn_attention a = item(e, worker, at, &tiles->list[tiles->count - 1 - i / tiles->heads], i % tiles->heads);
        kn_attention(e->kernels, &a);
    }
}

/* Cuts [first, last) down to the `count` things that begin at `at`, and counts from there. */
static int overlap(size_t at, size_t count, size_t *first, size_t *last)
{
    *first = *first > at ? *first - at : 0;
    *last = *last > at ? *last - at : 0;
    *last = *last < count ? *last : count;
    return *first < *last;
}

static void share_blocks(const struct rt_engine *e, unsigned worker, const struct place *at)
{
    const struct rt_tiles *tiles = e->tiles;
    size_t first, last;
    rt_workers_share(e->workers, worker, tiles->units, &first, &last);
    for (const struct rt_tile *tile = tiles->list; tile < tiles->list + tiles->count; tile++)
        for (uint32_t head = 0; head < tiles->heads; head++) {
            size_t unit = tile->unit + (size_t)head * tile->blocks, from = first, to = last;
            if (!overlap(unit, tile->blocks, &from, &to))
                continue;
            const struct kn_attention a = item(e, worker, at, tile, head);
            kn_attention_blocks(e->kernels, &a, tiles->parts + unit * tiles->part_bytes, from, to);
        }
}

static void share_merges(const struct rt_engine *e, unsigned worker, const struct place *at)
{
    const struct rt_tiles *tiles = e->tiles;
    size_t first, last, row = 0;
    rt_workers_share(e->workers, worker, (size_t)at->live->count * at->part->heads, &first, &last);
    for (const struct rt_tile *tile = tiles->list; tile < tiles->list + tiles->count; tile++)
        for (uint32_t head = 0; head < tiles->heads; head++, row += tile->count * at->group) {
            size_t unit = tile->unit + (size_t)head * tile->blocks, from = first, to = last;
            if (!overlap(row, tile->count * at->group, &from, &to))
                continue;
            const struct kn_attention a = item(e, worker, at, tile, head);
            kn_attention_merge(e->kernels, &a, tiles->parts + unit * tiles->part_bytes, from, to);
        }
}

static void attend(const struct rt_engine *e, unsigned worker, const struct place *at)
{
    if (!e->tiles->shared_blocks) {
        attend_items(e, worker, at);
        return;
    }
    share_blocks(e, worker, at);
    rt_meet(e, worker);
    share_merges(e, worker, at);
}

void rt_block_attention(const struct rt_engine *e, unsigned worker, uint32_t layer, uint32_t index, const struct rt_live *live)
{
    const struct rt_block *block = rt_block_of(e->own[worker].node, layer, index);
    const struct rt_attention *part = &block->attention;
    const struct place at = {part, rt_cache_plan(e->cache, layer, index), part->heads / part->kv_heads, live};
    struct rt_live all = {NULL, e->row_count};
    struct rt_rows in = rt_norm_rows(e, worker, &block->norm_in, &all,
                                     rt_quantised(&part->q.w) || rt_quantised(&part->k.w) || rt_quantised(&part->v.w));
    rt_meet_for(e, worker, &in);
    rt_enter(e, worker, RT_PART_PROJECTIONS);
    const struct rt_product heads[] = {{&part->q, live->index, live->count, e->query, e->widths.heads},
                                       {&part->k, NULL, e->row_count, e->key, e->widths.kv},
                                       {&part->v, NULL, e->row_count, e->value, e->widths.kv}};
    rt_products(e, worker, heads, 3, &in);
    rt_meet(e, worker);
    rt_enter(e, worker, RT_PART_ATTENTION);
    if (!worker)
        rt_tiles_cut(e->tiles, e->rows, live, part->kv_heads, (uint32_t)at.group, part->head_dim, rt_workers_count(e->workers));
    prepare(e, worker, &at);
    rt_meet(e, worker);
    attend(e, worker, &at);
    rt_meet(e, worker);
    struct rt_rows inner = rt_quantize_rows(e, worker, &e->inner, live->count, (size_t)part->heads * part->head_dim,
                                            rt_quantised(&part->o.w));
    rt_enter(e, worker, RT_PART_PROJECTIONS);
    rt_products(e, worker, &(struct rt_product){&part->o, NULL, live->count, e->mixed, e->widths.hidden}, 1, &inner);
    rt_add_to_residual(e, worker, block, live);
}
