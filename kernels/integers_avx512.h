/* integers_avx512.h: 16 outputs' int32 sums in one AVX-512 register, and 64 bytes of a panel (16 outputs × 4 inputs) in another.
 * Included only by gemm_avx512.c, many_avx512.c, gemm_vnni.c and many_vnni.c; with VNNI the product takes x + 128 as u8. */
#ifndef CLOISTER_INTEGERS_AVX512_H
#define CLOISTER_INTEGERS_AVX512_H

#include "kernels/lanes_avx512.h"

#include <string.h>

struct ints {
    __m512i v;
};

struct bytes {
    __m512i v;
};

struct words { /* 16 outputs × 2 inputs as int16 */
    __m512i v;
};

LANES_INLINE struct ints ints_zero(void)
{
    return (struct ints){_mm512_setzero_si512()};
}

LANES_INLINE struct ints ints_load(const int32_t *p)
{
    return (struct ints){_mm512_loadu_si512(p)};
}

LANES_INLINE void ints_store(int32_t *p, struct ints a)
{
    _mm512_storeu_si512(p, a.v);
}

LANES_INLINE struct bytes bytes_load(const uint8_t *p)
{
    return (struct bytes){_mm512_loadu_si512(p)};
}

LANES_INLINE void bytes_store(int8_t *p, struct bytes b)
{
    _mm512_storeu_si512(p, b.v);
}

LANES_INLINE __m512i bytes_four(const int8_t *x)
{
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
}

enum {
    INTS_ROWS = 4,       /* rows taken together */
    INTS_WIDE_ONE = 4,   /* ints of one row at a time */
    INTS_WIDE_MANY = 4,  /* of two rows or more */
    INTS_WIDE_CODES = 4, /* of two rows or more, where each has a group's sum beside the whole */
    INTS_WIDE_TILE = 4,  /* of six rows, sums of many rows */
};

#ifdef __AVX512VNNI__
enum {
    INTS_OFFSET = 1, /* sums come out with 128 · Σw too much */
};

/* The same four inputs of one row for all 16 outputs. */
LANES_INLINE struct bytes bytes_activations(const int8_t *x)
{
    return (struct bytes){_mm512_xor_si512(bytes_four(x), _mm512_set1_epi8(-128))};
}

/* acc + the four products of each output. */
LANES_INLINE struct ints ints_dot4(struct ints acc, struct bytes x, struct bytes w)
{
    return (struct ints){_mm512_dpbusd_epi32(acc.v, x.v, w.v)};
}
#else
enum {
    INTS_OFFSET = 0,
};

LANES_INLINE struct bytes bytes_activations(const int8_t *x)
{
    return (struct bytes){bytes_four(x)};
}

/* |w| · (x with w's sign): pairs of products stay inside int16, so nothing saturates. */
LANES_INLINE struct ints ints_dot4(struct ints acc, struct bytes x, struct bytes w)
{
    __m512i x_signed = _mm512_mask_sub_epi8(x.v, _mm512_movepi8_mask(w.v), _mm512_setzero_si512(), x.v);
    __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(w.v), x_signed);
    return (struct ints){_mm512_add_epi32(acc.v, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))};
}
#endif

/* acc + a·b */
LANES_INLINE struct ints ints_mul_add(struct ints acc, struct ints a, struct ints b)
{
    return (struct ints){_mm512_add_epi32(acc.v, _mm512_mullo_epi32(a.v, b.v))};
}

/* acc - 128·sum */
LANES_INLINE struct ints ints_sub_scaled(struct ints acc, struct ints sum)
{
    return (struct ints){_mm512_sub_epi32(acc.v, _mm512_slli_epi32(sum.v, 7))};
}

LANES_INLINE struct lanes ints_to_lanes(struct ints a)
{
    return (struct lanes){_mm512_cvtepi32_ps(a.v)};
}

LANES_INLINE struct ints ints_of_bytes16(__m128i b)
{
    return (struct ints){_mm512_cvtepu8_epi32(b)};
}

/* table[low nibble], table[high nibble] of each byte. */
LANES_INLINE struct bytes bytes_look_up_low(__m128i table, struct bytes b)
{
    return (struct bytes){_mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), _mm512_and_si512(b.v, _mm512_set1_epi8(15)))};
}

LANES_INLINE struct bytes bytes_look_up_high(__m128i table, struct bytes b)
{
    return bytes_look_up_low(table, (struct bytes){_mm512_srli_epi16(b.v, 4)});
}

/* Each output's four codes times its factor, as int8. Even and odd bytes are multiplied as int16 by vpmaddubsw with the other byte's
 * factor 0. */
LANES_INLINE struct bytes bytes_multiply(struct bytes codes, struct ints factor)
{
    __m512i both = _mm512_or_si512(factor.v, _mm512_slli_epi32(factor.v, 16));
    __m512i even = _mm512_maddubs_epi16(both, codes.v), odd = _mm512_maddubs_epi16(_mm512_slli_epi16(both, 8), codes.v);
    return (struct bytes){_mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaa, even, _mm512_slli_epi16(odd, 8))};
}

LANES_INLINE struct bytes bytes_set(int8_t b)
{
    return (struct bytes){_mm512_set1_epi8(b)};
}

LANES_INLINE struct words words_zero(void)
{
    return (struct words){_mm512_setzero_si512()};
}

LANES_INLINE struct words words_load(const int16_t *p)
{
    return (struct words){_mm512_loadu_si512(p)};
}

LANES_INLINE void words_store(int16_t *p, struct words a)
{
    _mm512_storeu_si512(p, a.v);
}

/* The same two for all 16 outputs. */
LANES_INLINE struct words words_two(const int16_t *p)
{
    int32_t two;
    memcpy(&two, p, sizeof two);
    return (struct words){_mm512_set1_epi32(two)};
}

/* Each output's number, 0 … 32767, twice. */
LANES_INLINE struct words words_twice(struct ints a)
{
    return (struct words){_mm512_or_si512(a.v, _mm512_slli_epi32(a.v, 16))};
}

/* Of each four bytes the first and third, and the second and fourth, with their signs. */
LANES_INLINE struct words words_even(struct bytes b)
{
    return (struct words){_mm512_srai_epi16(_mm512_slli_epi16(b.v, 8), 8)};
}

LANES_INLINE struct words words_odd(struct bytes b)
{
    return (struct words){_mm512_srai_epi16(b.v, 8)};
}

/* acc + the first two of each output's four products, and the last two, wrapping; codes are unsigned, and two products must fit int16. */
LANES_INLINE struct words words_dot4(struct words acc, struct bytes codes, struct bytes x)
{
    return (struct words){_mm512_add_epi16(acc.v, _mm512_maddubs_epi16(codes.v, x.v))};
}

/* Likewise acc minus them. */
LANES_INLINE struct words words_sub_dot4(struct words acc, struct bytes codes, struct bytes x)
{
    return (struct words){_mm512_sub_epi16(acc.v, _mm512_maddubs_epi16(codes.v, x.v))};
}

/* acc + the two products of each output. */
LANES_INLINE struct ints ints_dot2(struct ints acc, struct words a, struct words b)
{
    return (struct ints){_mm512_add_epi32(acc.v, _mm512_madd_epi16(a.v, b.v))};
}

/* The sum of the first eight outputs' pairs, and of the last eight's, wrapping. */
LANES_INLINE void words_fold(int16_t out[4], struct words a)
{
    __m256i four = _mm256_add_epi16(_mm256_unpacklo_epi32(_mm512_castsi512_si256(a.v), _mm512_extracti64x4_epi64(a.v, 1)),
                                    _mm256_unpackhi_epi32(_mm512_castsi512_si256(a.v), _mm512_extracti64x4_epi64(a.v, 1)));
    __m128i two = _mm_add_epi16(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
    _mm_storel_epi64((__m128i *)(void *)out, _mm_add_epi16(two, _mm_srli_si128(two, 8)));
}

#endif
