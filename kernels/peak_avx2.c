/* peak_avx2.c: AVX2 has no int8 dot product: vpmaddubsw multiplies, vpmaddwd and vpaddd bring the sums to int32. */
#include "kernels/peak_loops.h"

#include <immintrin.h>

int32_t kn_peak_round_avx2(void)
{
    __m256i acc[PEAK_CHAINS_AVX2], a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(-2), one = _mm256_set1_epi16(1);
    for (int i = 0; i < PEAK_CHAINS_AVX2; i++)
        acc[i] = _mm256_set1_epi32(i);
    for (int turn = 0; turn < PEAK_TURNS; turn++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < PEAK_CHAINS_AVX2; i++) {
            __asm__ volatile("" : "+x"(a), "+x"(b)); /* new values, for all the compiler knows: no product is reused */
            acc[i] = _mm256_add_epi32(acc[i], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), one));
        }
    }
    for (int i = 1; i < PEAK_CHAINS_AVX2; i++)
        acc[0] = _mm256_add_epi32(acc[0], acc[i]);
    return _mm256_extract_epi32(acc[0], 0);
}

float kn_peak_fma_avx2(void)
{
    __m256 acc[PEAK_CHAINS_FMA], a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.25f);
    for (int i = 0; i < PEAK_CHAINS_FMA; i++)
        acc[i] = _mm256_set1_ps((float)i);
    for (int turn = 0; turn < PEAK_TURNS; turn++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < PEAK_CHAINS_FMA; i++)
            acc[i] = _mm256_fmadd_ps(a, b, acc[i]);
        __asm__ volatile("" : "+x"(a), "+x"(b));
    }
    for (int i = 1; i < PEAK_CHAINS_FMA; i++)
        acc[0] = _mm256_add_ps(acc[0], acc[i]);
    return _mm256_cvtss_f32(acc[0]);
}

int32_t kn_peak_read_avx2(const uint8_t *memory, size_t bytes)
{
    __m256i sum[PEAK_STREAMS];
    for (int i = 0; i < PEAK_STREAMS; i++)
        sum[i] = _mm256_setzero_si256();
    for (size_t j = 0; j < bytes / PEAK_STREAMS; j += PEAK_STRETCH)
#pragma clang loop unroll(full)
        for (size_t i = 0; i < PEAK_STREAMS; i++)
#pragma clang loop unroll(full)
            for (size_t k = 0; k < PEAK_STRETCH; k += sizeof *sum)
                sum[i] = _mm256_xor_si256(sum[i], _mm256_loadu_si256((const void *)(memory + bytes / PEAK_STREAMS * i + j + k)));
    return _mm256_extract_epi32(_mm256_xor_si256(_mm256_xor_si256(sum[0], sum[1]), _mm256_xor_si256(sum[2], sum[3])), 0);
}
