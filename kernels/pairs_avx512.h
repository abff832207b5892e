/* pairs_avx512.h: 32 columns of a slice (kv_page.h) in two AVX-512 registers. Included only by attention_avx512.c after lanes_avx512.h;
 * pairs_avx2.h offers the same names. */
#ifndef CLOISTER_PAIRS_AVX512_H
#define CLOISTER_PAIRS_AVX512_H

#include "kernels/kv_page.h"

struct pair {
    __m512 low, high; /* columns 0-15 and 16-31 */
};

enum { PAIR_PARTS = 1 }; /* of which a slice's row is made */

/* How many rows a block of registers may have: they share each load. Ascending. */
#define PAIR_BLOCKS(X) X(1) X(2) X(4) X(6) X(8) X(12)
enum { PAIR_ROWS = 12 }; /* the last of them */

LANES_INLINE struct pair pair_set(float x)
{
    return (struct pair){_mm512_set1_ps(x), _mm512_set1_ps(x)};
}

LANES_INLINE __m512 pair_of_bytes(const uint8_t *bytes)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)bytes)));
}

LANES_INLINE struct pair pair_load(enum kn_kv kv, const uint8_t *row, size_t part)
{
    (void)part;
    if (kv == KN_KV_INT8)
        return (struct pair){pair_of_bytes(row), pair_of_bytes(row + 16)};
    __m512i first = _mm512_loadu_si512(row);
    if (kv == KN_KV_F32)
        return (struct pair){_mm512_castsi512_ps(first), _mm512_loadu_ps((const float *)(const void *)row + 16)};
    return (struct pair){_mm512_castsi512_ps(_mm512_slli_epi32(first, 16)),
                         _mm512_castsi512_ps(_mm512_and_si512(first, _mm512_set1_epi32(-65536)))};
}

LANES_INLINE struct pair pair_get(const float *row, size_t part)
{
    (void)part;
    return (struct pair){_mm512_loadu_ps(row), _mm512_loadu_ps(row + 16)};
}

LANES_INLINE void pair_store(float *row, size_t part, struct pair a)
{
    (void)part;
    _mm512_storeu_ps(row, a.low);
    _mm512_storeu_ps(row + 16, a.high);
}

LANES_INLINE struct pair pair_add(struct pair a, struct pair b)
{
    return (struct pair){_mm512_add_ps(a.low, b.low), _mm512_add_ps(a.high, b.high)};
}

LANES_INLINE struct pair pair_mul(struct pair a, struct pair b)
{
    return (struct pair){_mm512_mul_ps(a.low, b.low), _mm512_mul_ps(a.high, b.high)};
}

LANES_INLINE struct pair pair_fma(struct pair a, struct pair b, struct pair c)
{
    return (struct pair){_mm512_fmadd_ps(a.low, b.low, c.low), _mm512_fmadd_ps(a.high, b.high, c.high)};
}

#endif
