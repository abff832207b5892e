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

/* Column n of row m, whose product is y. */
static void finish_one(const struct kn_finish *f, float y, size_t m, size_t n)
{
    float *at = f->y + m * f->ldy + n;
    float biased = f->bias ? y + f->bias[n] : y;
    *at = f->onto_gate ? kn_reference_silu_mul(*at, biased) : biased;
}

static void finish(const struct kn_finish *f, const int32_t *acc, size_t m, size_t count)
{
    for (size_t r = 0; r < count; r++)
        for (size_t n = 0; n < KN_PANEL; n++)
            finish_one(f, (float)acc[r * KN_PANEL + n] * (kn_finish_sx(f, m + r) * f->scale[n]), m + r, n);
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

static void gemm_integer(const struct kn_gated *g, size_t panel0, size_t panel1)
{
    for (size_t i = 0; i < kn_passes(g, panel0, panel1); i++) {
        struct kn_pass p = kn_pass_at(g, panel0, panel1, i);
        for (size_t m = 0; m < g->gate.m; m++) {
            int32_t acc[KN_PANEL];
            row_by_panel(acc, p.w, p.panel, (const int8_t *)g->gate.x + kn_row_of_x(&g->gate, m) * g->gate.ldx);
            finish(&p.finish, acc, m, 1);
        }
    }
}

static void gemm_bf16(const struct kn_gated *g, size_t panel0, size_t panel1)
{
    for (size_t i = 0; i < kn_passes(g, panel0, panel1); i++) {
        struct kn_pass p = kn_pass_at(g, panel0, panel1, i);
        const uint16_t *panel = (const uint16_t *)(const void *)p.panel;
        for (size_t m = 0; m < g->gate.m; m++)
            for (size_t n = 0; n < KN_PANEL; n++) {
                const float *x = (const float *)g->gate.x + kn_row_of_x(&g->gate, m) * g->gate.ldx;
                float y = 0;
                for (size_t k = 0; k < p.w->k; k++)
                    y = fmaf(x[k], kn_bf16_value(panel[k * KN_PANEL + n]), y);
                finish_one(&p.finish, y, m, n);
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
    ops->few_w8 = ops->few_w4 = ops->many = gemm_integer;
    ops->many_from_w8 = ops->many_from_w4 = 1;
    ops->unpack_w4 = unpack_w4;
    ops->finish = finish;
    ops->try_w4 = try_w4;
}
