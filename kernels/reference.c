/* reference.c: the definition of correct for rows of floats (n1 §1, §3, §5, §6). Plain C, one operation a function, written apart from
 * the vector code that is held against it. Knows no instruction set. Any thread. */
#include "kernels/numerics.h"
#include "kernels/ops.h"
#include "kernels/reference.h"

#include <math.h>
#include <string.h>

float kn_lanes_sum(const float lane[KN_LANES])
{
    float half[8];
    for (int l = 0; l < 8; l++)
        half[l] = lane[l] + lane[l + 8];
    for (int l = 0; l < 4; l++)
        half[l] = half[l] + half[l + 4];
    return (half[0] + half[2]) + (half[1] + half[3]);
}

float kn_lanes_dot(const float *a, const float *b, size_t n)
{
    float lane[KN_LANES] = {0};
    for (size_t i = 0; i < n; i += KN_LANES)
        for (size_t l = 0; l < KN_LANES; l++)
            lane[l] = i + l < n ? fmaf(a[i + l], b[i + l], lane[l]) : lane[l] + 0.0f;
    return kn_lanes_sum(lane);
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float kn_reference_exp(float x)
{
    x = x < KN_EXP_MAX ? x : KN_EXP_MAX;
    x = x > KN_EXP_MIN ? x : KN_EXP_MIN;
    float n = fmaf(x, KN_EXP_LOG2E, KN_EXP_ROUND) - KN_EXP_ROUND;
    float r = fmaf(n, -KN_EXP_LN2_HIGH, x);
    r = fmaf(n, -KN_EXP_LN2_LOW, r);
    float p = fmaf(KN_EXP_C6, r, KN_EXP_C5);
    p = fmaf(p, r, KN_EXP_C4);
    p = fmaf(p, r, KN_EXP_C3);
    p = fmaf(p, r, KN_EXP_C2);
    p = fmaf(p, r, 1.0f);
    p = fmaf(p, r, 1.0f);
    /* 2^n in two factors: the first product is exact, the second rounds once, also to a denormal or to infinity. */
    int first = (int)n >> 1, second = (int)n - first;
    return p * float_of_bits((uint32_t)(first + 127) << 23) * float_of_bits((uint32_t)(second + 127) << 23);
}

static void quantize(int8_t *q, float *scale, const float *x, size_t n)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    memset(q, 0, kn_pad(n));
    *scale = 0;
    if (!(largest >= KN_QUANTIZE_MIN))
        return;
    float inverse = 127.0f / largest;
    *scale = largest / 127.0f;
    for (size_t i = 0; i < n; i++) {
        float t = x[i] * inverse;
        t = t < 127.0f ? t : 127.0f;
        t = t > -127.0f ? t : -127.0f;
        q[i] = (int8_t)lrintf(t);
    }
}

static void rms_norm(float *y, const float *x, const float *weight, size_t n, float eps)
{
    float mean = kn_lanes_dot(x, x, n) / (float)n;
    float inverse = 1.0f / sqrtf(mean + eps);
    for (size_t i = 0; i < n; i++)
        y[i] = weight[i] * (x[i] * inverse);
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = y[i] + x[i];
}

static void axpy(float *y, float a, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = fmaf(a, x[i], y[i]);
}

static void scale(float *y, float a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = y[i] * a;
}

float kn_reference_silu_mul(float gate, float up)
{
    return gate / (1.0f + kn_reference_exp(-gate)) * up;
}

static void silu_mul(float *y, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = kn_reference_silu_mul(gate[i], up[i]);
}

static void weigh(float *y, const float *x, size_t n, float top, float temperature)
{
    for (size_t i = 0; i < n; i++)
        y[i] = kn_reference_exp((x[i] - top) / temperature);
}

static void softmax(float *x, size_t n)
{
    float largest = -INFINITY, lane[KN_LANES] = {0};
    for (size_t i = 0; i < n; i++)
        largest = x[i] > largest ? x[i] : largest;
    for (size_t i = 0; i < n; i++) {
        x[i] = kn_reference_exp(x[i] - largest);
        lane[i % KN_LANES] += x[i];
    }
    float sum = kn_lanes_sum(lane);
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] / sum;
}

uint16_t kn_bf16_round(float x)
{
    uint32_t bits = bits_of_float(x);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float kn_bf16_value(uint16_t x)
{
    return float_of_bits((uint32_t)x << 16);
}

static void bf16_from_f32(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = kn_bf16_round(x[i]);
}

static void f32_from_bf16(float *y, const uint16_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = kn_bf16_value(x[i]);
}

static void rope_half(float *x, const float *cs, size_t half)
{
    for (size_t i = 0; i < half; i++) {
        float cosine = cs[2 * i], sine = cs[2 * i + 1], first = x[i], second = x[i + half];
        x[i] = first * cosine - second * sine;
        x[i + half] = second * cosine + first * sine;
    }
}

void kn_reference_rows(struct kn_ops *ops)
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
