/* bench_kernels.h: `cloister bench --kernels`. */
#ifndef CLOISTER_BENCH_KERNELS_H
#define CLOISTER_BENCH_KERNELS_H

#include "kernels/kernels.h"
#include "runtime/error.h"

/* Prints one line a kernel, of `most` and of every instruction set below it but the portable one, on the calling thread. */
RT_MUST_CHECK int rt_bench_kernels(enum kn_isa most, struct rt_error *error);

#endif
