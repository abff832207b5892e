/* engine.c: opens an engine, and gives a step's tokens their places in the cache. Where buffers lie is engine_plan.c's; the arithmetic is in
 * engine_step.c and block_*.c. One thread. */
#include "runtime/engine.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/engine_step.h"
#include "runtime/scope.h"

void rt_engine_size(const struct rt_model *model, const struct kn_context *kernels, const struct rt_engine_options *options,
                    unsigned workers, uint64_t *cache, uint64_t *buffers)
{
    struct rt_engine e = {0};
    rt_engine_plan(&e, model, kernels, options, workers);
    *cache = (uint64_t)rt_cache_page_bytes(model, options->kv) * e.max_pages;
    *buffers = e.memory_bytes;
}

/* ---- open and close ---- */

/* Which model and whose workers belong to each node. */
static void place_nodes(struct rt_engine *e, const struct rt_model *const *models)
{
    for (unsigned n = 0; n < rt_workers_nodes(e->workers); n++) {
        struct rt_node *node = &e->nodes[n];
        node->model = models[n];
        rt_workers_of_node(e->workers, n, &node->first_worker, &node->last_worker);
        for (unsigned i = node->first_worker; i < node->last_worker; i++)
            e->own[i].node = node;
    }
}

/* A gated product reads its rows once, in one form. */
static int check_formats(const struct rt_model *model, struct rt_error *error)
{
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t b = 0; b < model->layers[l].count; b++) {
            const struct rt_block *block = &model->layers[l].blocks[b];
            if ((block->kind == RT_BLOCK_MLP && block->mlp.gate.w.format != block->mlp.up.w.format) ||
                (block->kind == RT_BLOCK_MOE && block->moe.gate.format != block->moe.up.format))
                return rt_fail(error, RT_EXIT_UNSUPPORTED, "layer %u has gate and up in different formats; pack the model again", l);
        }
    return 0;
}

/* Each worker a part, on its own node. What cannot be had now is taken when it is needed. */
static void touch(void *engine, unsigned worker)
{
    const struct rt_engine *e = engine;
    const unsigned count = rt_workers_count(e->workers);
    (void)!rt_memory_touch(&e->memory, worker, count);
    (void)!rt_cache_touch(e->cache, worker, count);
}

int rt_engine_open(struct rt_engine **out, const struct rt_model *const *models, const struct kn_context *kernels,
                   struct rt_workers *workers, const struct rt_engine_options *options, struct rt_error *error)
{
    *out = NULL;
    if (check_formats(models[0], error))
        return -1;
    RT_CLEAN(rt_engine_close) struct rt_engine *e = calloc(1, sizeof *e);
    if (!e)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the engine");
    rt_engine_plan(e, models[0], kernels, options, rt_workers_count(workers));
    if (rt_memory_map(&e->memory, e->memory_bytes, RT_NODE_ANY, error))
        return -1;
    rt_engine_plan(e, models[0], kernels, options, rt_workers_count(workers));
    e->workers = workers;
    e->opened_ticks = rt_ticks();
    e->opened_seconds = rt_seconds();
    place_nodes(e, models);
    if (rt_cache_open(&e->cache, e->model, options->kv, e->max_pages, error) ||
        (options->keep_prefixes && rt_prefix_open(&e->prefix, e->max_pages, error)))
        return -1;
    if (options->touch)
        rt_workers_run(workers, touch, e);
    *out = RT_MOVE(e);
    return 0;
}

void rt_engine_close(struct rt_engine **engine)
{
    if (!*engine)
        return;
    rt_prefix_close(&(*engine)->prefix);
    rt_cache_close(&(*engine)->cache);
    rt_memory_unmap(&(*engine)->memory);
    free(*engine);
    *engine = NULL;
}

/* ---- sequences ---- */

static uint32_t pages_for(uint64_t tokens)
{
    return (uint32_t)((tokens + KN_KV_BLOCK - 1) / KN_KV_BLOCK);
}

struct rt_sequence *rt_sequence_open(struct rt_engine *engine)
{
    for (uint32_t i = 0; i < engine->options.max_sequences; i++)
        if (!engine->sequences[i].open) {
            engine->sequences[i].open = 1;
            return &engine->sequences[i];
        }
    return NULL;
}

void rt_sequence_close(struct rt_engine *engine, struct rt_sequence **sequence)
{
    struct rt_sequence *s = *sequence;
    *sequence = NULL;
    if (!s)
        return;
    rt_sequence_shorten(engine, s, 0);
    s->kept = 0;
    s->open = 0;
}

void rt_sequence_shorten(struct rt_engine *engine, struct rt_sequence *sequence, uint32_t length)
{
    while (sequence->page_count > pages_for(length))
        rt_cache_give(engine->cache, sequence->pages[--sequence->page_count]);
    sequence->length = length;
}

uint32_t rt_sequence_length(const struct rt_sequence *sequence)
{
    return sequence->length;
}

uint32_t rt_sequence_lacks(const struct rt_sequence *sequence, uint64_t tokens)
{
    const uint32_t pages = pages_for(tokens);
    return pages > sequence->page_count ? pages - sequence->page_count : 0;
}

struct rt_engine_pages rt_engine_pages(const struct rt_engine *engine)
{
    return (struct rt_engine_pages){rt_cache_pages(engine->cache), rt_cache_free_pages(engine->cache), rt_cache_idle_pages(engine->cache)};
}

/* ---- a step ---- */

/* Everything that could fail, before anything changes. */
static int check_runs(const struct rt_engine *e, const struct rt_run *runs, uint32_t count, uint32_t *pages, struct rt_error *error)
{
    uint64_t rows = 0, logits = 0, hidden = 0;
    *pages = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct rt_run *run = &runs[i];
        uint64_t length = (uint64_t)run->sequence->length + run->count;
        if (length > e->model->context)
            return rt_fail(error, RT_EXIT_RESOURCES, "the model's context of %u tokens is full; start a new conversation",
                           e->model->context);
        rows += run->count;
        hidden += run->hidden ? run->count : 0;
        logits += run->hidden ? 0 : run->all_logits ? run->count : run->count > 0;
        *pages += rt_sequence_lacks(run->sequence, length);
        for (uint32_t t = 0; t < run->count; t++)
            if (run->tokens[t] >= e->model->vocab)
                return rt_fail(error, RT_EXIT_USAGE, "token %u is not in the vocabulary of %u", run->tokens[t], e->model->vocab);
    }
    if (rows > e->options.max_rows || logits > e->options.max_logits || hidden > e->options.max_hidden)
        return rt_fail(error, RT_EXIT_RESOURCES, "a step of %llu tokens and %llu logits is larger than the engine was made for",
                       (unsigned long long)rows, (unsigned long long)logits);
    if (*pages > rt_cache_free_pages(e->cache) + rt_cache_idle_pages(e->cache))
        return rt_fail(error, RT_EXIT_RESOURCES, "the cache of %u tokens is full; start a new conversation or give a larger --ctx",
                       e->options.max_tokens);
    return 0;
}

static void place_run(struct rt_engine *e, const struct rt_run *run)
{
    struct rt_sequence *sequence = run->sequence;
    while (sequence->page_count < pages_for((uint64_t)sequence->length + run->count))
        sequence->pages[sequence->page_count++] = rt_cache_take(e->cache);
    for (uint32_t t = 0; t < run->count; t++) {
        if (!run->hidden && (run->all_logits || t + 1 == run->count))
            e->live_rows[e->logit_count++] = e->row_count;
        e->rows[e->row_count++] = (struct rt_row){sequence, run->tokens[t], sequence->length++};
    }
}

static void list_hidden(struct rt_engine *e, const struct rt_run *runs, uint32_t count)
{
    for (uint32_t i = 0, row = 0; i < count; row += runs[i++].count)
        for (uint32_t t = 0; runs[i].hidden && t < runs[i].count; t++)
            e->live_rows[e->logit_count + e->hidden_count++] = row + t;
}

int rt_engine_step(struct rt_engine *engine, const struct rt_run *runs, uint32_t count, struct rt_error *error)
{
    uint32_t pages;
    if (check_runs(engine, runs, count, &pages, error))
        return -1;
    rt_engine_make_free(engine, pages);
    engine->row_count = engine->logit_count = engine->hidden_count = 0;
    for (uint32_t i = 0; i < count; i++)
        place_run(engine, &runs[i]);
    list_hidden(engine, runs, count);
    uint64_t start = rt_ticks();
    if (engine->row_count)
        rt_workers_run(engine->workers, rt_step_worker, engine);
    engine->step_ticks += rt_ticks() - start;
    return 0;
}

float *rt_engine_logits(struct rt_engine *engine, uint32_t row)
{
    return engine->logits + (size_t)row * engine->widths.vocab;
}

const float *rt_engine_hidden(const struct rt_engine *engine, uint32_t row)
{
    return engine->hidden + (size_t)row * engine->widths.hidden;
}

/* Whatever of a step a worker has not spent on a part it has waited, for its start and its end as well. */
void rt_engine_times(const struct rt_engine *engine, struct rt_engine_times *out)
{
    unsigned count = rt_workers_count(engine->workers);
    uint64_t passed = rt_ticks() - engine->opened_ticks, busy = 0;
    double second = passed ? (rt_seconds() - engine->opened_seconds) / (double)passed : 0; /* of one tick */
    for (int part = 0; part < RT_PART_WAITING; part++) {
        uint64_t ticks = 0;
        for (unsigned i = 0; i < count; i++)
            ticks += engine->own[i].clock.ticks[part];
        out->seconds[part] = second * (double)ticks / count;
        busy += ticks;
    }
    out->seconds[RT_PART_WAITING] = second * ((double)engine->step_ticks - (double)busy / count);
    out->experts = engine->own[0].clock.experts;
}
