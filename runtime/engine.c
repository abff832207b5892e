/* engine.c: an engine's memory and its sequences: what is planned at start, and how a step's tokens get their places in the cache. The
 * arithmetic is in engine_step.c and block_*.c. One thread. */
#include "runtime/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/block_ops.h"
#include "runtime/engine_step.h"
#include "runtime/scope.h"

/* ---- planning ---- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void widen(size_t *width, size_t n)
{
    *width = larger(*width, n);
}

static void widen_for_block(struct rt_widths *w, const struct rt_block *block)
{
    if (block->kind == RT_BLOCK_ATTENTION) {
        const struct rt_attention *part = &block->attention;
        widen(&w->heads, kn_pad((size_t)part->heads * part->head_dim));
        widen(&w->kv, kn_pad((size_t)part->kv_heads * part->head_dim));
        widen(&w->head_dim, part->head_dim);
        widen(&w->group, part->heads / part->kv_heads);
    } else if (block->kind == RT_BLOCK_MLP) {
        widen(&w->inner, kn_pad(block->mlp.inner));
    } else {
        widen(&w->moe_inner, kn_pad(block->moe.inner));
        widen(&w->experts, kn_pad(block->moe.experts));
        widen(&w->top_k, block->moe.top_k);
        int int8 = rt_quantised(&block->moe.gate) + rt_quantised(&block->moe.up); /* of the two */
        widen(&w->expert_int8, int8 ? w->hidden : 0);
        widen(&w->expert_floats, int8 < 2 ? w->hidden : 0);
    }
}

static struct rt_widths widths_of(const struct rt_model *model)
{
    struct rt_widths w = {.hidden = kn_pad(model->hidden), .vocab = kn_pad(model->vocab), .rope = KN_PANEL, .group = 1, .head_dim = 1};
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t b = 0; b < model->layers[l].count; b++)
            widen_for_block(&w, &model->layers[l].blocks[b]);
    for (uint32_t i = 0; i < model->rope_count; i++)
        widen(&w.rope, kn_pad(model->ropes[i].dim));
    w.k_max = w.hidden;
    widen(&w.k_max, w.heads);
    widen(&w.k_max, w.inner);
    widen(&w.k_max, w.moe_inner);
    return w;
}

struct arena { /* base NULL: only counts */
    uint8_t *base;
    size_t used;
};

static void *take(struct arena *arena, size_t count, size_t bytes_each)
{
    void *at = arena->base ? arena->base + arena->used : NULL;
    arena->used += (count * bytes_each + 63) / 64 * 64;
    return at;
}

static struct rt_rows take_rows(struct arena *arena, size_t count, size_t floats, size_t int8)
{
    struct rt_rows rows = {.f32_ld = floats, .q_ld = int8};
    rows.f32 = take(arena, count * floats, sizeof *rows.f32);
    rows.q = take(arena, count * int8, sizeof *rows.q);
    rows.scale = take(arena, count, sizeof *rows.scale);
    return rows;
}

/* Gives every buffer its place; run once to count and once to place. */
static void lay_out(struct rt_engine *e, struct arena *arena, unsigned workers)
{
    const struct rt_widths *w = &e->widths;
    size_t rows = e->options.max_rows, uses = rows * w->top_k;
    size_t inner = larger(w->heads, w->inner);
    size_t inner_elements = larger(rows * inner, uses * w->moe_inner), up_elements = larger(rows * w->inner, uses * w->moe_inner);
    e->residual = take(arena, rows * w->hidden, sizeof(float));
    e->mixed = take(arena, rows * w->hidden, sizeof(float));
    e->in = take_rows(arena, larger(rows, e->options.max_logits), w->hidden, w->hidden);
    e->query = take(arena, rows * w->heads, sizeof(float));
    e->key = take(arena, rows * w->kv, sizeof(float));
    e->value = take(arena, rows * w->kv, sizeof(float));
    e->inner.f32 = take(arena, inner_elements, sizeof(float));
    e->inner.q = take(arena, inner_elements, 1);
    e->inner.scale = take(arena, larger(rows, uses), sizeof(float));
    e->expert_inner = e->inner;
    e->inner.f32_ld = e->inner.q_ld = inner;
    e->expert_inner.f32_ld = e->expert_inner.q_ld = w->moe_inner;
    e->up = take(arena, up_elements, sizeof(float));
    e->expert_out = take(arena, uses ? rows * w->hidden : 0, sizeof(float));
    e->expert_in = take_rows(arena, uses, w->expert_floats, w->expert_int8);
    e->router = take(arena, rows * w->experts, sizeof(float));
    e->expert_ids = take(arena, uses, sizeof *e->expert_ids);
    e->expert_weights = take(arena, uses, sizeof(float));
    e->uses = take(arena, uses, sizeof *e->uses);
    e->use_start = take(arena, w->experts + 1, sizeof *e->use_start);
    e->angles = take(arena, (size_t)e->model->rope_count * rows * w->rope, sizeof(float));
    e->logits = take(arena, (size_t)e->options.max_logits * w->vocab, sizeof(float));
    e->scratch = take(arena, workers, e->scratch_bytes);
    e->rows = take(arena, rows, sizeof *e->rows);
    e->logit_rows = take(arena, e->options.max_logits, sizeof *e->logit_rows);
    e->sequences = take(arena, e->options.max_sequences, sizeof *e->sequences);
    for (uint32_t i = 0; i < e->options.max_sequences; i++) {
        uint8_t **pages = take(arena, e->max_pages, sizeof *pages);
        if (arena->base)
            e->sequences[i].pages = pages;
    }
}

static void plan(struct rt_engine *e, const struct rt_model *model, const struct kn_context *kernels,
                 const struct rt_engine_options *options, unsigned workers)
{
    e->model = model;
    e->kernels = kernels;
    e->options = *options;
    e->widths = widths_of(model);
    e->max_pages = (options->max_tokens + KN_KV_BLOCK - 1) / KN_KV_BLOCK;
    size_t scratch = kn_scratch_bytes(kernels, e->widths.k_max, e->widths.head_dim, e->widths.group);
    e->scratch_bytes = (scratch + 63) / 64 * 64;
    struct arena count = {0};
    lay_out(e, &count, workers);
    e->memory_bytes = count.used;
}

void rt_engine_size(const struct rt_model *model, const struct kn_context *kernels, const struct rt_engine_options *options,
                    unsigned workers, uint64_t *cache, uint64_t *buffers)
{
    struct rt_engine e = {0};
    plan(&e, model, kernels, options, workers);
    *cache = (uint64_t)rt_cache_page_bytes(model, options->kv) * e.max_pages;
    *buffers = e.memory_bytes;
}

/* ---- open and close ---- */

int rt_engine_open(struct rt_engine **out, const struct rt_model *model, const struct kn_context *kernels, struct rt_workers *workers,
                   const struct rt_engine_options *options, struct rt_error *error)
{
    *out = NULL;
    RT_CLEAN(rt_engine_close) struct rt_engine *e = calloc(1, sizeof *e);
    if (!e)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the engine");
    plan(e, model, kernels, options, rt_workers_count(workers));
    e->workers = workers;
    void *memory = mmap(NULL, e->memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %zu MiB of buffers: %s", e->memory_bytes >> 20, strerror(errno));
    e->memory = memory;
    struct arena arena = {.base = e->memory};
    lay_out(e, &arena, rt_workers_count(workers));
    if (rt_cache_open(&e->cache, model, options->kv, e->max_pages, error))
        return -1;
    *out = RT_MOVE(e);
    return 0;
}

void rt_engine_close(struct rt_engine **engine)
{
    if (!*engine)
        return;
    rt_cache_close(&(*engine)->cache);
    if ((*engine)->memory)
        munmap((*engine)->memory, (*engine)->memory_bytes);
    free(*engine);
    *engine = NULL;
}

/* ---- sequences ---- */

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
    while (s->page_count)
        rt_cache_give(engine->cache, s->pages[--s->page_count]);
    s->length = 0;
    s->open = 0;
}

uint32_t rt_sequence_length(const struct rt_sequence *sequence)
{
    return sequence->length;
}

/* ---- a step ---- */

static uint32_t pages_for(uint64_t tokens)
{
    return (uint32_t)((tokens + KN_KV_BLOCK - 1) / KN_KV_BLOCK);
}

/* Everything that could fail, before anything changes. */
static int check_runs(const struct rt_engine *e, const struct rt_run *runs, uint32_t count, struct rt_error *error)
{
    uint64_t rows = 0, logits = 0, pages = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct rt_run *run = &runs[i];
        uint64_t length = (uint64_t)run->sequence->length + run->count;
        if (length > e->model->context)
            return rt_fail(error, RT_EXIT_RESOURCES, "the model's context of %u tokens is full; start a new conversation",
                           e->model->context);
        rows += run->count;
        logits += run->all_logits ? run->count : run->count > 0;
        pages += pages_for(length) - run->sequence->page_count;
        for (uint32_t t = 0; t < run->count; t++)
            if (run->tokens[t] >= e->model->vocab)
                return rt_fail(error, RT_EXIT_USAGE, "token %u is not in the vocabulary of %u", run->tokens[t], e->model->vocab);
    }
    if (rows > e->options.max_rows || logits > e->options.max_logits)
        return rt_fail(error, RT_EXIT_RESOURCES, "a step of %llu tokens and %llu logits is larger than the engine was made for",
                       (unsigned long long)rows, (unsigned long long)logits);
    if (pages > rt_cache_free_pages(e->cache))
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
        if (run->all_logits || t + 1 == run->count)
            e->logit_rows[e->logit_count++] = e->row_count;
        e->rows[e->row_count++] = (struct rt_row){sequence, run->tokens[t], sequence->length++};
    }
}

int rt_engine_step(struct rt_engine *engine, const struct rt_run *runs, uint32_t count, struct rt_error *error)
{
    if (check_runs(engine, runs, count, error))
        return -1;
    engine->row_count = engine->logit_count = 0;
    for (uint32_t i = 0; i < count; i++)
        place_run(engine, &runs[i]);
    if (engine->row_count)
        rt_workers_run(engine->workers, rt_step_worker, engine);
    return 0;
}

float *rt_engine_logits(struct rt_engine *engine, uint32_t row)
{
    return engine->logits + (size_t)row * engine->widths.vocab;
}
