/* pass.h: a product, plain or gated, as the sequence of its passes: one panel of one matrix by all rows. A gated product takes gate's panel,
 * which leaves its result in y, and then up's, which finds it there. Knows no instruction set. */
#ifndef CLOISTER_PASS_H
#define CLOISTER_PASS_H

#include "kernels/layout.h"

/* What becomes of a panel's sums. */
struct kn_finish {
    const float *scale;   /* [64] */
    const int32_t *sum;   /* [64], to be taken off 128 times where x went in as u8 = x + 128 */
    const float *bias;    /* [64] or NULL */
    const float *sx;      /* of the rows */
    const uint32_t *rows; /* NULL, or where in sx each row's scale is */
    float *y;             /* of the first row, at the panel's first column */
    size_t ldy;
    int onto_gate; /* y holds the gate that the result is multiplied with */
};

struct kn_pass {
    const struct kn_matrix *w;
    const uint8_t *panel, *next; /* next: what the following pass will read, to be fetched meanwhile; NULL in the last */
    struct kn_finish finish;     /* scale and sum not for KN_BF16 */
};

static inline size_t kn_passes(const struct kn_gated *g, size_t panel0, size_t panel1)
{
    return (panel1 - panel0) * (g->up ? 2 : 1);
}

static inline const uint8_t *kn_pass_panel(const struct kn_gated *g, size_t panel0, size_t pass)
{
    if (!g->up)
        return kn_panel_at(g->gate.w, panel0 + pass);
    return kn_panel_at(pass % 2 ? g->up : g->gate.w, panel0 + pass / 2);
}

static inline struct kn_pass kn_pass_at(const struct kn_gated *g, size_t panel0, size_t panel1, size_t pass)
{
    size_t column = (panel0 + (g->up ? pass / 2 : pass)) * KN_PANEL;
    int onto_gate = g->up && pass % 2;
    const float *bias = onto_gate ? g->up_bias : g->gate.bias;
    struct kn_pass p = {.w = onto_gate ? g->up : g->gate.w, .panel = kn_pass_panel(g, panel0, pass)};
    p.next = pass + 1 < kn_passes(g, panel0, panel1) ? kn_pass_panel(g, panel0, pass + 1) : NULL;
    p.finish = (struct kn_finish){.bias = bias ? bias + column : NULL,
                                  .sx = g->gate.sx,
                                  .rows = g->gate.rows,
                                  .y = g->gate.y + column,
                                  .ldy = g->gate.ldy,
                                  .onto_gate = onto_gate};
    if (p.w->format != KN_BF16) {
        p.finish.scale = kn_panel_scale(p.w, p.panel);
        p.finish.sum = kn_panel_sum(p.w, p.panel);
    }
    return p;
}

static inline float kn_finish_sx(const struct kn_finish *f, size_t row)
{
    return f->sx[f->rows ? f->rows[row] : row];
}

/* Row m of the product: which row of x it is. */
static inline size_t kn_row_of_x(const struct kn_gemm *g, size_t m)
{
    return g->rows ? g->rows[m] : m;
}

#endif
