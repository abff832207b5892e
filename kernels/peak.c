/* peak.c: chooses the loop for an instruction set. */
#include "kernels/peak.h"

#include "kernels/peak_loops.h"

enum { PORTABLE_VALUES = 1 << 13 };
#define FMA_OPERATIONS(lanes) (2.0 * (lanes) * PEAK_CHAINS_FMA * PEAK_TURNS)

static int32_t round_portable(void)
{
    volatile int8_t one = 3, other = -2; /* read once: the compiler must not know the sum */
    int8_t x[64], w[64];
    int32_t sum = 0;
    for (int i = 0; i < 64; i++) {
        x[i] = (int8_t)(one + i);
        w[i] = other;
    }
    for (int i = 0; i < PORTABLE_VALUES; i++)
        sum += x[i % 64] * w[(i + sum) & 63];
    return sum;
}

static float fma_portable(void)
{
    volatile float one = 0.5f;
    float sum[4] = {0}, a = one;
    for (int i = 0; i < PORTABLE_VALUES; i++)
        sum[i % 4] = sum[i % 4] * a + a;
    return sum[0] + sum[1] + sum[2] + sum[3];
}

static int32_t read_portable(const uint8_t *memory, size_t bytes)
{
    int32_t sum = 0;
    for (size_t i = 0; i < bytes; i += 64)
        sum += memory[i];
    return sum;
}

static const struct {
    const char *instruction;
    int32_t (*round)(void);
    float (*fma)(void);
    double operations, float_operations; /* of a round */
    int32_t (*read)(const uint8_t *memory, size_t bytes);
} loops[] = {
    [KN_PORTABLE] = {"imul", round_portable, fma_portable, 2.0 * PORTABLE_VALUES, 2.0 * PORTABLE_VALUES, read_portable},
    [KN_AVX2] = {"vpmaddubsw", kn_peak_round_avx2, kn_peak_fma_avx2, 2.0 * 32 * PEAK_CHAINS_AVX2 *PEAK_TURNS, FMA_OPERATIONS(8),
                 kn_peak_read_avx2},
    [KN_AVX512] = {"vpmaddubsw", kn_peak_round_avx512, kn_peak_fma_avx512, 2.0 * 64 * PEAK_CHAINS_AVX512 *PEAK_TURNS, FMA_OPERATIONS(16),
                   kn_peak_read_avx512},
    [KN_VNNI] = {"vpdpbusd", kn_peak_round_vnni, kn_peak_fma_avx512, 2.0 * 64 * PEAK_CHAINS_VNNI *PEAK_TURNS, FMA_OPERATIONS(16),
                 kn_peak_read_avx512},
    [KN_AMX] = {"tdpbssd", kn_peak_round_amx, kn_peak_fma_avx512, 2.0 * 16 * 16 * 64 * PEAK_CHAINS_AMX *PEAK_TURNS, FMA_OPERATIONS(16),
                kn_peak_read_avx512},
};

double kn_peak_operations(enum kn_isa isa, uint64_t rounds)
{
    volatile int32_t sink;
    for (uint64_t i = 0; i < rounds; i++)
        sink = loops[isa].round();
    (void)sink;
    return (double)rounds * loops[isa].operations;
}

double kn_peak_float_operations(enum kn_isa isa, uint64_t rounds)
{
    volatile float sink;
    for (uint64_t i = 0; i < rounds; i++)
        sink = loops[isa].fma();
    (void)sink;
    return (double)rounds * loops[isa].float_operations;
}

const char *kn_peak_instruction(enum kn_isa isa)
{
    return loops[isa].instruction;
}

void kn_peak_reading(enum kn_isa isa, const uint8_t *memory, size_t bytes)
{
    volatile int32_t sink = loops[isa].read(memory, bytes);
    (void)sink;
}
