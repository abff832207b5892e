/* scheduler.h: many answers at once on one engine: in each step every answer under way gets its next token, and what room is left reads pieces of
 * prompts. One thread runs it (rt_scheduler_run); one other hands jobs in. An answer's bits are those it would have alone. */
#ifndef CLOISTER_SCHEDULER_H
#define CLOISTER_SCHEDULER_H

#include "runtime/job.h"
#include "runtime/site.h"

struct rt_scheduler;

enum {
    RT_SCHEDULER_GUESSES = 32
}; /* guessed tokens in one step, at most: so many rows of logits more than slots are wanted of the engine */

struct rt_scheduler_options {
    uint32_t slots;  /* answers under way at once: sequences of the site's engine */
    uint32_t queue;  /* jobs that may wait for a slot; more are refused */
    uint32_t chunk;  /* tokens of prompts in a step in which answers grow: the longest that they wait */
    int wake;        /* an eventfd that is written to after each step; -1: none */
    int keep_prefix; /* the site's engine keeps beginnings of prompts: use them */
};

/* The site's engine is the scheduler's from here on. */
RT_MUST_CHECK int rt_scheduler_open(struct rt_scheduler **out, struct rt_site *site, const struct rt_scheduler_options *options,
                                    struct rt_error *error);
void rt_scheduler_close(struct rt_scheduler **scheduler); /* after rt_scheduler_run has returned; jobs that it holds fail */

/* Computes until rt_scheduler_stop; sleeps while nothing is asked. */
void rt_scheduler_run(struct rt_scheduler *scheduler);
/* Any thread, also a signal handler. drain: jobs that it holds are finished first, else they fail. */
void rt_scheduler_stop(struct rt_scheduler *scheduler, int drain);
/* From one thread. -1 (RT_EXIT_RESOURCES) when the queue is full; then the job stays the caller's alone. Try again later. */
RT_MUST_CHECK int rt_scheduler_submit(struct rt_scheduler *scheduler, struct rt_job *job, struct rt_error *error);

enum { RT_LATENCY_BUCKETS = 16 };

struct rt_histogram { /* in seconds; bucket i counts what took at most rt_latency_bound(i) and more than the bucket before */
    uint64_t counts[RT_LATENCY_BUCKETS];
    uint64_t count;
    double sum;
};
double rt_latency_bound(unsigned bucket); /* INFINITY for the last */

struct rt_scheduler_state { /* figures of one moment each, not of one moment together */
    uint32_t waiting, prefilling, decoding;
    uint32_t pages, pages_free, pages_idle; /* of the cache; idle: kept beginnings, which can be given up at any time */
    uint64_t steps, prompt_tokens, cached_tokens, answer_tokens, drafted_tokens, accepted_tokens;
    uint64_t done, failed, cancelled, refused, preempted; /* jobs */
    struct rt_histogram first_token, next_token;
};
/* Any thread. */
void rt_scheduler_state(const struct rt_scheduler *scheduler, struct rt_scheduler_state *out);

#endif
