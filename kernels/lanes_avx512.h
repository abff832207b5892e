/* lanes_avx512.h: the 16 virtual lanes of n1 §1 in one AVX-512 register. Included only by *_avx512.c; lanes_avx2.h offers the same
 * names, so that rows.h, gemm_bf16.h and attention.h are written once. */
#ifndef CLOISTER_LANES_AVX512_H
#define CLOISTER_LANES_AVX512_H

#include "kernels/numerics.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LANES_INLINE static inline __attribute__((always_inline))

struct lanes {
    __m512 v;
};

enum {
    LANES_SUMS = 24, /* that fit the 32 registers beside what they take in */
};

LANES_INLINE __mmask16 lanes_mask(size_t n)
{
    return (__mmask16)((1u << n) - 1);
}

LANES_INLINE struct lanes lanes_set(float x)
{
    return (struct lanes){_mm512_set1_ps(x)};
}

LANES_INLINE struct lanes lanes_load(const float *p)
{
    return (struct lanes){_mm512_loadu_ps(p)};
}

/* The first n < 16 elements, 0 in the other lanes; nothing past them is touched. */
LANES_INLINE struct lanes lanes_load_n(const float *p, size_t n)
{
    return (struct lanes){_mm512_maskz_loadu_ps(lanes_mask(n), p)};
}

LANES_INLINE void lanes_store(float *p, struct lanes a)
{
    _mm512_storeu_ps(p, a.v);
}

LANES_INLINE void lanes_store_n(float *p, struct lanes a, size_t n)
{
    _mm512_mask_storeu_ps(p, lanes_mask(n), a.v);
}

LANES_INLINE struct lanes lanes_of_bf16(__m256i halves)
{
    return (struct lanes){_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
}

LANES_INLINE struct lanes lanes_load_bf16(const uint16_t *p)
{
    return lanes_of_bf16(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

LANES_INLINE struct lanes lanes_load_bf16_n(const uint16_t *p, size_t n)
{
    return lanes_of_bf16(_mm256_maskz_loadu_epi16(lanes_mask(n), p));
}

/* Round to nearest even; a NaN keeps its high bits and becomes quiet. */
LANES_INLINE __m256i lanes_to_bf16(struct lanes a)
{
    __m512i bits = _mm512_castps_si512(a.v), high = _mm512_srli_epi32(bits, 16);
    __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
    __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
    __mmask16 nan = _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40)));
}

LANES_INLINE void lanes_store_bf16(uint16_t *p, struct lanes a)
{
    _mm256_storeu_si256((__m256i *)(void *)p, lanes_to_bf16(a));
}

LANES_INLINE void lanes_store_bf16_n(uint16_t *p, struct lanes a, size_t n)
{
    _mm256_mask_storeu_epi16(p, lanes_mask(n), lanes_to_bf16(a));
}

LANES_INLINE struct lanes lanes_add(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm512_add_ps(a.v, b.v)};
}

LANES_INLINE struct lanes lanes_sub(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm512_sub_ps(a.v, b.v)};
}

LANES_INLINE struct lanes lanes_mul(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm512_mul_ps(a.v, b.v)};
}

LANES_INLINE struct lanes lanes_div(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm512_div_ps(a.v, b.v)};
}

LANES_INLINE struct lanes lanes_fma(struct lanes a, struct lanes b, struct lanes c)
{
    return (struct lanes){_mm512_fmadd_ps(a.v, b.v, c.v)};
}

/* a > b ? a : b, which gives b where either is NaN; likewise the minimum. */
LANES_INLINE struct lanes lanes_max(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm512_max_ps(a.v, b.v)};
}

LANES_INLINE struct lanes lanes_min(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm512_min_ps(a.v, b.v)};
}

LANES_INLINE struct lanes lanes_abs(struct lanes a)
{
    return (struct lanes){_mm512_abs_ps(a.v)};
}

/* The first n lanes of a, b in the others. */
LANES_INLINE struct lanes lanes_first(struct lanes a, size_t n, struct lanes b)
{
    return (struct lanes){_mm512_mask_blend_ps(lanes_mask(n), b.v, a.v)};
}

/* a + (t >= bound ? delta : 0) */
LANES_INLINE struct lanes lanes_add_if_reached(struct lanes a, struct lanes t, struct lanes bound, struct lanes delta)
{
    return (struct lanes){_mm512_mask_add_ps(a.v, _mm512_cmp_ps_mask(t.v, bound.v, _CMP_GE_OQ), a.v, delta.v)};
}

/* p · 2^n for an integral n from -150 to 129, rounded once. */
LANES_INLINE struct lanes lanes_scale_by_power(struct lanes p, struct lanes n)
{
    return (struct lanes){_mm512_scalef_ps(p.v, n.v)};
}

/* 16 integers from -127 to 127, to nearest even. */
LANES_INLINE void lanes_store_int8(int8_t *q, struct lanes a)
{
    _mm_storeu_si128((__m128i *)(void *)q, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a.v)));
}

/* 16 pairs (first, second), apart. */
LANES_INLINE void lanes_load_pairs(const float *p, struct lanes *first, struct lanes *second)
{
    __m512 a = _mm512_loadu_ps(p), b = _mm512_loadu_ps(p + 16);
    __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    first->v = _mm512_permutex2var_ps(a, even, b);
    second->v = _mm512_permutex2var_ps(a, _mm512_or_si512(even, _mm512_set1_epi32(1)), b);
}

LANES_INLINE float lanes_first_one(struct lanes a)
{
    return _mm512_cvtss_f32(a.v);
}

/* Lane l + lane l+8, then +4: what is left of the tree is in four lanes. */
LANES_INLINE __m128 lanes_fold(struct lanes a)
{
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
}

#include "kernels/lanes_fold.h"

#endif
