/* test_engine.c: an answer depends on its own tokens only: not on threads, nodes, chunks, neighbours or the pages it got. Random weights,
 * every format, compared bit for bit. */
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/engine.h"
#include "tests/check.h"
#include "tests/random_model.h"
#include "tests/unpinned_workers.h"

enum { TOKENS = 150, NODES_MAX = 3 };

struct bench { /* a model with an engine on it */
    struct random_model random, parts[NODES_MAX];
    struct rt_workers *workers;
    struct kn_context *kernels;
    struct rt_engine *engine;
};

static struct rt_error error;

/* Several nodes: each has its own part of the model. */
static int open_bench_on(struct bench *b, enum kn_format format, enum kn_kv kv, unsigned threads, unsigned nodes, uint32_t max_tokens)
{
    const struct rt_model *models[NODES_MAX] = {&b->random.model};
    memset(b, 0, sizeof *b);
    random_model_open(&b->random, format, 7);
    b->workers = unpinned_workers(threads, nodes);
    for (unsigned n = 0; b->workers && n < nodes && nodes > 1; n++) {
        random_model_split(&b->parts[n], &b->random, b->workers, n);
        models[n] = &b->parts[n].model;
    }
    size_t k[] = {72, 120, 100, 44};
    struct rt_engine_options options = {.kv = kv, .max_tokens = max_tokens, .max_sequences = 9, .max_rows = 200, .max_logits = 200};
    options.max_hidden = 200;
    options.keep_prefixes = 1;
    int failed = !b->workers || kn_context_open(&b->kernels, kn_isa_best(kn_cpu()), k, 4) ||
                 rt_engine_open(&b->engine, models, b->kernels, b->workers, &options, &error);
    CHECK_THAT(!failed, "%s", error.text);
    return failed;
}

static int open_bench(struct bench *b, enum kn_format format, enum kn_kv kv, unsigned threads, uint32_t max_tokens)
{
    return open_bench_on(b, format, kv, threads, 1, max_tokens);
}

static void close_bench(struct bench *b)
{
    rt_engine_close(&b->engine);
    kn_context_close(&b->kernels);
    rt_workers_close(&b->workers);
    for (unsigned n = 0; n < NODES_MAX; n++)
        random_model_close(&b->parts[n]);
    random_model_close(&b->random);
}

static void fill_tokens(uint32_t *tokens, uint32_t count, uint32_t seed)
{
    for (uint32_t i = 0; i < count; i++)
        tokens[i] = (i * 37 + seed * 11 + i * i % 13) % 130;
}

/* Runs the tokens in chunks, beside `neighbours` other sequences of other lengths; logits of the last token. */
static void run(struct bench *b, uint32_t chunk, uint32_t neighbours, float *out)
{
    uint32_t tokens[TOKENS], other[TOKENS];
    fill_tokens(tokens, TOKENS, 1);
    struct rt_sequence *sequences[9] = {0};
    for (uint32_t i = 0; i <= neighbours; i++)
        sequences[i] = rt_sequence_open(b->engine);
    uint32_t row = 0;
    for (uint32_t done = 0; done < TOKENS; done += chunk) {
        struct rt_run runs[9];
        uint32_t count = TOKENS - done < chunk ? TOKENS - done : chunk;
        for (uint32_t i = 0; i < neighbours; i++) {
            fill_tokens(other, i + 1, done + i);
            runs[i] = (struct rt_run){.sequence = sequences[i + 1], .tokens = other, .count = i % 3 + 1};
        }
        runs[neighbours] = (struct rt_run){.sequence = sequences[0], .tokens = tokens + done, .count = count};
        CHECK_THAT(!rt_engine_step(b->engine, runs, neighbours + 1, &error), "%s", error.text);
        row = neighbours;
    }
    memcpy(out, rt_engine_logits(b->engine, row), 130 * sizeof *out);
    for (uint32_t i = 0; i <= neighbours; i++)
        rt_sequence_close(b->engine, &sequences[i]);
}

/* The bits of `first` again, from another engine and however the tokens come. */
static void same_as(const float *first, enum kn_format format, enum kn_kv kv, unsigned threads, unsigned nodes)
{
    static const uint32_t chunks[] = {150, 1, 7, 64};
    struct bench b;
    if (open_bench_on(&b, format, kv, threads, nodes, 4096))
        return close_bench(&b);
    for (size_t c = 0; c < 4; c++)
        for (uint32_t neighbours = 0; neighbours <= 7; neighbours += 7) {
            float next[130];
            run(&b, chunks[c], neighbours, next);
            CHECK_THAT(!memcmp(first, next, sizeof next), "%u threads on %u nodes, chunks of %u, %u neighbours", threads, nodes, chunks[c],
                       neighbours);
        }
    close_bench(&b);
}

static void same_for_format(enum kn_format format, enum kn_kv kv)
{
    struct bench b;
    float first[130] = {0};
    if (!open_bench(&b, format, kv, 1, 4096))
        run(&b, TOKENS, 0, first);
    close_bench(&b);
    CHECK(first[0] == first[0] && first[0] != first[1]);
    for (unsigned threads = 1; threads <= 4; threads++)
        same_as(first, format, kv, threads, 1);
    same_as(first, format, kv, 4, 2);
    same_as(first, format, kv, 5, 3);
}

static void bf16_is_the_same(void)
{
    same_for_format(KN_BF16, KN_KV_F32);
}

static void w8_is_the_same(void)
{
    same_for_format(KN_W8, KN_KV_BF16);
}

static void w4_is_the_same(void)
{
    same_for_format(KN_W4, KN_KV_BF16);
}

static void all_logits_equal_single_ones(void)
{
    struct bench b;
    uint32_t tokens[70];
    float rows[70][130];
    fill_tokens(tokens, 70, 3);
    if (open_bench(&b, KN_W8, KN_KV_F32, 2, 512))
        return close_bench(&b);
    struct rt_sequence *all = rt_sequence_open(b.engine), *single = rt_sequence_open(b.engine);
    CHECK(!rt_engine_step(b.engine, &(struct rt_run){.sequence = all, .tokens = tokens, .count = 70, .all_logits = 1}, 1, &error));
    for (uint32_t i = 0; i < 70; i++)
        memcpy(rows[i], rt_engine_logits(b.engine, i), sizeof rows[i]);
    for (uint32_t i = 0; i < 70; i++) {
        CHECK(!rt_engine_step(b.engine, &(struct rt_run){.sequence = single, .tokens = tokens + i, .count = 1}, 1, &error));
        CHECK_THAT(!memcmp(rows[i], rt_engine_logits(b.engine, 0), sizeof rows[i]), "position %u", i);
    }
    close_bench(&b);
}

static void full_cache_changes_nothing(void)
{
    struct bench b;
    uint32_t tokens[200];
    fill_tokens(tokens, 200, 5);
    if (open_bench(&b, KN_W8, KN_KV_BF16, 2, 128))
        return close_bench(&b);
    struct rt_sequence *a = rt_sequence_open(b.engine), *c = rt_sequence_open(b.engine);
    CHECK(!rt_engine_step(b.engine, &(struct rt_run){.sequence = a, .tokens = tokens, .count = 60}, 1, &error));
    struct rt_run both[] = {{.sequence = a, .tokens = tokens, .count = 10}, {.sequence = c, .tokens = tokens, .count = 70}};
    CHECK(rt_engine_step(b.engine, both, 2, &error) == -1 && error.code == RT_EXIT_RESOURCES);
    CHECK(rt_sequence_length(a) == 60 && rt_sequence_length(c) == 0);
    both[1].count = 0;
    CHECK(!rt_engine_step(b.engine, both, 2, &error));
    CHECK(rt_sequence_length(a) == 70);
    rt_sequence_close(b.engine, &a);
    CHECK(!rt_engine_step(b.engine, &(struct rt_run){.sequence = c, .tokens = tokens, .count = 128}, 1, &error)); /* its pages came back */
    CHECK(rt_engine_step(b.engine, &(struct rt_run){.sequence = c, .tokens = tokens, .count = 1}, 1, &error) == -1);
    close_bench(&b);
}

static void token_outside_vocabulary_is_refused(void)
{
    struct bench b;
    uint32_t token = 130;
    if (open_bench(&b, KN_BF16, KN_KV_F32, 1, 64))
        return close_bench(&b);
    struct rt_sequence *s = rt_sequence_open(b.engine);
    CHECK(rt_engine_step(b.engine, &(struct rt_run){.sequence = s, .tokens = &token, .count = 1}, 1, &error) == -1);
    CHECK(error.code == RT_EXIT_USAGE && rt_sequence_length(s) == 0);
    close_bench(&b);
}

/* What the parts take is what the steps take, so less than the time in which they ran. */
static void times_are_of_the_steps(void)
{
    struct bench b;
    uint32_t tokens[TOKENS];
    double start = rt_seconds(), sum = 0;
    fill_tokens(tokens, TOKENS, 2);
    if (open_bench(&b, KN_W8, KN_KV_BF16, 3, 512))
        return close_bench(&b);
    struct rt_sequence *s = rt_sequence_open(b.engine);
    CHECK(!rt_engine_step(b.engine, &(struct rt_run){.sequence = s, .tokens = tokens, .count = TOKENS}, 1, &error));
    struct rt_engine_times times;
    rt_engine_times(b.engine, &times);
    for (int part = 0; part < RT_PARTS; part++) {
        CHECK_THAT(times.seconds[part] > 0, "part %d", part);
        sum += times.seconds[part];
    }
    CHECK_THAT(sum < rt_seconds() - start, "%g s", sum);
    close_bench(&b);
}

/* The head of the random model is bf16 here: its product with a hidden state is the logits, but for the order of the sum. */
static void hidden_states_are_what_the_head_reads(void)
{
    struct bench b;
    uint32_t tokens[40];
    float logits[130];
    fill_tokens(tokens, 40, 6);
    if (open_bench(&b, KN_BF16, KN_KV_F32, 2, 512))
        return close_bench(&b);
    struct rt_sequence *a = rt_sequence_open(b.engine), *c = rt_sequence_open(b.engine), *d = rt_sequence_open(b.engine);
    const struct rt_run plain[] = {{.sequence = a, .tokens = tokens, .count = 40}};
    CHECK(!rt_engine_step(b.engine, plain, 1, &error));
    memcpy(logits, rt_engine_logits(b.engine, 0), sizeof logits);
    const struct rt_run mixed[] = {{.sequence = c, .tokens = tokens, .count = 40, .hidden = 1},
                                   {.sequence = d, .tokens = tokens, .count = 40}};
    CHECK(!rt_engine_step(b.engine, mixed, 2, &error));
    CHECK(!memcmp(rt_engine_logits(b.engine, 0), logits, sizeof logits));
    const struct rt_model *model = &b.random.model;
    float wide[192] = {0};
    const struct kn_gemm head = {.w = &model->head.w, .x = rt_engine_hidden(b.engine, 39), .m = 1, .y = wide, .bias = model->head.bias};
    kn_gemm(b.kernels, &head, 0, kn_panels(130));
    for (uint32_t i = 0; i < 130; i++)
        CHECK_THAT(wide[i] * model->head_multiplier == logits[i], "token %u: %g, not %g", i, (double)wide[i], (double)logits[i]);
    close_bench(&b);
}

static void what_was_shortened_never_came(void)
{
    struct bench b;
    uint32_t tokens[TOKENS], others[TOKENS];
    float whole[130];
    fill_tokens(tokens, TOKENS, 8);
    fill_tokens(others, TOKENS, 9);
    if (open_bench(&b, KN_W4, KN_KV_INT8, 2, 512))
        return close_bench(&b);
    struct rt_sequence *a = rt_sequence_open(b.engine), *c = rt_sequence_open(b.engine);
    CHECK(!rt_engine_step(b.engine, &(struct rt_run){.sequence = a, .tokens = tokens, .count = TOKENS}, 1, &error));
    memcpy(whole, rt_engine_logits(b.engine, 0), sizeof whole);
    CHECK(!rt_engine_step(b.engine, &(struct rt_run){.sequence = c, .tokens = tokens, .count = 60}, 1, &error));
    CHECK(!rt_engine_step(b.engine, &(struct rt_run){.sequence = c, .tokens = others, .count = 80, .all_logits = 1}, 1, &error));
    rt_sequence_shorten(b.engine, c, 60);
    CHECK(rt_sequence_length(c) == 60 && rt_engine_pages(b.engine).free == 512 / KN_KV_BLOCK - 4);
    CHECK(!rt_engine_step(b.engine, &(struct rt_run){.sequence = c, .tokens = tokens + 60, .count = TOKENS - 60}, 1, &error));
    CHECK(!memcmp(rt_engine_logits(b.engine, 0), whole, sizeof whole));
    close_bench(&b);
}

/* Feeds what the sequence lacks of the tokens; logits of the last. */
static void feed(struct bench *b, struct rt_sequence *s, const uint32_t *tokens, float *out)
{
    const uint32_t held = rt_sequence_length(s);
    CHECK_THAT(!rt_engine_step(b->engine, &(struct rt_run){.sequence = s, .tokens = tokens + held, .count = TOKENS - held}, 1, &error),
               "%s", error.text);
    memcpy(out, rt_engine_logits(b->engine, 0), 130 * sizeof *out);
}

static void beginnings_are_adopted_and_given_up_by_age(void)
{
    struct bench b;
    uint32_t texts[4][TOKENS];
    float first[4][130], again[130];
    if (open_bench(&b, KN_W8, KN_KV_BF16, 2, 8 * KN_KV_BLOCK))
        return close_bench(&b);
    for (uint32_t i = 0; i < 4; i++) { /* each three pages, of which two are kept; the third finds no free page any more */
        fill_tokens(texts[i], TOKENS, i);
        struct rt_sequence *s = rt_sequence_open(b.engine);
        CHECK(rt_sequence_adopt(b.engine, s, 5, texts[i], TOKENS) == 0);
        feed(&b, s, texts[i], first[i]);
        rt_sequence_keep(b.engine, s, 5, texts[i], TOKENS);
        rt_sequence_close(b.engine, &s);
    }
    const struct rt_engine_pages pages = rt_engine_pages(b.engine);
    CHECK_THAT(pages.all == 8 && pages.free + pages.idle == 8, "%u free, %u idle", pages.free, pages.idle);
    for (uint32_t i = 4; i-- > 0;) {
        struct rt_sequence *s = rt_sequence_open(b.engine), *stranger = rt_sequence_open(b.engine);
        const uint32_t adopted = rt_sequence_adopt(b.engine, s, 5, texts[i], TOKENS);
        CHECK_THAT(i ? adopted == 2 * KN_KV_BLOCK : adopted < 2 * KN_KV_BLOCK, "text %u: %u tokens", i, adopted);
        CHECK(rt_sequence_adopt(b.engine, stranger, 6, texts[i], TOKENS) == 0); /* of another domain */
        if (i == 3) {                                                           /* two share the pages */
            CHECK(rt_sequence_adopt(b.engine, stranger, 5, texts[i], 2 * KN_KV_BLOCK) == KN_KV_BLOCK);
            feed(&b, stranger, texts[i], again);
            CHECK(!memcmp(first[i], again, sizeof again));
        }
        rt_sequence_close(b.engine, &stranger);
        feed(&b, s, texts[i], again);
        CHECK(!memcmp(first[i], again, sizeof again));
        rt_sequence_close(b.engine, &s);
    }
    close_bench(&b);
}

CHECK_MAIN(CHECK_TEST(hidden_states_are_what_the_head_reads), CHECK_TEST(what_was_shortened_never_came),
           CHECK_TEST(beginnings_are_adopted_and_given_up_by_age), CHECK_TEST(bf16_is_the_same), CHECK_TEST(w8_is_the_same),
           CHECK_TEST(w4_is_the_same), CHECK_TEST(all_logits_equal_single_ones), CHECK_TEST(full_cache_changes_nothing),
           CHECK_TEST(token_outside_vocabulary_is_refused), CHECK_TEST(times_are_of_the_steps))
