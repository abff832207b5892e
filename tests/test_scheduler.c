/* test_scheduler.c: many answers at once have the bits that each has alone: with neighbours, kept beginnings, guesses, and when one has to leave
 * and come back. Owners are served evenly, and whoever goes away frees his place. On the demo model. */
#include <pthread.h>
#include <stdlib.h>

#include "runtime/generate.h"
#include "runtime/receipt.h"
#include "runtime/scheduler.h"
#include "tests/check.h"
#include "tests/program.h"

#define MODEL "packaging/demo/model"

enum { SLOTS = 4, CACHE_TOKENS = 640, JOBS = 12, PROMPT_MAX = 300 };

static struct rt_error error;
static struct rt_site site;

struct ask { /* one question and what it gives alone */
    uint32_t prompt[PROMPT_MAX], prompt_count, max_new;
    struct rt_sampling sampling;
    const char *stop;
    struct rt_result alone;
    uint8_t chain[CR_DIGEST_BYTES];
};

static struct ask asks[JOBS];

/* Texts of the kind that the model knows, of many lengths; some alike at the beginning, some with sampling, one with a stop text. */
static void fill(struct ask *a, uint32_t i)
{
    static const char *const countries[] = {"Finland", "Austria", "Ireland", "Malta"};
    char text[2048] = "";
    for (uint32_t n = 0; n < 1 + 3 * (i % 5); n++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s: what is the capital? ", countries[(n + i / 5) % 4]);
    struct rt_tokens tokens = {0};
    CHECK(!rt_tokenizer_encode(site.tokenizer, text, strlen(text), 0, &tokens, &error) && tokens.count < PROMPT_MAX);
    memcpy(a->prompt, tokens.ids, tokens.count * sizeof *tokens.ids);
    a->prompt_count = (uint32_t)tokens.count;
    rt_tokens_close(&tokens);
    a->max_new = 20 + 17 * (i % 4);
    a->sampling = (struct rt_sampling){.temperature = i % 3 == 1 ? 0.9f : 0, .top_p = i % 2 ? 0.9f : 1, .repeat_penalty = 1, .seed = i};
    a->sampling.frequency_penalty = i == 7 ? 0.5f : 0;
    a->stop = i == 4 ? "a" : NULL;
}

/* The site's ends are left out, so that answers have the length they are asked for. */
static void answer_alone(struct ask *a)
{
    struct rt_sequence *sequence = rt_sequence_open(site.engine);
    const struct rt_request request = {
        .prompt = a->prompt,
        .prompt_count = a->prompt_count,
        .max_new = a->max_new,
        .sampling = a->sampling,
        .stops = &a->stop,
        .stop_count = a->stop != NULL,
        .logits_chain = a->chain,
    };
    memset(a->chain, 7, sizeof a->chain);
    CHECK_THAT(!rt_generate(&site, sequence, &request, &a->alone, &error), "%s", error.text);
    rt_sequence_close(site.engine, &sequence);
}

static struct rt_job *job_of(const struct ask *a, uint64_t owner, int speculate)
{
    struct rt_job_terms terms = {
        .completion =
            {.max_new = a->max_new, .sampling = a->sampling, .stops = &a->stop, .stop_count = a->stop != NULL, .logprobs = RT_NO_LOGPROBS},
        .receipt = 1,
        .owner = owner,
        .domain = owner % 2,
        .speculate = speculate,
    };
    struct rt_job *job = NULL;
    memset(terms.chain, 7, sizeof terms.chain);
    terms.prompt.ids = malloc(a->prompt_count * sizeof *a->prompt);
    terms.prompt.count = a->prompt_count;
    memcpy(terms.prompt.ids, a->prompt, a->prompt_count * sizeof *a->prompt);
    CHECK_THAT(!rt_job_open(&job, &site, &terms, &error), "%s", error.text);
    return job;
}

static void expect_as_alone(const struct ask *a, const struct rt_job *job)
{
    const struct rt_result *result = rt_job_result(job);
    CHECK_THAT(rt_job_state(job) == RT_JOB_DONE, "state %d", rt_job_state(job));
    CHECK(result->finish == a->alone.finish && result->end_token == a->alone.end_token);
    CHECK_THAT(result->tokens.count == a->alone.tokens.count &&
                   !memcmp(result->tokens.ids, a->alone.tokens.ids, a->alone.tokens.count * sizeof *a->alone.tokens.ids),
               "\"%s\" alone, \"%s\" here", a->alone.text, result->text);
    CHECK(result->text_bytes == a->alone.text_bytes && !memcmp(result->text, a->alone.text, a->alone.text_bytes));
    CHECK(!memcmp(rt_job_logits(job), a->chain, sizeof a->chain));
    size_t shown;
    CHECK(!memcmp(rt_job_text(job, &shown), a->alone.text, a->alone.text_bytes) && shown == a->alone.text_bytes);
}

static struct rt_scheduler *open_scheduler(uint32_t slots, int keep)
{
    struct rt_scheduler *s = NULL;
    const struct rt_scheduler_options options = {.slots = slots, .queue = 64, .chunk = 24, .wake = -1, .keep_prefix = keep};
    CHECK_THAT(!rt_scheduler_open(&s, &site, &options, &error), "%s", error.text);
    return s;
}

static void drain(struct rt_scheduler *s)
{
    rt_scheduler_stop(s, 1);
    rt_scheduler_run(s);
}

/* All questions at once; every page must be back afterwards, or kept. */
static struct rt_scheduler_state run_all(uint32_t slots, int keep, int speculate)
{
    struct rt_scheduler *s = open_scheduler(slots, keep);
    struct rt_job *jobs[JOBS];
    struct rt_scheduler_state state;
    for (uint32_t i = 0; i < JOBS; i++) {
        jobs[i] = job_of(&asks[i], i % 3, speculate);
        CHECK_THAT(!rt_scheduler_submit(s, jobs[i], &error), "%s", error.text);
    }
    drain(s);
    rt_scheduler_state(s, &state);
    for (uint32_t i = 0; i < JOBS; i++) {
        expect_as_alone(&asks[i], jobs[i]);
        rt_job_close(&jobs[i]);
    }
    rt_scheduler_close(&s);
    const struct rt_engine_pages pages = rt_engine_pages(site.engine);
    CHECK_THAT(pages.free + pages.idle == pages.all, "%u pages, %u free, %u idle", pages.all, pages.free, pages.idle);
    CHECK(state.done == JOBS && !state.failed && !state.waiting && !state.decoding);
    CHECK(keep || !state.cached_tokens);
    return state;
}

static void neighbours_change_nothing(void)
{
    const struct rt_scheduler_state state = run_all(SLOTS, 0, 0);
    uint64_t tokens = 0, prompts = 0;
    for (uint32_t i = 0; i < JOBS; i++) {
        tokens += asks[i].alone.tokens.count;
        prompts += asks[i].prompt_count;
    }
    CHECK_THAT(state.answer_tokens == tokens, "%llu counted, %llu there", (unsigned long long)state.answer_tokens,
               (unsigned long long)tokens);
    CHECK_THAT(state.steps < tokens, "%llu steps: answers share them", (unsigned long long)state.steps);
    CHECK(!state.drafted_tokens);
    const struct rt_scheduler_state one = run_all(1, 0, 0);
    CHECK(one.steps > state.steps && !one.preempted);
    CHECK_THAT(one.prompt_tokens == prompts, "%llu counted, %llu there", (unsigned long long)one.prompt_tokens,
               (unsigned long long)prompts);
}

static void kept_beginnings_change_nothing(void)
{
    const struct rt_scheduler_state first = run_all(SLOTS, 1, 0), second = run_all(SLOTS, 1, 0);
    CHECK_THAT(second.cached_tokens >= KN_KV_BLOCK, "%llu tokens", (unsigned long long)second.cached_tokens);
    CHECK(second.prompt_tokens < first.prompt_tokens || first.cached_tokens);
}

static void domains_are_apart(void)
{
    static const uint64_t owners[] = {100, 102, 101, 103}; /* of the domains 0, 0, 1, 1 */
    struct ask new = asks[4];
    uint32_t cached[4];
    new.prompt[0]++; /* a text that neither domain has seen */
    for (uint32_t i = 0; i < 4; i++) {
        struct rt_scheduler *s = open_scheduler(SLOTS, 1);
        struct rt_job *job = job_of(&new, owners[i], 0);
        CHECK(!rt_scheduler_submit(s, job, &error));
        drain(s);
        cached[i] = rt_job_cached(job);
        rt_job_close(&job);
        rt_scheduler_close(&s);
    }
    CHECK_THAT(cached[0] == 0 && cached[1] == KN_KV_BLOCK && cached[2] == 0 && cached[3] == KN_KV_BLOCK, "%u, %u, %u and %u tokens of %u",
               cached[0], cached[1], cached[2], cached[3], new.prompt_count);
}

static void guesses_change_nothing(void)
{
    const struct rt_scheduler_state plain = run_all(1, 0, 0), guessed = run_all(1, 0, 1);
    CHECK_THAT(guessed.accepted_tokens > 0 && guessed.accepted_tokens <= guessed.drafted_tokens, "%llu of %llu guessed tokens",
               (unsigned long long)guessed.accepted_tokens, (unsigned long long)guessed.drafted_tokens);
    CHECK_THAT(guessed.steps < plain.steps, "%llu steps with guesses, %llu without", (unsigned long long)guessed.steps,
               (unsigned long long)plain.steps);
    run_all(SLOTS, 1, 1);
}

/* Four answers of which the cache holds two: they take turns. */
static void who_has_to_leave_comes_back(void)
{
    struct ask big[SLOTS];
    struct rt_scheduler *s = open_scheduler(SLOTS, 1);
    struct rt_job *jobs[SLOTS];
    struct rt_scheduler_state state;
    for (uint32_t i = 0; i < SLOTS; i++) {
        big[i] = asks[4];
        big[i].stop = NULL;
        big[i].max_new = 150;
        for (uint32_t k = 0; k < big[i].prompt_count / 2; k++)
            big[i].prompt[k] = asks[i].prompt[k % asks[i].prompt_count];
        answer_alone(&big[i]);
        jobs[i] = job_of(&big[i], i, i % 2);
        CHECK(!rt_scheduler_submit(s, jobs[i], &error));
    }
    drain(s);
    rt_scheduler_state(s, &state);
    CHECK_THAT(state.preempted > 0, "%llu had to leave", (unsigned long long)state.preempted);
    for (uint32_t i = 0; i < SLOTS; i++) {
        expect_as_alone(&big[i], jobs[i]);
        rt_job_close(&jobs[i]);
        rt_result_close(&big[i].alone);
    }
    rt_scheduler_close(&s);
}

static void owners_are_served_evenly(void)
{
    struct rt_scheduler *s = open_scheduler(2, 0);
    struct rt_job *greedy[10], *modest;
    for (uint32_t i = 0; i < 10; i++) {
        greedy[i] = job_of(&asks[3], 1, 0);
        CHECK(!rt_scheduler_submit(s, greedy[i], &error));
    }
    modest = job_of(&asks[3], 2, 0); /* the last in line */
    CHECK(!rt_scheduler_submit(s, modest, &error));
    drain(s);
    uint32_t before = 0;
    for (uint32_t i = 0; i < 10; i++)
        before += rt_job_times(greedy[i]).done < rt_job_times(modest).done;
    CHECK_THAT(before <= 2, "%u of the other's answers came first", before);
    expect_as_alone(&asks[3], modest);
    expect_as_alone(&asks[3], greedy[9]);
    for (uint32_t i = 0; i < 10; i++)
        rt_job_close(&greedy[i]);
    rt_job_close(&modest);
    rt_scheduler_close(&s);
}

static void a_full_line_refuses(void)
{
    struct rt_scheduler *s = NULL;
    const struct rt_scheduler_options options = {.slots = 1, .queue = 2, .chunk = 24, .wake = -1};
    CHECK(!rt_scheduler_open(&s, &site, &options, &error));
    struct rt_job *jobs[3];
    for (uint32_t i = 0; i < 3; i++)
        jobs[i] = job_of(&asks[0], 0, 0);
    CHECK(!rt_scheduler_submit(s, jobs[0], &error) && !rt_scheduler_submit(s, jobs[1], &error));
    CHECK(rt_scheduler_submit(s, jobs[2], &error) && error.code == RT_EXIT_RESOURCES);
    rt_job_close(&jobs[1]); /* its reader goes before it begins */
    drain(s);
    struct rt_scheduler_state state;
    rt_scheduler_state(s, &state);
    CHECK(state.done == 1 && state.cancelled == 1 && state.refused == 1);
    expect_as_alone(&asks[0], jobs[0]);
    rt_job_close(&jobs[0]);
    rt_job_close(&jobs[2]);
    rt_scheduler_close(&s);
}

static void a_stopped_scheduler_fails_its_jobs(void)
{
    struct rt_scheduler *s = open_scheduler(1, 0);
    struct rt_job *job = job_of(&asks[0], 0, 0);
    CHECK(!rt_scheduler_submit(s, job, &error));
    rt_scheduler_stop(s, 0);
    rt_scheduler_run(s);
    CHECK(rt_job_state(job) == RT_JOB_FAILED && strstr(rt_job_error(job)->text, "stopping"));
    rt_job_close(&job);
    rt_scheduler_close(&s);
}

/* The vector of a text beside answers, cut into pieces, against the mean or the last of its hidden states in one step. */
static void vectors_are_the_states_of_the_text(void)
{
    const uint32_t width = site.manifest->model.hidden, count = asks[4].prompt_count;
    for (int pool = RT_POOL_MEAN; pool <= RT_POOL_LAST; pool++) {
        struct rt_scheduler *s = open_scheduler(2, 1);
        struct rt_job_terms terms = {.pool = pool, .completion = {.max_new = 1, .logprobs = RT_NO_LOGPROBS}};
        struct rt_job *vector = NULL, *answers[2] = {job_of(&asks[3], 1, 0), job_of(&asks[3], 2, 0)};
        terms.prompt.ids = malloc(count * sizeof *terms.prompt.ids);
        memcpy(terms.prompt.ids, asks[4].prompt, (terms.prompt.count = count) * sizeof *terms.prompt.ids);
        CHECK(!rt_job_open(&vector, &site, &terms, &error) && !rt_scheduler_submit(s, answers[0], &error) &&
              !rt_scheduler_submit(s, vector, &error) && !rt_scheduler_submit(s, answers[1], &error));
        drain(s);
        expect_as_alone(&asks[3], answers[0]);
        expect_as_alone(&asks[3], answers[1]);
        struct rt_sequence *sequence = rt_sequence_open(site.engine);
        CHECK(!rt_engine_step(site.engine, &(struct rt_run){.sequence = sequence, .tokens = asks[4].prompt, .count = count, .hidden = 1}, 1,
                              &error));
        double square = 0, dot = 0, length = 0;
        for (uint32_t i = 0; i < width; i++) {
            double sum = 0;
            for (uint32_t row = pool == RT_POOL_MEAN ? 0 : count - 1; row < count; row++)
                sum += (double)rt_engine_hidden(site.engine, row)[i];
            dot += sum * (double)rt_job_vector(vector)[i];
            length += (double)rt_job_vector(vector)[i] * (double)rt_job_vector(vector)[i];
            square += sum * sum;
        }
        CHECK_THAT(dot * dot > 0.999999 * square && length > 0.99999 && length < 1.00001, "%g of %g, length %g", dot * dot, square, length);
        rt_sequence_close(site.engine, &sequence);
        rt_job_close(&vector);
        rt_job_close(&answers[0]);
        rt_job_close(&answers[1]);
        rt_scheduler_close(&s);
    }
}

/* ---- with a reader in another thread, which is there before the seal ---- */

static struct {
    pthread_t thread;
    _Atomic int go;
    struct rt_scheduler *scheduler;
    int wrong, abandoned;
} reader;

/* Reads along while answers grow: what was shown stays. Every third job is given up after its first text. */
static void *read_along(void *unused)
{
    (void)unused;
    while (!reader.go)
        sched_yield();
    for (uint32_t i = 0; i < 2 * JOBS; i++) {
        struct rt_job *job = job_of(&asks[i % JOBS], i, 1);
        char seen[4096] = "";
        size_t seen_bytes = 0;
        reader.wrong += rt_scheduler_submit(reader.scheduler, job, &error) != 0;
        for (int over = 0; !over;) {
            over = rt_job_state(job) >= RT_JOB_DONE;
            size_t bytes;
            const char *text = rt_job_text(job, &bytes);
            reader.wrong += bytes < seen_bytes || bytes >= sizeof seen || memcmp(text, seen, seen_bytes) != 0;
            memcpy(seen, text, bytes < sizeof seen ? bytes : 0);
            seen_bytes = bytes;
            if (bytes && i % 3 == 2) {
                reader.abandoned++;
                break;
            }
            sched_yield();
        }
        if (i % 3 != 2)
            expect_as_alone(&asks[i % JOBS], job);
        rt_job_close(&job);
    }
    rt_scheduler_stop(reader.scheduler, 1);
    return NULL;
}

static void a_reader_reads_along(void)
{
    struct rt_scheduler_state state;
    reader.scheduler = open_scheduler(SLOTS, 1);
    reader.go = 1;
    rt_scheduler_run(reader.scheduler);
    pthread_join(reader.thread, NULL);
    rt_scheduler_state(reader.scheduler, &state);
    CHECK_THAT(!reader.wrong && reader.abandoned >= JOBS / 2, "%d wrong, %d abandoned", reader.wrong, reader.abandoned);
    CHECK_THAT(state.done + state.cancelled == 2 * JOBS && state.done >= 16, "%llu done, %llu cancelled", (unsigned long long)state.done,
               (unsigned long long)state.cancelled);
    rt_scheduler_close(&reader.scheduler);
}

static const struct check_test tests[] = {
    CHECK_TEST(neighbours_change_nothing),   CHECK_TEST(kept_beginnings_change_nothing),
    CHECK_TEST(domains_are_apart),           CHECK_TEST(guesses_change_nothing),
    CHECK_TEST(who_has_to_leave_comes_back), CHECK_TEST(owners_are_served_evenly),
    CHECK_TEST(a_full_line_refuses),         CHECK_TEST(a_stopped_scheduler_fails_its_jobs),
    CHECK_TEST(a_reader_reads_along),        CHECK_TEST(vectors_are_the_states_of_the_text),
};

int main(void)
{
    struct program_paths paths;
    char *bundle = program_paths_find(&paths) ? NULL : program_bundle(MODEL, "w4");
    const struct rt_site_options options = {
        .bundle = bundle, .trust = paths.trust, .context = CACHE_TOKENS, .slots = SLOTS, .vectors = 1, .kv = KN_KV_BF16, .quiet = 1};
    if (!bundle || pthread_create(&reader.thread, NULL, read_along, NULL) || rt_site_open(&site, &options, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    free(bundle);
    site.generation.stop_count = 0;
    for (uint32_t i = 0; i < JOBS; i++) {
        fill(&asks[i], i);
        answer_alone(&asks[i]);
    }
    const int failed = check_run(tests, sizeof tests / sizeof *tests);
    for (uint32_t i = 0; i < JOBS; i++)
        rt_result_close(&asks[i].alone);
    rt_site_close(&site);
    return failed;
}
