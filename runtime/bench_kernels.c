/* bench_kernels.c: each kernel's time on one thread beside the limits of the machine, measured in the same run. The last columns are the part
 * of the nearest limit that was reached, and which that is; nothing is asserted. */
#include "runtime/bench_kernels.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "kernels/peak.h"
#include "runtime/bench_kernel_parts.h"
#include "runtime/scope.h"
#include "runtime/synthetic_panel.h"

enum { CACHED_BYTES = 16 << 10, SAMPLE_BYTES = 8 << 20, ROUNDS = 100 };
static const double LINE_S = 0.1; /* for each kernel */

/* ---- time ---- */

/* Of this thread: while other programs run, the clock stands. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The best of many calls, in batches that the clock can tell apart. */
static double time_of(struct rt_kernel_bench *b, const struct rt_kernel *kernel)
{
    const int batch = kernel->cache > 0 ? 64 : 1;
    double best = 1e9, begin = seconds();
    b->kernel = kernel;
    for (double now = begin; now - begin < LINE_S;) {
        for (int i = 0; i < batch; i++, b->calls++)
            kernel->run(b);
        double end = seconds(), each = (end - now) / batch;
        best = each < best ? each : best;
        now = end;
    }
    return best;
}

/* ---- limits ---- */

static void multiply(struct rt_kernel_bench *b)
{
    kn_peak_operations(kn_context_isa(b->context), ROUNDS);
}

static void multiply_floats(struct rt_kernel_bench *b)
{
    kn_peak_float_operations(kn_context_isa(b->context), ROUNDS);
}

static void read_memory(struct rt_kernel_bench *b)
{
    kn_peak_reading(kn_context_isa(b->context), b->memory + b->calls % (BENCH_MEMORY / SAMPLE_BYTES) * SAMPLE_BYTES, SAMPLE_BYTES);
}

static void read_cache(struct rt_kernel_bench *b)
{
    for (int i = 0; i < 64; i++)
        kn_peak_reading(kn_context_isa(b->context), b->memory, CACHED_BYTES);
}

static void measure_limits(struct rt_kernel_bench *b)
{
    enum kn_isa isa = kn_context_isa(b->context);
    b->limits = (struct rt_kernel_limits){
        .int8 = kn_peak_operations(isa, ROUNDS) / time_of(b, &(struct rt_kernel){.run = multiply}),
        .fma = kn_peak_float_operations(isa, ROUNDS) / time_of(b, &(struct rt_kernel){.run = multiply_floats}),
        .memory = SAMPLE_BYTES / time_of(b, &(struct rt_kernel){.run = read_memory}),
        .cache = 64 * CACHED_BYTES / time_of(b, &(struct rt_kernel){.run = read_cache}),
    };
    printf("%s, %s, one thread: %s %.0f GOPS, fma %.0f GOPS, reading memory %.1f GB/s, first-level cache %.0f GB/s\n", kn_cpu()->name,
           kn_isa_name(isa), kn_peak_instruction(isa), b->limits.int8 * 1e-9, b->limits.fma * 1e-9, b->limits.memory * 1e-9,
           b->limits.cache * 1e-9);
}

void rt_kernel_measure(struct rt_kernel_bench *b, const struct rt_kernel *kernel)
{
    const struct {
        const char *name;
        double seconds; /* that the limit alone would take */
    } bounds[] = {
        {kn_peak_instruction(kn_context_isa(b->context)), kernel->int8 / b->limits.int8},
        {"fma", kernel->fma / b->limits.fma},
        {"memory", kernel->memory / b->limits.memory},
        {"cache", kernel->cache / b->limits.cache},
    };
    size_t nearest = 0;
    for (size_t i = 1; i < sizeof bounds / sizeof *bounds; i++)
        nearest = bounds[i].seconds > bounds[nearest].seconds ? i : nearest;
    double time = time_of(b, kernel);
    printf("%-32s %10.2f us %8.1f GOPS %8.2f GB/s %5.0f%% of %s\n", kernel->name, time * 1e6, (kernel->int8 + kernel->fma) / time * 1e-9,
           (kernel->memory + kernel->cache) / time * 1e-9, 100 * bounds[nearest].seconds / time, bounds[nearest].name);
    fflush(stdout);
}

/* ---- all of it ---- */

/* Random weights of every format serve as one another's bytes: time does not depend on values, but for those that are not finite. */
static int fill(struct rt_kernel_bench *b)
{
    RT_CLEAN(rt_panel_pool_close) struct rt_panel_pool *pool = rt_panel_pool_open(1);
    if (!pool)
        return -1;
    rt_bf16_fill(pool, (uint16_t *)(void *)b->memory, BENCH_MEMORY / sizeof(uint16_t), 1, 0);
    for (size_t i = 0; i < (size_t)BENCH_ROWS_MAX * BENCH_K; i++) {
        b->x[i] = (float)(i % 251) / 125 - 1;
        b->q[i] = (int8_t)(i % 255 - 127);
    }
    for (size_t i = 0; i < BENCH_FLOATS; i++)
        b->table[i] = 1;
    return 0;
}

static void *allocate(size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static int open_bench(struct rt_kernel_bench *b, size_t scratch)
{
    b->memory = aligned_alloc(2 << 20, BENCH_MEMORY);
    if (b->memory)
        (void)madvise(b->memory, BENCH_MEMORY, MADV_HUGEPAGE); /* as weights are */
    b->x = allocate((size_t)BENCH_ROWS_MAX * BENCH_K * sizeof *b->x);
    b->y = allocate((size_t)BENCH_ROWS_MAX * BENCH_N * sizeof *b->y);
    b->table = allocate(BENCH_FLOATS * sizeof *b->table);
    b->q = allocate((size_t)BENCH_ROWS_MAX * BENCH_K * sizeof(float)); /* also written as bf16 */
    b->ids = allocate(BENCH_EXPERTS * sizeof *b->ids);
    b->scratch = allocate(scratch > kn_pack_scratch(BENCH_K) ? scratch : kn_pack_scratch(BENCH_K));
    return b->memory && b->x && b->y && b->table && b->q && b->ids && b->scratch ? fill(b) : -1;
}

static void close_bench(struct rt_kernel_bench *b)
{
    kn_context_close(&b->context);
    free(b->memory);
    free(b->x);
    free(b->y);
    free(b->table);
    free(b->q);
    free(b->ids);
    free(b->scratch);
}

static int bench_isa(enum kn_isa isa, struct rt_error *error)
{
    RT_CLEAN(close_bench) struct rt_kernel_bench b = {0};
    if (kn_context_open(&b.context, isa, &(size_t){BENCH_K}, 1) < 0)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "kernels for %s cannot be generated on this processor", kn_isa_name(isa));
    if (open_bench(&b, kn_scratch_bytes(b.context, BENCH_K, BENCH_DIM, BENCH_GROUP)))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to measure kernels with");
    measure_limits(&b);
    kn_thread_enter(b.context);
    rt_kernels_of_products(&b);
    rt_kernels_of_rows(&b);
    kn_thread_leave(b.context);
    return 0;
}

int rt_bench_kernels(enum kn_isa most, struct rt_error *error)
{
    for (int isa = (int)most; isa == (int)most || isa > (int)KN_PORTABLE; isa--)
        if (bench_isa((enum kn_isa)isa, error))
            return -1;
    return 0;
}
