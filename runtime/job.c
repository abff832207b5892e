/* job.c: see job.h. */
#include "runtime/job_parts.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/scope.h"

static int open_vector(struct rt_job *job, const struct rt_model *model, struct rt_error *error)
{
    if (job->terms.pool == RT_POOL_NONE)
        return 0;
    job->sum = calloc(model->hidden, sizeof *job->sum);
    job->vector = calloc(model->hidden, sizeof *job->vector);
    return job->sum && job->vector ? 0 : rt_fail(error, RT_EXIT_RESOURCES, "no memory for a request");
}

int rt_job_open(struct rt_job **out, const struct rt_site *site, struct rt_job_terms *terms, struct rt_error *error)
{
    *out = NULL;
    struct rt_job *made = calloc(1, sizeof *made);
    if (!made) {
        rt_tokens_close(&terms->prompt);
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a request");
    }
    RT_CLEAN(rt_job_drop) struct rt_job *job = made;
    job->terms = *terms;
    terms->prompt = (struct rt_tokens){0};
    job->holders = 1;
    job->times.opened = rt_seconds();
    memcpy(job->chain, terms->chain, sizeof job->chain);
    job->terms.completion.logits_chain = terms->receipt ? job->chain : NULL;
    const size_t prompt = job->terms.prompt.count;
    if (rt_completion_open(&job->completion, site, &job->terms.completion, prompt < UINT32_MAX ? (uint32_t)prompt : UINT32_MAX, error) ||
        open_vector(job, &site->manifest->model, error))
        return -1;
    rt_completion_see(job->completion, job->terms.prompt.ids, prompt);
    *out = RT_MOVE(job);
    return 0;
}

void rt_job_close(struct rt_job **job)
{
    if (*job)
        atomic_store(&(*job)->abandoned, 1);
    rt_job_drop(job);
}

void rt_job_hold(struct rt_job *job)
{
    atomic_fetch_add(&job->holders, 1);
}

void rt_job_drop(struct rt_job **address)
{
    struct rt_job *job = *address;
    *address = NULL;
    if (!job || atomic_fetch_sub(&job->holders, 1) > 1)
        return;
    rt_completion_close(&job->completion);
    rt_tokens_close(&job->terms.prompt);
    free(job->sum);
    free(job->vector);
    free(job);
}

enum rt_job_state rt_job_state(const struct rt_job *job)
{
    return (enum rt_job_state)atomic_load_explicit(&job->state, memory_order_acquire);
}

uint32_t rt_job_tokens(const struct rt_job *job)
{
    return rt_completion_tokens(job->completion);
}

struct rt_completion_token rt_job_token(const struct rt_job *job, uint32_t i)
{
    return rt_completion_token(job->completion, i);
}

const char *rt_job_text(const struct rt_job *job, size_t *bytes)
{
    return rt_completion_shown(job->completion, bytes);
}

const struct rt_result *rt_job_result(const struct rt_job *job)
{
    return rt_completion_result(job->completion);
}

const struct rt_tokens *rt_job_prompt(const struct rt_job *job)
{
    return &job->terms.prompt;
}

uint32_t rt_job_cached(const struct rt_job *job)
{
    return job->cached;
}

const uint8_t *rt_job_logits(const struct rt_job *job)
{
    return job->chain;
}

const float *rt_job_vector(const struct rt_job *job)
{
    return job->vector;
}

struct rt_job_times rt_job_times(const struct rt_job *job)
{
    return job->times;
}

const struct rt_error *rt_job_error(const struct rt_job *job)
{
    return &job->error;
}
