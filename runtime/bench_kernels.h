/* bench_kernels.h: `cloister bench --kernels`. */
#ifndef CLOISTER_BENCH_KERNELS_H
#define CLOISTER_BENCH_KERNELS_H

#include "runtime/error.h"

/* Prints one line a kernel, of every instruction set that this processor has, on the calling thread. */
RT_MUST_CHECK int rt_bench_kernels(struct rt_error *error);

#endif
