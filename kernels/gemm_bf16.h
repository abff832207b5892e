/* gemm_bf16.h: the bf16 matrix product (n1 §4), written once over the virtual lanes: one fma chain per output, in ascending k.
 * Included by gemm_<isa>.c after lanes_<isa>.h. */

#include "kernels/layout.h"
#include "kernels/ops.h"

enum { BF16_WIDE = KN_PANEL / KN_LANES };

LANES_INLINE void bf16_rows(const struct kn_gemm *g, size_t panel_index, size_t m, size_t rows)
{
    const uint16_t *panel = (const uint16_t *)(const void *)kn_panel_at(g->w, panel_index);
    const float *x = (const float *)g->x + m * g->ldx;
    struct lanes acc[LANES_ROWS][BF16_WIDE];
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < BF16_WIDE; i++)
            acc[r][i] = lanes_set(0);
    for (size_t k = 0; k < g->w->k; k++, panel += KN_PANEL) {
        struct lanes w[BF16_WIDE];
        for (size_t i = 0; i < BF16_WIDE; i++)
            w[i] = lanes_load_bf16(panel + i * KN_LANES);
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < BF16_WIDE; i++)
                acc[r][i] = lanes_fma(lanes_set(x[r * g->ldx + k]), w[i], acc[r][i]);
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < BF16_WIDE; i++) {
            size_t column = panel_index * KN_PANEL + i * KN_LANES;
            struct lanes y = g->bias ? lanes_add(acc[r][i], lanes_load(g->bias + column)) : acc[r][i];
            lanes_store(g->y + (m + r) * g->ldy + column, y);
        }
}

static void gemm_bf16(const struct kn_gemm *g, size_t panel0, size_t panel1)
{
    for (size_t p = panel0; p < panel1; p++) {
        size_t m = 0;
        for (; m + LANES_ROWS <= g->m; m += LANES_ROWS)
            bf16_rows(g, p, m, LANES_ROWS);
        for (; m < g->m; m++)
            bf16_rows(g, p, m, 1);
    }
}
