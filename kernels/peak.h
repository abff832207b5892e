/* peak.h: what one core can do at most: int8 products in registers, and reading memory. These are the limits that kernels are judged by. Any
 * thread; no allocation. */
#ifndef CLOISTER_PEAK_H
#define CLOISTER_PEAK_H

#include "kernels/kernels.h"

/* Multiplies int8 for a while (some microseconds a round) with the instructions that `isa` has for it, on registers alone; returns the
 * operations done, two for each multiply-add. The processor must have `isa`; not between kn_thread_enter and kn_thread_leave. */
double kn_peak_operations(enum kn_isa isa, uint64_t rounds);
/* The instruction that does it: "vpdpbusd". */
const char *kn_peak_instruction(enum kn_isa isa);

/* The same for fused multiply-adds of floats. */
double kn_peak_float_operations(enum kn_isa isa, uint64_t rounds);

/* Reads `bytes`, a multiple of 4096, each once, as fast as one core can. */
void kn_peak_reading(enum kn_isa isa, const uint8_t *memory, size_t bytes);

#endif
