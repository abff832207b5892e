/* make_digests.c: digests of what bundles answer, however the answer is computed. For each bundle, temperature and way it prints a line
 *
 *   NAME QUANT T=0.8 isa=avx2 threads=2 chunk=64 neighbours=7 cache=hit DIGEST
 *
 * The prompt has 512 tokens and the answer 128; the digest is the chained one of the answer's logits (n1 §13, begun with zeros). What the ways
 * differ in must make no difference: whoever calls compares.
 *
 *   make_digests [--isa NAME[,NAME…]] [--ways N] TRUST BUNDLE…      the first N ways instead of all */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/bundle.h"
#include "runtime/engine.h"
#include "runtime/isa.h"
#include "runtime/options.h"
#include "runtime/receipt.h"
#include "runtime/scope.h"
#include "runtime/weights.h"
#include "tests/unpinned_workers.h"

enum { PROMPT = 512, ANSWER = 128, NEIGHBOURS_MAX = 7, HELD = 300, INPUTS_MAX = 64 };

struct way { /* of computing the same */
    unsigned threads, chunk, neighbours;
    int hit; /* the prompt's first HELD tokens are in the cache before */
};

static const struct way ways[] = {
    {2, 512, 0, 0}, {4, 7, 7, 1}, /* these two differ in everything */
    {1, 512, 0, 0}, {4, 512, 0, 0}, {2, 1, 0, 0}, {2, 7, 0, 0}, {2, 64, 0, 0}, {2, 512, 7, 0}, {2, 512, 0, 1}, {1, 64, 7, 1},
};
enum { WAYS = sizeof ways / sizeof *ways };

static const float temperatures[] = {0, 0.8f};

struct subject { /* a bundle in memory */
    struct rt_bundle *bundle;
    struct rt_workers *loaders;
    struct rt_weights *weights;
};

struct answer { /* under way */
    struct rt_engine *engine;
    struct rt_sequence *sequences[NEIGHBOURS_MAX + 1]; /* [0] is the one that counts */
    const struct way *way;
    uint32_t vocab, step;
    struct rt_error *error;
};

static uint32_t token(uint32_t i, uint32_t seed, uint32_t vocab)
{
    return (i * 7919 + i * i % 101 * 31 + seed * 613) % vocab;
}

/* Neighbours take one to three tokens of their own in each step, and begin anew when they are long. */
static int step(struct answer *a, const uint32_t *tokens, uint32_t count)
{
    uint32_t others[NEIGHBOURS_MAX][3];
    struct rt_run runs[NEIGHBOURS_MAX + 1];
    for (uint32_t n = 0; n < a->way->neighbours; n++) {
        if (rt_sequence_length(a->sequences[n + 1]) > 60 + 9 * n) {
            rt_sequence_close(a->engine, &a->sequences[n + 1]);
            a->sequences[n + 1] = rt_sequence_open(a->engine);
        }
        for (uint32_t i = 0; i < 3; i++)
            others[n][i] = token(i + 3 * a->step, n + 1, a->vocab);
        runs[n] = (struct rt_run){.sequence = a->sequences[n + 1], .tokens = others[n], .count = 1 + (a->step + n) % 3};
    }
    a->step++;
    runs[a->way->neighbours] = (struct rt_run){.sequence = a->sequences[0], .tokens = tokens, .count = count};
    return rt_engine_step(a->engine, runs, a->way->neighbours + 1, a->error);
}

static int read_prompt(struct answer *a, const uint32_t *prompt, struct rt_sampler *sampler)
{
    for (uint32_t i = 0; i < PROMPT; i++)
        rt_sampler_see(sampler, prompt[i]);
    for (uint32_t done = a->way->hit ? HELD : 0, count; done < PROMPT; done += count) {
        count = PROMPT - done < a->way->chunk ? PROMPT - done : a->way->chunk;
        if (step(a, prompt + done, count))
            return -1;
    }
    return 0;
}

static int answer(struct answer *a, struct rt_sampler *sampler, struct rt_sampler_space *space, uint8_t chain[CR_DIGEST_BYTES])
{
    uint32_t prompt[PROMPT];
    for (uint32_t i = 0; i < PROMPT; i++)
        prompt[i] = token(i, 0, a->vocab);
    const struct rt_run held = {.sequence = a->sequences[0], .tokens = prompt, .count = HELD};
    if ((a->way->hit && rt_engine_step(a->engine, &held, 1, a->error)) || read_prompt(a, prompt, sampler))
        return -1;
    memset(chain, 0, CR_DIGEST_BYTES);
    for (uint32_t i = 0; i < ANSWER; i++) {
        float *logits = rt_engine_logits(a->engine, a->way->neighbours);
        rt_logits_chain(chain, logits, a->vocab);
        const uint32_t id = rt_sampler_pick(sampler, space, logits, NULL, PROMPT + i);
        rt_sampler_answer(sampler, id);
        if (i + 1 < ANSWER && step(a, &id, 1))
            return -1;
    }
    return 0;
}

static int run_way(const struct subject *s, const struct kn_context *kernels, const struct way *way, float temperature,
                   uint8_t chain[CR_DIGEST_BYTES], struct rt_error *error)
{
    const struct rt_model *models[] = {rt_weights_model(s->weights, 0)};
    const struct rt_engine_options options = {
        .kv = KN_KV_BF16,
        .max_tokens = PROMPT + ANSWER + NEIGHBOURS_MAX * 192 + 64,
        .max_sequences = NEIGHBOURS_MAX + 1,
        .max_rows = PROMPT + 3 * NEIGHBOURS_MAX,
        .max_logits = NEIGHBOURS_MAX + 1,
    };
    const struct rt_sampling sampling = {.temperature = temperature, .top_p = 1, .repeat_penalty = 1.1f, .seed = 5};
    struct answer a = {.way = way, .vocab = models[0]->vocab, .error = error};
    RT_CLEAN(rt_workers_close) struct rt_workers *workers = unpinned_workers(way->threads, 1);
    RT_CLEAN(rt_engine_close) struct rt_engine *engine = NULL;
    RT_CLEAN(rt_sampler_close) struct rt_sampler *sampler = NULL;
    RT_CLEAN(rt_sampler_space_close) struct rt_sampler_space *space = NULL;
    if (!workers)
        return rt_fail(error, RT_EXIT_RESOURCES, "no workers");
    if (rt_engine_open(&engine, models, kernels, workers, &options, error) ||
        rt_sampler_open(&sampler, kernels, a.vocab, &sampling, error) || rt_sampler_space_open(&space, a.vocab, error))
        return -1;
    a.engine = engine;
    for (unsigned i = 0; i <= way->neighbours; i++)
        a.sequences[i] = rt_sequence_open(engine);
    return answer(&a, sampler, space, chain);
}

static int run_isa(const struct subject *s, const char *isa, size_t way_count, struct rt_error *error)
{
    const struct rt_manifest *m = rt_bundle_manifest(s->bundle);
    RT_CLEAN(kn_context_close) struct kn_context *kernels = NULL;
    size_t inputs[INPUTS_MAX], count = 0;
    enum kn_isa chosen;
    for (size_t i = 0; i < m->tensor_count && count < INPUTS_MAX; i++)
        if (m->tensors[i].dims > 1)
            inputs[count++] = m->tensors[i].shape[m->tensors[i].dims - 1];
    if (rt_isa_choose(&chosen, isa, error) || rt_isa_open(&kernels, chosen, inputs, count, error))
        return -1;
    for (size_t t = 0; t < sizeof temperatures / sizeof *temperatures; t++)
        for (size_t w = 0; w < way_count; w++) {
            uint8_t chain[CR_DIGEST_BYTES];
            char hex[2 * CR_DIGEST_BYTES + 1];
            if (run_way(s, kernels, &ways[w], temperatures[t], chain, error))
                return -1;
            cr_digest_hex(hex, chain);
            printf("%s %s T=%g isa=%s threads=%u chunk=%u neighbours=%u cache=%s %s\n", m->name, m->quant, (double)temperatures[t],
                   kn_isa_name(chosen), ways[w].threads, ways[w].chunk, ways[w].neighbours, ways[w].hit ? "hit" : "miss", hex);
            fflush(stdout);
        }
    return 0;
}

/* ---- a bundle ---- */

static void close_subject(struct subject *s)
{
    rt_weights_close(&s->weights);
    rt_bundle_close(&s->bundle);
    rt_workers_close(&s->loaders);
}

static int open_subject(struct subject *s, const char *path, const struct cr_trust *trust, struct rt_error *error)
{
    s->loaders = unpinned_workers(1, 1);
    if (!s->loaders)
        return rt_fail(error, RT_EXIT_RESOURCES, "no worker");
    return rt_bundle_open(&s->bundle, path, trust, error) ||
                   rt_weights_open(&s->weights, rt_bundle_manifest(s->bundle), s->loaders, error) ||
                   rt_bundle_load(s->bundle, s->weights, s->loaders, NULL, error)
               ? -1
               : 0;
}

/* `isas`: names with commas between them, or NULL for the best. */
static int run_bundle(const char *path, const struct cr_trust *trust, const char *isas, size_t way_count, struct rt_error *error)
{
    RT_CLEAN(close_subject) struct subject s = {0};
    RT_FREE char *names = strdup(isas ? isas : "");
    char *rest = names;
    if (!names)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    if (open_subject(&s, path, trust, error))
        return -1;
    for (char *name; (name = strsep(&rest, ",")) != NULL;)
        if (run_isa(&s, isas ? name : NULL, way_count, error))
            return -1;
    return 0;
}

static int run(const struct rt_call *call, struct rt_error *error)
{
    const char *isas = NULL, *paths[64];
    uint64_t way_count = WAYS;
    const struct rt_option table[] = {
        {"--isa", RT_OPTION_TEXT, &isas, "NAME[,NAME…]", "instruction sets (default: the best)", 0},
        {"--ways", RT_OPTION_UNSIGNED, &way_count, "N", "the first N ways (default: all)", WAYS},
    };
    size_t count = sizeof paths / sizeof *paths;
    RT_CLEAN(cr_trust_close) struct cr_trust *trust = NULL;
    const int parsed = rt_options_parse(call, table, sizeof table / sizeof *table, paths, &count, error);
    if (parsed)
        return parsed < 0 ? -1 : 0;
    if (count < 2)
        return rt_fail(error, RT_EXIT_USAGE, "give a trust directory and bundles");
    if (rt_trust_open(&trust, paths[0], error))
        return -1;
    for (size_t i = 1; i < count; i++)
        if (run_bundle(paths[i], trust, isas, way_count, error))
            return -1;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct rt_command command = {"make_digests", run, "TRUST BUNDLE…", "print digests of answers"};
    const struct rt_call call = {"tests", &command, argc, argv, NULL};
    struct rt_error error = {0};
    return run(&call, &error) ? rt_error_print(&error, "make_digests", 0) : 0;
}
