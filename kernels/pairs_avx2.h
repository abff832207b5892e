/* pairs_avx2.h: 16 of a slice's 32 columns (kv_page.h) in two AVX2 registers. Included only by attention_avx2.c after lanes_avx2.h;
 * pairs_avx512.h offers the same names and describes them. */
#ifndef CLOISTER_PAIRS_AVX2_H
#define CLOISTER_PAIRS_AVX2_H

#include "kernels/kv_page.h"

struct pair {
    __m256 low, high; /* columns 0-7 and 16-23; in part 1, 8-15 and 24-31 */
};

enum { PAIR_PARTS = 2 };

#define PAIR_BLOCKS(X) X(1) X(2) X(4) X(6)
enum { PAIR_ROWS = 6 };

LANES_INLINE struct pair pair_set(float x)
{
    return (struct pair){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}

LANES_INLINE __m256 pair_of_bytes(const uint8_t *bytes)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)bytes)));
}

LANES_INLINE struct pair pair_load(enum kn_kv kv, const uint8_t *row, size_t part)
{
    if (kv == KN_KV_INT8)
        return (struct pair){pair_of_bytes(row + 8 * part), pair_of_bytes(row + 8 * part + 16)};
    const float *floats = (const float *)(const void *)(row + 32 * part);
    if (kv == KN_KV_F32)
        return (struct pair){_mm256_loadu_ps(floats), _mm256_loadu_ps(floats + 16)};
    __m256i halves = _mm256_loadu_si256((const __m256i *)(const void *)floats);
    return (struct pair){_mm256_castsi256_ps(_mm256_slli_epi32(halves, 16)),
                         _mm256_castsi256_ps(_mm256_and_si256(halves, _mm256_set1_epi32(-65536)))};
}

LANES_INLINE struct pair pair_get(const float *row, size_t part)
{
    return (struct pair){_mm256_loadu_ps(row + 8 * part), _mm256_loadu_ps(row + 8 * part + 16)};
}

LANES_INLINE void pair_store(float *row, size_t part, struct pair a)
{
    _mm256_storeu_ps(row + 8 * part, a.low);
    _mm256_storeu_ps(row + 8 * part + 16, a.high);
}

LANES_INLINE struct pair pair_add(struct pair a, struct pair b)
{
    return (struct pair){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}

LANES_INLINE struct pair pair_mul(struct pair a, struct pair b)
{
    return (struct pair){_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}

LANES_INLINE struct pair pair_fma(struct pair a, struct pair b, struct pair c)
{
    return (struct pair){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}

#endif
