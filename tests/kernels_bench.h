/* kernels_bench.h: `test_kernels --bench`. */
#ifndef CLOISTER_KERNELS_BENCH_H
#define CLOISTER_KERNELS_BENCH_H

/* Prints one line a kernel; the exit status. */
int kernels_bench(void);

#endif
