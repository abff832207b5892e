/* kernels_bench.c: each kernel's time on one thread beside the limits of the machine, measured in the same run: the rate of vpdpbusd
 * and the bandwidth of reading memory. The last column is the part of the nearer limit that was reached; nothing is asserted. */
#include "tests/kernels_bench.h"

#include "kernels/kernels.h"
#include "tests/guarded.h"
#include "tests/peak_vnni.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    N = 4096,
    K = 2048,
    M_MAX = 256,
    DEPTH = 4096,
    VOCABULARY = 151936,
    MEMORY = 256 << 20, /* larger than the caches: weights are read from memory, as in decoding */
};

struct limits {
    double operations, bytes; /* a second */
};

/* Of this thread: while other programs run, the clock stands. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *allocate(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p)
        exit(5);
    memset(p, 1, bytes);
    return p;
}

/* The best of many short samples. */
static double measure_operations(void)
{
    const uint64_t rounds = 200000;
    volatile int32_t sink;
    double best = 0;
    for (int i = 0; i < 100 && kn_cpu()->avx512_vnni; i++) {
        double start = seconds();
        sink = peak_operations(rounds);
        double rate = (double)rounds * 24 * 128 / (seconds() - start);
        best = rate > best ? rate : best;
    }
    (void)sink;
    return best;
}

static double measure_bytes(const uint8_t *memory)
{
    const size_t sample = 8 << 20;
    volatile int32_t sink;
    double best = 0;
    for (size_t i = 0; i < 4 * (MEMORY / sample) && kn_cpu()->avx512_vnni; i++) {
        double start = seconds();
        sink = peak_reading(memory + i % (MEMORY / sample) * sample, sample);
        double rate = (double)sample / (seconds() - start);
        best = rate > best ? rate : best;
    }
    (void)sink;
    return best;
}

/* One line: `operations` and `bytes` are those of one call. A float fma register does a quarter of vpdpbusd's operations. */
static void report(const char *name, int in_float, double time, double operations, double bytes, const struct limits *limits)
{
    printf("%-34s %10.1f us %8.1f GOPS %7.2f GB/s", name, time * 1e6, operations / time * 1e-9, bytes / time * 1e-9);
    if (kn_cpu()->avx512_vnni) {
        double by_bytes = bytes / limits->bytes, by_operations = operations / limits->operations * (in_float ? 4 : 1);
        int memory = by_bytes > by_operations;
        printf(" %5.0f%% of %s", 100 * (memory ? by_bytes : by_operations) / time, memory ? "memory" : in_float ? "fma" : "vpdpbusd");
    }
    putchar('\n');
}

static const char *const format_names[] = {"f32", "bf16", "w8", "w4"};

static void bench_gemm(const struct kn_context *c, enum kn_format format, size_t m, uint8_t *memory, const struct limits *limits)
{
    size_t bytes = kn_matrix_bytes(format, N, K), copies = MEMORY / bytes, calls = 0;
    struct kn_matrix w = {.format = format, .n = N, .k = K, .codebook = &kn_codebook_default};
    struct kn_gemm g = {.w = &w,
                        .x = allocate(m * K * sizeof(float)),
                        .sx = allocate(m * sizeof(float)),
                        .ldx = K,
                        .m = m,
                        .y = allocate(m * N * sizeof(float)),
                        .ldy = N,
                        .scratch = allocate(kn_scratch_bytes(c, K, 128, 8))};
    double best = 1e9, start = seconds();
    for (double now = start; now - start < 0.25 || calls < 5; calls++) {
        w.panels = memory + calls % copies * bytes;
        kn_gemm(c, &g, 0, N / KN_PANEL);
        double end = seconds();
        best = end - now < best ? end - now : best;
        now = end;
    }
    char name[64];
    snprintf(name, sizeof name, "gemm %s %s m %zu", format_names[format], kn_isa_name(kn_context_isa(c)), m);
    report(name, format == KN_BF16, best, 2.0 * (double)m * N * K, (double)bytes, limits);
    free((void *)(uintptr_t)g.x);
    free((void *)(uintptr_t)g.sx);
    free(g.y);
    free(g.scratch);
}

static void bench_attention(const struct kn_context *c, enum kn_kv kv, size_t group, uint8_t *memory, const struct limits *limits)
{
    enum { DIM = 128 };
    size_t rows = KN_KV_BLOCK * kn_kv_bytes(kv, DIM), heads = MEMORY / (2 * rows * (DEPTH / KN_KV_BLOCK)), calls = 0;
    const uint8_t *pages[DEPTH / KN_KV_BLOCK];
    struct kn_attention a = {.kv = kv,
                             .pages = pages,
                             .v_offset = rows,
                             .keys = DEPTH,
                             .q = allocate(group * DIM * sizeof(float)),
                             .ldq = DIM,
                             .group = group,
                             .k_dim = DIM,
                             .v_dim = DIM,
                             .scale = 0.1f,
                             .out = allocate(group * DIM * sizeof(float)),
                             .ldo = DIM,
                             .scratch = allocate(kn_scratch_bytes(c, 64, DIM, group))};
    double best = 1e9, begin = seconds();
    for (; seconds() - begin < 0.25; calls++) {
        double start = seconds();
        for (size_t p = 0; p < DEPTH / KN_KV_BLOCK; p++)
            pages[p] = memory + (calls % heads * (DEPTH / KN_KV_BLOCK) + p) * 2 * rows;
        kn_attention(c, &a);
        double time = seconds() - start;
        best = time < best ? time : best;
    }
    char name[64];
    snprintf(name, sizeof name, "attention %s %s group %zu", kv == KN_KV_BF16 ? "bf16" : "f32", kn_isa_name(kn_context_isa(c)), group);
    report(name, 1, best, 4.0 * DEPTH * DIM * (double)group, 2.0 * (double)rows * DEPTH / KN_KV_BLOCK, limits);
    free((void *)(uintptr_t)a.q);
    free(a.out);
    free(a.scratch);
}

static void bench_pack(enum kn_format format)
{
    static float rows[KN_PANEL][K];
    const float *pointers[KN_PANEL];
    random_floats(rows[0], KN_PANEL * K, 0);
    for (size_t n = 0; n < KN_PANEL; n++)
        pointers[n] = rows[n];
    uint8_t *panel = allocate(kn_panel_bytes(format, K)), *scratch = allocate(kn_pack_scratch(K));
    double time = 1e9;
    for (int i = 0; i < 20; i++) {
        double start = seconds();
        kn_panel_pack(format, panel, pointers, KN_PANEL, K, &kn_codebook_default, scratch);
        time = seconds() - start < time ? seconds() - start : time;
    }
    printf("pack %-29s %10.1f us %8.1f MB/s of bf16 weights\n", format_names[format], time * 1e6, KN_PANEL * K * 2 / time * 1e-6);
    free(panel);
    free(scratch);
}

struct row { /* what the row operations work on */
    const struct kn_context *c;
    float *x, *y;
    int8_t *q;
};

static void softmax_row(const struct row *r)
{
    kn_softmax(r->c, r->x, VOCABULARY);
}

static void rms_norm_row(const struct row *r)
{
    kn_rms_norm(r->c, r->x, r->x, r->y, K, 1e-6f);
}

static void quantize_row(const struct row *r)
{
    kn_quantize(r->c, r->q, r->y, r->x, K);
}

static void silu_mul_row(const struct row *r)
{
    kn_silu_mul(r->c, r->y, r->x, r->x, K);
}

static void bench_row(const char *name, void (*run)(const struct row *), const struct row *r)
{
    double best = 1e9;
    for (int i = 0; i < 100; i++) {
        double start = seconds();
        for (int repeat = 0; repeat < 16; repeat++)
            run(r);
        double time = (seconds() - start) / 16;
        best = time < best ? time : best;
    }
    printf("%-11s %-22s %10.2f us\n", name, kn_isa_name(kn_context_isa(r->c)), best * 1e6);
}

static void bench_rows(const struct kn_context *c)
{
    struct row r = {c, allocate(VOCABULARY * sizeof(float)), allocate(VOCABULARY * sizeof(float)), allocate(VOCABULARY)};
    random_floats(r.x, VOCABULARY, 0);
    bench_row("softmax 152k", softmax_row, &r);
    bench_row("rms_norm", rms_norm_row, &r);
    bench_row("quantize", quantize_row, &r);
    bench_row("silu_mul", silu_mul_row, &r);
    free(r.x);
    free(r.y);
    free(r.q);
}

static void bench_isa(enum kn_isa isa, uint8_t *memory, const struct limits *limits)
{
    static const size_t rows[] = {1, 4, 16, 64, M_MAX};
    struct kn_context *c;
    if (kn_context_open(&c, isa, &(size_t){K}, 1) < 0)
        return;
    kn_thread_enter(c);
    for (int format = KN_BF16; format <= KN_W4; format++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            bench_gemm(c, (enum kn_format)format, rows[i], memory, limits);
    for (size_t group = 1; group <= 8; group *= 8) {
        bench_attention(c, KN_KV_F32, group, memory, limits);
        bench_attention(c, KN_KV_BF16, group, memory, limits);
    }
    bench_rows(c);
    kn_thread_leave(c);
    kn_context_close(&c);
}

int kernels_bench(void)
{
    uint8_t *memory = allocate(MEMORY);
    memset(memory, 0, MEMORY);
    struct limits limits = {measure_operations(), measure_bytes(memory)};
    printf("%s, one thread: vpdpbusd %.0f GOPS, reading memory %.1f GB/s; N %d, K %d, %d MiB of weights in turn\n", kn_cpu()->name,
           limits.operations * 1e-9, limits.bytes * 1e-9, N, K, MEMORY >> 20);
    for (int isa = KN_AVX2; isa <= (int)kn_isa_best(kn_cpu()); isa++)
        bench_isa((enum kn_isa)isa, memory, &limits);
    bench_pack(KN_W8);
    bench_pack(KN_W4);
    free(memory);
    return 0;
}
