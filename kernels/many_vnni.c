/* many_vnni.c: integer products of many rows (n1 §2) with vpdpbusd, straight on the panels. Any thread.
 *
 * A chunk of rows is copied into scratch once for all panels, as u8 = x + 128, which vpdpbusd wants; a w4 panel is unpacked into scratch
 * once for all rows of the chunk. The innermost loop holds six rows of a panel's 64 outputs, 24 sums, in registers and reads the panel from
 * L2, where the passes over the panel before it have fetched it.
 *
 * Measured on one core of a Zen 5 with weights from memory, per cent of what vpdpbusd can do, beside oneDNN's brgemm (3.7) in brackets:
 *   rows                16        24        40        64        110       256       512
 *   w8 K 2048 N 768     72 (56)   84 (62)   85 (67)   87 (75)   90 (78)   91 (80)   91 (80)
 *   w8 K 768 N 2048     71 (52)   85 (58)   86 (66)   88 (71)   91 (73)   89 (76)   89 (77)
 *   w8 K 4096 N 4096    74 (58)   92 (61)   88 (71)   89 (77)   90 (79)   91 (80)   90 (82)
 *   w4 K 2048 N 768     63 (57)   75 (60)   80 (67)   85 (73)   89 (78)   91 (84)   90 (83)
 * Not faster: the panel in pieces that stay in L1, with int32 sums written down between them; rows read in place, x ^ 128 in the loop. */
#include "kernels/integers_avx512.h"
#include "kernels/integer_finish.h"
#include "kernels/integer_w4.h"

enum {
    ROWS = 6,
    WIDE = KN_PANEL / KN_LANES,
    CHUNK_ROWS_MAX = 512, /* whose part of y, which a gated product comes back to, stays in L2 */
};

/* Rows of the product, copied. */
struct chunk {
    int8_t *x;
    size_t ldx, kp, m, count;
};

/* Where two lines of the next panel are fetched from at each step of four inputs, and how far the places move each time. */
struct ahead {
    const uint8_t *a, *b;
    size_t step_a, step_b;
};

static size_t chunk_rows(size_t kp)
{
    size_t rows = KN_CHUNK_BYTES / (kp + KN_CHUNK_PAD);
    return rows < KN_CHUNK_ROWS_MIN ? KN_CHUNK_ROWS_MIN : rows > CHUNK_ROWS_MAX ? CHUNK_ROWS_MAX : rows;
}

static void chunk_copy(const struct chunk *c, const struct kn_gemm *g)
{
    for (size_t r = 0; r < c->count; r++) {
        const int8_t *x = (const int8_t *)g->x + kn_row_of_x(g, c->m + r) * g->ldx;
        for (size_t k = 0; k < c->kp; k += 64)
            _mm512_storeu_si512(c->x + r * c->ldx + k, _mm512_xor_si512(_mm512_loadu_si512(x + k), _mm512_set1_epi8(-128)));
    }
}

/* A w8 panel is four times as many lines as there are steps in a block of rows, a w4 panel's codes twice as many, and its multipliers a
 * sixteenth. */
static struct ahead ahead_of(const struct kn_pass *p, size_t kp, size_t block, size_t blocks)
{
    size_t quarter = kp * 16;
    struct ahead nothing = {p->panel, p->panel, 0, 0};
    if (!p->next)
        return nothing;
    if (p->w->format == KN_W4 && block < 2)
        return (struct ahead){p->next + block * quarter, p->next + kn_w4_codes(kp), 64, block ? 0 : 4};
    if (p->w->format == KN_W8 && blocks >= 4 && block < 4)
        return (struct ahead){p->next + block * quarter, p->next, 64, 0};
    if (p->w->format == KN_W8 && blocks == 3) /* a quarter each, and a third of the last one: 22 bytes a step */
        return (struct ahead){p->next + block * quarter, p->next + 3 * quarter + block * (quarter / 3), 64, 22};
    if (p->w->format == KN_W8 && blocks == 2)
        return (struct ahead){p->next + 2 * block * quarter, p->next + (2 * block + 1) * quarter, 64, 64};
    return nothing;
}

LANES_INLINE void block_of_rows(int32_t *sums, const struct chunk *c, const uint8_t *w, size_t row, size_t rows, struct ahead ahead)
{
    const int8_t *x = c->x + row * c->ldx;
    struct ints acc[ROWS][WIDE];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < WIDE; i++)
            acc[r][i] = ints_zero();
    for (size_t k = 0; k < c->kp; k += 4, w += ROW_BYTES) {
        struct bytes four[WIDE];
        for (size_t i = 0; i < WIDE; i++)
            four[i] = bytes_load(w + i * INTS_BYTES);
        _mm_prefetch((const char *)ahead.a, _MM_HINT_T1);
        _mm_prefetch((const char *)ahead.b, _MM_HINT_T1);
        ahead.a += ahead.step_a;
        ahead.b += ahead.step_b;
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            struct bytes one = {bytes_four(x + r * c->ldx + k)};
            for (size_t i = 0; i < WIDE; i++)
                acc[r][i] = ints_dot4(acc[r][i], one, four[i]);
        }
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < WIDE; i++)
            _mm512_storeu_si512(sums + r * KN_PANEL + i * KN_LANES, acc[r][i].v);
}

static void pass_over(const struct chunk *c, const struct kn_pass *p, const uint8_t *w)
{
    size_t least = (c->count + ROWS - 1) / ROWS, blocks = least > 1 || c->count < 2 ? least : 2; /* two, to fetch in */
    for (size_t i = 0; i < blocks; i++) {
        size_t row = c->count * i / blocks, end = c->count * (i + 1) / blocks;
        struct ahead ahead = ahead_of(p, c->kp, i, blocks);
        int32_t sums[ROWS * KN_PANEL] __attribute__((aligned(64)));
        switch (end - row) {
        case 1: block_of_rows(sums, c, w, row, 1, ahead); break;
        case 2: block_of_rows(sums, c, w, row, 2, ahead); break;
        case 3: block_of_rows(sums, c, w, row, 3, ahead); break;
        case 4: block_of_rows(sums, c, w, row, 4, ahead); break;
        case 5: block_of_rows(sums, c, w, row, 5, ahead); break;
        default: block_of_rows(sums, c, w, row, ROWS, ahead); break;
        }
        for (size_t r = 0; r < end - row; r++)
            for (size_t j = 0; j < KN_PANEL; j += KN_LANES)
                finish_dots(&p->finish, ints_load(sums + r * KN_PANEL + j), c->m + row + r, j);
    }
}

static void many(const struct kn_gated *g, size_t panel0, size_t panel1)
{
    size_t kp = kn_pad(g->gate.w->k), limit = chunk_rows(kp), chunks = (g->gate.m + limit - 1) / limit;
    int8_t *unpacked = g->gate.scratch;
    for (size_t i = 0; i < chunks; i++) {
        struct chunk c = {unpacked + kp * KN_PANEL, kp + KN_CHUNK_PAD, kp, g->gate.m * i / chunks, 0};
        c.count = g->gate.m * (i + 1) / chunks - c.m;
        chunk_copy(&c, &g->gate);
        for (size_t j = 0; j < kn_passes(g, panel0, panel1); j++) {
            struct kn_pass p = kn_pass_at(g, panel0, panel1, j);
            if (p.w->format == KN_W4)
                unpack_w4(unpacked, p.panel, kp, p.w->codebook);
            pass_over(&c, &p, p.w->format == KN_W4 ? (const uint8_t *)unpacked : p.panel);
        }
    }
}

void kn_many_vnni(struct kn_ops *ops)
{
    ops->many = many;
    ops->many_from_w8 = 11; /* measured, as above: where memory no longer limits what four rows at a time reach */
    ops->many_from_w4 = 15;
}
