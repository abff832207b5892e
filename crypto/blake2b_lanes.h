/* blake2b_lanes.h: four BLAKE2b-256 (RFC 7693) side by side, one in each 64-bit lane. One of them alone is a chain of dependent additions that
 * no vector unit can shorten; four chains keep it busy. Not for secrets: nothing is wiped. Any thread. For digest_<isa>.c, which have the
 * compiler's flags for it and give it its name. */
#ifndef CLOISTER_BLAKE2B_LANES_H
#define CLOISTER_BLAKE2B_LANES_H

#include <immintrin.h>
#include <string.h>

#include "crypto/digest_lanes.h"

enum {
    BLOCK_BYTES = 128,
    ROUNDS = 12,
    WORDS = 16, /* of a block, and of the working state */
};

static const uint64_t iv[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};
static const uint64_t parameters = 0x01010000 | CR_DIGEST_BYTES; /* sequential, no key */

static const uint8_t sigma[ROUNDS][WORDS] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

/* ---- rotations to the right ---- */

#ifdef __AVX512VL__
#define ROTATE(x, bits) _mm256_ror_epi64(x, bits)
#else
#define ROTATE(x, bits) rotate_##bits(x)

static inline __m256i rotate_32(__m256i x)
{
    return _mm256_shuffle_epi32(x, 0xb1);
}

static inline __m256i rotate_24(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi64x(0x0201000706050403, 0x0a09080f0e0d0c0b, 0x0201000706050403, 0x0a09080f0e0d0c0b));
}

static inline __m256i rotate_16(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi64x(0x0100070605040302, 0x09080f0e0d0c0b0a, 0x0100070605040302, 0x09080f0e0d0c0b0a));
}

static inline __m256i rotate_63(__m256i x)
{
    return _mm256_or_si256(_mm256_srli_epi64(x, 63), _mm256_add_epi64(x, x));
}
#endif

/* ---- the compression function ---- */

static inline __attribute__((always_inline)) void mix(__m256i *a, __m256i *b, __m256i *c, __m256i *d, __m256i x, __m256i y)
{
    *a = _mm256_add_epi64(_mm256_add_epi64(*a, x), *b);
    *d = ROTATE(_mm256_xor_si256(*d, *a), 32);
    *c = _mm256_add_epi64(*c, *d);
    *b = ROTATE(_mm256_xor_si256(*b, *c), 24);
    *a = _mm256_add_epi64(_mm256_add_epi64(*a, y), *b);
    *d = ROTATE(_mm256_xor_si256(*d, *a), 16);
    *c = _mm256_add_epi64(*c, *d);
    *b = ROTATE(_mm256_xor_si256(*b, *c), 63);
}

/* Four words of each input become four vectors of one word of each. */
static inline void transpose(__m256i *out, const uint8_t *const inputs[CR_LANES], size_t offset)
{
    __m256i row[CR_LANES];
    for (int lane = 0; lane < CR_LANES; lane++)
        row[lane] = _mm256_loadu_si256((const __m256i *)(const void *)(inputs[lane] + offset));
    __m256i even01 = _mm256_unpacklo_epi64(row[0], row[1]), odd01 = _mm256_unpackhi_epi64(row[0], row[1]);
    __m256i even23 = _mm256_unpacklo_epi64(row[2], row[3]), odd23 = _mm256_unpackhi_epi64(row[2], row[3]);
    out[0] = _mm256_permute2x128_si256(even01, even23, 0x20);
    out[1] = _mm256_permute2x128_si256(odd01, odd23, 0x20);
    out[2] = _mm256_permute2x128_si256(even01, even23, 0x31);
    out[3] = _mm256_permute2x128_si256(odd01, odd23, 0x31);
}

static inline __attribute__((always_inline)) void turn(__m256i v[WORDS], const __m256i m[WORDS], const uint8_t s[WORDS])
{
    mix(&v[0], &v[4], &v[8], &v[12], m[s[0]], m[s[1]]);
    mix(&v[1], &v[5], &v[9], &v[13], m[s[2]], m[s[3]]);
    mix(&v[2], &v[6], &v[10], &v[14], m[s[4]], m[s[5]]);
    mix(&v[3], &v[7], &v[11], &v[15], m[s[6]], m[s[7]]);
    mix(&v[0], &v[5], &v[10], &v[15], m[s[8]], m[s[9]]);
    mix(&v[1], &v[6], &v[11], &v[12], m[s[10]], m[s[11]]);
    mix(&v[2], &v[7], &v[8], &v[13], m[s[12]], m[s[13]]);
    mix(&v[3], &v[4], &v[9], &v[14], m[s[14]], m[s[15]]);
}

/* The next block of each input; `fed`: bytes of each with this block. */
static void compress(__m256i h[8], const uint8_t *const inputs[CR_LANES], size_t offset, uint64_t fed, int is_last)
{
    __m256i m[WORDS], v[WORDS];
    for (size_t i = 0; i < WORDS; i += 4)
        transpose(m + i, inputs, offset + 8 * i);
    for (int i = 0; i < 8; i++) {
        v[i] = h[i];
        v[i + 8] = _mm256_set1_epi64x((long long)iv[i]);
    }
    v[12] = _mm256_xor_si256(v[12], _mm256_set1_epi64x((long long)fed));
    v[14] = _mm256_xor_si256(v[14], _mm256_set1_epi64x(is_last ? -1 : 0));
#pragma clang loop unroll(full)
    for (int round = 0; round < ROUNDS; round++)
        turn(v, m, sigma[round]);
    for (int i = 0; i < 8; i++)
        h[i] = _mm256_xor_si256(h[i], _mm256_xor_si256(v[i], v[i + 8]));
}

static void digest_lanes(uint8_t out[CR_LANES][CR_DIGEST_BYTES], const uint8_t *const inputs[CR_LANES], size_t count)
{
    uint8_t tail[CR_LANES][BLOCK_BYTES] = {{0}};
    const uint8_t *tails[CR_LANES];
    __m256i h[8];
    size_t whole = count ? (count - 1) / BLOCK_BYTES * BLOCK_BYTES : 0; /* the last block is always a tail, full or not */
    for (int lane = 0; lane < CR_LANES; lane++)
        tails[lane] = memcpy(tail[lane], inputs[lane] + whole, count - whole);
    for (int i = 0; i < 8; i++)
        h[i] = _mm256_set1_epi64x((long long)(iv[i] ^ (i ? 0 : parameters)));
    for (size_t offset = 0; offset < whole; offset += BLOCK_BYTES)
        compress(h, inputs, offset, offset + BLOCK_BYTES, 0);
    compress(h, tails, 0, count, 1);
    for (int i = 0; i < CR_DIGEST_BYTES / 8; i++)
        for (int lane = 0; lane < CR_LANES; lane++)
            memcpy(out[lane] + 8 * i, (const uint8_t *)&h[i] + 8 * lane, 8);
}

#endif
