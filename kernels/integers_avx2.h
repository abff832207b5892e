/* integers_avx2.h: 16 outputs' int32 sums in two AVX2 registers, and 64 bytes of a panel (16 outputs × 4 inputs) in two more. Included
 * only by gemm_avx2.c and many_avx2.c; integers_avx512.h offers the same names and describes them. */
#ifndef CLOISTER_INTEGERS_AVX2_H
#define CLOISTER_INTEGERS_AVX2_H

#include "kernels/lanes_avx2.h"

enum {
    INTS_OFFSET = 0,
    INTS_ROWS = 4,
    INTS_WIDE_ONE = 4,  /* ints of one row at a time */
    INTS_WIDE_MANY = 1, /* of two rows or more */
    INTS_WIDE_CODES = 2,
    INTS_WIDE_TILE = 1, /* of six rows, sums of many rows */
};

struct ints {
    __m256i low, high;
};

struct bytes {
    __m256i low, high;
};

struct words {
    __m256i low, high;
};

LANES_INLINE struct ints ints_zero(void)
{
    return (struct ints){_mm256_setzero_si256(), _mm256_setzero_si256()};
}

LANES_INLINE struct ints ints_load(const int32_t *p)
{
    const __m256i *at = (const __m256i *)(const void *)p;
    return (struct ints){_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
}

LANES_INLINE void ints_store(int32_t *p, struct ints a)
{
    __m256i *at = (__m256i *)(void *)p;
    _mm256_storeu_si256(at, a.low);
    _mm256_storeu_si256(at + 1, a.high);
}

LANES_INLINE struct bytes bytes_load(const uint8_t *p)
{
    const __m256i *at = (const __m256i *)(const void *)p;
    return (struct bytes){_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
}

LANES_INLINE void bytes_store(int8_t *p, struct bytes b)
{
    __m256i *at = (__m256i *)(void *)p;
    _mm256_storeu_si256(at, b.low);
    _mm256_storeu_si256(at + 1, b.high);
}

LANES_INLINE struct bytes bytes_activations(const int8_t *x)
{
    int32_t four;
    memcpy(&four, x, sizeof four);
    return (struct bytes){_mm256_set1_epi32(four), _mm256_set1_epi32(four)};
}

/* |w| · (x with w's sign): pairs of products stay inside int16, so nothing saturates. */
LANES_INLINE __m256i ints_dot4_half(__m256i acc, __m256i x, __m256i w)
{
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

LANES_INLINE struct ints ints_dot4(struct ints acc, struct bytes x, struct bytes w)
{
    return (struct ints){ints_dot4_half(acc.low, x.low, w.low), ints_dot4_half(acc.high, x.high, w.high)};
}

LANES_INLINE struct ints ints_mul_add(struct ints acc, struct ints a, struct ints b)
{
    return (struct ints){_mm256_add_epi32(acc.low, _mm256_mullo_epi32(a.low, b.low)),
                         _mm256_add_epi32(acc.high, _mm256_mullo_epi32(a.high, b.high))};
}

LANES_INLINE struct ints ints_sub_scaled(struct ints acc, struct ints sum)
{
    return (struct ints){_mm256_sub_epi32(acc.low, _mm256_slli_epi32(sum.low, 7)),
                         _mm256_sub_epi32(acc.high, _mm256_slli_epi32(sum.high, 7))};
}

LANES_INLINE struct lanes ints_to_lanes(struct ints a)
{
    return (struct lanes){_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)};
}

LANES_INLINE struct ints ints_of_bytes16(__m128i b)
{
    return (struct ints){_mm256_cvtepu8_epi32(b), _mm256_cvtepu8_epi32(_mm_srli_si128(b, 8))};
}

LANES_INLINE __m256i bytes_look_up_half(__m128i table, __m256i nibbles)
{
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), _mm256_and_si256(nibbles, _mm256_set1_epi8(15)));
}

LANES_INLINE struct bytes bytes_look_up_low(__m128i table, struct bytes b)
{
    return (struct bytes){bytes_look_up_half(table, b.low), bytes_look_up_half(table, b.high)};
}

LANES_INLINE struct bytes bytes_look_up_high(__m128i table, struct bytes b)
{
    return (struct bytes){bytes_look_up_half(table, _mm256_srli_epi16(b.low, 4)), bytes_look_up_half(table, _mm256_srli_epi16(b.high, 4))};
}

/* Even and odd bytes are multiplied as int16 by vpmaddubsw with the other byte's factor 0. */
LANES_INLINE __m256i bytes_multiply_half(__m256i codes, __m256i factor)
{
    __m256i both = _mm256_or_si256(factor, _mm256_slli_epi32(factor, 16));
    __m256i even = _mm256_maddubs_epi16(both, codes), odd = _mm256_maddubs_epi16(_mm256_slli_epi16(both, 8), codes);
    return _mm256_or_si256(_mm256_and_si256(even, _mm256_set1_epi16(0xff)), _mm256_slli_epi16(odd, 8));
}

LANES_INLINE struct bytes bytes_multiply(struct bytes codes, struct ints factor)
{
    return (struct bytes){bytes_multiply_half(codes.low, factor.low), bytes_multiply_half(codes.high, factor.high)};
}

LANES_INLINE struct bytes bytes_set(int8_t b)
{
    return (struct bytes){_mm256_set1_epi8(b), _mm256_set1_epi8(b)};
}

LANES_INLINE struct words words_zero(void)
{
    return (struct words){_mm256_setzero_si256(), _mm256_setzero_si256()};
}

LANES_INLINE struct words words_load(const int16_t *p)
{
    const __m256i *at = (const __m256i *)(const void *)p;
    return (struct words){_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
}

LANES_INLINE void words_store(int16_t *p, struct words a)
{
    __m256i *at = (__m256i *)(void *)p;
    _mm256_storeu_si256(at, a.low);
    _mm256_storeu_si256(at + 1, a.high);
}

LANES_INLINE struct words words_two(const int16_t *p)
{
    int32_t two;
    memcpy(&two, p, sizeof two);
    return (struct words){_mm256_set1_epi32(two), _mm256_set1_epi32(two)};
}

LANES_INLINE struct words words_twice(struct ints a)
{
    return (struct words){_mm256_or_si256(a.low, _mm256_slli_epi32(a.low, 16)), _mm256_or_si256(a.high, _mm256_slli_epi32(a.high, 16))};
}

LANES_INLINE struct words words_even(struct bytes b)
{
    return (struct words){_mm256_srai_epi16(_mm256_slli_epi16(b.low, 8), 8), _mm256_srai_epi16(_mm256_slli_epi16(b.high, 8), 8)};
}

LANES_INLINE struct words words_odd(struct bytes b)
{
    return (struct words){_mm256_srai_epi16(b.low, 8), _mm256_srai_epi16(b.high, 8)};
}

LANES_INLINE struct words words_dot4(struct words acc, struct bytes codes, struct bytes x)
{
    return (struct words){_mm256_add_epi16(acc.low, _mm256_maddubs_epi16(codes.low, x.low)),
                          _mm256_add_epi16(acc.high, _mm256_maddubs_epi16(codes.high, x.high))};
}

LANES_INLINE struct words words_sub_dot4(struct words acc, struct bytes codes, struct bytes x)
{
    return (struct words){_mm256_sub_epi16(acc.low, _mm256_maddubs_epi16(codes.low, x.low)),
                          _mm256_sub_epi16(acc.high, _mm256_maddubs_epi16(codes.high, x.high))};
}

LANES_INLINE struct ints ints_dot2(struct ints acc, struct words a, struct words b)
{
    return (struct ints){_mm256_add_epi32(acc.low, _mm256_madd_epi16(a.low, b.low)),
                         _mm256_add_epi32(acc.high, _mm256_madd_epi16(a.high, b.high))};
}

LANES_INLINE __m128i words_fold_once(__m256i a)
{
    return _mm_add_epi16(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
}

LANES_INLINE void words_fold(int16_t out[4], struct words a)
{
    __m128i first = words_fold_once(a.low), second = words_fold_once(a.high);
    __m128i both = _mm_add_epi16(_mm_unpacklo_epi32(first, second), _mm_unpackhi_epi32(first, second));
    _mm_storel_epi64((__m128i *)(void *)out, _mm_add_epi16(both, _mm_srli_si128(both, 8)));
}

#endif
