/* peak_vnni.c: see peak_vnni.h. */
#include "tests/peak_vnni.h"

#include <immintrin.h>

enum { CHAINS = 24, LINE = 64, AHEAD = 2048 };

int32_t peak_operations(uint64_t rounds)
{
    __m512i acc[CHAINS], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-2);
    for (int i = 0; i < CHAINS; i++)
        acc[i] = _mm512_set1_epi32(i);
    for (uint64_t r = 0; r < rounds; r++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < CHAINS; i++)
            acc[i] = _mm512_dpbusd_epi32(acc[i], a, b);
        __asm__ volatile("" : "+v"(a), "+v"(b));
    }
    for (int i = 1; i < CHAINS; i++)
        acc[0] = _mm512_add_epi32(acc[0], acc[i]);
    return _mm512_reduce_add_epi32(acc[0]);
}

int32_t peak_reading(const uint8_t *memory, size_t bytes)
{
    __m512i sum[4];
    for (int i = 0; i < 4; i++)
        sum[i] = _mm512_setzero_si512();
    for (size_t j = 0; j < bytes; j += 4 * LINE)
        for (size_t i = 0; i < 4; i++) {
            _mm_prefetch((const char *)memory + j + i * LINE + AHEAD, _MM_HINT_T0);
            sum[i] = _mm512_add_epi32(sum[i], _mm512_loadu_si512(memory + j + i * LINE));
        }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]), _mm512_add_epi32(sum[2], sum[3])));
}
