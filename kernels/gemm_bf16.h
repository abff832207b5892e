/* gemm_bf16.h: the bf16 matrix product (n1 §4), written once over the virtual lanes: one fma chain per output, in ascending k.
 * Included by gemm_<isa>.c after lanes_<isa>.h. */

#include "kernels/ops.h"

enum { BF16_WIDE = KN_PANEL / KN_LANES };

LANES_INLINE void bf16_finish(const struct kn_finish *f, struct lanes y, size_t m, size_t column)
{
    float *at = f->y + m * f->ldy + column;
    struct lanes biased = f->bias ? lanes_add(y, lanes_load(f->bias + column)) : y;
    lanes_store(at, f->onto_gate ? lanes_silu_mul(lanes_load(at), biased) : biased);
}

LANES_INLINE void bf16_rows(const struct kn_gemm *g, const struct kn_pass *p, size_t m, size_t rows)
{
    const uint16_t *panel = (const uint16_t *)(const void *)p->panel;
    const float *x[LANES_ROWS];
    struct lanes acc[LANES_ROWS][BF16_WIDE];
    for (size_t r = 0; r < rows; r++) {
        x[r] = (const float *)g->x + kn_row_of_x(g, m + r) * g->ldx;
        for (size_t i = 0; i < BF16_WIDE; i++)
            acc[r][i] = lanes_set(0);
    }
    for (size_t k = 0; k < p->w->k; k++, panel += KN_PANEL) {
        struct lanes w[BF16_WIDE];
        for (size_t i = 0; i < BF16_WIDE; i++)
            w[i] = lanes_load_bf16(panel + i * KN_LANES);
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < BF16_WIDE; i++)
                acc[r][i] = lanes_fma(lanes_set(x[r][k]), w[i], acc[r][i]);
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < BF16_WIDE; i++)
            bf16_finish(&p->finish, acc[r][i], m + r, i * KN_LANES);
}

static void gemm_bf16(const struct kn_gated *g, size_t panel0, size_t panel1)
{
    for (size_t i = 0; i < kn_passes(g, panel0, panel1); i++) {
        struct kn_pass p = kn_pass_at(g, panel0, panel1, i);
        size_t m = 0;
        for (; m + LANES_ROWS <= g->gate.m; m += LANES_ROWS)
            bf16_rows(&g->gate, &p, m, LANES_ROWS);
        for (; m < g->gate.m; m++)
            bf16_rows(&g->gate, &p, m, 1);
    }
}
