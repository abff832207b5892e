/* synthetic.c: walks the tensors; each worker fills its share of every matrix. Panels that several memories hold a copy of, and vectors, are
 * made in a worker's scratch and placed. */
#include "runtime/synthetic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"
#include "runtime/synthetic_panel.h"

#define THETA 1e6 /* of rotations */

enum { ROWS_AT_ONCE = 64 }; /* of the embedding */

struct job {
    struct rt_weights *weights;
    const struct rt_manifest *manifest;
    struct rt_workers *workers;
    const struct rt_panel_pool *pool;
    uint8_t *scratch; /* [workers][piece_bytes] */
    size_t piece_bytes;
};

static const enum kn_format panel_formats[] = {[RT_TENSOR_BF16] = KN_BF16, [RT_TENSOR_W8] = KN_W8, [RT_TENSOR_W4] = KN_W4};

/* Weights of a row have the deviation factor / sqrt(its length). A residual stream of embedding rows grows slowly with these. */
static float deviation(const struct rt_tensor *tensor)
{
    static const struct {
        const char *name;
        float factor;
    } factors[] = {{"head", 2}, {"o", 0.5f}, {"down", 1.5f}, {"router", 1.5f}};
    const char *dot = strrchr(tensor->name, '.'), *name = dot ? dot + 1 : tensor->name;
    float factor = 1;
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        if (!strcmp(name, factors[i].name))
            factor = factors[i].factor;
    return factor / sqrtf((float)tensor->shape[tensor->dims - 1]);
}

/* Where a piece of the stream is made: in place, or in the worker's scratch. */
static uint8_t *piece_begin(const struct job *job, unsigned worker, uint64_t offset, size_t bytes)
{
    uint8_t *direct = rt_weights_direct(job->weights, offset, bytes);
    return direct ? direct : job->scratch + worker * job->piece_bytes;
}

static void piece_end(const struct job *job, unsigned worker, uint64_t offset, size_t bytes, const uint8_t *piece)
{
    if (piece == job->scratch + worker * job->piece_bytes)
        rt_weights_place(job->weights, offset, piece, bytes);
}

/* ---- the kinds of tensors ---- */

static void fill_values(float *values, size_t n, const char *name)
{
    int rotation = !strncmp(name, "rope.", 5), bias = strlen(name) > 5 && !strcmp(name + strlen(name) - 5, "_bias");
    for (size_t i = 0; i < n; i++)
        values[i] = rotation ? (float)pow(THETA, -(double)i / (double)n) : bias ? 0 : 1;
}

/* Frequencies of rotations, biases of 0, norms of 1. */
static void fill_vector(const struct job *job, unsigned worker, const struct rt_tensor *tensor)
{
    if (worker != 0)
        return;
    uint8_t *piece = piece_begin(job, worker, tensor->offset, tensor->size);
    fill_values((float *)(void *)piece, tensor->size / sizeof(float), tensor->name);
    piece_end(job, worker, tensor->offset, tensor->size, piece);
}

static void fill_rows(const struct job *job, unsigned worker, const struct rt_tensor *tensor, uint64_t number)
{
    size_t row = tensor->shape[1] * sizeof(uint16_t), first, last;
    rt_workers_share(job->workers, worker, (tensor->shape[0] + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, &first, &last);
    for (size_t i = first; i < last; i++) {
        uint64_t from = i * ROWS_AT_ONCE, rows = tensor->shape[0] - from < ROWS_AT_ONCE ? tensor->shape[0] - from : ROWS_AT_ONCE;
        uint8_t *piece = piece_begin(job, worker, tensor->offset + from * row, rows * row);
        rt_bf16_fill(job->pool, (uint16_t *)(void *)piece, rows * tensor->shape[1], 1, number + i);
        piece_end(job, worker, tensor->offset + from * row, rows * row, piece);
    }
}

/* The worker's share of the panels of each of a stack of matrices. */
static void fill_panels(const struct job *job, unsigned worker, const struct rt_tensor *tensor, uint64_t number)
{
    enum kn_format format = panel_formats[tensor->format];
    uint64_t matrices = tensor->dims == 3 ? tensor->shape[0] : 1, n = tensor->shape[tensor->dims - 2], k = tensor->shape[tensor->dims - 1];
    size_t bytes = kn_panel_bytes(format, k), panels = kn_panels(n), first, last;
    rt_workers_share(job->workers, worker, panels, &first, &last);
    for (uint64_t matrix = 0; matrix < matrices; matrix++)
        for (size_t p = first; p < last; p++) {
            uint64_t index = matrix * panels + p, offset = tensor->offset + index * bytes;
            uint8_t *piece = piece_begin(job, worker, offset, bytes);
            size_t count = n - p * KN_PANEL < KN_PANEL ? n - p * KN_PANEL : KN_PANEL;
            rt_panel_fill(job->pool, format, piece, count, k, deviation(tensor), number + index);
            piece_end(job, worker, offset, bytes, piece);
        }
}

/* ---- all of them ---- */

static void fill(void *user, unsigned worker)
{
    const struct job *job = user;
    for (size_t i = 0; i < job->manifest->tensor_count; i++) {
        const struct rt_tensor *tensor = &job->manifest->tensors[i];
        uint64_t number = (uint64_t)i << 32; /* a stream of random numbers for each piece of each tensor */
        switch (tensor->format) {
        case RT_TENSOR_F32: fill_vector(job, worker, tensor); break;
        case RT_TENSOR_BF16_ROWS: fill_rows(job, worker, tensor, number); break;
        default: fill_panels(job, worker, tensor, number); break;
        }
    }
}

/* The largest piece that is made at once. */
static size_t piece_bytes(const struct rt_manifest *manifest)
{
    size_t largest = 64;
    for (size_t i = 0; i < manifest->tensor_count; i++) {
        const struct rt_tensor *tensor = &manifest->tensors[i];
        size_t k = tensor->shape[tensor->dims - 1], bytes = tensor->size;
        if (tensor->format == RT_TENSOR_BF16_ROWS)
            bytes = ROWS_AT_ONCE * k * sizeof(uint16_t);
        else if (tensor->format != RT_TENSOR_F32)
            bytes = kn_panel_bytes(panel_formats[tensor->format], k);
        largest = bytes > largest ? bytes : largest;
    }
    return (largest + 63) / 64 * 64;
}

int rt_synthetic_fill(struct rt_weights *weights, const struct rt_manifest *manifest, struct rt_workers *workers, uint64_t seed,
                      struct rt_error *error)
{
    RT_CLEAN(rt_panel_pool_close) struct rt_panel_pool *pool = rt_panel_pool_open(seed);
    struct job job = {.weights = weights, .manifest = manifest, .workers = workers, .pool = pool, .piece_bytes = piece_bytes(manifest)};
    RT_FREE uint8_t *scratch = job.scratch = aligned_alloc(64, rt_workers_count(workers) * job.piece_bytes);
    if (!pool || !scratch)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to make random weights");
    rt_workers_run(workers, fill, &job);
    return 0;
}
