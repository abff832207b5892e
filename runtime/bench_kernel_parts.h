/* bench_kernel_parts.h: what the files of `cloister bench --kernels` share. One thread. */
#ifndef CLOISTER_BENCH_KERNEL_PARTS_H
#define CLOISTER_BENCH_KERNEL_PARTS_H

#include "kernels/kernels.h"

enum {
    BENCH_N = 4096, /* of products; as wide as the projections of a model of some billion parameters */
    BENCH_K = 2048,
    BENCH_ROWS_MAX = 256,
    BENCH_DEPTH = 4096, /* keys of attention */
    BENCH_DIM = 128,
    BENCH_GROUP = 8,
    BENCH_FLOATS = 2048, /* of a row operation: in the first-level cache */
    BENCH_EXPERTS = 128,
    BENCH_TOP_K = 8,
    BENCH_MEMORY = 256 << 20, /* larger than the caches: weights come from memory, as in decoding */
};

struct rt_kernel_limits { /* a second, of one thread */
    double int8, fma, memory, cache;
};

struct rt_kernel_bench {
    struct kn_context *context;
    uint8_t *memory; /* BENCH_MEMORY bytes of random numbers, which are weights, or keys and values, in turn */
    float *x, *y, *table;
    int8_t *q;
    uint16_t *ids;
    void *scratch;
    struct rt_kernel_limits limits;
    const struct rt_kernel *kernel; /* that is run */
    size_t calls;
};

/* What a kernel does in one call, and how to call it. */
struct rt_kernel {
    char name[48];
    void (*run)(struct rt_kernel_bench *b); /* b->kernel is this */
    enum kn_format format;
    enum kn_kv kv;
    size_t rows, group;              /* of a product; of attention, and the query heads that share a key */
    double int8, fma, memory, cache; /* operations, and bytes that are read from memory and from the cache */
};

/* Measures and prints a line. */
void rt_kernel_measure(struct rt_kernel_bench *bench, const struct rt_kernel *kernel);

void rt_kernels_of_products(struct rt_kernel_bench *bench); /* matrix products and attention */
void rt_kernels_of_rows(struct rt_kernel_bench *bench);     /* and packing */

#endif
