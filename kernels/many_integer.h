/* many_integer.h: `many` of the table for instruction sets without an int8 dot product: chunks of rows by panels by pieces by tiles.
 * Included by many_<isa>.c after integers_<isa>.h.
 *
 * Measured on one core of a Zen 3 with weights from memory, per cent of what vpmaddubsw, vpmaddwd and vpaddd together can do, beside four
 * rows at a time by gemm_integer.h, w4 unpacked to int8 from nine rows on, in brackets:
 *   rows                2         4         8         16        32        64        128       512
 *   w8 K 2048 N 768     22 (17)   40 (37)   51 (50)   64 (53)   65 (61)   71 (63)   72 (63)   72 (59)
 *   w8 K 768 N 2048     24 (18)   43 (37)   54 (44)   65 (50)   65 (57)   73 (61)   73 (56)   70 (55)
 *   w4 K 2048 N 768     42 (35)   67 (48)   91 (49)   101 (59)  110 (59)  113 (57)  112 (58)  110 (62)
 *   w4 K 768 N 2048     42 (38)   70 (47)   92 (50)   103 (59)  110 (63)  112 (66)  111 (68)  107 (69)
 * A tile's loop alone, in the first-level cache, reaches 76 and 130: Zen 3 issues three of its integer operations a cycle, and w8 needs four
 * for 32 products. Not faster: other shapes of the tile (4 × 16, 5 × 16, 3 × 24, 2 × 32, 12 × 8), the loop unrolled, additions behind the
 * next multiplications, |w| and x ^ sign(w) by vpmaddubsw, half of the additions as floats of the same bits. */

#include "kernels/many_chunk.h"
#include "kernels/many_codes.h"
#include "kernels/many_words.h"

enum tile_kind { TILE_WORDS, TILE_CODES };

static enum tile_kind kind_of(const struct kn_gated *g)
{
    int codes = g->gate.w->format == KN_W4 && codes_fit(g->gate.w->codebook);
    return codes && (!g->up || (g->up->format == KN_W4 && codes_fit(g->up->codebook))) ? TILE_CODES : TILE_WORDS;
}

/* Cuts the scratch; the chunk's rows are as many as fit. */
static struct chunk chunk_in(const struct kn_gemm *g, enum tile_kind kind)
{
    struct chunk c = {.piece = g->scratch, .kp = kn_pad(g->w->k)};
    c.row_bytes = kn_pad(kind == TILE_CODES ? codes_row_bytes(c.kp) : 2 * c.kp) + LINE; /* not a power of two, for the cache's sake */
    size_t each = c.row_bytes + KN_PANEL * sizeof *c.sums, limit = CHUNK_BYTES / each;
    limit = limit < KN_CHUNK_ROWS_MIN ? KN_CHUNK_ROWS_MIN : limit > CHUNK_ROWS_MAX ? CHUNK_ROWS_MAX : limit;
    c.count = limit;
    c.sums = (int32_t *)(void *)(c.piece + 2 * PIECE_BYTES);
    c.rows = (uint8_t *)(c.sums + limit * KN_PANEL);
    return c;
}

static void chunk_fill(const struct chunk *c, const struct kn_gemm *g, enum tile_kind kind)
{
    for (size_t r = 0; r < c->count; r++) {
        const int8_t *x = (const int8_t *)g->x + kn_row_of_x(g, c->m + r) * g->ldx;
        uint8_t *out = c->rows + r * c->row_bytes;
        if (kind == TILE_CODES)
            codes_row(out, x, c->kp);
        else
            words_row((int16_t *)(void *)out, x, c->kp);
    }
}

static void piece_unpack(const struct tile *t, const struct kn_pass *p, enum tile_kind kind)
{
    int16_t *words = (int16_t *)(void *)t->c->piece;
    if (kind == TILE_CODES)
        codes_of_w4(t->c->piece, p, t->c->kp, t->column, t->k, t->inputs);
    else if (p->w->format == KN_W4)
        words_of_w4(words, p, t->c->kp, t->column, t->k, t->inputs);
    else
        words_of_w8(words, p->panel, t->column, t->k, t->inputs);
}

/* The piece by all rows, in blocks as equal as can be. */
static void piece_by_rows(struct tile *t, enum tile_kind kind, struct ahead *ahead)
{
    size_t count = t->c->count, blocks = (count + TILE_ROWS - 1) / TILE_ROWS;
    for (size_t i = 0; i < blocks; i++) {
        t->row = count * i / blocks;
        size_t rows = count * (i + 1) / blocks - t->row;
        if (kind == TILE_CODES)
            codes_tile(t, rows, ahead);
        else
            words_tile(t, rows, ahead);
    }
}

static void pass_over(const struct chunk *c, const struct kn_pass *p, enum tile_kind kind)
{
    const size_t longest = kind == TILE_CODES ? CODES_PIECE : WORDS_PIECE;
    struct ahead ahead = ahead_of(p, c);
    memset(c->sums, 0, c->count * KN_PANEL * sizeof *c->sums);
    for (size_t k = 0; k < c->kp; k += longest)
        for (size_t column = 0; column < KN_PANEL; column += STRIP) {
            struct tile t = {.c = c, .column = column, .k = k, .inputs = c->kp - k < longest ? c->kp - k : longest};
            piece_unpack(&t, p, kind);
            piece_by_rows(&t, kind, &ahead);
        }
    for (size_t r = 0; r < c->count; r++)
        for (size_t column = 0; column < KN_PANEL; column += KN_LANES)
            finish_sums(&p->finish, ints_load(c->sums + r * KN_PANEL + column), c->m + r, column);
}

static void many(const struct kn_gated *g, size_t panel0, size_t panel1)
{
    enum tile_kind kind = kind_of(g);
    struct chunk c = chunk_in(&g->gate, kind);
    size_t limit = c.count, chunks = (g->gate.m + limit - 1) / limit;
    for (size_t i = 0; i < chunks; i++) {
        c.m = g->gate.m * i / chunks;
        c.count = g->gate.m * (i + 1) / chunks - c.m;
        chunk_fill(&c, &g->gate, kind);
        for (size_t j = 0; j < kn_passes(g, panel0, panel1); j++) {
            struct kn_pass p = kn_pass_at(g, panel0, panel1, j);
            pass_over(&c, &p, kind);
        }
    }
}
