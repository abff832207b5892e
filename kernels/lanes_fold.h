/* lanes_fold.h: the end of the reduction tree (n1 §1), exp and the gate (n1 §6), the same for every width: included by lanes_<isa>.h. */
#ifndef CLOISTER_LANES_FOLD_H
#define CLOISTER_LANES_FOLD_H

/* Lanes +2, then +1, of four sums at once: result i belongs to sum i. */
LANES_INLINE __m128 lanes_fold4(__m128 a, __m128 b, __m128 c, __m128 d)
{
    __m128 ab = _mm_add_ps(_mm_movelh_ps(a, b), _mm_movehl_ps(b, a));
    __m128 cd = _mm_add_ps(_mm_movelh_ps(c, d), _mm_movehl_ps(d, c));
    return _mm_add_ps(_mm_shuffle_ps(ab, cd, _MM_SHUFFLE(2, 0, 2, 0)), _mm_shuffle_ps(ab, cd, _MM_SHUFFLE(3, 1, 3, 1)));
}

LANES_INLINE float lanes_sum(struct lanes a)
{
    __m128 four = lanes_fold(a);
    return _mm_cvtss_f32(lanes_fold4(four, four, four, four));
}

LANES_INLINE float lanes_scalar_fma(float a, float b, float c)
{
    return _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)));
}

LANES_INLINE float lanes_largest(struct lanes a)
{
    float lane[KN_LANES], largest;
    lanes_store(lane, a);
    largest = lane[0];
    for (int l = 1; l < KN_LANES; l++)
        largest = lane[l] > largest ? lane[l] : largest;
    return largest;
}

/* n1 §6. */
LANES_INLINE struct lanes lanes_exp(struct lanes x)
{
    x = lanes_max(lanes_min(x, lanes_set(KN_EXP_MAX)), lanes_set(KN_EXP_MIN));
    struct lanes n = lanes_sub(lanes_fma(x, lanes_set(KN_EXP_LOG2E), lanes_set(KN_EXP_ROUND)), lanes_set(KN_EXP_ROUND));
    struct lanes r = lanes_fma(n, lanes_set(-KN_EXP_LN2_LOW), lanes_fma(n, lanes_set(-KN_EXP_LN2_HIGH), x));
    struct lanes p = lanes_fma(lanes_set(KN_EXP_C6), r, lanes_set(KN_EXP_C5));
    p = lanes_fma(p, r, lanes_set(KN_EXP_C4));
    p = lanes_fma(p, r, lanes_set(KN_EXP_C3));
    p = lanes_fma(p, r, lanes_set(KN_EXP_C2));
    p = lanes_fma(p, r, lanes_set(1.0f));
    p = lanes_fma(p, r, lanes_set(1.0f));
    return lanes_scale_by_power(p, n);
}

LANES_INLINE struct lanes lanes_silu_mul(struct lanes gate, struct lanes up)
{
    struct lanes minus = lanes_mul(gate, lanes_set(-1.0f));
    return lanes_mul(lanes_div(gate, lanes_add(lanes_set(1.0f), lanes_exp(minus))), up);
}

LANES_INLINE float lanes_exp_one(float x)
{
    return lanes_first_one(lanes_exp(lanes_set(x)));
}

#endif
