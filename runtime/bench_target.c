/* bench_target.c: brings to life what is measured: a verified bundle as `run` would open it, or random weights in the memory that a bundle of
 * that shape would take. */
#include <stdlib.h>

#include "runtime/bench.h"
#include "runtime/bench_limits.h"
#include "runtime/isa.h"
#include "runtime/machine_memory.h"
#include "runtime/scope.h"
#include "runtime/shapes.h"
#include "runtime/synthetic.h"
#include "runtime/tensor_list.h"
#include "runtime/topology.h"

enum { SEED = 1 };

/* ---- the engine ---- */

static uint32_t whole_pages(uint32_t tokens)
{
    return (tokens + KN_KV_BLOCK - 1) / KN_KV_BLOCK * KN_KV_BLOCK;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Room for the longer phase, one sequence that is fed or the batch that decodes, and steps as long as `run` would take. */
static struct rt_engine_options engine_options(const struct rt_site *site, const struct rt_bench_options *options)
{
    uint32_t fed = whole_pages(options->depth + options->prefill), decoded = whole_pages(options->depth + options->decode);
    struct rt_engine_options engine = {
        .kv = options->kv,
        .max_tokens = larger(fed, options->batch * decoded),
        .max_sequences = options->batch,
        .max_logits = options->batch,
    };
    rt_site_choose_rows(&engine, site, 0);
    engine.max_rows = larger(engine.max_rows, options->batch);
    return engine;
}

static int check_context(const struct rt_model *model, const struct rt_bench_options *options, struct rt_error *error)
{
    uint64_t more = larger(options->prefill, options->decode), longest = options->depth + more;
    if (longest > model->context)
        return rt_fail(error, RT_EXIT_USAGE, "-d %u with %u tokens more is beyond the model's context of %u", options->depth,
                       (unsigned)more, model->context);
    if ((longest + KN_KV_BLOCK) * options->batch > UINT32_MAX)
        return rt_fail(error, RT_EXIT_RESOURCES, "no cache holds -b %u sequences of %u tokens", options->batch, (unsigned)longest);
    return 0;
}

static int open_engine(struct rt_site *site, const struct rt_bench_options *options, struct rt_error *error)
{
    struct rt_engine_options engine = engine_options(site, options);
    site->max_rows = engine.max_rows;
    site->context = engine.max_tokens;
    return rt_engine_open(&site->engine, rt_weights_models(site->weights), site->kernels, site->workers, &engine, error);
}

/* ---- random weights ---- */

static int open_kernels(struct rt_site *site, enum kn_isa isa, struct rt_error *error)
{
    const struct rt_manifest *m = site->manifest;
    RT_FREE size_t *k = calloc(m->tensor_count, sizeof *k);
    size_t count = 0;
    if (!k)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the list of kernels");
    for (size_t i = 0; i < m->tensor_count; i++)
        if (m->tensors[i].format == RT_TENSOR_W8 || m->tensors[i].format == RT_TENSOR_W4)
            k[count++] = m->tensors[i].shape[m->tensors[i].dims - 1];
    return rt_isa_open(&site->kernels, isa, k, count, error);
}

static int open_shape(struct rt_site *site, const struct rt_bench_options *options, struct rt_error *error)
{
    site->manifest_owned = 1;
    if (options->shape ? rt_shape_open_file(&site->manifest, options->shape, error)
                       : rt_shape_open(&site->manifest, options->synthetic, error))
        return -1;
    if (options->layers && rt_shape_cut(site->manifest, options->layers, error))
        return -1;
    return rt_tensor_list(site->manifest, options->quant, error);
}

static int check_memory(const struct rt_site *site, const struct rt_bench_options *options, struct rt_error *error)
{
    uint64_t cache, buffers, available = rt_memory_available();
    struct rt_engine_options engine = engine_options(site, options);
    rt_engine_size(rt_weights_model(site->weights, 0), site->kernels, &engine, rt_workers_count(site->workers), &cache, &buffers);
    uint64_t weights = rt_weights_bytes(site->manifest, site->workers), limits = rt_limits_bytes(site->workers);
    uint64_t needed = weights + cache + buffers + limits;
    if (!available || needed <= available)
        return 0;
    return rt_fail(error, RT_EXIT_RESOURCES,
                   "%s needs %llu MiB (weights %llu, cache %llu, buffers %llu, to measure the machine %llu) and %llu MiB are free; "
                   "give fewer --layers, a smaller -d or -b, or fewer bits",
                   site->manifest->name, (unsigned long long)needed >> 20, (unsigned long long)weights >> 20,
                   (unsigned long long)cache >> 20, (unsigned long long)buffers >> 20, (unsigned long long)limits >> 20,
                   (unsigned long long)available >> 20);
}

static int open_random(struct rt_site *site, const struct rt_bench_options *options, struct rt_error *error)
{
    enum kn_isa isa;
    if (rt_isa_choose(&isa, options->isa, error) || open_shape(site, options, error) ||
        check_context(&site->manifest->model, options, error) || rt_placement_open(&site->placement, options->threads, error) ||
        rt_workers_open(&site->workers, site->placement, error) || open_kernels(site, isa, error) ||
        rt_weights_open(&site->weights, site->manifest, site->workers, error) || check_memory(site, options, error) ||
        rt_synthetic_fill(site->weights, site->manifest, site->workers, SEED, error))
        return -1;
    rt_weights_protect(site->weights);
    return open_engine(site, options, error);
}

/* ---- a bundle ---- */

static int open_bundle(struct rt_site *site, const struct rt_bench_options *options, struct rt_error *error)
{
    const struct rt_site_options as_run = {
        .bundle = options->bundle,
        .trust = options->trust,
        .threads = options->threads,
        .context = 1,
        .kv = options->kv,
        .isa = options->isa,
        .max_logits = 1,
        .json = options->json,
        .quiet = options->quiet,
    };
    if (rt_site_open(site, &as_run, error) || check_context(&site->manifest->model, options, error))
        return -1;
    rt_engine_close(&site->engine);
    return open_engine(site, options, error);
}

int rt_bench_open(struct rt_site *site, const struct rt_bench_options *options, struct rt_error *error)
{
    *site = (struct rt_site){0};
    if (options->bundle ? open_bundle(site, options, error) : open_random(site, options, error)) {
        rt_site_close(site);
        return -1;
    }
    return 0;
}
