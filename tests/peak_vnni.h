/* peak_vnni.h: the limits of one thread. Only called where the processor has AVX-512 VNNI. */
#ifndef CLOISTER_PEAK_VNNI_H
#define CLOISTER_PEAK_VNNI_H

#include <stddef.h>
#include <stdint.h>

/* Runs `rounds` × 24 independent vpdpbusd on registers: rounds · 24 · 128 operations. Returns something that depends on them. */
int32_t peak_operations(uint64_t rounds);
/* Reads `bytes`, a multiple of 256. */
int32_t peak_reading(const uint8_t *memory, size_t bytes);

#endif
