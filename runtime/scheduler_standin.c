/* scheduler_standin.c: jobs one after another, until the real scheduler is there. */
#include "runtime/scheduler.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/receipt.h"

enum { QUEUE_MAX = 4096 };

struct rt_job {
    struct rt_job_terms terms;
    char **stops;
    atomic_int holders, state;
    atomic_uint tokens;
    atomic_size_t text_bytes;
    atomic_int given_up;
    struct rt_job_token *token;
    struct rt_logprob *top;
    char *text;
    size_t decoded, room;
    struct rt_result result;
    struct rt_error error;
    uint8_t chain[CR_DIGEST_BYTES];
};

struct rt_scheduler {
    struct rt_site *site;
    struct rt_scheduler_options options;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct rt_job *queue[QUEUE_MAX];
    uint32_t first, count;
    int stop, drain;
    struct rt_scheduler_state state;
};

static void release(struct rt_job *job)
{
    if (atomic_fetch_sub(&job->holders, 1) != 1)
        return;
    for (size_t i = 0; i < job->terms.stop_count; i++)
        free(job->stops[i]);
    free(job->stops);
    free(job->terms.prompt.ids);
    free(job->token);
    free(job->top);
    free(job->text);
    rt_result_close(&job->result);
    free(job);
}

int rt_job_open(struct rt_job **out, struct rt_job_terms *terms, struct rt_error *error)
{
    struct rt_job *job = calloc(1, sizeof *job);
    if (!job)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a job");
    job->terms = *terms;
    terms->prompt = (struct rt_tokens){0};
    atomic_store(&job->holders, 1);
    const size_t tops = terms->logprobs > 0 ? (size_t)terms->logprobs : 0;
    job->room = 256 * ((size_t)job->terms.max_new + 2);
    job->stops = calloc(terms->stop_count + 1, sizeof *job->stops);
    job->token = calloc(job->terms.max_new, sizeof *job->token);
    job->top = calloc(job->terms.max_new * tops + 1, sizeof *job->top);
    job->text = malloc(job->room);
    for (size_t i = 0; i < terms->stop_count; i++)
        job->stops[i] = strdup(terms->stops[i]);
    memcpy(job->chain, terms->chain, sizeof job->chain);
    job->result.end_token = -1;
    *out = job;
    return 0;
}

void rt_job_close(struct rt_job **job)
{
    if (!*job)
        return;
    atomic_store(&(*job)->given_up, 1);
    release(*job);
    *job = NULL;
}

enum rt_job_state rt_job_state(const struct rt_job *job)
{
    return (enum rt_job_state)atomic_load(&job->state);
}

uint32_t rt_job_tokens(const struct rt_job *job)
{
    return atomic_load(&job->tokens);
}

const struct rt_job_token *rt_job_token(const struct rt_job *job, uint32_t i)
{
    return &job->token[i];
}

const char *rt_job_text(const struct rt_job *job, size_t *bytes)
{
    *bytes = atomic_load(&job->text_bytes);
    return job->text;
}

const struct rt_result *rt_job_result(const struct rt_job *job)
{
    return &job->result;
}

uint32_t rt_job_cached(const struct rt_job *job)
{
    (void)job;
    return 0;
}

const uint8_t *rt_job_logits(const struct rt_job *job)
{
    return job->chain;
}

const struct rt_error *rt_job_error(const struct rt_job *job)
{
    return &job->error;
}

/* ---- one job ---- */

static void likeliest(struct rt_job *job, struct rt_job_token *token, const float *logits, uint32_t vocab)
{
    double sum = 0, top = (double)logits[0];
    for (uint32_t i = 1; i < vocab; i++)
        top = fmax(top, (double)logits[i]);
    for (uint32_t i = 0; i < vocab; i++)
        sum += exp((double)logits[i] - top);
    const double norm = top + log(sum);
    struct rt_logprob *list = job->top + (size_t)job->terms.logprobs * atomic_load(&job->tokens);
    for (int k = 0; k < job->terms.logprobs; k++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < vocab; i++) {
            int taken = 0;
            for (int j = 0; j < k; j++)
                taken |= list[j].id == i;
            if (!taken && (best == UINT32_MAX || logits[i] > logits[best]))
                best = i;
        }
        list[k] = (struct rt_logprob){best, (float)((double)logits[best] - norm)};
    }
    token->top = list;
    token->logprob = (float)-norm;
}

static size_t hold_back(const struct rt_job *job)
{
    size_t most = 0;
    for (size_t i = 0; i < job->terms.stop_count; i++)
        for (size_t n = strlen(job->stops[i]); n > most; n--)
            if (n <= job->decoded && !memcmp(job->text + job->decoded - n, job->stops[i], n))
                most = n;
    return most;
}

static int cut(struct rt_job *job)
{
    for (size_t at = atomic_load(&job->text_bytes); at < job->decoded; at++)
        for (size_t i = 0; i < job->terms.stop_count; i++)
            if (strlen(job->stops[i]) <= job->decoded - at && !memcmp(job->text + at, job->stops[i], strlen(job->stops[i]))) {
                job->decoded = at;
                return 1;
            }
    return 0;
}

static void add_text(struct rt_job *job, const char *text, size_t bytes)
{
    if (job->decoded + bytes > job->room)
        return;
    memcpy(job->text + job->decoded, text, bytes);
    job->decoded += bytes;
}

static void wake(struct rt_scheduler *scheduler)
{
    const uint64_t one = 1;
    if (scheduler->options.wake >= 0)
        (void)!write(scheduler->options.wake, &one, sizeof one);
}

static int ends(const struct rt_site *site, uint32_t id)
{
    for (uint32_t i = 0; i < site->generation.stop_count; i++)
        if (site->generation.stop_ids[i] == id)
            return 1;
    return 0;
}

static int prefill(struct rt_scheduler *scheduler, struct rt_job *job, struct rt_sequence *sequence, struct rt_sampler *sampler)
{
    for (uint32_t done = 0, count; done < job->terms.prompt.count; done += count) {
        const uint32_t left = (uint32_t)job->terms.prompt.count - done;
        count = left < scheduler->site->max_rows ? left : scheduler->site->max_rows;
        struct rt_run run = {.sequence = sequence, .tokens = job->terms.prompt.ids + done, .count = count};
        if (rt_engine_step(scheduler->site->engine, &run, 1, &job->error))
            return -1;
        for (uint32_t i = 0; i < count; i++)
            rt_sampler_see(sampler, job->terms.prompt.ids[done + i]);
    }
    return 0;
}

static int decode(struct rt_scheduler *scheduler, struct rt_job *job, struct rt_sequence *sequence, struct rt_sampler *sampler,
                  struct rt_decoder *decoder)
{
    const uint32_t vocab = scheduler->site->manifest->model.vocab;
    for (;;) {
        float *logits = rt_engine_logits(scheduler->site->engine, 0);
        const uint32_t n = atomic_load(&job->tokens), position = rt_sequence_length(sequence);
        struct rt_job_token *token = &job->token[n];
        float *copy = job->terms.logprobs >= 0 ? malloc(vocab * sizeof *copy) : NULL;
        if (job->terms.receipt)
            rt_logits_chain(job->chain, logits, vocab);
        if (copy) {
            memcpy(copy, logits, vocab * sizeof *copy);
            likeliest(job, token, logits, vocab);
        }
        uint32_t id = rt_sampler_pick(sampler, logits, position);
        if (copy)
            token->logprob += copy[id];
        free(copy);
        if (ends(scheduler->site, id) || atomic_load(&job->given_up)) {
            job->result.end_token = id;
            job->result.finish = RT_FINISH_STOP;
            return 0;
        }
        size_t bytes;
        const char *text = rt_decoder_feed(decoder, id, &bytes);
        add_text(job, text, bytes);
        const int stopped = cut(job);
        token->id = id;
        token->text_end = job->decoded;
        job->result.tokens.ids[job->result.tokens.count++] = id;
        rt_sampler_see(sampler, id);
        atomic_store(&job->text_bytes, stopped ? job->decoded : job->decoded - hold_back(job));
        atomic_store(&job->tokens, n + 1);
        wake(scheduler);
        if (stopped) {
            job->result.finish = RT_FINISH_STOP;
            return 0;
        }
        if (n + 1 == job->terms.max_new) {
            job->result.finish = RT_FINISH_LENGTH;
            return 0;
        }
        struct rt_run run = {.sequence = sequence, .tokens = &id, .count = 1};
        if (rt_engine_step(scheduler->site->engine, &run, 1, &job->error))
            return -1;
    }
}

static int answer(struct rt_scheduler *scheduler, struct rt_job *job)
{
    struct rt_sampler *sampler = NULL;
    struct rt_decoder *decoder = NULL;
    struct rt_sequence *sequence = rt_sequence_open(scheduler->site->engine);
    size_t bytes = 0;
    job->result.tokens.ids = malloc((job->terms.max_new + 1) * sizeof(uint32_t));
    job->result.prompt_tokens = (uint32_t)job->terms.prompt.count;
    int failed = rt_sampler_open(&sampler, scheduler->site->kernels, scheduler->site->manifest->model.vocab, &job->terms.sampling,
                                 &job->error) ||
                 rt_decoder_open(&decoder, scheduler->site->tokenizer, 0, &job->error) || prefill(scheduler, job, sequence, sampler);
    atomic_store(&job->state, RT_JOB_DECODE);
    if (!failed)
        failed = decode(scheduler, job, sequence, sampler, decoder);
    if (!failed && job->result.finish == RT_FINISH_STOP && job->result.end_token < 0) {
    } else if (!failed) {
        const char *text = rt_decoder_end(decoder, &bytes);
        add_text(job, text, bytes);
        cut(job);
    }
    if (!failed) {
        atomic_store(&job->text_bytes, job->decoded);
        job->result.text = malloc(job->decoded + 1);
        memcpy(job->result.text, job->text, job->decoded);
        job->result.text[job->decoded] = 0;
        job->result.text_bytes = job->decoded;
    }
    rt_decoder_close(&decoder);
    rt_sampler_close(&sampler);
    rt_sequence_close(scheduler->site->engine, &sequence);
    return failed;
}

/* ---- the scheduler ---- */

int rt_scheduler_open(struct rt_scheduler **out, struct rt_site *site, const struct rt_scheduler_options *options, struct rt_error *error)
{
    struct rt_scheduler *scheduler = calloc(1, sizeof *scheduler);
    if (!scheduler)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the scheduler");
    scheduler->site = site;
    scheduler->options = *options;
    pthread_mutex_init(&scheduler->lock, NULL);
    pthread_cond_init(&scheduler->news, NULL);
    *out = scheduler;
    return 0;
}

void rt_scheduler_close(struct rt_scheduler **scheduler)
{
    free(*scheduler);
    *scheduler = NULL;
}

static struct rt_job *next(struct rt_scheduler *scheduler)
{
    struct rt_job *job = NULL;
    pthread_mutex_lock(&scheduler->lock);
    while (!scheduler->count && !scheduler->stop)
        pthread_cond_wait(&scheduler->news, &scheduler->lock);
    if (scheduler->count) {
        job = scheduler->queue[scheduler->first];
        scheduler->first = (scheduler->first + 1) % QUEUE_MAX;
        scheduler->count--;
    }
    pthread_mutex_unlock(&scheduler->lock);
    return job;
}

void rt_scheduler_run(struct rt_scheduler *scheduler)
{
    struct rt_job *job;
    while ((job = next(scheduler))) {
        const double start = rt_seconds();
        int failed = 0;
        if (scheduler->stop && !scheduler->drain)
            failed = rt_fail(&job->error, RT_EXIT_FAILED, "the server stops");
        atomic_store(&job->state, RT_JOB_PREFILL);
        if (!failed && !atomic_load(&job->given_up))
            failed = answer(scheduler, job);
        scheduler->state.done += !failed;
        scheduler->state.failed += failed != 0;
        scheduler->state.prompt_tokens += job->terms.prompt.count;
        scheduler->state.answer_tokens += job->result.tokens.count;
        scheduler->state.first_token.counts[0]++;
        scheduler->state.first_token.count++;
        scheduler->state.first_token.sum += rt_seconds() - start;
        atomic_store(&job->state, failed ? RT_JOB_FAILED : RT_JOB_DONE);
        release(job);
        wake(scheduler);
    }
}

void rt_scheduler_stop(struct rt_scheduler *scheduler, int drain)
{
    pthread_mutex_lock(&scheduler->lock);
    scheduler->stop = 1;
    scheduler->drain = drain;
    for (uint32_t i = 0; !drain && i < scheduler->count; i++)
        atomic_store(&scheduler->queue[(scheduler->first + i) % QUEUE_MAX]->given_up, 1);
    pthread_cond_signal(&scheduler->news);
    pthread_mutex_unlock(&scheduler->lock);
}

int rt_scheduler_submit(struct rt_scheduler *scheduler, struct rt_job *job, struct rt_error *error)
{
    int full;
    pthread_mutex_lock(&scheduler->lock);
    full = scheduler->count >= scheduler->options.queue || scheduler->count == QUEUE_MAX;
    if (!full) {
        atomic_fetch_add(&job->holders, 1);
        scheduler->queue[(scheduler->first + scheduler->count++) % QUEUE_MAX] = job;
        pthread_cond_signal(&scheduler->news);
    }
    scheduler->state.refused += (uint64_t)full;
    pthread_mutex_unlock(&scheduler->lock);
    return full ? rt_fail(error, RT_EXIT_RESOURCES, "the queue is full") : 0;
}

double rt_latency_bound(unsigned bucket)
{
    return bucket + 1 < RT_LATENCY_BUCKETS ? ldexp(0.001, (int)bucket) : (double)INFINITY;
}

void rt_scheduler_state(const struct rt_scheduler *scheduler, struct rt_scheduler_state *out)
{
    *out = scheduler->state;
    out->waiting = scheduler->count;
}
