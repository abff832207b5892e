/* attention_tile.h: a tile of attention as its files share it: the rows' state, its place in memory, and the walk over blocks. Private to
 * kernels/. */
#ifndef CLOISTER_ATTENTION_TILE_H
#define CLOISTER_ATTENTION_TILE_H

#include "kernels/kernels.h"
#include "kernels/kv_page.h"

/* What one block gave for each row, or all blocks so far (n1 §9). A row that sees no key of the block has sum 0. */
struct kn_part {
    float *maximum, *sum; /* [rows] */
    float *out;           /* [rows][ld], ld a multiple of 32: weighted values, not yet divided; 0 past v_dim */
    size_t ld;
};

static inline size_t kn_tile_rows(const struct kn_attention *a)
{
    return a->positions * a->group;
}

static inline const float *kn_tile_q(const struct kn_attention *a, size_t row)
{
    return a->q + row / a->group * a->q_position + row % a->group * a->ldq;
}

static inline float *kn_tile_out(const struct kn_attention *a, size_t row)
{
    return a->out + row / a->group * a->out_position + row % a->group * a->ldo;
}

/* How many keys of a block a row sees. */
static inline size_t kn_tile_keys(const struct kn_attention *a, size_t block, size_t row)
{
    size_t before = block * KN_ATTENTION_BLOCK, keys = a->keys + row / a->group;
    size_t left = keys > before ? keys - before : 0;
    return left < KN_ATTENTION_BLOCK ? left : KN_ATTENTION_BLOCK;
}

/* Scratch: two parts, then what attention_begin and _block want: for each row its query, weights and weighted values. */
struct kn_part kn_part_at(void *memory, size_t rows, size_t v_dim);
void *kn_tile_scratch(const struct kn_attention *a); /* behind the parts */
size_t kn_attention_scratch(size_t group_max, size_t head_dim_max);

void kn_tile_attend(const struct kn_ops *ops, const struct kn_attention *a);
void kn_tile_blocks(const struct kn_ops *ops, const struct kn_attention *a, void *parts, size_t first, size_t last);
void kn_tile_merge(const struct kn_ops *ops, const struct kn_attention *a, void *parts, size_t row0, size_t row1);

/* Weights of one row of the tile lie this many floats from the next row's: not a power of two, for the caches' sake. */
enum { KN_WEIGHTS_LD = KN_ATTENTION_BLOCK + 16, KN_ROWS_PAD = 4 /* rows that the last block of registers may add */ };

#endif
