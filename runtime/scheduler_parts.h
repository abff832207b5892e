/* scheduler_parts.h: the scheduler's inside, shared by scheduler*.c. Everything here is its own thread's, but for what is _Atomic, the jobs' own
 * affairs, and what the workers do between two barriers (scheduler_step.c). */
#ifndef CLOISTER_SCHEDULER_PARTS_H
#define CLOISTER_SCHEDULER_PARTS_H

#include "runtime/draft.h"
#include "runtime/job_parts.h"
#include "runtime/scheduler.h"

enum { RT_OWNERS_MAX = 256 };

struct rt_owner { /* who has had how much */
    uint64_t id;
    double service;   /* rows computed for it; somebody who comes back begins with what the least served have */
    uint32_t waiting; /* jobs */
    uint32_t slots;
};

struct rt_slot {        /* a place for one job under way */
    struct rt_job *job; /* NULL: free */
    struct rt_sequence *sequence;
    struct rt_owner *owner;
    struct rt_draft draft;
    uint64_t turn;     /* when it was let in: counts up */
    double last_token; /* when it got its last one */
    uint32_t tokens;   /* of its answer, counted */
    /* the step under way */
    uint32_t first_row; /* of its logits, or of its hidden states */
    uint32_t guess[RT_DRAFT_MAX];
    uint32_t guessed, right; /* tokens guessed, and how many of these came */
    int in_step;
    int chooses; /* it gets at least one token, or its end */
    int ended;   /* 1: the answer has ended; -1: it failed */
};

struct rt_line { /* jobs that wait, the first first */
    struct rt_job *first, *last;
};

struct rt_counters { /* relaxed: each is right by itself */
    _Atomic uint64_t steps, prompt_tokens, cached_tokens, answer_tokens, drafted_tokens, accepted_tokens, done, failed, cancelled, refused,
        preempted;
    _Atomic uint32_t waiting, prefilling, decoding, pages, pages_free, pages_idle;
};

struct rt_latencies {
    _Atomic uint64_t counts[RT_LATENCY_BUCKETS], microseconds;
};

struct rt_scheduler {
    struct rt_site *site;
    struct rt_scheduler_options options;
    /* handed in: a ring that one thread fills and this one empties */
    struct rt_job **ring; /* [ring_mask + 1] */
    uint32_t ring_mask;
    _Atomic uint32_t handed_in, taken;
    _Atomic uint32_t held; /* jobs in the ring and the line */
    _Atomic uint32_t bell; /* changes when there is something to do */
    _Atomic int stop, drain;

    struct rt_line line;
    struct rt_owner owners[RT_OWNERS_MAX];
    uint32_t owner_count;
    struct rt_slot *slots; /* [slot_count] */
    uint32_t slot_count;
    uint64_t turns;
    struct rt_run *runs; /* [slot_count] */
    uint32_t run_count;
    struct rt_slot **run_slots; /* [slot_count]: whose each run is */
    uint32_t *feed;             /* [max_rows]: the tokens of all runs */
    uint32_t feed_count;
    uint32_t *known;                  /* [context]: a job's tokens in one piece */
    struct rt_sampler_space **spaces; /* [workers] */
    _Atomic uint32_t next_choice;     /* the first run whose tokens no worker has chosen yet */
    struct rt_counters counters;
    struct rt_latencies first_token, next_token;
};

/* ---- scheduler_line.c: who comes next ---- */

/* Takes in what was handed in; drops what was given up. */
void rt_line_take(struct rt_scheduler *scheduler);
/* Lets jobs into free slots, those of the least served first. */
void rt_line_admit(struct rt_scheduler *scheduler);
/* Takes the slot's job out of it, to go on later where it was. */
void rt_slot_preempt(struct rt_scheduler *scheduler, struct rt_slot *slot);
/* Frees the slot. */
void rt_slot_leave(struct rt_scheduler *scheduler, struct rt_slot *slot);
/* Ends a job: it is done, or failed with the error that it holds. */
void rt_job_end(struct rt_scheduler *scheduler, struct rt_job *job, enum rt_job_state state);
/* The job's tokens, prompt and answer so far: how many; and a piece of them. */
uint32_t rt_job_known(const struct rt_job *job);
void rt_job_copy(const struct rt_job *job, uint32_t from, uint32_t count, uint32_t *out);

/* ---- scheduler_vector.c: jobs that ask for a vector ---- */

/* Takes in the hidden states of a run. */
void rt_job_pool(struct rt_job *job, const struct rt_engine *engine, uint32_t first_row, uint32_t count, uint32_t width);
/* The vector of what was taken in. */
void rt_job_finish_vector(struct rt_job *job, uint32_t width);

/* ---- scheduler_step.c: one step ---- */

/* 0 when there was nothing to compute. */
int rt_scheduler_step(struct rt_scheduler *scheduler);

void rt_latency_add(struct rt_latencies *latencies, double seconds);

#endif
