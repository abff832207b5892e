/* bench_phases.c: runs what is measured, in turns with the limits, so that a machine that speeds up or slows down does so for both. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/bench.h"
#include "runtime/bench_limits.h"
#include "runtime/clock.h"
#include "runtime/engine_pretend.h"
#include "runtime/scope.h"
#include "runtime/synthetic_panel.h"

enum { SLICE_STEPS = 16 }; /* between samples of a limit: memory may be fast in one second and slow in the next */

struct recording { /* of one phase */
    struct rt_series tokens_s, int8_operations_s, bytes_s, limit, of_limit, parts[RT_PARTS];
    struct rt_cost cost; /* of the last repetition */
};

struct bench {
    struct rt_site *site;
    const struct rt_bench_options *options;
    struct rt_formats formats;
    struct rt_limits *limits;
    struct rt_sequence **sequences; /* [batch] */
    struct rt_run *runs;            /* [batch] */
    uint32_t *tokens;               /* [most rows of a step] */
    uint64_t random;
    struct recording prefill, decode;
    struct rt_error *error;
};

/* ---- sequences ---- */

static void close_sequences(struct bench *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        rt_sequence_close(b->site->engine, &b->sequences[i]);
}

static int open_sequences(struct bench *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        b->sequences[i] = rt_sequence_open(b->site->engine);
        if (rt_sequence_pretend(b->site->engine, b->sequences[i], b->options->depth, b->error)) {
            close_sequences(b, i + 1);
            return -1;
        }
    }
    return 0;
}

/* Random ones, as the peers' benchmarks take: what a model of random weights would choose says nothing. */
static void choose_tokens(struct bench *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        b->tokens[i] = (uint32_t)(rt_random_next(&b->random) >> 32) % b->site->manifest->model.vocab;
}

/* ---- steps ---- */

struct phase { /* each of some sequences gets `tokens` more, at most `most` in a step */
    const char *name;
    uint32_t sequences, tokens, most;
    double (*limit)(struct rt_limits *limits); /* what it is held against */
    double (*amount)(const struct rt_work *work);
};

static double amount_of_products(const struct rt_work *work)
{
    return work->int8_operations;
}

static double amount_of_bytes(const struct rt_work *work)
{
    return work->weight_bytes + work->cache_bytes;
}

static struct phase prefill_of(const struct bench *b)
{
    return (struct phase){"prefill", 1, b->options->prefill, b->site->max_rows, rt_limits_operations, amount_of_products};
}

static struct phase decode_of(const struct bench *b)
{
    return (struct phase){"decode", b->options->batch, b->options->decode, 1, rt_limits_reading, amount_of_bytes};
}

static uint32_t step_tokens(const struct phase *phase, uint32_t done)
{
    return phase->tokens - done < phase->most ? phase->tokens - done : phase->most;
}

/* The steps from `*done` on, a slice of them. */
static int run_slice(struct bench *b, const struct phase *phase, uint32_t *done)
{
    for (int i = 0; i < SLICE_STEPS && *done < phase->tokens; i++) {
        uint32_t step = step_tokens(phase, *done);
        choose_tokens(b, phase->sequences * step);
        for (uint32_t s = 0; s < phase->sequences; s++)
            b->runs[s] = (struct rt_run){.sequence = b->sequences[s], .tokens = b->tokens + s * step, .count = step};
        if (rt_engine_step(b->site->engine, b->runs, phase->sequences, b->error))
            return -1;
        *done += step;
    }
    return 0;
}

static uint32_t count_mixtures(const struct rt_model *model)
{
    uint32_t count = 0;
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t i = 0; i < model->layers[l].count; i++)
            count += model->layers[l].blocks[i].kind == RT_BLOCK_MOE;
    return count;
}

/* What all steps of a phase had to do; `experts` have run in them. */
static void count_steps(const struct bench *b, const struct phase *phase, uint64_t experts, struct rt_cost *cost)
{
    const struct rt_model *model = rt_weights_model(b->site->weights, 0);
    uint32_t blocks = count_mixtures(model) * ((phase->tokens + phase->most - 1) / phase->most);
    *cost = (struct rt_cost){0};
    for (uint32_t done = 0, step; done < phase->tokens; done += step) {
        step = step_tokens(phase, done);
        const struct rt_step_shape shape = {.sequences = phase->sequences,
                                            .tokens = step,
                                            .depth = b->options->depth + done,
                                            .logits = phase->sequences,
                                            .experts = blocks ? (double)experts / blocks : 0};
        struct rt_cost one;
        rt_cost_of_step(&one, model, &b->formats, &shape);
        rt_cost_add(cost, &one);
    }
}

/* ---- a phase, once ---- */

struct passage {
    double seconds, limit;        /* limit: the mean of the samples */
    struct rt_engine_times times; /* that passed */
};

static int pass(struct bench *b, const struct phase *phase, struct passage *out)
{
    struct rt_engine_times before = {0}, after = {0};
    uint32_t samples = 1;
    *out = (struct passage){.limit = phase->limit(b->limits)};
    rt_engine_times(b->site->engine, &before);
    for (uint32_t done = 0; done < phase->tokens; samples++) {
        double start = rt_seconds();
        if (run_slice(b, phase, &done))
            return -1;
        out->seconds += rt_seconds() - start;
        out->limit += phase->limit(b->limits);
    }
    rt_engine_times(b->site->engine, &after);
    out->limit /= samples;
    out->times.experts = after.experts - before.experts;
    for (int part = 0; part < RT_PARTS; part++)
        out->times.seconds[part] = after.seconds[part] - before.seconds[part];
    return 0;
}

static void record(struct bench *b, const struct phase *phase, const struct passage *passage, struct recording *out)
{
    rt_series_add(&out->limit, passage->limit);
    if (!phase->tokens)
        return;
    count_steps(b, phase, passage->times.experts, &out->cost);
    double rate = 1 / passage->seconds;
    rt_series_add(&out->tokens_s, rate * phase->tokens * phase->sequences);
    rt_series_add(&out->int8_operations_s, rate * amount_of_products(&out->cost.sum));
    rt_series_add(&out->bytes_s, rate * amount_of_bytes(&out->cost.sum));
    rt_series_add(&out->of_limit, rate * phase->amount(&out->cost.sum) / passage->limit);
    for (int part = 0; part < RT_PARTS; part++)
        rt_series_add(&out->parts[part], passage->times.seconds[part]);
}

static int run_phase(struct bench *b, const struct phase *phase, struct recording *out)
{
    struct passage passage;
    if (open_sequences(b, phase->sequences))
        return -1;
    int failed = pass(b, phase, &passage);
    close_sequences(b, phase->sequences);
    if (failed)
        return -1;
    record(b, phase, &passage, out);
    return 0;
}

/* ---- rounds ---- */

static void say(const struct bench *b, uint32_t repetition, const struct phase *phase)
{
    if (b->options->quiet || b->options->json || !isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r%s %u of %u: %s\033[K", b->site->manifest->name, repetition + 1, b->options->repetitions, phase->name);
    fflush(stderr);
}

static void say_no_more(const struct bench *b)
{
    if (!b->options->quiet && !b->options->json && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static int run_round(struct bench *b, uint32_t repetition)
{
    const struct phase prefill = prefill_of(b), decode = decode_of(b);
    say(b, repetition, &prefill);
    if (run_phase(b, &prefill, &b->prefill))
        return -1;
    say(b, repetition, &decode);
    return run_phase(b, &decode, &b->decode);
}

/* A step of each phase: buffers and caches are touched for the first time here. */
static int warm_up(struct bench *b)
{
    struct phase prefill = prefill_of(b), decode = decode_of(b);
    struct recording forgotten = {0};
    prefill.tokens = step_tokens(&prefill, 0);
    decode.tokens = step_tokens(&decode, 0);
    return run_phase(b, &prefill, &forgotten) || run_phase(b, &decode, &forgotten) ? -1 : 0;
}

static int run_rounds(struct bench *b)
{
    if (warm_up(b))
        return -1;
    for (uint32_t i = 0; i < b->options->repetitions; i++)
        if (run_round(b, i))
            return -1;
    return 0;
}

/* ---- all of it ---- */

static void sum_up(struct rt_bench_phase *out, const struct recording *recording, uint32_t tokens)
{
    *out = (struct rt_bench_phase){
        .tokens = tokens,
        .tokens_s = rt_figure_of(&recording->tokens_s),
        .int8_operations_s = rt_figure_of(&recording->int8_operations_s),
        .bytes_s = rt_figure_of(&recording->bytes_s),
        .limit = rt_figure_of(&recording->limit),
        .of_limit = rt_figure_of(&recording->of_limit),
        .cost = recording->cost,
    };
    for (int part = 0; part < RT_PARTS; part++)
        out->seconds[part] = rt_figure_of(&recording->parts[part]).median;
}

static int open_bench(struct bench *b)
{
    uint32_t batch = b->options->batch, rows = b->site->max_rows;
    b->sequences = calloc(batch, sizeof *b->sequences);
    b->runs = calloc(batch, sizeof *b->runs);
    b->tokens = calloc(rows > batch ? rows : batch, sizeof *b->tokens);
    if (!b->sequences || !b->runs || !b->tokens)
        return rt_fail(b->error, RT_EXIT_RESOURCES, "no memory for %u sequences", batch);
    return rt_limits_open(&b->limits, b->site->workers, kn_context_isa(b->site->kernels), b->error);
}

static void close_bench(struct bench *b)
{
    rt_limits_close(&b->limits);
    free(b->sequences);
    free(b->runs);
    free(b->tokens);
}

int rt_bench_run(struct rt_bench_result *out, struct rt_site *site, const struct rt_bench_options *options, struct rt_error *error)
{
    RT_CLEAN(close_bench)
    struct bench b = {.site = site,
                      .options = options,
                      .formats = rt_formats_of(rt_weights_model(site->weights, 0), options->kv),
                      .random = 1,
                      .error = error};
    int failed = open_bench(&b) || run_rounds(&b);
    say_no_more(&b);
    if (failed)
        return -1;
    *out = (struct rt_bench_result){.isa = kn_context_isa(site->kernels), .threads = rt_workers_count(site->workers), .formats = b.formats};
    sum_up(&out->prefill, &b.prefill, options->prefill);
    sum_up(&out->decode, &b.decode, options->decode * options->batch);
    return 0;
}
