/* peak_loops.h: the loops behind peak.h, one per instruction set. Private to kernels/. Each returns something that depends on all of its
 * work, so that no compiler leaves it out. */
#ifndef CLOISTER_PEAK_LOOPS_H
#define CLOISTER_PEAK_LOOPS_H

#include <stddef.h>
#include <stdint.h>

enum { /* memory is read in so many streams at once, as hardware prefetches best, a stretch of each in turn */
       PEAK_STREAMS = 4,
       PEAK_STRETCH = 256,
};

enum { /* a round is PEAK_TURNS turns of so many independent instructions */
       PEAK_TURNS = 1024,
       PEAK_CHAINS_AVX2 = 8,
       PEAK_CHAINS_FMA = 12,
       PEAK_CHAINS_AVX512 = 16,
       PEAK_CHAINS_VNNI = 24,
       PEAK_CHAINS_AMX = 4,
};

int32_t kn_peak_round_avx2(void);
int32_t kn_peak_round_avx512(void);
int32_t kn_peak_round_vnni(void);
int32_t kn_peak_round_amx(void);

float kn_peak_fma_avx2(void); /* a round too */
float kn_peak_fma_avx512(void);

int32_t kn_peak_read_avx2(const uint8_t *memory, size_t bytes);
int32_t kn_peak_read_avx512(const uint8_t *memory, size_t bytes);

#endif
