/* engine_plan.c: the sizes and places of an engine's buffers. Walks the same steps to count and to place. One thread. */
#include "runtime/engine_parts.h"

enum { EXPERT_OUT_ROWS = 32 }; /* with more, panels are cut by rows, which makes enough parts for all */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* ---- widths ---- */

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
        widen(&w->part_bytes, part->kv_heads * kn_attention_part_bytes(part->heads / part->kv_heads, part->head_dim));
    } else if (block->kind == RT_BLOCK_MLP) {
        widen(&w->inner, kn_pad(block->mlp.inner));
    } else {
        widen(&w->moe_inner, kn_pad(block->moe.inner));
        widen(&w->experts, kn_pad(block->moe.experts));
        widen(&w->top_k, block->moe.top_k);
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
    w.k_max = larger(larger(w.hidden, w.heads), larger(w.inner, w.moe_inner));
    return w;
}

static void find_last_attention(struct rt_engine *e)
{
    for (uint32_t l = 0; l < e->model->layer_count; l++)
        for (uint32_t b = 0; b < e->model->layers[l].count; b++)
            if (e->model->layers[l].blocks[b].kind == RT_BLOCK_ATTENTION) {
                e->last_layer = l;
                e->last_block = b;
            }
}

/* ---- places ---- */

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

static struct rt_rows take_rows(struct arena *arena, size_t count, size_t width)
{
    struct rt_rows rows = {.f32_ld = width, .q_ld = width, .shared = 1};
    rows.f32 = take(arena, count * width, sizeof *rows.f32);
    rows.q = take(arena, count * width, sizeof *rows.q);
    rows.scale = take(arena, count, sizeof *rows.scale);
    return rows;
}

static struct rt_choice take_choice(struct arena *arena, const struct rt_widths *w, size_t rows)
{
    struct rt_choice choice;
    choice.logits = take(arena, rows * w->experts, sizeof *choice.logits);
    choice.ids = take(arena, rows * w->top_k, sizeof *choice.ids);
    choice.weights = take(arena, rows * w->top_k, sizeof *choice.weights);
    return choice;
}

static struct rt_uses take_uses(struct arena *arena, const struct rt_widths *w, size_t rows)
{
    struct rt_uses uses = {0};
    uses.expert = take(arena, w->experts, sizeof *uses.expert);
    uses.start = take(arena, w->experts + 1, sizeof *uses.start);
    uses.row = take(arena, rows * w->top_k, sizeof *uses.row);
    uses.weight = take(arena, rows * w->top_k, sizeof *uses.weight);
    return uses;
}

static void place_own(struct rt_engine *e, struct arena *arena, unsigned workers)
{
    size_t rows = e->options.max_rows, few = RT_ALONE_FLOATS / e->widths.hidden;
    e->own = take(arena, workers, sizeof *e->own);
    for (unsigned i = 0; i < workers; i++) {
        struct rt_own own = {0};
        own.rows = take_rows(arena, RT_ALONE_FLOATS / KN_PANEL, KN_PANEL);
        own.rows.shared = 0;
        own.choice = take_choice(arena, &e->widths, few < rows ? few : rows);
        own.uses = take_uses(arena, &e->widths, rows);
        own.tile = take(arena, e->widths.top_k ? RT_TILE_FLOATS : 0, sizeof *own.tile);
        if (arena->base)
            e->own[i] = own;
    }
}

/* Attention and feed-forward blocks use the same memory for what lies between their products. */
static void place_inner(struct rt_engine *e, struct arena *arena)
{
    const struct rt_widths *w = &e->widths;
    size_t rows = e->options.max_rows;
    struct arena attention = *arena, experts = *arena;
    e->inner = take_rows(&attention, rows, larger(w->heads, w->inner));
    e->query = take(&attention, rows * w->heads, sizeof *e->query);
    e->key = take(&attention, rows * w->kv, sizeof *e->key);
    e->value = take(&attention, rows * w->kv, sizeof *e->value);
    e->expert_inner = take_rows(&experts, rows * w->top_k, w->moe_inner);
    arena->used = larger(attention.used, experts.used);
}

/* With more workers than panels of hidden, few rows' experts are computed apart from their sum. */
static void place_expert_out(struct rt_engine *e, struct arena *arena, unsigned workers)
{
    const struct rt_widths *w = &e->widths;
    uint32_t most = w->top_k && workers > w->hidden / KN_PANEL ? EXPERT_OUT_ROWS : 0;
    e->expert_out_rows = most < e->options.max_rows ? most : e->options.max_rows;
    e->expert_out = take(arena, e->expert_out_rows * w->top_k * w->hidden, sizeof *e->expert_out);
}

static void place_tiles(struct rt_engine *e, struct arena *arena)
{
    struct rt_tiles tiles = {.parts_bytes = rt_tiles_parts_bytes(e->widths.part_bytes, e->options.max_tokens, e->options.max_sequences)};
    e->tiles = take(arena, 1, sizeof *e->tiles);
    tiles.list = take(arena, e->options.max_rows, sizeof *tiles.list);
    tiles.parts = take(arena, tiles.parts_bytes, 1);
    if (arena->base)
        *e->tiles = tiles;
}

static void place_sequences(struct rt_engine *e, struct arena *arena)
{
    e->sequences = take(arena, e->options.max_sequences, sizeof *e->sequences);
    for (uint32_t i = 0; i < e->options.max_sequences; i++) {
        uint8_t **pages = take(arena, e->max_pages, sizeof *pages);
        if (arena->base)
            e->sequences[i].pages = pages;
    }
}

static void place(struct rt_engine *e, struct arena *arena, unsigned workers)
{
    const struct rt_widths *w = &e->widths;
    size_t rows = e->options.max_rows;
    e->nodes = take(arena, workers, sizeof *e->nodes);
    place_own(e, arena, workers);
    e->residual = take(arena, rows * w->hidden, sizeof *e->residual);
    e->mixed = take(arena, rows * w->hidden, sizeof *e->mixed);
    e->in = take_rows(arena, larger(rows, e->options.max_logits), w->hidden);
    e->hidden = take(arena, (size_t)e->options.max_hidden * w->hidden, sizeof *e->hidden);
    place_inner(e, arena);
    place_expert_out(e, arena, workers);
    place_tiles(e, arena);
    e->choice = take_choice(arena, w, rows);
    e->angles = take(arena, (size_t)e->model->rope_count * rows * w->rope, sizeof *e->angles);
    e->logits = take(arena, (size_t)e->options.max_logits * w->vocab, sizeof *e->logits);
    e->scratch = take(arena, workers, e->scratch_bytes);
    e->rows = take(arena, rows, sizeof *e->rows);
    e->live_rows = take(arena, (size_t)e->options.max_logits + e->options.max_hidden, sizeof *e->live_rows);
    place_sequences(e, arena);
    e->memory_bytes = arena->used;
}

void rt_engine_plan(struct rt_engine *e, const struct rt_model *model, const struct kn_context *kernels,
                    const struct rt_engine_options *options, unsigned workers)
{
    e->model = model;
    e->kernels = kernels;
    e->options = *options;
    e->widths = widths_of(model);
    e->max_pages = (options->max_tokens + KN_KV_BLOCK - 1) / KN_KV_BLOCK;
    e->scratch_bytes = kn_pad(kn_scratch_bytes(kernels, e->widths.k_max, e->widths.head_dim, e->widths.group));
    find_last_attention(e);
    place(e, &(struct arena){.base = e->memory.at}, workers);
}
