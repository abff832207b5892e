/* softmax.h: the two halves of a softmax over the virtual lanes (n1 §6), for whole rows (rows.h) and for blocks of keys (attention.h).
 * Included after lanes_<isa>.h. */

#include <math.h>

/* Missing lanes are -infinity. */
static float rows_largest(const float *x, size_t n)
{
    struct lanes low = lanes_set(-INFINITY), largest = low;
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES)
        largest = lanes_max(lanes_load(x + i), largest);
    if (i < n)
        largest = lanes_max(lanes_first(lanes_load_n(x + i, n - i), n - i, low), largest);
    return lanes_largest(largest);
}

/* x = exp(x - largest); returns the lanes' sum. */
static float rows_exp_sum(float *x, size_t n, float largest)
{
    struct lanes shift = lanes_set(largest), sum = lanes_set(0);
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES) {
        struct lanes e = lanes_exp(lanes_sub(lanes_load(x + i), shift));
        lanes_store(x + i, e);
        sum = lanes_add(sum, e);
    }
    if (i < n) {
        struct lanes e = lanes_exp(lanes_sub(lanes_load_n(x + i, n - i), shift));
        lanes_store_n(x + i, e, n - i);
        sum = lanes_add(sum, lanes_first(e, n - i, lanes_set(0)));
    }
    return lanes_sum(sum);
}
