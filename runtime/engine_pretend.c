/* engine_pretend.c: see engine_pretend.h. Pages are written through the kernels, so that this knows no format of the cache. */
#include "runtime/engine_pretend.h"

#include "runtime/engine_parts.h"
#include "runtime/synthetic_panel.h"

struct pretence {
    const struct rt_engine *engine;
    const struct rt_sequence *sequence;
};

static void fill_row(float *row, size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i++)
        row[i] = (float)((double)(rt_random_next(state) >> 40) / (1 << 23) - 1) * 1.7f;
}

/* The rows of one head in one page. */
static void fill_head(const struct rt_engine *e, const struct rt_cache_plan *plan, uint8_t *head, size_t dim, uint64_t *state)
{
    float row[KN_HEAD_DIM_MAX];
    for (size_t slot = 0; slot < KN_KV_BLOCK; slot++) {
        fill_row(row, dim, state);
        kn_kv_store_key(e->kernels, e->options.kv, head, slot, row, dim);
        fill_row(row, dim, state);
        kn_kv_store_value(e->kernels, e->options.kv, head + plan->value_offset, slot, row, dim);
    }
}

static void fill_page(const struct rt_engine *e, uint8_t *page, uint64_t *state)
{
    for (uint32_t l = 0; l < e->model->layer_count; l++)
        for (uint32_t b = 0; b < e->model->layers[l].count; b++) {
            const struct rt_block *block = &e->model->layers[l].blocks[b];
            if (block->kind != RT_BLOCK_ATTENTION)
                continue;
            const struct rt_cache_plan *plan = rt_cache_plan(e->cache, l, b);
            for (uint32_t h = 0; h < block->attention.kv_heads; h++)
                fill_head(e, plan, page + plan->offset + h * plan->head_bytes, block->attention.head_dim, state);
        }
}

static void fill_share(void *user, unsigned worker)
{
    const struct pretence *pretence = user;
    const struct rt_engine *e = pretence->engine;
    size_t first, last;
    rt_workers_share(e->workers, worker, pretence->sequence->page_count, &first, &last);
    for (size_t i = first; i < last; i++) {
        uint64_t state = i;
        fill_page(e, pretence->sequence->pages[i], &state);
    }
}

int rt_sequence_pretend(struct rt_engine *engine, struct rt_sequence *sequence, uint32_t tokens, struct rt_error *error)
{
    uint32_t pages = (uint32_t)(((uint64_t)tokens + KN_KV_BLOCK - 1) / KN_KV_BLOCK);
    if (tokens > engine->model->context || pages > rt_cache_free_pages(engine->cache))
        return rt_fail(error, RT_EXIT_RESOURCES, "a cache of %u tokens and a context of %u are too small for a depth of %u",
                       engine->options.max_tokens, engine->model->context, tokens);
    while (sequence->page_count < pages)
        sequence->pages[sequence->page_count++] = rt_cache_take(engine->cache);
    sequence->length = tokens;
    rt_workers_run(engine->workers, fill_share, &(struct pretence){engine, sequence});
    return 0;
}
