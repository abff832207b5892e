/* bench_kernels_rows.c: operations on one row of floats, which lies in the first-level cache, and packing, which is the publisher's and on no
 * token's path. */
#include <stdio.h>
#include <string.h>

#include "runtime/bench_kernel_parts.h"

static void run_quantize(struct rt_kernel_bench *b)
{
    kn_quantize(b->context, b->q, b->y, b->x, BENCH_FLOATS);
}

static void run_rms_norm(struct rt_kernel_bench *b)
{
    kn_rms_norm(b->context, b->y, b->x, b->table, BENCH_FLOATS, 1e-6f);
}

static void run_add(struct rt_kernel_bench *b)
{
    kn_add(b->context, b->y, b->x, BENCH_FLOATS);
}

static void run_axpy(struct rt_kernel_bench *b)
{
    kn_axpy(b->context, b->y, 0.5f, b->x, BENCH_FLOATS);
}

static void run_scale(struct rt_kernel_bench *b)
{
    kn_scale(b->context, b->y, 1, BENCH_FLOATS);
}

static void run_silu_mul(struct rt_kernel_bench *b)
{
    kn_silu_mul(b->context, b->y, b->x, b->x, BENCH_FLOATS);
}

static void run_softmax(struct rt_kernel_bench *b)
{
    kn_softmax(b->context, b->y, BENCH_FLOATS);
}

static void run_weigh(struct rt_kernel_bench *b)
{
    kn_weigh(b->context, b->y, b->x, BENCH_FLOATS, 1, 0.8f);
}

static void run_bf16_from_f32(struct rt_kernel_bench *b)
{
    kn_bf16_from_f32(b->context, (uint16_t *)(void *)b->q, b->x, BENCH_FLOATS);
}

static void run_f32_from_bf16(struct rt_kernel_bench *b)
{
    kn_f32_from_bf16(b->context, b->y, (const uint16_t *)(const void *)b->memory, BENCH_FLOATS);
}

static void run_rope_half(struct rt_kernel_bench *b)
{
    for (size_t head = 0; head < BENCH_FLOATS / BENCH_DIM; head++)
        kn_rope_half(b->context, b->x + head * BENCH_DIM, b->table, BENCH_DIM / 2);
}

static void run_rope_angles(struct rt_kernel_bench *b)
{
    kn_rope_angles(b->y, b->table, BENCH_DIM / 2, (uint32_t)b->calls % BENCH_DEPTH, 1);
}

static void run_route(struct rt_kernel_bench *b)
{
    memcpy(b->y, b->x, BENCH_EXPERTS * sizeof *b->y);
    kn_route_softmax(b->context, b->ids, b->y + BENCH_EXPERTS, b->y, BENCH_EXPERTS, BENCH_TOP_K, 1);
}

static void run_store_keys(struct rt_kernel_bench *b)
{
    for (size_t token = 0; token < BENCH_FLOATS / BENCH_DIM; token++)
        kn_kv_store_key(b->context, b->kernel->kv, b->y, token, b->x + token * BENCH_DIM, BENCH_DIM);
}

static void run_store_values(struct rt_kernel_bench *b)
{
    for (size_t token = 0; token < BENCH_FLOATS / BENCH_DIM; token++)
        kn_kv_store_value(b->context, b->kernel->kv, b->y, token, b->x + token * BENCH_DIM, BENCH_DIM);
}

static void measure_rows(struct rt_kernel_bench *b)
{
    static const struct rt_kernel rows[] = {
        /* cache: bytes read and written */
        {"quantize 2048", run_quantize, .cache = BENCH_FLOATS * 8},
        {"rms_norm 2048", run_rms_norm, .cache = BENCH_FLOATS * 12},
        {"add 2048", run_add, .cache = BENCH_FLOATS * 8},
        {"axpy 2048", run_axpy, .cache = BENCH_FLOATS * 8},
        {"scale 2048", run_scale, .cache = BENCH_FLOATS * 4},
        {"silu_mul 2048", run_silu_mul, .cache = BENCH_FLOATS * 8},
        {"softmax 2048", run_softmax, .cache = BENCH_FLOATS * 12},
        {"weigh 2048", run_weigh, .cache = BENCH_FLOATS * 8},
        {"bf16_from_f32 2048", run_bf16_from_f32, .cache = BENCH_FLOATS * 4},
        {"f32_from_bf16 2048", run_f32_from_bf16, .cache = BENCH_FLOATS * 2},
        {"rope_half 16 heads of 128", run_rope_half, .cache = BENCH_FLOATS * 8},
        {"rope_angles 64", run_rope_angles, .cache = BENCH_DIM / 2 * 4},
        {"route_softmax 8 of 128", run_route, .cache = BENCH_EXPERTS * 8},
        {"store keys f32, 16 of 128", run_store_keys, .kv = KN_KV_F32, .cache = BENCH_FLOATS * 4},
        {"store keys bf16, 16 of 128", run_store_keys, .kv = KN_KV_BF16, .cache = BENCH_FLOATS * 4},
        {"store keys int8, 16 of 128", run_store_keys, .kv = KN_KV_INT8, .cache = BENCH_FLOATS * 4},
        {"store values bf16, 16 of 128", run_store_values, .kv = KN_KV_BF16, .cache = BENCH_FLOATS * 4},
        {"store values int8, 16 of 128", run_store_values, .kv = KN_KV_INT8, .cache = BENCH_FLOATS * 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        rt_kernel_measure(b, &rows[i]);
}

static void run_pack(struct rt_kernel_bench *b)
{
    const float *rows[KN_PANEL];
    for (size_t n = 0; n < KN_PANEL; n++)
        rows[n] = b->x + n * BENCH_K;
    kn_panel_pack(b->kernel->format, (uint8_t *)b->y, rows, KN_PANEL, BENCH_K, &kn_codebook_default, b->scratch);
}

static void measure_packing(struct rt_kernel_bench *b)
{
    for (int format = KN_W8; format <= KN_W4; format++) {
        struct rt_kernel kernel = {.run = run_pack, .format = (enum kn_format)format, .memory = KN_PANEL * BENCH_K * sizeof(float)};
        snprintf(kernel.name, sizeof kernel.name, "pack %s, 64 rows of 2048", format == KN_W8 ? "w8" : "w4");
        rt_kernel_measure(b, &kernel);
    }
}

void rt_kernels_of_rows(struct rt_kernel_bench *b)
{
    measure_rows(b);
    measure_packing(b);
}
