/* peak_avx512.c: the loops of peak_avx2.c in 64-byte registers. */
#include "kernels/peak_loops.h"

#include <immintrin.h>

int32_t kn_peak_round_avx512(void)
{
    __m512i acc[PEAK_CHAINS_AVX512], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-2), one = _mm512_set1_epi16(1);
    for (int i = 0; i < PEAK_CHAINS_AVX512; i++)
        acc[i] = _mm512_set1_epi32(i);
    for (int turn = 0; turn < PEAK_TURNS; turn++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < PEAK_CHAINS_AVX512; i++) {
            __asm__ volatile("" : "+v"(a), "+v"(b)); /* new values, for all the compiler knows: no product is reused */
            acc[i] = _mm512_add_epi32(acc[i], _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), one));
        }
    }
    for (int i = 1; i < PEAK_CHAINS_AVX512; i++)
        acc[0] = _mm512_add_epi32(acc[0], acc[i]);
    return _mm512_reduce_add_epi32(acc[0]);
}

float kn_peak_fma_avx512(void)
{
    __m512 acc[PEAK_CHAINS_FMA], a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f);
    for (int i = 0; i < PEAK_CHAINS_FMA; i++)
        acc[i] = _mm512_set1_ps((float)i);
    for (int turn = 0; turn < PEAK_TURNS; turn++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < PEAK_CHAINS_FMA; i++)
            acc[i] = _mm512_fmadd_ps(a, b, acc[i]);
        __asm__ volatile("" : "+v"(a), "+v"(b));
    }
    for (int i = 1; i < PEAK_CHAINS_FMA; i++)
        acc[0] = _mm512_add_ps(acc[0], acc[i]);
    return _mm512_reduce_add_ps(acc[0]);
}

int32_t kn_peak_read_avx512(const uint8_t *memory, size_t bytes)
{
    __m512i sum[PEAK_STREAMS];
    for (int i = 0; i < PEAK_STREAMS; i++)
        sum[i] = _mm512_setzero_si512();
    for (size_t j = 0; j < bytes / PEAK_STREAMS; j += PEAK_STRETCH)
#pragma clang loop unroll(full)
        for (size_t i = 0; i < PEAK_STREAMS; i++)
#pragma clang loop unroll(full)
            for (size_t k = 0; k < PEAK_STRETCH; k += sizeof *sum)
                sum[i] = _mm512_xor_si512(sum[i], _mm512_loadu_si512(memory + bytes / PEAK_STREAMS * i + j + k));
    return _mm512_reduce_add_epi32(_mm512_xor_si512(_mm512_xor_si512(sum[0], sum[1]), _mm512_xor_si512(sum[2], sum[3])));
}
