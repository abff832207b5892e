/* attention.h: one block of keys for a tile of rows (n1 §9), written once over pairs of registers. Included by attention_<isa>.c after
 * lanes_<isa>.h and pairs_<isa>.h.
 *
 * Scores and weighted values are the same loop, `accumulate`: sums for some rows × a pair of registers take in, step by step, one row of a
 * slice of the page times a factor for each row. For scores a step is an element d of the keys, a column a key, the factor q[d]; for
 * values a step is a key, a column an element, the factor the key's weight. The number of rows and the cache's element type are constants
 * of each copy, so that the sums stay in registers. */

#include "kernels/ops.h"
#include "kernels/softmax.h"

#include <string.h>

struct factors { /* row r's at step i: at[r·row + i·step] */
    const float *at;
    size_t row, step;
};

struct pass { /* over `steps` rows of a slice */
    const uint8_t *slice;
    size_t part, steps;  /* part: which of the PAIR_PARTS of the slice's columns */
    const uint8_t *soon; /* as many bytes that will be read soon: brought near meanwhile */
};

LANES_INLINE void accumulate(struct pair sums[PAIR_ROWS], enum kn_kv kv, size_t rows, struct factors f, struct pass pass)
{
    const size_t row_bytes = kn_slice_row_bytes(kv);
    for (size_t i = 0; i < pass.steps; i++) {
        struct pair x = pair_load(kv, pass.slice + i * row_bytes, pass.part);
        for (size_t line = 0; line < row_bytes; line += 64)
            _mm_prefetch((const char *)pass.soon + i * row_bytes + line, _MM_HINT_T0);
        for (size_t r = 0; r < rows; r++)
            sums[r] = pair_fma(pair_set(f.at[r * f.row + i * f.step]), x, sums[r]);
    }
}

/* ---- a tile's scratch ---- */

struct work {
    float *q;       /* for each block of rows: [k_dim][rows of the block], 0 for the rows that were added to fill it */
    float *weights; /* [rows][KN_WEIGHTS_LD]: scores, then weights */
    float *out;     /* [rows][ld]: weighted values */
    size_t ld;
};

static struct work work_of(const struct kn_attention *a)
{
    size_t rows = kn_tile_rows(a) + KN_ROWS_PAD;
    float *q = kn_tile_scratch(a), *weights = q + rows * a->k_dim;
    return (struct work){q, weights, weights + rows * KN_WEIGHTS_LD, kn_slices(a->v_dim) * KN_SLICE};
}

/* The smallest block that takes `rows` rows, or the largest. */
static size_t block_rows(size_t rows)
{
#define AT_LEAST(ROWS) \
    if (rows <= (ROWS)) \
        return ROWS;
    PAIR_BLOCKS(AT_LEAST)
    return PAIR_ROWS;
}

static void attention_begin(const struct kn_attention *a)
{
    struct work work = work_of(a);
    size_t rows = kn_tile_rows(a);
    for (size_t first = 0; first < rows; first += PAIR_ROWS) {
        size_t width = block_rows(rows - first);
        float *q = work.q + first * a->k_dim;
        for (size_t r = 0; r < width; r++) {
            const float *from = first + r < rows ? kn_tile_q(a, first + r) : NULL;
            for (size_t d = 0; d < a->k_dim; d++)
                q[d * width + r] = from ? from[d] : 0.0f;
        }
    }
}

/* ---- a page for a block of rows ---- */

enum { BYTES_AHEAD = 8192 };

struct page {
    const uint8_t *slices; /* keys, or values */
    const uint8_t *soon;   /* the page that is read after it */
};

/* What to bring near during the pass over `slice`: what is read some 8 KiB later, which takes memory longer than its latency. */
static const uint8_t *soon_after(const struct page *page, size_t slice, size_t slices, size_t slice_bytes)
{
    size_t ahead = slice_bytes < BYTES_AHEAD ? BYTES_AHEAD / slice_bytes : 1, then = slice + (ahead < slices ? ahead : slices);
    return then < slices ? page->slices + then * slice_bytes : page->soon + (then - slices) * slice_bytes;
}

/* What 32 keys' sums are multiplied with. */
LANES_INLINE struct pair score_scale(const struct kn_attention *a, enum kn_kv kv, const struct page *page, size_t slice, size_t part)
{
    struct pair scale = pair_set(a->scale);
    if (kv != KN_KV_INT8)
        return scale;
    return pair_mul(pair_get(kn_key_scales(page->slices, a->k_dim) + slice * KN_SLICE, part), scale);
}

/* weights[r][0 … 63] = scale · q·k */
LANES_INLINE void page_scores(const struct kn_attention *a, enum kn_kv kv, size_t rows, const struct page *page, const float *q,
                              float *weights)
{
    const size_t slices = KN_KV_BLOCK / KN_SLICE, slice_bytes = a->k_dim * kn_slice_row_bytes(kv);
    for (size_t unit = 0; unit < slices * PAIR_PARTS; unit++) {
        size_t slice = unit / PAIR_PARTS, part = unit % PAIR_PARTS;
        struct pair sums[PAIR_ROWS];
        for (size_t r = 0; r < rows; r++)
            sums[r] = pair_set(0);
        accumulate(sums, kv, rows, (struct factors){q, 1, rows},
                   (struct pass){page->slices + slice * slice_bytes, part, a->k_dim, soon_after(page, slice, slices, slice_bytes)});
        struct pair scale = score_scale(a, kv, page, slice, part);
        for (size_t r = 0; r < rows; r++)
            pair_store(weights + r * KN_WEIGHTS_LD + slice * KN_SLICE, part, pair_mul(sums[r], scale));
    }
}

/* out[r] takes in the weighted values of the page's first `keys` keys. */
LANES_INLINE void page_values(const struct kn_attention *a, enum kn_kv kv, size_t rows, const struct page *page, size_t keys,
                              const float *weights, float *out)
{
    const size_t slices = kn_slices(a->v_dim), slice_bytes = KN_KV_BLOCK * kn_slice_row_bytes(kv), ld = slices * KN_SLICE;
    for (size_t unit = 0; unit < slices * PAIR_PARTS; unit++) {
        size_t slice = unit / PAIR_PARTS, part = unit % PAIR_PARTS;
        struct pair sums[PAIR_ROWS];
        for (size_t r = 0; r < rows; r++)
            sums[r] = pair_get(out + r * ld + slice * KN_SLICE, part);
        accumulate(sums, kv, rows, (struct factors){weights, KN_WEIGHTS_LD, 1},
                   (struct pass){page->slices + slice * slice_bytes, part, keys, soon_after(page, slice, slices, slice_bytes)});
        for (size_t r = 0; r < rows; r++)
            pair_store(out + r * ld + slice * KN_SLICE, part, sums[r]);
    }
}

/* ---- a block of keys for a tile ---- */

struct block {
    const uint8_t *const *pages;
    size_t keys, page_count; /* that the tile's last row sees */
    const uint8_t *after;    /* what is read when the block is done */
};

static struct block block_at(const struct kn_attention *a, size_t index)
{
    size_t pages = KN_ATTENTION_BLOCK / KN_KV_BLOCK, last_row = kn_tile_rows(a) - 1;
    struct block b = {.pages = a->pages + index * pages, .keys = kn_tile_keys(a, index, last_row)};
    b.page_count = (b.keys + KN_KV_BLOCK - 1) / KN_KV_BLOCK;
    b.after = kn_tile_keys(a, index + 1, last_row) ? b.pages[pages] + a->k_offset : b.pages[0] + a->v_offset;
    return b;
}

/* int8: weights times their values' scales. */
static void scale_weights(const struct kn_attention *a, const struct block *b, float *weights, size_t count)
{
    for (size_t j = 0; j < count; j += KN_LANES) {
        const float *scales = kn_value_scales(b->pages[j / KN_KV_BLOCK] + a->v_offset, a->v_dim) + j % KN_KV_BLOCK;
        lanes_store(weights + j, lanes_mul(lanes_load(weights + j), lanes_load(scales)));
    }
}

/* Scores of the block's first `count` keys become weights, followed by 0. */
LANES_INLINE void weigh(const struct kn_attention *a, enum kn_kv kv, const struct block *b, float *weights, size_t count, float *maximum,
                        float *sum)
{
    *maximum = count ? rows_largest(weights, count) : -INFINITY;
    *sum = count ? rows_exp_sum(weights, count, *maximum) : 0;
    if (kv == KN_KV_INT8)
        scale_weights(a, b, weights, count);
    for (size_t j = count; j < b->keys; j++)
        weights[j] = 0;
}

LANES_INLINE void tile_scores(const struct kn_attention *a, enum kn_kv kv, const struct block *b, const struct work *work)
{
    for (size_t p = 0; p < b->page_count; p++) {
        struct page page = {b->pages[p] + a->k_offset, p + 1 < b->page_count ? b->pages[p + 1] + a->k_offset : b->pages[0] + a->v_offset};
        for (size_t first = 0, rows = kn_tile_rows(a); first < rows; first += PAIR_ROWS) {
            const float *q = work->q + first * a->k_dim;
            float *weights = work->weights + first * KN_WEIGHTS_LD + p * KN_KV_BLOCK;
            switch (block_rows(rows - first)) {
#define SCORES(ROWS) \
    case ROWS: page_scores(a, kv, ROWS, &page, q, weights); break;
                PAIR_BLOCKS(SCORES)
            }
        }
    }
}

LANES_INLINE void tile_values(const struct kn_attention *a, enum kn_kv kv, const struct block *b, const struct work *work)
{
    for (size_t p = 0; p < b->page_count; p++) {
        struct page page = {b->pages[p] + a->v_offset, p + 1 < b->page_count ? b->pages[p + 1] + a->v_offset : b->after};
        size_t left = b->keys - p * KN_KV_BLOCK, keys = left < KN_KV_BLOCK ? left : KN_KV_BLOCK;
        for (size_t first = 0, rows = kn_tile_rows(a); first < rows; first += PAIR_ROWS) {
            const float *weights = work->weights + first * KN_WEIGHTS_LD + p * KN_KV_BLOCK;
            float *out = work->out + first * work->ld;
            switch (block_rows(rows - first)) {
#define VALUES(ROWS) \
    case ROWS: page_values(a, kv, ROWS, &page, keys, weights, out); break;
                PAIR_BLOCKS(VALUES)
            }
        }
    }
}

LANES_INLINE void tile_block(const struct kn_attention *a, enum kn_kv kv, size_t index, const struct kn_part *part)
{
    struct work work = work_of(a);
    struct block b = block_at(a, index);
    size_t rows = kn_tile_rows(a);
    memset(work.out, 0, (rows + KN_ROWS_PAD) * work.ld * sizeof *work.out);
    tile_scores(a, kv, &b, &work);
    for (size_t row = 0; row < rows; row++)
        weigh(a, kv, &b, work.weights + row * KN_WEIGHTS_LD, kn_tile_keys(a, index, row), part->maximum + row, part->sum + row);
    tile_values(a, kv, &b, &work);
    for (size_t i = 0; i < rows * work.ld; i += KN_LANES)
        lanes_store(part->out + i, lanes_add(lanes_load(work.out + i), lanes_set(0)));
}

static void tile_block_f32(const struct kn_attention *a, size_t index, const struct kn_part *part)
{
    tile_block(a, KN_KV_F32, index, part);
}

static void tile_block_bf16(const struct kn_attention *a, size_t index, const struct kn_part *part)
{
    tile_block(a, KN_KV_BF16, index, part);
}

static void tile_block_int8(const struct kn_attention *a, size_t index, const struct kn_part *part)
{
    tile_block(a, KN_KV_INT8, index, part);
}

static void attention_block(const struct kn_attention *a, size_t index, const struct kn_part *part)
{
    switch (a->kv) {
    case KN_KV_F32: tile_block_f32(a, index, part); break;
    case KN_KV_BF16: tile_block_bf16(a, index, part); break;
    case KN_KV_INT8: tile_block_int8(a, index, part); break;
    }
}

/* ---- rows ---- */

static void attention_merge(const struct kn_part *run, const struct kn_part *part, size_t row)
{
    float before = run->maximum[row], block = part->maximum[row];
    if (part->sum[row] == 0)
        return;
    float after = block > before ? block : before, old_part = lanes_exp_one(before - after), new_part = lanes_exp_one(block - after);
    struct lanes old_lanes = lanes_set(old_part), new_lanes = lanes_set(new_part);
    run->maximum[row] = after;
    run->sum[row] = lanes_scalar_fma(run->sum[row], old_part, part->sum[row] * new_part);
    for (size_t i = row * run->ld; i < (row + 1) * run->ld; i += KN_LANES)
        lanes_store(run->out + i, lanes_fma(lanes_load(run->out + i), old_lanes, lanes_mul(lanes_load(part->out + i), new_lanes)));
}

static void attention_end(const struct kn_attention *a, const struct kn_part *run, size_t row)
{
    float *out = kn_tile_out(a, row);
    const float *from = run->out + row * run->ld;
    struct lanes sum = lanes_set(run->sum[row]);
    size_t d = 0;
    for (; d + KN_LANES <= a->v_dim; d += KN_LANES)
        lanes_store(out + d, lanes_div(lanes_load(from + d), sum));
    if (d < a->v_dim)
        lanes_store_n(out + d, lanes_div(lanes_load(from + d), sum), a->v_dim - d);
}

static void attention_fill(struct kn_ops *ops)
{
    ops->attention_begin = attention_begin;
    ops->attention_block = attention_block;
    ops->attention_merge = attention_merge;
    ops->attention_end = attention_end;
}
