/* gemm_bf16.h: the bf16 matrix product (n1 §4), written once over the virtual lanes: one fma chain per output, in ascending k.
 * Included by gemm_<isa>.c after lanes_<isa>.h.
 *
 * Up to six rows go together, so that a weight is widened once for all of them, with as many of a panel's outputs as leave the sums in
 * registers. */

#include "kernels/ops.h"

enum {
    BF16_ROWS = 6,
    BF16_WIDE = KN_PANEL / KN_LANES,
    BF16_AHEAD = 4096, /* bytes ahead of where a panel is read: about what one core can have under way */
};

/* Rows of the product by one panel. */
struct bf16_block {
    const struct kn_pass *pass;
    const float *x[BF16_ROWS];
    size_t m;
};

LANES_INLINE void bf16_finish(const struct kn_finish *f, struct lanes y, size_t m, size_t column)
{
    float *at = f->y + m * f->ldy + column;
    struct lanes biased = f->bias ? lanes_add(y, lanes_load(f->bias + column)) : y;
    lanes_store(at, f->onto_gate ? lanes_silu_mul(lanes_load(at), biased) : biased);
}

LANES_INLINE void bf16_columns(const struct bf16_block *b, size_t column, size_t rows, size_t wide)
{
    const struct kn_pass *p = b->pass;
    const uint16_t *panel = (const uint16_t *)(const void *)p->panel + column;
    struct lanes acc[BF16_ROWS][BF16_WIDE];
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < wide; i++)
            acc[r][i] = lanes_set(0);
    for (size_t k = 0; k < p->w->k; k++, panel += KN_PANEL) {
        struct lanes w[BF16_WIDE];
        for (size_t i = 0; i < wide; i++)
            w[i] = lanes_load_bf16(panel + i * KN_LANES);
        for (size_t i = 0; i < wide; i += 2)
            _mm_prefetch((const char *)(panel + i * KN_LANES) + BF16_AHEAD, _MM_HINT_T0);
        for (size_t r = 0; r < rows; r++) {
            struct lanes x = lanes_set(b->x[r][k]);
            for (size_t i = 0; i < wide; i++)
                acc[r][i] = lanes_fma(x, w[i], acc[r][i]);
        }
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < wide; i++)
            bf16_finish(&p->finish, acc[r][i], b->m + r, column + i * KN_LANES);
}

LANES_INLINE void bf16_rows(const struct bf16_block *b, size_t rows)
{
    const size_t wide = rows * 4 <= LANES_SUMS ? 4 : rows * 2 <= LANES_SUMS ? 2 : 1;
    for (size_t column = 0; column < KN_PANEL; column += wide * KN_LANES)
        bf16_columns(b, column, rows, wide);
}

static void bf16_block(const struct bf16_block *b, size_t rows)
{
    switch (rows) {
    case 1: bf16_rows(b, 1); break;
    case 2: bf16_rows(b, 2); break;
    case 3: bf16_rows(b, 3); break;
    case 4: bf16_rows(b, 4); break;
    case 5: bf16_rows(b, 5); break;
    default: bf16_rows(b, BF16_ROWS); break;
    }
}

static void gemm_bf16(const struct kn_gated *g, size_t panel0, size_t panel1)
{
    size_t count = g->gate.m, blocks = (count + BF16_ROWS - 1) / BF16_ROWS;
    for (size_t i = 0; i < kn_passes(g, panel0, panel1); i++) {
        struct kn_pass p = kn_pass_at(g, panel0, panel1, i);
        for (size_t j = 0; j < blocks; j++) { /* as equal as can be */
            struct bf16_block b = {.pass = &p, .m = count * j / blocks};
            size_t rows = count * (j + 1) / blocks - b.m;
            for (size_t r = 0; r < rows; r++)
                b.x[r] = (const float *)g->gate.x + kn_row_of_x(&g->gate, b.m + r) * g->gate.ldx;
            bf16_block(&b, rows);
        }
    }
}
