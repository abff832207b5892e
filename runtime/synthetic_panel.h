/* synthetic_panel.h: panels of random weights in kernel layout, made as fast as memory takes them. A panel is put together from a pool of
 * prepared pieces whose column sums are known; rows look Gaussian, as quantised weights do. Knows the formats of panels and nothing about
 * models. The pool is made by one thread and then read by any. */
#ifndef CLOISTER_SYNTHETIC_PANEL_H
#define CLOISTER_SYNTHETIC_PANEL_H

#include "kernels/kernels.h"

struct rt_panel_pool;

struct rt_panel_pool *rt_panel_pool_open(uint64_t seed); /* NULL: no memory */
void rt_panel_pool_close(struct rt_panel_pool **pool);

/* One panel of a matrix with k inputs (the default codebook's for KN_W4): its first `count` outputs have weights with this standard
 * deviation, the others are 0. All kn_panel_bytes are written; a function of pool and `number` alone. */
void rt_panel_fill(const struct rt_panel_pool *pool, enum kn_format format, uint8_t *panel, size_t count, size_t k, float deviation,
                   uint64_t number);
/* n random bf16 values likewise. */
void rt_bf16_fill(const struct rt_panel_pool *pool, uint16_t *out, size_t n, float deviation, uint64_t number);

/* The generator (SplitMix64): the next number of the stream that *state is. */
static inline uint64_t rt_random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

#endif
