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

static float try_w4(uint8_t *groups, const float *w, size_t kp, float scale, const struct kn_ladder *ladder)
{
    struct steps s = steps_of(ladder);
    float total = 0;
    for (size_t g = 0; g < kp / KN_GROUP; g++, w += KN_GROUP) {
        struct lanes low = lanes_load(w), high = lanes_load(w + KN_LANES);
        float least = INFINITY;
        groups[g] = 0;
        for (uint8_t j = 0; j < 16; j++) {
            float step = scale * ladder->multiplier[j];
            float error = lanes_sum(square_error(square_error(lanes_set(0), low, step, &s), high, step, &s));
            if (error < least) {
                least = error;
                groups[g] = j;
            }
        }
        total += least;
    }
    return total;
}
