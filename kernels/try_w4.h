/* try_w4.h: the search of w4 (n1 §11) for one scale, written once over the virtual lanes. Included by gemm_<isa>.c after
 * lanes_<isa>.h. */

#include "kernels/ops.h"

#include <math.h>

struct steps { /* a ladder, spread over the lanes */
    struct lanes lowest, bound[15], delta[15];
};

static struct steps steps_of(const struct kn_ladder *ladder)
{
    struct steps s = {.lowest = lanes_set(ladder->value[0])};
    for (int j = 0; j < 15; j++) {
        s.bound[j] = lanes_set(ladder->bound[j]);
        s.delta[j] = lanes_set(ladder->value[j + 1] - ladder->value[j]);
    }
    return s;
}

LANES_INLINE struct lanes square_error(struct lanes acc, struct lanes w, float step, const struct steps *s)
{
    struct lanes t = lanes_mul(w, lanes_set(1.0f / step)), value = s->lowest;
    for (int j = 0; j < 15; j++)
        value = lanes_add_if_reached(value, t, s->bound[j], s->delta[j]);
    struct lanes error = lanes_fma(lanes_set(-step), value, w);
    return lanes_fma(error, error, acc);
}

/* The errors of a group under the four multipliers from place `first` on; past the last one it is repeated. */
LANES_INLINE void four_errors(float error[4], const float *w, float scale, int first, const struct kn_ladder *ladder, const struct steps *s)
{
    struct lanes low = lanes_load(w), high = lanes_load(w + KN_LANES), sum[4];
    for (int i = 0; i < 4; i++) {
        int j = first + i < ladder->multipliers ? first + i : ladder->multipliers - 1;
        float step = scale * ladder->multiplier[j];
        sum[i] = square_error(square_error(lanes_set(0), low, step, s), high, step, s);
    }
    _mm_storeu_ps(error, lanes_fold4(lanes_fold(sum[0]), lanes_fold(sum[1]), lanes_fold(sum[2]), lanes_fold(sum[3])));
}

static float try_w4(uint8_t *chosen, const struct kn_w4_row *row, float scale, const struct kn_ladder *ladder)
{
    struct steps s = steps_of(ladder);
    float total = 0;
    for (size_t g = 0; g < row->groups; g++) {
        float error[4];
        int first = kn_ladder_first(ladder, scale, row->absmax[g]), best = 0;
        four_errors(error, row->w + g * KN_GROUP, scale, first, ladder, &s);
        for (int i = 1; i < 4; i++)
            best = error[i] < error[best] ? i : best;
        chosen[g] = (uint8_t)(first + best);
        total += error[best];
    }
    return total;
}
