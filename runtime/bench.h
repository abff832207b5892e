/* bench.h: what the files of `cloister bench` share: what is asked for, and what was measured. One thread; the workers compute. */
#ifndef CLOISTER_BENCH_H
#define CLOISTER_BENCH_H

#include "runtime/bench_figures.h"
#include "runtime/model_cost.h"
#include "runtime/site.h"

struct rt_bench_options {
    const char *bundle, *trust;    /* or */
    const char *synthetic, *shape; /* a shape's name, or a file */
    enum kn_format quant;          /* of a shape */
    enum kn_kv kv;
    const char *isa;                 /* as in rt_site_options */
    uint32_t layers;                 /* of a shape; 0: all */
    uint32_t prefill, decode, depth; /* tokens; 0 leaves a phase out */
    uint32_t batch;                  /* sequences that decode at once */
    uint32_t threads;                /* 0: all allowed */
    uint32_t repetitions;
    int json, quiet, scaling, kernels;
};

/* ---- what is measured ---- */

/* A site of the bundle or of random weights, with an engine that is large enough for the phases. Close with rt_site_close. */
RT_MUST_CHECK int rt_bench_open(struct rt_site *site, const struct rt_bench_options *options, struct rt_error *error);

struct rt_bench_phase {
    uint32_t tokens; /* of one repetition, over all sequences; 0: the phase was left out */
    struct rt_figure tokens_s, int8_operations_s, bytes_s;
    struct rt_figure limit;    /* a second: of int8 operations for prefill, of bytes read for decode; measured before, amid and after */
    struct rt_figure of_limit; /* each repetition's rate to the limit measured with it */
    struct rt_cost cost;       /* of one repetition */
    double seconds[RT_PARTS];  /* of one repetition, medians */
};

struct rt_bench_result {
    enum kn_isa isa;
    unsigned threads;
    struct rt_formats formats;
    struct rt_bench_phase prefill, decode;
};

/* Runs limits and phases in turns, options->repetitions times. */
RT_MUST_CHECK int rt_bench_run(struct rt_bench_result *out, struct rt_site *site, const struct rt_bench_options *options,
                               struct rt_error *error);

/* ---- printing ---- */

void rt_bench_print(const struct rt_bench_result *result, const struct rt_site *site, const struct rt_bench_options *options);
RT_MUST_CHECK int rt_bench_print_json(const struct rt_bench_result *result, const struct rt_site *site,
                                      const struct rt_bench_options *options, struct rt_error *error);
/* A line for each number of threads; `one` is what one thread did. */
void rt_bench_print_scaling(const struct rt_bench_result *result, const struct rt_bench_result *one);

#endif
