/* test_allocations.c: once an engine is open, a step allocates nothing, and once an answer has begun, nor does a token. The linker sends every
 * call to the functions below (see the Makefile), from the libraries too. */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "runtime/generate.h"
#include "runtime/scheduler.h"
#include "runtime/grammar.h"
#include "runtime/topology.h"
#include "tests/check.h"
#include "tests/program.h"
#include "tests/random_model.h"
#include "tests/vocabulary.h"

#define MODEL "tests/golden/models/qwen3-moe"

enum { VOCAB = 130, ROWS = 100, ANSWER = 40 };

/* ---- counting ---- */

static _Atomic unsigned allocations;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);
int __real_posix_memalign(void **out, size_t align, size_t bytes);
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
int __wrap_posix_memalign(void **out, size_t align, size_t bytes);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t bytes)
{
    allocations++;
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    allocations++;
    return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    allocations++;
    return __real_realloc(old, bytes);
}

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
    allocations++;
    return __real_aligned_alloc(align, bytes);
}

int __wrap_posix_memalign(void **out, size_t align, size_t bytes)
{
    allocations++;
    return __real_posix_memalign(out, align, bytes);
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    allocations++;
    return __real_mmap(at, bytes, protection, flags, fd, offset);
}

/* ---- the engine ---- */

static struct rt_error error;

struct bench {
    struct random_model random;
    struct rt_placement *placement;
    struct rt_workers *workers;
    struct kn_context *kernels;
    struct rt_engine *engine;
};

static int open_bench(struct bench *b, enum kn_format format)
{
    const size_t k[] = {72, 120, 100, 44};
    const struct rt_engine_options options = {
        .kv = KN_KV_BF16, .max_tokens = 1024, .max_sequences = 2, .max_rows = ROWS, .max_logits = ROWS};
    memset(b, 0, sizeof *b);
    random_model_open(&b->random, format, 3);
    int failed = rt_placement_open(&b->placement, 0, &error) || rt_workers_open(&b->workers, b->placement, &error) ||
                 kn_context_open(&b->kernels, kn_isa_best(kn_cpu()), k, 4) ||
                 rt_engine_open(&b->engine, (const struct rt_model *[]){&b->random.model}, b->kernels, b->workers, &options, &error);
    CHECK_THAT(!failed, "%s", error.text);
    return failed;
}

static void close_bench(struct bench *b)
{
    rt_engine_close(&b->engine);
    kn_context_close(&b->kernels);
    rt_workers_close(&b->workers);
    free(b->placement);
    random_model_close(&b->random);
}

static void step_allocates_nothing(enum kn_format format)
{
    struct bench b;
    uint32_t tokens[ROWS];
    unsigned before = allocations;
    int failed = open_bench(&b, format);
    CHECK(allocations > before); /* the counting works */
    for (uint32_t i = 0; i < ROWS; i++)
        tokens[i] = i % VOCAB;
    before = allocations;
    struct rt_sequence *s = failed ? NULL : rt_sequence_open(b.engine);
    for (uint32_t count = ROWS; s && count; count /= 2) /* many rows, few rows, one row */
        CHECK(!rt_engine_step(b.engine, &(struct rt_run){.sequence = s, .tokens = tokens, .count = count, .all_logits = count == ROWS}, 1,
                              &error));
    if (s)
        rt_sequence_close(b.engine, &s);
    CHECK_THAT(allocations == before, "%u allocations", allocations - before);
    close_bench(&b);
}

static void bf16_step_allocates_nothing(void)
{
    step_allocates_nothing(KN_BF16);
}

static void w8_step_allocates_nothing(void)
{
    step_allocates_nothing(KN_W8);
}

static void w4_step_allocates_nothing(void)
{
    step_allocates_nothing(KN_W4);
}

/* ---- a grammar ---- */

static void following_a_grammar_allocates_nothing(void)
{
    static const char source[] = "root ::= (\"{\" [^}]{1,40} \"}\" | [a-z]+ \" \"){100}";
    const struct vocabulary_piece pieces[] = {{"{a", 2}, {"abc", 3}, {"} ", 2}};
    struct rt_tokenizer *tokenizer = NULL;
    struct rt_token_bytes *bytes = NULL;
    struct rt_grammar *grammar = NULL;
    struct rt_constraint *constraint = NULL;
    uint32_t allowed[(256 + 4 + 31) / 32], steps = 0;
    int failed = vocabulary_open(&tokenizer, pieces, 3, &error) || rt_token_bytes_open(&bytes, tokenizer, &error) ||
                 rt_grammar_open_gbnf(&grammar, source, sizeof source - 1, &error) ||
                 rt_constraint_open(&constraint, grammar, bytes, 256 + 4, NULL, 0, &error);
    CHECK_THAT(!failed, "%s", error.text);
    const unsigned before = allocations;
    for (uint32_t id = 0; !failed && steps < 2000; id = (id * 5 + 77) % 260, steps++) {
        rt_constraint_mask(constraint, allowed);
        while (!(allowed[id / 32] >> id % 32 & 1))
            id = (id + 1) % 260;
        if (rt_constraint_accept(constraint, id))
            break;
    }
    CHECK_THAT(steps > 500, "%u steps", steps);
    CHECK_THAT(allocations == before, "%u allocations", allocations - before);
    rt_constraint_close(&constraint);
    rt_grammar_close(&grammar);
    rt_token_bytes_close(&bytes);
    rt_tokenizer_close(&tokenizer);
}

/* ---- the answer ---- */

struct watch {
    unsigned pieces, first, last; /* pieces of text, and the allocations counted at the first and the last */
};

static int count_piece(void *user, const char *text, size_t bytes)
{
    struct watch *watch = user;
    (void)text;
    (void)bytes;
    watch->last = allocations;
    if (!watch->pieces++)
        watch->first = allocations;
    return 0;
}

/* Two answers at once, one of which guesses: from the first step to the last. */
static void schedule(struct rt_site *site)
{
    struct rt_scheduler *scheduler = NULL;
    struct rt_job *jobs[2] = {NULL, NULL};
    const struct rt_scheduler_options options = {.slots = 2, .queue = 2, .chunk = 8, .wake = -1, .keep_prefix = 1};
    CHECK_THAT(!rt_scheduler_open(&scheduler, site, &options, &error), "%s", error.text);
    for (int i = 0; i < 2; i++) {
        struct rt_job_terms terms = {.completion = {.max_new = 20, .sampling = {.top_p = 1, .repeat_penalty = 1}, .logprobs = 2},
                                     .speculate = i};
        terms.prompt = (struct rt_tokens){.ids = calloc(10, sizeof *terms.prompt.ids), .count = 10};
        CHECK(!rt_job_open(&jobs[i], site, &terms, &error) && !rt_scheduler_submit(scheduler, jobs[i], &error));
    }
    const unsigned before = allocations;
    rt_scheduler_stop(scheduler, 1);
    rt_scheduler_run(scheduler);
    CHECK_THAT(allocations == before, "%u allocations", allocations - before);
    for (int i = 0; i < 2; i++) {
        CHECK(rt_job_state(jobs[i]) == RT_JOB_DONE && rt_job_tokens(jobs[i]) == 20);
        rt_job_close(&jobs[i]);
    }
    rt_scheduler_close(&scheduler);
}

/* The last test of the program: the site seals the process. */
static void answer_allocates_nothing_per_token(void)
{
    struct program_paths paths;
    struct rt_site site;
    struct rt_result result;
    struct watch watch = {0};
    const uint32_t prompt[] = {1, 2, 3};
    char *bundle = program_paths_find(&paths) ? NULL : program_bundle(MODEL, "w4");
    CHECK(bundle);
    if (!bundle)
        return;
    const struct rt_site_options options = {
        .bundle = bundle, .trust = paths.trust, .context = 64, .slots = 2, .kv = KN_KV_BF16, .quiet = 1};
    int failed = rt_site_open(&site, &options, &error);
    free(bundle);
    CHECK_THAT(!failed, "%s", error.text);
    if (failed)
        return;
    const struct rt_request request = {.prompt = prompt,
                                       .prompt_count = 3,
                                       .max_new = ANSWER,
                                       .sampling = {.temperature = 1, .top_k = 20, .top_p = 0.9f, .repeat_penalty = 1.1f, .seed = 5},
                                       .emit = count_piece,
                                       .user = &watch};
    struct rt_sequence *sequence = rt_sequence_open(site.engine);
    site.generation.stop_count = 0; /* no end before ANSWER tokens */
    unsigned before = allocations;
    failed = rt_generate(&site, sequence, &request, &result, &error);
    CHECK_THAT(!failed && result.tokens.count == ANSWER, "%s", error.text);
    CHECK_THAT(watch.first > before && watch.pieces > ANSWER / 4, "%u pieces", watch.pieces);
    CHECK_THAT(watch.last == watch.first, "%u allocations", watch.last - watch.first);
    rt_result_close(&result);
    rt_sequence_close(site.engine, &sequence);
    schedule(&site);
    rt_site_close(&site);
}

CHECK_MAIN(CHECK_TEST(bf16_step_allocates_nothing), CHECK_TEST(w8_step_allocates_nothing), CHECK_TEST(w4_step_allocates_nothing),
           CHECK_TEST(following_a_grammar_allocates_nothing), CHECK_TEST(answer_allocates_nothing_per_token))
