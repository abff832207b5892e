/* engine_parts.h: the engine's inside, shared by engine.c and the files that compute a step. Every rt_block_* function is run by all workers
 * together and ends with the block's output added to the residual rows; rows are the tokens of the step. */
#ifndef CLOISTER_ENGINE_PARTS_H
#define CLOISTER_ENGINE_PARTS_H

#include "runtime/cache.h"
#include "runtime/engine.h"

struct rt_sequence {
    int open;
    uint32_t length; /* tokens in the cache */
    uint32_t page_count;
    uint8_t **pages;
};

struct rt_row { /* one token of the step */
    const struct rt_sequence *sequence;
    uint32_t token, position;
};

/* Rows that enter a matrix product: as floats, and in int8 where a quantised matrix reads them. */
struct rt_rows {
    float *f32;
    size_t f32_ld;
    int8_t *q;
    float *scale;
    size_t q_ld;
};

struct rt_expert_use { /* one row of one expert */
    uint32_t row;
    float weight;
};

/* Widths that buffers need: maxima over all blocks, each padded to 64. */
struct rt_widths {
    size_t hidden, heads, kv, head_dim, inner, moe_inner, experts, top_k, k_max, group, rope, vocab;
    size_t expert_floats, expert_int8; /* hidden where experts read rows in that form, else 0 */
};

struct rt_engine {
    const struct rt_model *model;
    const struct kn_context *kernels;
    struct rt_workers *workers;
    struct rt_engine_options options;
    struct rt_widths widths;
    struct rt_cache *cache;
    struct rt_sequence *sequences;
    uint32_t max_pages;

    uint8_t *memory; /* every buffer below lies in it */
    size_t memory_bytes;
    float *residual, *mixed;     /* [rows][hidden]; mixed: a block's output */
    struct rt_rows in;           /* [rows][hidden], normed */
    struct rt_rows inner;        /* [rows][widest of heads and mlp's inner] */
    struct rt_rows expert_inner; /* [rows · top_k][moe's inner]; the same memory */
    float *query, *key, *value;  /* [rows][heads], [rows][kv] */
    float *up;                   /* beside inner or expert_inner, with its ld */
    float *expert_out;           /* [rows][hidden] */
    struct rt_rows expert_in;    /* [rows · top_k][hidden] */
    float *router;               /* [rows][experts] */
    uint16_t *expert_ids;        /* [rows][top_k] */
    float *expert_weights;       /* [rows][top_k] */
    struct rt_expert_use *uses;  /* [rows · top_k], by expert, then by row */
    uint32_t *use_start;         /* [experts + 1] */
    float *angles;               /* [ropes][rows][rope] */
    float *logits;               /* [max_logits][vocab] */
    uint8_t *scratch;            /* [workers][scratch_bytes] */
    size_t scratch_bytes;

    /* the step under way */
    struct rt_row *rows;
    uint32_t row_count;
    uint32_t *logit_rows; /* row of each row of logits */
    uint32_t logit_count;
};

void rt_block_attention(const struct rt_engine *engine, unsigned worker, uint32_t layer, uint32_t block);
void rt_block_mlp(const struct rt_engine *engine, unsigned worker, const struct rt_block *block);
void rt_block_moe(const struct rt_engine *engine, unsigned worker, const struct rt_block *block);

#endif
