/* scheduler.c: opening, running and stopping; jobs handed in; figures handed out. */
#include "runtime/scheduler.h"

#include <limits.h>
#include <linux/futex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/scheduler_parts.h"
#include "runtime/scope.h"

/* ---- opening and closing ---- */

static uint32_t power_of_two(uint32_t least)
{
    uint32_t n = 1;
    while (n < least)
        n *= 2;
    return n;
}

static int allocate(struct rt_scheduler *s, struct rt_error *error)
{
    const unsigned workers = rt_workers_count(s->site->workers);
    const uint32_t ring = power_of_two(s->options.queue);
    s->ring_mask = ring - 1;
    s->ring = calloc(ring, sizeof *s->ring);
    s->slots = calloc(s->slot_count, sizeof *s->slots);
    s->runs = calloc(s->slot_count, sizeof *s->runs);
    s->run_slots = calloc(s->slot_count, sizeof *s->run_slots);
    s->feed = calloc(s->site->max_rows, sizeof *s->feed);
    s->known = calloc((size_t)s->site->context + 1, sizeof *s->known);
    s->spaces = calloc(workers, sizeof *s->spaces);
    if (!s->ring || !s->slots || !s->runs || !s->run_slots || !s->feed || !s->known || !s->spaces)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %u answers at once; give fewer --slots", s->slot_count);
    for (unsigned i = 0; i < workers; i++)
        if (rt_sampler_space_open(&s->spaces[i], s->site->manifest->model.vocab, error))
            return -1;
    return 0;
}

int rt_scheduler_open(struct rt_scheduler **out, struct rt_site *site, const struct rt_scheduler_options *options, struct rt_error *error)
{
    *out = NULL;
    RT_CLEAN(rt_scheduler_close) struct rt_scheduler *s = calloc(1, sizeof *s);
    if (!s)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the scheduler");
    s->site = site;
    s->options = *options;
    s->slot_count = options->slots;
    if (allocate(s, error))
        return -1;
    atomic_store(&s->counters.pages, rt_engine_pages(site->engine).all);
    *out = RT_MOVE(s);
    return 0;
}

static void fail_job(struct rt_scheduler *s, struct rt_job *job)
{
    (void)!rt_fail(&job->error, RT_EXIT_RESOURCES, "the server is stopping; ask again");
    rt_job_end(s, job, RT_JOB_FAILED);
}

/* Jobs that nobody will answer any more. */
static void fail_all(struct rt_scheduler *s)
{
    rt_line_take(s);
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (s->slots[i].job)
            rt_slot_preempt(s, &s->slots[i]);
    for (struct rt_job *job; (job = s->line.first);) {
        s->line.first = job->next;
        fail_job(s, job);
    }
    s->line.last = NULL;
    atomic_store(&s->held, 0);
}

void rt_scheduler_close(struct rt_scheduler **scheduler)
{
    struct rt_scheduler *s = *scheduler;
    *scheduler = NULL;
    if (!s)
        return;
    if (s->ring && s->slots && s->known)
        fail_all(s);
    for (unsigned i = 0; s->spaces && i < rt_workers_count(s->site->workers); i++)
        rt_sampler_space_close(&s->spaces[i]);
    free(s->ring);
    free(s->slots);
    free(s->runs);
    free(s->run_slots);
    free(s->feed);
    free(s->known);
    free(s->spaces);
    free(s);
}

/* ---- running ---- */

static void ring_bell(struct rt_scheduler *s)
{
    atomic_fetch_add(&s->bell, 1);
    syscall(SYS_futex, &s->bell, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void wake_reader(const struct rt_scheduler *s)
{
    static const uint64_t one = 1;
    if (s->options.wake >= 0)
        (void)!write(s->options.wake, &one, sizeof one); /* full means that it is awake */
}

void rt_scheduler_run(struct rt_scheduler *s)
{
    while (!atomic_load(&s->stop)) {
        const uint32_t bell = atomic_load(&s->bell);
        if (rt_scheduler_step(s)) {
            wake_reader(s);
            continue;
        }
        wake_reader(s); /* a job may have ended without a step */
        if (atomic_load(&s->drain))
            break;
        if (!atomic_load(&s->stop))
            syscall(SYS_futex, &s->bell, FUTEX_WAIT_PRIVATE, bell, NULL, NULL, 0);
    }
    fail_all(s);
    wake_reader(s);
}

void rt_scheduler_stop(struct rt_scheduler *s, int drain)
{
    atomic_store(drain ? &s->drain : &s->stop, 1);
    ring_bell(s);
}

int rt_scheduler_submit(struct rt_scheduler *s, struct rt_job *job, struct rt_error *error)
{
    if (atomic_load(&s->held) >= s->options.queue || atomic_load(&s->drain) || atomic_load(&s->stop)) {
        atomic_fetch_add_explicit(&s->counters.refused, 1, memory_order_relaxed);
        return rt_fail(error, RT_EXIT_RESOURCES, "%u requests are waiting already; try again later", s->options.queue);
    }
    const uint32_t at = atomic_load(&s->handed_in);
    rt_job_hold(job);
    s->ring[at & s->ring_mask] = job;
    atomic_fetch_add(&s->held, 1);
    atomic_store_explicit(&s->handed_in, at + 1, memory_order_release);
    ring_bell(s);
    return 0;
}

/* ---- figures ---- */

double rt_latency_bound(unsigned bucket)
{
    static const double bounds[RT_LATENCY_BUCKETS - 1] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
    return bucket < RT_LATENCY_BUCKETS - 1 ? bounds[bucket] : INFINITY;
}

void rt_latency_add(struct rt_latencies *latencies, double seconds)
{
    unsigned bucket = 0;
    while (seconds > rt_latency_bound(bucket))
        bucket++;
    atomic_fetch_add_explicit(&latencies->counts[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&latencies->microseconds, (uint64_t)(seconds * 1e6), memory_order_relaxed);
}

static struct rt_histogram histogram_of(const struct rt_latencies *latencies)
{
    struct rt_histogram out = {.sum = 1e-6 * (double)atomic_load_explicit(&latencies->microseconds, memory_order_relaxed)};
    for (unsigned i = 0; i < RT_LATENCY_BUCKETS; i++)
        out.count += out.counts[i] = atomic_load_explicit(&latencies->counts[i], memory_order_relaxed);
    return out;
}

void rt_scheduler_state(const struct rt_scheduler *s, struct rt_scheduler_state *out)
{
    const struct rt_counters *c = &s->counters;
    *out = (struct rt_scheduler_state){
        .waiting = atomic_load(&s->held),
        .prefilling = atomic_load(&c->prefilling),
        .decoding = atomic_load(&c->decoding),
        .pages = atomic_load(&c->pages),
        .pages_free = atomic_load(&c->pages_free),
        .pages_idle = atomic_load(&c->pages_idle),
        .steps = atomic_load(&c->steps),
        .prompt_tokens = atomic_load(&c->prompt_tokens),
        .cached_tokens = atomic_load(&c->cached_tokens),
        .answer_tokens = atomic_load(&c->answer_tokens),
        .drafted_tokens = atomic_load(&c->drafted_tokens),
        .accepted_tokens = atomic_load(&c->accepted_tokens),
        .done = atomic_load(&c->done),
        .failed = atomic_load(&c->failed),
        .cancelled = atomic_load(&c->cancelled),
        .refused = atomic_load(&c->refused),
        .preempted = atomic_load(&c->preempted),
        .first_token = histogram_of(&s->first_token),
        .next_token = histogram_of(&s->next_token),
    };
}
