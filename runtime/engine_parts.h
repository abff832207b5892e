/* engine_parts.h: the engine's inside, shared by engine*.c and block_*.c. Every rt_block_* function is run by all workers together and ends
 * with the block's output added to the residual, and a barrier; rows are the tokens of the step. */
#ifndef CLOISTER_ENGINE_PARTS_H
#define CLOISTER_ENGINE_PARTS_H

#include "runtime/attention_tiles.h"
#include "runtime/cache.h"
#include "runtime/engine_clock.h"
#include "runtime/memory_map.h"
#include "runtime/prefix.h"

/* Up to so many floats (rows · width) every worker makes for itself, since that takes it less time than a barrier that waits for others. */
enum { RT_ALONE_FLOATS = 16384 };

struct rt_sequence {
    int open;
    uint32_t length; /* tokens in the cache */
    uint32_t page_count;
    uint8_t **pages;
    uint32_t kept;              /* its first pages that have a name, */
    struct rt_prefix_name name; /* and that of the last of these */
};

struct rt_row { /* one token of the step */
    const struct rt_sequence *sequence;
    uint32_t token, position;
};

/* The rows of a step that somebody still asks for: after the last attention block only those that logits are wanted of. */
struct rt_live {
    const uint32_t *index; /* row i of them is row index[i] of the step; NULL: all, as they come */
    uint32_t count;
};

static inline uint32_t rt_live_row(const struct rt_live *live, size_t i)
{
    return live->index ? live->index[i] : (uint32_t)i;
}

/* Rows that enter a matrix product: as floats, and in int8 where a quantised matrix reads them. */
struct rt_rows {
    float *f32;
    size_t f32_ld;
    int8_t *q;
    float *scale;
    size_t q_ld;
    int shared; /* made by all workers, each its share */
};

struct rt_choice { /* of experts */
    float *logits; /* [rows][experts] */
    uint16_t *ids; /* [rows][top_k] */
    float *weights;
};

/* (row, expert) pairs, by expert, then by row. */
struct rt_uses {
    uint32_t active;  /* experts that have rows */
    uint16_t *expert; /* [active], ascending */
    uint32_t *start;  /* [active + 1], into: */
    uint32_t *row;    /* [rows · top_k] */
    float *weight;
};

struct rt_node {
    const struct rt_model *model;       /* the weights that lie there */
    unsigned first_worker, last_worker; /* up to, not including */
};

/* What a worker has for itself; a cache line is never shared. */
struct rt_own {
    struct rt_clock clock;
    const struct rt_node *node;
    struct rt_rows rows; /* RT_ALONE_FLOATS, of any width */
    struct rt_choice choice;
    struct rt_uses uses;
    float *tile; /* [RT_TILE_FLOATS]: what experts have computed, on its way to the sum */
};
enum { RT_TILE_FLOATS = 16384 };

/* Widths that buffers need: maxima over all blocks, each padded to 64. */
struct rt_widths {
    size_t hidden, heads, kv, head_dim, inner, moe_inner, experts, top_k, k_max, group, rope, vocab;
    size_t part_bytes; /* of attention: one block of keys, all heads */
};

struct rt_engine {
    const struct rt_model *model; /* shapes; weights are read through rt_block_of and the worker's node */
    const struct kn_context *kernels;
    struct rt_workers *workers;
    struct rt_engine_options options;
    struct rt_widths widths;
    struct rt_cache *cache;
    struct rt_prefix *prefix; /* NULL: nothing is kept */
    struct rt_sequence *sequences;
    uint32_t max_pages;
    uint32_t last_layer, last_block; /* the last attention block: behind it no row meets another */
    uint64_t opened_ticks;           /* the two clocks when the engine was opened */
    double opened_seconds;
    uint64_t step_ticks; /* of all steps so far */

    struct rt_memory memory; /* every buffer below lies in it */
    size_t memory_bytes;
    struct rt_node *nodes;       /* at most one for each worker */
    struct rt_own *own;          /* [workers] */
    float *residual, *mixed;     /* [rows][hidden]; mixed: a block's output */
    struct rt_rows in;           /* [rows][hidden], normed */
    struct rt_rows inner;        /* [rows][widest of heads and mlp's inner] */
    struct rt_rows expert_inner; /* [rows · top_k][moe's inner]; the same memory */
    float *query, *key, *value;  /* [rows][heads], [rows][kv]; the same memory as the latter part of expert_inner */
    struct rt_choice choice;
    float *expert_out;        /* [expert_out_rows · top_k][hidden], before their sum */
    uint32_t expert_out_rows; /* only steps of so few rows keep them apart: 0 where hidden has panels for all workers */
    struct rt_tiles *tiles;   /* how the attention under way is cut */
    float *angles;            /* [ropes][rows][rope] */
    float *logits;            /* [max_logits][vocab] */
    float *hidden;            /* [max_hidden][hidden] */
    uint8_t *scratch;         /* [workers][scratch_bytes] */
    size_t scratch_bytes;

    /* the step under way */
    struct rt_row *rows;
    uint32_t row_count;
    uint32_t *live_rows; /* rows that somebody asks for: those of the logits, then those of the hidden states */
    uint32_t logit_count, hidden_count;
};

/* Gives an engine its widths and buffers: counts the bytes without memory, else places them. (engine_plan.c) */
void rt_engine_plan(struct rt_engine *engine, const struct rt_model *model, const struct kn_context *kernels,
                    const struct rt_engine_options *options, unsigned workers);

/* Makes `pages` pages free by forgetting kept ones; there are as many. (engine_prefix.c) */
void rt_engine_make_free(struct rt_engine *engine, uint32_t pages);

static inline const struct rt_block *rt_block_of(const struct rt_node *node, uint32_t layer, uint32_t block)
{
    return &node->model->layers[layer].blocks[block];
}

static inline void *rt_scratch(const struct rt_engine *engine, unsigned worker)
{
    return engine->scratch + worker * engine->scratch_bytes;
}

/* The worker's time belongs to `part` from here on. */
static inline void rt_enter(const struct rt_engine *engine, unsigned worker, enum rt_part part)
{
    rt_clock_enter(&engine->own[worker].clock, part);
}

/* The barrier, counted as waiting. */
static inline void rt_meet(const struct rt_engine *engine, unsigned worker)
{
    enum rt_part part = engine->own[worker].clock.part;
    rt_enter(engine, worker, RT_PART_WAITING);
    rt_workers_wait(engine->workers, worker);
    rt_enter(engine, worker, part);
}

/* `live`: the rows whose residual the block changes. */
void rt_block_attention(const struct rt_engine *engine, unsigned worker, uint32_t layer, uint32_t block, const struct rt_live *live);
void rt_block_mlp(const struct rt_engine *engine, unsigned worker, uint32_t layer, uint32_t block, const struct rt_live *live);
void rt_block_moe(const struct rt_engine *engine, unsigned worker, uint32_t layer, uint32_t block, const struct rt_live *live);

#endif
