/* rows.h: operations on rows of floats (n1 §3, §5, §6), written once over the virtual lanes. Included by rows_<isa>.c after
 * lanes_<isa>.h; each inclusion is one instruction set. Lanes past the end of a row hold +0 unless said otherwise. */

#include "kernels/ops.h"
#include "kernels/softmax.h"

#include <math.h>
#include <string.h>

static float rows_absmax(const float *x, size_t n)
{
    struct lanes largest = lanes_set(0);
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES)
        largest = lanes_max(lanes_abs(lanes_load(x + i)), largest);
    if (i < n)
        largest = lanes_max(lanes_abs(lanes_load_n(x + i, n - i)), largest);
    return lanes_largest(largest);
}

LANES_INLINE void quantize_lanes(int8_t *q, struct lanes x, struct lanes inverse)
{
    struct lanes t = lanes_min(lanes_mul(x, inverse), lanes_set(127.0f));
    lanes_store_int8(q, lanes_max(t, lanes_set(-127.0f)));
}

static void quantize(int8_t *q, float *scale, const float *x, size_t n)
{
    float largest = rows_absmax(x, n);
    size_t i = 0, padded = kn_pad(n);
    *scale = 0;
    if (largest >= KN_QUANTIZE_MIN) {
        struct lanes inverse = lanes_set(127.0f / largest);
        *scale = largest / 127.0f;
        for (; i + KN_LANES <= n; i += KN_LANES)
            quantize_lanes(q + i, lanes_load(x + i), inverse);
        if (i < n) {
            quantize_lanes(q + i, lanes_load_n(x + i, n - i), inverse);
            i += KN_LANES;
        }
    }
    memset(q + i, 0, padded - i);
}

static void rms_norm(float *y, const float *x, const float *weight, size_t n, float eps)
{
    struct lanes squares = lanes_set(0);
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES) {
        struct lanes v = lanes_load(x + i);
        squares = lanes_fma(v, v, squares);
    }
    if (i < n) {
        struct lanes v = lanes_load_n(x + i, n - i);
        squares = lanes_fma(v, v, squares);
    }
    struct lanes inverse = lanes_set(1.0f / sqrtf(lanes_sum(squares) / (float)n + eps));
    for (i = 0; i + KN_LANES <= n; i += KN_LANES)
        lanes_store(y + i, lanes_mul(lanes_load(weight + i), lanes_mul(lanes_load(x + i), inverse)));
    if (i < n)
        lanes_store_n(y + i, lanes_mul(lanes_load_n(weight + i, n - i), lanes_mul(lanes_load_n(x + i, n - i), inverse)), n - i);
}

static void add(float *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES)
        lanes_store(y + i, lanes_add(lanes_load(y + i), lanes_load(x + i)));
    if (i < n)
        lanes_store_n(y + i, lanes_add(lanes_load_n(y + i, n - i), lanes_load_n(x + i, n - i)), n - i);
}

static void axpy(float *y, float a, const float *x, size_t n)
{
    struct lanes factor = lanes_set(a);
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES)
        lanes_store(y + i, lanes_fma(factor, lanes_load(x + i), lanes_load(y + i)));
    if (i < n)
        lanes_store_n(y + i, lanes_fma(factor, lanes_load_n(x + i, n - i), lanes_load_n(y + i, n - i)), n - i);
}

static void scale(float *y, float a, size_t n)
{
    struct lanes factor = lanes_set(a);
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES)
        lanes_store(y + i, lanes_mul(lanes_load(y + i), factor));
    if (i < n)
        lanes_store_n(y + i, lanes_mul(lanes_load_n(y + i, n - i), factor), n - i);
}

static void silu_mul(float *y, const float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES)
        lanes_store(y + i, lanes_silu_mul(lanes_load(gate + i), lanes_load(up + i)));
    if (i < n)
        lanes_store_n(y + i, lanes_silu_mul(lanes_load_n(gate + i, n - i), lanes_load_n(up + i, n - i)), n - i);
}

static void softmax(float *x, size_t n)
{
    struct lanes sum = lanes_set(rows_exp_sum(x, n, rows_largest(x, n)));
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES)
        lanes_store(x + i, lanes_div(lanes_load(x + i), sum));
    if (i < n)
        lanes_store_n(x + i, lanes_div(lanes_load_n(x + i, n - i), sum), n - i);
}

static struct lanes weigh_lanes(struct lanes x, struct lanes top, struct lanes temperature)
{
    return lanes_exp(lanes_div(lanes_sub(x, top), temperature));
}

static void weigh(float *y, const float *x, size_t n, float top, float temperature)
{
    const struct lanes largest = lanes_set(top), divisor = lanes_set(temperature);
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES)
        lanes_store(y + i, weigh_lanes(lanes_load(x + i), largest, divisor));
    if (i < n)
        lanes_store_n(y + i, weigh_lanes(lanes_load_n(x + i, n - i), largest, divisor), n - i);
}

static void bf16_from_f32(uint16_t *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES)
        lanes_store_bf16(y + i, lanes_load(x + i));
    if (i < n)
        lanes_store_bf16_n(y + i, lanes_load_n(x + i, n - i), n - i);
}

static void f32_from_bf16(float *y, const uint16_t *x, size_t n)
{
    size_t i = 0;
    for (; i + KN_LANES <= n; i += KN_LANES)
        lanes_store(y + i, lanes_load_bf16(x + i));
    if (i < n)
        lanes_store_n(y + i, lanes_load_bf16_n(x + i, n - i), n - i);
}

static void rope_half(float *x, const float *cs, size_t half)
{
    size_t i = 0;
    for (; i + KN_LANES <= half; i += KN_LANES) {
        struct lanes c, s, first = lanes_load(x + i), second = lanes_load(x + i + half);
        lanes_load_pairs(cs + 2 * i, &c, &s);
        lanes_store(x + i, lanes_sub(lanes_mul(first, c), lanes_mul(second, s)));
        lanes_store(x + i + half, lanes_add(lanes_mul(second, c), lanes_mul(first, s)));
    }
    for (; i < half; i++) {
        float c = cs[2 * i], s = cs[2 * i + 1], first = x[i], second = x[i + half];
        x[i] = first * c - second * s;
        x[i + half] = second * c + first * s;
    }
}

static void rows_fill(struct kn_ops *ops)
{
    ops->quantize = quantize;
    ops->rms_norm = rms_norm;
    ops->add = add;
    ops->axpy = axpy;
    ops->scale = scale;
    ops->silu_mul = silu_mul;
    ops->softmax = softmax;
    ops->weigh = weigh;
    ops->bf16_from_f32 = bf16_from_f32;
    ops->f32_from_bf16 = f32_from_bf16;
    ops->rope_half = rope_half;
}
