/* scheduler_line.c: who comes next. Owners are served evenly, by rows computed for them; among one owner's jobs the first comes first. A job that
 * had to leave goes back to the head of the line, and its answer's bits do not show it. */
#include "runtime/scheduler_parts.h"

#include <string.h>

#include "runtime/clock.h"

/* ---- owners ---- */

static double least_service(const struct rt_scheduler *s)
{
    double least = 0;
    int found = 0;
    for (uint32_t i = 0; i < s->owner_count; i++) {
        const struct rt_owner *owner = &s->owners[i];
        if ((owner->waiting || owner->slots) && (!found || owner->service < least)) {
            least = owner->service;
            found = 1;
        }
    }
    return least;
}

/* Whoever has asked for nothing lately makes room; where all are busy, the last place is for all others together. */
static struct rt_owner *place_for_owner(struct rt_scheduler *s)
{
    if (s->owner_count < RT_OWNERS_MAX)
        return &s->owners[s->owner_count++];
    for (uint32_t i = 0; i < RT_OWNERS_MAX - 1; i++)
        if (!s->owners[i].waiting && !s->owners[i].slots)
            return &s->owners[i];
    return NULL;
}

static struct rt_owner *owner_of(struct rt_scheduler *s, uint64_t id)
{
    for (uint32_t i = 0; i < s->owner_count; i++)
        if (s->owners[i].id == id)
            return &s->owners[i];
    struct rt_owner *owner = place_for_owner(s);
    if (!owner)
        return &s->owners[RT_OWNERS_MAX - 1];
    *owner = (struct rt_owner){.id = id, .service = 0};
    return owner;
}

/* Rests earn nothing: who comes back begins with what the least served have. */
static struct rt_owner *enter(struct rt_scheduler *s, uint64_t id)
{
    struct rt_owner *owner = owner_of(s, id);
    const double least = least_service(s);
    if (!owner->waiting && !owner->slots && owner->service < least)
        owner->service = least;
    owner->waiting++;
    return owner;
}

/* ---- the line ---- */

static void append(struct rt_line *line, struct rt_job *job)
{
    job->next = NULL;
    *(line->last ? &line->last->next : &line->first) = job;
    line->last = job;
}

static void put_first(struct rt_line *line, struct rt_job *job)
{
    job->next = line->first;
    line->first = job;
    if (!line->last)
        line->last = job;
}

/* before: the one before it; NULL: it is the first. */
static void take_out(struct rt_line *line, struct rt_job *before, struct rt_job *job)
{
    *(before ? &before->next : &line->first) = job->next;
    if (line->last == job)
        line->last = before;
    job->next = NULL;
}

static void leave_line(struct rt_scheduler *s, struct rt_job *before, struct rt_job *job)
{
    take_out(&s->line, before, job);
    owner_of(s, job->terms.owner)->waiting--;
    atomic_fetch_sub(&s->held, 1);
}

void rt_job_end(struct rt_scheduler *s, struct rt_job *job, enum rt_job_state state)
{
    job->times.done = rt_seconds();
    atomic_fetch_add_explicit(state == RT_JOB_FAILED         ? &s->counters.failed
                              : atomic_load(&job->abandoned) ? &s->counters.cancelled
                                                             : &s->counters.done,
                              1, memory_order_relaxed);
    atomic_store_explicit(&job->state, state, memory_order_release);
    rt_job_drop(&job);
}

void rt_line_take(struct rt_scheduler *s)
{
    for (uint32_t at = atomic_load(&s->taken); at != atomic_load_explicit(&s->handed_in, memory_order_acquire);) {
        struct rt_job *job = s->ring[at & s->ring_mask];
        append(&s->line, job);
        enter(s, job->terms.owner);
        atomic_store_explicit(&s->taken, ++at, memory_order_release);
    }
    struct rt_job *before = NULL;
    for (struct rt_job *job = s->line.first, *next; job; job = next) {
        next = job->next;
        if (!atomic_load(&job->abandoned)) {
            before = job;
            continue;
        }
        leave_line(s, before, job);
        rt_job_end(s, job, RT_JOB_DONE);
    }
}

/* ---- slots ---- */

uint32_t rt_job_known(const struct rt_job *job)
{
    return (uint32_t)(job->terms.prompt.count + rt_completion_result(job->completion)->tokens.count);
}

void rt_job_copy(const struct rt_job *job, uint32_t from, uint32_t count, uint32_t *out)
{
    const struct rt_tokens *prompt = &job->terms.prompt, *answer = &rt_completion_result(job->completion)->tokens;
    for (uint32_t i = 0; i < count; i++, from++)
        out[i] = from < prompt->count ? prompt->ids[from] : answer->ids[from - prompt->count];
}

/* What it has computed so far stays for others, and for itself. */
void rt_slot_leave(struct rt_scheduler *s, struct rt_slot *slot)
{
    if (s->options.keep_prefix) {
        const uint32_t length = rt_sequence_length(slot->sequence);
        rt_job_copy(slot->job, 0, length, s->known);
        rt_sequence_keep(s->site->engine, slot->sequence, slot->job->terms.domain, s->known, length);
    }
    rt_sequence_close(s->site->engine, &slot->sequence);
    slot->owner->slots--;
    slot->job = NULL;
}

void rt_slot_preempt(struct rt_scheduler *s, struct rt_slot *slot)
{
    struct rt_job *job = slot->job;
    rt_slot_leave(s, slot);
    if (job->sum) /* it begins again */
        memset(job->sum, 0, s->site->manifest->model.hidden * sizeof *job->sum);
    put_first(&s->line, job);
    enter(s, job->terms.owner);
    atomic_fetch_add(&s->held, 1);
    atomic_fetch_add_explicit(&s->counters.preempted, 1, memory_order_relaxed);
    atomic_store_explicit(&job->state, RT_JOB_WAITING, memory_order_release);
}

static struct rt_slot *free_slot(struct rt_scheduler *s)
{
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (!s->slots[i].job)
            return &s->slots[i];
    return NULL;
}

/* The youngest job of whoever has the most slots, and more than one. */
static struct rt_slot *slot_to_share(struct rt_scheduler *s)
{
    struct rt_slot *found = NULL;
    for (uint32_t i = 0; i < s->slot_count; i++) {
        struct rt_slot *slot = &s->slots[i];
        if (slot->job && slot->owner->slots > 1 &&
            (!found || slot->owner->slots > found->owner->slots || (slot->owner == found->owner && slot->turn > found->turn)))
            found = slot;
    }
    return found;
}

/* The first job of the least served owner. */
static struct rt_job *next_job(struct rt_scheduler *s, struct rt_job **before)
{
    struct rt_job *found = NULL, *last = NULL;
    double least = 0;
    for (struct rt_job *job = s->line.first; job; last = job, job = job->next) {
        const double service = owner_of(s, job->terms.owner)->service;
        if (found && service >= least)
            continue;
        found = job;
        least = service;
        *before = last;
    }
    return found;
}

/* Whether the cache has room for what the job has to read, and a page for each answer that grows meanwhile. */
static int has_room(const struct rt_scheduler *s, const struct rt_job *job)
{
    const struct rt_engine_pages pages = rt_engine_pages(s->site->engine);
    uint32_t busy = 0;
    for (uint32_t i = 0; i < s->slot_count; i++)
        busy += s->slots[i].job != NULL;
    return !busy || (rt_job_known(job) + KN_KV_BLOCK - 1) / KN_KV_BLOCK + 1 + busy <= pages.free + pages.idle;
}

static void let_in(struct rt_scheduler *s, struct rt_slot *slot, struct rt_job *job)
{
    *slot = (struct rt_slot){.job = job, .owner = owner_of(s, job->terms.owner), .turn = ++s->turns};
    slot->owner->slots++;
    slot->sequence = rt_sequence_open(s->site->engine); /* there are as many as slots */
    uint32_t held = 0;
    if (s->options.keep_prefix && !job->sum) { /* a vector needs the states of all tokens */
        const uint32_t known = rt_job_known(job);
        rt_job_copy(job, 0, known, s->known);
        held = rt_sequence_adopt(s->site->engine, slot->sequence, job->terms.domain, s->known, known);
    }
    slot->last_token = rt_seconds();
    slot->tokens = rt_completion_tokens(job->completion);
    if (!job->times.started) {
        job->times.started = rt_seconds();
        job->cached = held;
        atomic_fetch_add_explicit(&s->counters.cached_tokens, held, memory_order_relaxed);
    }
    atomic_store_explicit(&job->state, RT_JOB_PREFILL, memory_order_release);
}

void rt_line_admit(struct rt_scheduler *s)
{
    struct rt_job *before = NULL, *job;
    while ((job = next_job(s, &before)) && has_room(s, job)) {
        struct rt_slot *slot = free_slot(s);
        if (!slot && !owner_of(s, job->terms.owner)->slots && (slot = slot_to_share(s))) {
            rt_slot_preempt(s, slot);
            before = before ? before : s->line.first; /* it has gone to the head */
        }
        if (!slot)
            return;
        leave_line(s, before, job);
        let_in(s, slot, job);
        before = NULL;
    }
}
