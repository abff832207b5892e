/* reference_gemm.c: the definition of correct for matrix products (n1 §2, §4) and for the search of w4 scales (n1 §11). Plain C.
 * Knows no instruction set. Any thread. */
#include "kernels/layout.h"
#include "kernels/numerics.h"
#include "kernels/ops.h"
#include "kernels/reference.h"

#include <math.h>

static void unpack_w4(int8_t *out, const uint8_t *panel, size_t kp, const struct kn_codebook *codebook)
{
    for (size_t n = 0; n < KN_PANEL; n++)
        for (size_t k = 0; k < kp; k++)
            out[kn_w8_index(n, k)] = kn_w4_value(panel, kp, codebook, n, k);
}

static void finish(const struct kn_finish *f)
{
    for (size_t m = 0; m < f->rows; m++)
        for (size_t n = 0; n < KN_PANEL; n++) {
            int32_t acc = f->acc[m * KN_PANEL + n] - (f->sum ? 128 * f->sum[n] : 0);
            float y = (float)acc * (f->sx[m] * f->scale[n]);
            f->y[m * f->ldy + n] = f->bias ? y + f->bias[n] : y;
        }
}

/* One row by one panel of either integer format. */
static void row_by_panel(int32_t acc[KN_PANEL], const struct kn_matrix *w, const uint8_t *panel, const int8_t *x)
{
    size_t kp = kn_pad(w->k);
    for (size_t n = 0; n < KN_PANEL; n++) {
        acc[n] = 0;
        for (size_t k = 0; k < w->k; k++)
            acc[n] += x[k] * (w->format == KN_W8 ? (int8_t)panel[kn_w8_index(n, k)] : kn_w4_value(panel, kp, w->codebook, n, k));
    }
}

static void gemm_integer(const struct kn_gemm *g, size_t panel0, size_t panel1)
{
    for (size_t p = panel0; p < panel1; p++) {
        const uint8_t *panel = kn_panel_at(g->w, p);
        for (size_t m = 0; m < g->m; m++) {
            int32_t acc[KN_PANEL];
            row_by_panel(acc, g->w, panel, (const int8_t *)g->x + m * g->ldx);
            finish(&(struct kn_finish){.acc = acc,
                                       .scale = kn_panel_scale(g->w, panel),
                                       .sx = g->sx + m,
                                       .bias = g->bias ? g->bias + p * KN_PANEL : NULL,
                                       .y = g->y + m * g->ldy + p * KN_PANEL,
                                       .ldy = g->ldy,
                                       .rows = 1});
        }
    }
}

static void gemm_bf16(const struct kn_gemm *g, size_t panel0, size_t panel1)
{
    for (size_t p = panel0; p < panel1; p++) {
        const uint16_t *panel = (const uint16_t *)(const void *)kn_panel_at(g->w, p);
        for (size_t m = 0; m < g->m; m++)
            for (size_t n = 0; n < KN_PANEL; n++) {
                const float *x = (const float *)g->x + m * g->ldx;
                float y = 0;
                for (size_t k = 0; k < g->w->k; k++)
                    y = fmaf(x[k], kn_bf16_value(panel[k * KN_PANEL + n]), y);
                g->y[m * g->ldy + p * KN_PANEL + n] = g->bias ? y + g->bias[p * KN_PANEL + n] : y;
            }
    }
}

static float group_error(const float *w, float step, const struct kn_ladder *ladder)
{
    float lane[KN_LANES] = {0}, inverse = 1.0f / step;
    for (size_t i = 0; i < KN_GROUP; i++) {
        float t = w[i] * inverse, value = ladder->value[0];
        for (size_t j = 0; j < 15; j++)
            value += t >= ladder->bound[j] ? ladder->value[j + 1] - ladder->value[j] : 0.0f;
        float error = fmaf(-step, value, w[i]);
        lane[i % KN_LANES] = fmaf(error, error, lane[i % KN_LANES]);
    }
    return kn_lanes_sum(lane);
}

static float try_w4(uint8_t *chosen, const struct kn_w4_row *row, float scale, const struct kn_ladder *ladder)
{
    float total = 0;
    for (size_t g = 0; g < row->groups; g++) {
        float least = INFINITY;
        int first = kn_ladder_first(ladder, scale, row->absmax[g]);
        chosen[g] = (uint8_t)first;
        for (int j = first; j < kn_ladder_end(ladder, first); j++) {
            float error = group_error(row->w + g * KN_GROUP, scale * ladder->multiplier[j], ladder);
            if (error < least) {
                least = error;
                chosen[g] = (uint8_t)j;
            }
        }
        total += least;
    }
    return total;
}

void kn_reference_gemm(struct kn_ops *ops)
{
    ops->gemm_bf16 = gemm_bf16;
    ops->gemm_w8 = gemm_integer;
    ops->gemm_w4 = gemm_integer;
    ops->unpack_w4 = unpack_w4;
    ops->finish = finish;
    ops->try_w4 = try_w4;
}
