/* many_chunk.h: the walk of integer products of many rows (n1 §2) where there is no int8 dot product, written once over 16 outputs. Included
 * by many_<isa>.c after integers_<isa>.h, before many_words.h and many_codes.h, which say what a tile is.
 *
 * A chunk of rows is copied into scratch once for all panels, as the tiles want it. A panel is taken in pieces of some outputs (a strip) by
 * some inputs: a piece is unpacked once, stays in the first-level cache, and meets all rows of the chunk, six at a time. Sums lie in scratch
 * from piece to piece. */

#include "kernels/integer_finish.h"
#include "kernels/integer_w4.h"

enum {
    TILE_ROWS = 6,
    TILE_WIDE = INTS_WIDE_TILE,
    STRIP = TILE_WIDE * KN_LANES, /* outputs of a tile */
    PIECE_BYTES = 16 << 10,
    CHUNK_BYTES = 256 << 10, /* half of a common L2 */
    CHUNK_ROWS_MAX = 256,
    LINE = 64,
};

/* Rows of the product in scratch, and what is made of them. */
struct chunk {
    uint8_t *piece, *rows; /* rows: [count][row_bytes], each as its kind of tile wants it */
    int32_t *sums;         /* [count][64] */
    size_t row_bytes, kp, m, count;
};

/* What the next pass will read, fetched evenly while this one multiplies: `lines` of it for each 64 inputs of a tile. */
struct ahead {
    const uint8_t *at, *end;
    size_t lines;
};

LANES_INLINE void ahead_fetch(struct ahead *ahead)
{
    for (size_t i = 0; i < ahead->lines && ahead->at < ahead->end; i++, ahead->at += LINE)
        _mm_prefetch((const char *)ahead->at, _MM_HINT_T1);
}

static struct ahead ahead_of(const struct kn_pass *p, const struct chunk *c)
{
    size_t tiles = (c->count + TILE_ROWS - 1) / TILE_ROWS * (KN_PANEL / STRIP), turns = tiles * (c->kp / 64);
    size_t bytes = kn_scale_offset(p->w->format, c->kp), lines = bytes / LINE;
    if (!p->next)
        return (struct ahead){NULL, NULL, 0};
    return (struct ahead){p->next, p->next + bytes, (lines + turns - 1) / turns};
}

/* Some rows by the piece in scratch. */
struct tile {
    const struct chunk *c;
    size_t row, column, k, inputs; /* from where on, and how many inputs */
};

static inline const uint8_t *tile_row(const struct tile *t)
{
    return t->c->rows + t->row * t->c->row_bytes;
}

static inline int32_t *tile_sums(const struct tile *t)
{
    return t->c->sums + t->row * KN_PANEL + t->column;
}
