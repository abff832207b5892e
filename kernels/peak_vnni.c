/* peak_vnni.c: independent vpdpbusd on registers. */
#include "kernels/peak_loops.h"

#include <immintrin.h>

int32_t kn_peak_round_vnni(void)
{
    __m512i acc[PEAK_CHAINS_VNNI], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-2);
    for (int i = 0; i < PEAK_CHAINS_VNNI; i++)
        acc[i] = _mm512_set1_epi32(i);
    for (int turn = 0; turn < PEAK_TURNS; turn++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < PEAK_CHAINS_VNNI; i++)
            acc[i] = _mm512_dpbusd_epi32(acc[i], a, b);
        __asm__ volatile("" : "+v"(a), "+v"(b)); /* new values, for all the compiler knows */
    }
    for (int i = 1; i < PEAK_CHAINS_VNNI; i++)
        acc[0] = _mm512_add_epi32(acc[0], acc[i]);
    return _mm512_reduce_add_epi32(acc[0]);
}
