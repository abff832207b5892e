/* bench_limits.h: what this machine can do at most with the same workers: int8 products in registers, and reading memory that no cache
 * holds. One thread calls; the workers run, all at once, pinned as they are. */
#ifndef CLOISTER_BENCH_LIMITS_H
#define CLOISTER_BENCH_LIMITS_H

#include "kernels/kernels.h"
#include "runtime/workers.h"

struct rt_limits;

/* Bytes of memory that measuring takes. */
uint64_t rt_limits_bytes(const struct rt_workers *workers);
/* Workers stay the caller's. Touches all of the memory, each worker its own part. */
RT_MUST_CHECK int rt_limits_open(struct rt_limits **out, struct rt_workers *workers, enum kn_isa isa, struct rt_error *error);
void rt_limits_close(struct rt_limits **limits);

/* A second, over all workers: the best of a few samples of about 50 ms, since whatever disturbs a sample makes it slower. */
double rt_limits_operations(struct rt_limits *limits);
double rt_limits_reading(struct rt_limits *limits);

#endif
