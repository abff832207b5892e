/* bench_kernels_products.c: matrix products of one row to many, plain and gated, and attention. Everything they read beside the rows comes
 * from memory. */
#include <stdio.h>

#include "runtime/bench_kernel_parts.h"

static struct kn_gemm product(struct rt_kernel_bench *b, struct kn_matrix *w, size_t copy)
{
    const struct rt_kernel *kernel = b->kernel;
    size_t bytes = kn_matrix_bytes(kernel->format, BENCH_N, BENCH_K), copies = BENCH_MEMORY / bytes;
    *w = (struct kn_matrix){.format = kernel->format,
                            .n = BENCH_N,
                            .k = BENCH_K,
                            .panels = b->memory + copy % copies * bytes,
                            .codebook = &kn_codebook_default};
    return (struct kn_gemm){.w = w,
                            .x = kernel->format == KN_BF16 ? (const void *)b->x : b->q,
                            .sx = b->x,
                            .ldx = BENCH_K,
                            .m = kernel->rows,
                            .y = b->y,
                            .ldy = BENCH_N,
                            .scratch = b->scratch};
}

static void run_gemm(struct rt_kernel_bench *b)
{
    struct kn_matrix w;
    struct kn_gemm gemm = product(b, &w, b->calls);
    kn_gemm(b->context, &gemm, 0, BENCH_N / KN_PANEL);
}

static void run_gated(struct rt_kernel_bench *b)
{
    struct kn_matrix gate, up;
    struct kn_gated gated = {.gate = product(b, &gate, 2 * b->calls)};
    (void)product(b, &up, 2 * b->calls + 1);
    gated.up = &up;
    kn_gated(b->context, &gated, 0, BENCH_N / KN_PANEL);
}

static void measure_matrices(struct rt_kernel_bench *b)
{
    static const char *const names[] = {[KN_BF16] = "bf16", [KN_W8] = "w8", [KN_W4] = "w4"};
    static const size_t rows[] = {1, 2, 4, 8, 16, 32, 64, BENCH_ROWS_MAX};
    for (int format = KN_BF16; format <= KN_W4; format++)
        for (int gated = 0; gated < 2; gated++)
            for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                double operations = 2.0 * (double)rows[i] * BENCH_N * BENCH_K * (1 + gated);
                struct rt_kernel kernel = {.run = gated ? run_gated : run_gemm, .format = (enum kn_format)format, .rows = rows[i]};
                *(format == KN_BF16 ? &kernel.fma : &kernel.int8) = operations;
                kernel.memory = (double)kn_matrix_bytes(kernel.format, BENCH_N, BENCH_K) * (1 + gated);
                snprintf(kernel.name, sizeof kernel.name, "%s %s, %zu rows", gated ? "gated" : "gemm", names[format], rows[i]);
                rt_kernel_measure(b, &kernel);
            }
}

/* ---- attention ---- */

/* Of one key/value head in one page. */
static size_t head_bytes(enum kn_kv kv)
{
    return kn_kv_key_bytes(kv, BENCH_DIM) + kn_kv_value_bytes(kv, BENCH_DIM);
}

static void run_attention(struct rt_kernel_bench *b)
{
    const struct rt_kernel *kernel = b->kernel;
    size_t keys = kn_kv_key_bytes(kernel->kv, BENCH_DIM), page = head_bytes(kernel->kv);
    size_t pages_each = BENCH_DEPTH / KN_KV_BLOCK, heads = BENCH_MEMORY / (page * pages_each);
    const uint8_t *pages[BENCH_DEPTH / KN_KV_BLOCK];
    for (size_t p = 0; p < pages_each; p++)
        pages[p] = b->memory + (b->calls % heads * pages_each + p) * page;
    kn_attention(b->context, &(struct kn_attention){.kv = kernel->kv,
                                                    .pages = pages,
                                                    .v_offset = keys,
                                                    .keys = BENCH_DEPTH + 1 - kernel->rows / kernel->group,
                                                    .positions = kernel->rows / kernel->group,
                                                    .group = kernel->group,
                                                    .q = b->x,
                                                    .ldq = BENCH_DIM,
                                                    .q_position = BENCH_DIM * kernel->group,
                                                    .k_dim = BENCH_DIM,
                                                    .v_dim = BENCH_DIM,
                                                    .scale = 0.1f,
                                                    .out = b->y,
                                                    .ldo = BENCH_DIM,
                                                    .out_position = BENCH_DIM * kernel->group,
                                                    .scratch = b->scratch});
}

/* One position, as in decoding, of one head or of a group; and a tile of many, as in prefill. */
static void measure_attention(struct rt_kernel_bench *b)
{
    static const struct {
        size_t rows, group;
    } tiles[] = {{1, 1}, {BENCH_GROUP, BENCH_GROUP}, {KN_ATTENTION_ROWS, BENCH_GROUP}};
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++)
        for (int kv = KN_KV_F32; kv <= KN_KV_INT8; kv++) {
            struct rt_kernel kernel = {.run = run_attention, .kv = (enum kn_kv)kv, .rows = tiles[i].rows, .group = tiles[i].group};
            kernel.fma = 4.0 * BENCH_DEPTH * BENCH_DIM * (double)kernel.rows;
            kernel.memory = (double)BENCH_DEPTH / KN_KV_BLOCK * (double)head_bytes(kernel.kv);
            snprintf(kernel.name, sizeof kernel.name, "attention %s, %zu positions x %zu", kn_kv_name(kernel.kv),
                     kernel.rows / kernel.group, kernel.group);
            rt_kernel_measure(b, &kernel);
        }
}

void rt_kernels_of_products(struct rt_kernel_bench *b)
{
    measure_matrices(b);
    measure_attention(b);
}
