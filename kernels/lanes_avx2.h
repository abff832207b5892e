/* lanes_avx2.h: the 16 virtual lanes of n1 §1 in two AVX2 registers. Included only by *_avx2.c; lanes_avx512.h offers the same names
 * and describes them. */
#ifndef CLOISTER_LANES_AVX2_H
#define CLOISTER_LANES_AVX2_H

#include "kernels/numerics.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES_INLINE static inline __attribute__((always_inline))

struct lanes {
    __m256 low, high; /* lanes 0-7 and 8-15 */
};

enum {
    LANES_SUMS = 6, /* that fit the 16 registers beside what they take in */
};

/* All ones in the first n of eight lanes. */
LANES_INLINE __m256i lanes_mask8(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

LANES_INLINE __m256i lanes_mask_low(size_t n)
{
    return lanes_mask8(n);
}

LANES_INLINE __m256i lanes_mask_high(size_t n)
{
    return lanes_mask8(n > 8 ? n - 8 : 0);
}

LANES_INLINE struct lanes lanes_set(float x)
{
    return (struct lanes){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}

LANES_INLINE struct lanes lanes_load(const float *p)
{
    return (struct lanes){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

LANES_INLINE struct lanes lanes_load_n(const float *p, size_t n)
{
    return (struct lanes){_mm256_maskload_ps(p, lanes_mask_low(n)), _mm256_maskload_ps(p + 8, lanes_mask_high(n))};
}

LANES_INLINE void lanes_store(float *p, struct lanes a)
{
    _mm256_storeu_ps(p, a.low);
    _mm256_storeu_ps(p + 8, a.high);
}

LANES_INLINE void lanes_store_n(float *p, struct lanes a, size_t n)
{
    _mm256_maskstore_ps(p, lanes_mask_low(n), a.low);
    _mm256_maskstore_ps(p + 8, lanes_mask_high(n), a.high);
}

LANES_INLINE __m256 lanes_of_bf16_half(__m128i halves)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

LANES_INLINE struct lanes lanes_load_bf16(const uint16_t *p)
{
    const __m128i *at = (const __m128i *)(const void *)p;
    return (struct lanes){lanes_of_bf16_half(_mm_loadu_si128(at)), lanes_of_bf16_half(_mm_loadu_si128(at + 1))};
}

LANES_INLINE struct lanes lanes_load_bf16_n(const uint16_t *p, size_t n)
{
    uint16_t all[KN_LANES] = {0};
    memcpy(all, p, n * sizeof *p);
    return lanes_load_bf16(all);
}

LANES_INLINE __m256i lanes_to_bf16_half(__m256 a)
{
    __m256i bits = _mm256_castps_si256(a), high = _mm256_srli_epi32(bits, 16);
    __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
    __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    return _mm256_blendv_epi8(rounded, _mm256_or_si256(high, _mm256_set1_epi32(0x40)), nan);
}

LANES_INLINE void lanes_store_bf16(uint16_t *p, struct lanes a)
{
    __m256i mixed = _mm256_packus_epi32(lanes_to_bf16_half(a.low), lanes_to_bf16_half(a.high));
    _mm256_storeu_si256((__m256i *)(void *)p, _mm256_permute4x64_epi64(mixed, _MM_SHUFFLE(3, 1, 2, 0)));
}

LANES_INLINE void lanes_store_bf16_n(uint16_t *p, struct lanes a, size_t n)
{
    uint16_t all[KN_LANES];
    lanes_store_bf16(all, a);
    memcpy(p, all, n * sizeof *p);
}

LANES_INLINE struct lanes lanes_add(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}

LANES_INLINE struct lanes lanes_sub(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}

LANES_INLINE struct lanes lanes_mul(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}

LANES_INLINE struct lanes lanes_div(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}

LANES_INLINE struct lanes lanes_fma(struct lanes a, struct lanes b, struct lanes c)
{
    return (struct lanes){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}

LANES_INLINE struct lanes lanes_max(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}

LANES_INLINE struct lanes lanes_min(struct lanes a, struct lanes b)
{
    return (struct lanes){_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}

LANES_INLINE struct lanes lanes_abs(struct lanes a)
{
    __m256 sign = _mm256_set1_ps(-0.0f);
    return (struct lanes){_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
}

LANES_INLINE struct lanes lanes_first(struct lanes a, size_t n, struct lanes b)
{
    return (struct lanes){_mm256_blendv_ps(b.low, a.low, _mm256_castsi256_ps(lanes_mask_low(n))),
                          _mm256_blendv_ps(b.high, a.high, _mm256_castsi256_ps(lanes_mask_high(n)))};
}

LANES_INLINE __m256 lanes_add_if_reached_half(__m256 a, __m256 t, __m256 bound, __m256 delta)
{
    return _mm256_add_ps(a, _mm256_and_ps(_mm256_cmp_ps(t, bound, _CMP_GE_OQ), delta));
}

LANES_INLINE struct lanes lanes_add_if_reached(struct lanes a, struct lanes t, struct lanes bound, struct lanes delta)
{
    return (struct lanes){lanes_add_if_reached_half(a.low, t.low, bound.low, delta.low),
                          lanes_add_if_reached_half(a.high, t.high, bound.high, delta.high)};
}

/* In two factors, of which the first multiplies exactly. */
LANES_INLINE __m256 lanes_scale_by_power_half(__m256 p, __m256 n)
{
    __m256i whole = _mm256_cvtps_epi32(n), first = _mm256_srai_epi32(whole, 1), second = _mm256_sub_epi32(whole, first);
    __m256i one = _mm256_set1_epi32(127);
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(first, one), 23)));
    return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(second, one), 23)));
}

LANES_INLINE struct lanes lanes_scale_by_power(struct lanes p, struct lanes n)
{
    return (struct lanes){lanes_scale_by_power_half(p.low, n.low), lanes_scale_by_power_half(p.high, n.high)};
}

LANES_INLINE void lanes_store_int8(int8_t *q, struct lanes a)
{
    __m256i low = _mm256_cvtps_epi32(a.low), high = _mm256_cvtps_epi32(a.high);
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), _MM_SHUFFLE(3, 1, 2, 0));
    __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i *)(void *)q, bytes);
}

LANES_INLINE __m256 lanes_order_pairs(__m256 a)
{
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(a), _MM_SHUFFLE(3, 1, 2, 0)));
}

LANES_INLINE void lanes_load_pairs(const float *p, struct lanes *first, struct lanes *second)
{
    struct lanes a = lanes_load(p), b = lanes_load(p + 16);
    first->low = lanes_order_pairs(_mm256_shuffle_ps(a.low, a.high, _MM_SHUFFLE(2, 0, 2, 0)));
    first->high = lanes_order_pairs(_mm256_shuffle_ps(b.low, b.high, _MM_SHUFFLE(2, 0, 2, 0)));
    second->low = lanes_order_pairs(_mm256_shuffle_ps(a.low, a.high, _MM_SHUFFLE(3, 1, 3, 1)));
    second->high = lanes_order_pairs(_mm256_shuffle_ps(b.low, b.high, _MM_SHUFFLE(3, 1, 3, 1)));
}

LANES_INLINE float lanes_first_one(struct lanes a)
{
    return _mm256_cvtss_f32(a.low);
}

LANES_INLINE __m128 lanes_fold(struct lanes a)
{
    __m256 eight = _mm256_add_ps(a.low, a.high);
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
}

#include "kernels/lanes_fold.h"

#endif
