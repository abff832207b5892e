/* scheduler_step.c: one step of all answers under way: a token for each that has read its prompt, with guesses behind it where few answer at once,
 * and pieces of prompts with the room that is left. The workers choose the tokens, an answer each at a time. */
#include "runtime/scheduler_parts.h"

#include "runtime/clock.h"

enum {
    GUESS_SLOTS =
        4, /* guesses are made while at most so many answers grow: with more, each row of a step costs time. Chosen, not measured */
    PIECE_MIN = 32, /* tokens of a prompt, where several share a step */
};

/* ---- what the step computes ---- */

static uint32_t left_to_read(const struct rt_slot *slot)
{
    return rt_job_known(slot->job) - rt_sequence_length(slot->sequence);
}

/* It has read everything but its last token. */
static int grows(const struct rt_slot *slot)
{
    return slot->job && !slot->job->sum && left_to_read(slot) == 1;
}

static uint32_t free_pages(const struct rt_scheduler *s)
{
    const struct rt_engine_pages pages = rt_engine_pages(s->site->engine);
    return pages.free + pages.idle;
}

static struct rt_slot *youngest(const struct rt_scheduler *s)
{
    struct rt_slot *found = NULL;
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (s->slots[i].job && (!found || s->slots[i].turn > found->turn))
            found = &s->slots[i];
    return found;
}

static uint32_t lacks_for(const struct rt_slot *slot, uint32_t more)
{
    return rt_sequence_lacks(slot->sequence, (uint64_t)rt_sequence_length(slot->sequence) + more);
}

/* Every answer that grows needs a place for one token; where the cache has none the youngest job has to wait. Returns how many grow. */
static uint32_t make_room(struct rt_scheduler *s)
{
    for (;;) {
        uint32_t lacks = 0, growing = 0;
        for (uint32_t i = 0; i < s->slot_count; i++)
            if (grows(&s->slots[i])) {
                lacks += lacks_for(&s->slots[i], 1);
                growing++;
            }
        if (lacks <= free_pages(s))
            return growing;
        rt_slot_preempt(s, youngest(s));
    }
}

/* What is left of a step while it is put together. */
struct room {
    uint32_t rows, pages, guesses;
    uint32_t growing; /* answers whose token has no place yet */
};

/* Adds `count` tokens of the slot's job to the step, and its guesses behind them. */
static void add_run(struct rt_scheduler *s, struct rt_slot *slot, uint32_t count, struct room *room)
{
    uint32_t *tokens = s->feed + s->feed_count;
    const uint32_t all = count + slot->guessed;
    rt_job_copy(slot->job, rt_sequence_length(slot->sequence), count, tokens);
    for (uint32_t i = 0; i < slot->guessed; i++)
        tokens[count + i] = slot->guess[i];
    slot->in_step = 1;
    slot->chooses = !slot->job->sum && count == left_to_read(slot);
    s->run_slots[s->run_count] = slot;
    s->runs[s->run_count++] = (struct rt_run){
        .sequence = slot->sequence, .tokens = tokens, .count = all, .all_logits = slot->guessed > 0, .hidden = slot->job->sum != NULL};
    s->feed_count += all;
    room->rows -= all;
    room->pages -= lacks_for(slot, all);
    slot->owner->service += all;
}

/* No more than the answer may still take, and than leaves the others their places. */
static void guess(struct rt_scheduler *s, struct rt_slot *slot, const struct room *room)
{
    const uint32_t known = rt_job_known(slot->job);
    uint32_t most = room->guesses < RT_DRAFT_MAX ? room->guesses : RT_DRAFT_MAX;
    while (most && (known + most > s->site->context || room->growing + most >= room->rows ||
                    lacks_for(slot, 1 + most) + room->growing > room->pages))
        most--;
    rt_job_copy(slot->job, 0, known, s->known);
    slot->guessed = rt_draft_guess(&slot->draft, s->known, known, slot->guess, most);
}

static void add_growing(struct rt_scheduler *s, struct room *room)
{
    const int few = room->growing <= GUESS_SLOTS;
    for (struct rt_slot *slot = s->slots; slot < s->slots + s->slot_count; slot++) {
        if (!grows(slot))
            continue;
        if (slot->job->terms.speculate && few)
            guess(s, slot, room);
        room->growing--;
        room->guesses -= slot->guessed;
        add_run(s, slot, 1, room);
    }
}

/* The slot of the least served owner that has a prompt to read and is not in the step; of an owner's the first that came. */
static struct rt_slot *next_reader(const struct rt_scheduler *s, uint32_t *readers)
{
    struct rt_slot *found = NULL;
    *readers = 0;
    for (struct rt_slot *slot = s->slots; slot < s->slots + s->slot_count; slot++) {
        if (!slot->job || slot->in_step)
            continue;
        ++*readers;
        if (!found || slot->owner->service < found->owner->service || (slot->owner == found->owner && slot->turn < found->turn))
            found = slot;
    }
    return found;
}

/* Evenly, but for pieces that would be too small; short prompts leave their share to the others. */
static void add_readers(struct rt_scheduler *s, struct room *room)
{
    uint32_t readers;
    for (struct rt_slot *slot; room->rows && (slot = next_reader(s, &readers));) {
        uint32_t piece = room->rows / readers > PIECE_MIN ? room->rows / readers : PIECE_MIN;
        piece = piece < room->rows ? piece : room->rows;
        piece = piece < left_to_read(slot) ? piece : left_to_read(slot);
        while (piece && lacks_for(slot, piece) > room->pages)
            piece--;
        if (!piece)
            return;
        add_run(s, slot, piece, room);
    }
}

/* 0 when there is nothing to compute. */
static uint32_t put_together(struct rt_scheduler *s)
{
    s->run_count = s->feed_count = 0;
    for (struct rt_slot *slot = s->slots; slot < s->slots + s->slot_count; slot++)
        slot->in_step = slot->chooses = slot->ended = 0, slot->guessed = slot->right = 0;
    const uint32_t growing = make_room(s);
    struct room room = {s->site->max_rows, free_pages(s), RT_SCHEDULER_GUESSES, growing};
    add_growing(s, &room);
    if (growing && room.rows > s->options.chunk)
        room.rows = s->options.chunk;
    add_readers(s, &room);
    return s->run_count;
}

/* ---- choosing ---- */

/* An answer's next token and, as long as the guesses are right, those behind it. */
static void choose(struct rt_scheduler *s, struct rt_slot *slot, struct rt_sampler_space *space)
{
    for (uint32_t i = 0; i <= slot->guessed && !slot->ended; i++) {
        uint32_t id;
        slot->ended = rt_completion_next(slot->job->completion, space, rt_engine_logits(s->site->engine, slot->first_row + i), &id,
                                         &slot->job->error);
        if (i == slot->guessed || id != slot->guess[i])
            return;
        slot->right++;
    }
}

static void choose_worker(void *scheduler, unsigned worker)
{
    struct rt_scheduler *s = scheduler;
    uint32_t i;
    while ((i = atomic_fetch_add_explicit(&s->next_choice, 1, memory_order_relaxed)) < s->run_count)
        if (s->run_slots[i]->chooses)
            choose(s, s->run_slots[i], s->spaces[worker]);
}

static void choose_all(struct rt_scheduler *s)
{
    uint32_t logits = 0, hidden = 0;
    for (uint32_t i = 0; i < s->run_count; i++) {
        uint32_t *rows = s->runs[i].hidden ? &hidden : &logits;
        s->run_slots[i]->first_row = *rows;
        *rows += s->runs[i].hidden || s->runs[i].all_logits ? s->runs[i].count : 1;
    }
    atomic_store(&s->next_choice, 0);
    if (s->run_count == 1)
        choose_worker(s, 0);
    else
        rt_workers_run(s->site->workers, choose_worker, s);
}

/* ---- afterwards ---- */

static void count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* What its prompt has made stays for others at once: whoever asks the same meanwhile need not wait for the end. */
static void keep_prompt(struct rt_scheduler *s, struct rt_slot *slot)
{
    const struct rt_job *job = slot->job;
    const uint32_t prompt = (uint32_t)job->terms.prompt.count;
    if (!s->options.keep_prefix)
        return;
    rt_job_copy(job, 0, prompt, s->known);
    rt_sequence_keep(s->site->engine, slot->sequence, job->terms.domain, s->known, prompt);
}

static void note_tokens(struct rt_scheduler *s, struct rt_slot *slot)
{
    struct rt_job *job = slot->job;
    const uint32_t tokens = rt_completion_tokens(job->completion);
    const double now = rt_seconds();
    if (!job->times.first_token) {
        job->times.first_token = now;
        rt_latency_add(&s->first_token, now - job->times.opened);
        keep_prompt(s, slot);
    } else {
        rt_latency_add(&s->next_token, now - slot->last_token);
    }
    slot->last_token = now;
    count(&s->counters.answer_tokens, tokens - slot->tokens);
    slot->tokens = tokens;
    if (slot->guessed) {
        count(&s->counters.drafted_tokens, slot->guessed);
        count(&s->counters.accepted_tokens, slot->right);
        rt_draft_judge(&slot->draft, slot->guessed, slot->right);
    }
    atomic_store_explicit(&job->state, RT_JOB_DECODE, memory_order_release);
}

static void finish_slot(struct rt_scheduler *s, struct rt_slot *slot, enum rt_job_state state)
{
    struct rt_job *job = slot->job;
    rt_slot_leave(s, slot);
    rt_job_end(s, job, state);
}

static void settle_vector(struct rt_scheduler *s, struct rt_slot *slot, const struct rt_run *run)
{
    const uint32_t width = s->site->manifest->model.hidden;
    rt_job_pool(slot->job, s->site->engine, slot->first_row, run->count, width);
    if (left_to_read(slot))
        return;
    rt_job_finish_vector(slot->job, width);
    finish_slot(s, slot, RT_JOB_DONE);
}

static void settle(struct rt_scheduler *s, struct rt_slot *slot, const struct rt_run *run)
{
    const uint32_t wrong = slot->guessed - slot->right;
    if (!slot->chooses) {
        count(&s->counters.prompt_tokens, run->count);
        if (run->hidden)
            settle_vector(s, slot, run);
        return;
    }
    const uint32_t grown = slot->job->times.first_token > 0; /* the last token read is the answer's */
    count(&s->counters.prompt_tokens, run->count - slot->guessed - grown);
    if (wrong)
        rt_sequence_shorten(s->site->engine, slot->sequence, rt_sequence_length(slot->sequence) - wrong);
    note_tokens(s, slot);
    if (slot->ended)
        finish_slot(s, slot, slot->ended > 0 ? RT_JOB_DONE : RT_JOB_FAILED);
}

/* Whose reader has gone. */
static void give_up_abandoned(struct rt_scheduler *s)
{
    for (struct rt_slot *slot = s->slots; slot < s->slots + s->slot_count; slot++)
        if (slot->job && atomic_load(&slot->job->abandoned))
            finish_slot(s, slot, RT_JOB_DONE);
}

/* The engine refuses a step: which does not happen, as every step is made to fit; if it did, the youngest answer would be the one to pay. */
static void fail_step(struct rt_scheduler *s, const struct rt_error *error)
{
    struct rt_slot *slot = youngest(s);
    slot->job->error = *error;
    finish_slot(s, slot, RT_JOB_FAILED);
}

static void show_state(struct rt_scheduler *s)
{
    const struct rt_engine_pages pages = rt_engine_pages(s->site->engine);
    struct rt_counters *c = &s->counters;
    uint32_t busy = 0, growing = 0;
    for (uint32_t i = 0; i < s->slot_count; i++) {
        busy += s->slots[i].job != NULL;
        growing += grows(&s->slots[i]);
    }
    atomic_store_explicit(&c->decoding, growing, memory_order_relaxed);
    atomic_store_explicit(&c->prefilling, busy - growing, memory_order_relaxed);
    atomic_store_explicit(&c->pages_free, pages.free, memory_order_relaxed);
    atomic_store_explicit(&c->pages_idle, pages.idle, memory_order_relaxed);
}

int rt_scheduler_step(struct rt_scheduler *s)
{
    struct rt_error error;
    give_up_abandoned(s);
    rt_line_take(s);
    rt_line_admit(s);
    if (put_together(s)) {
        if (rt_engine_step(s->site->engine, s->runs, s->run_count, &error)) {
            fail_step(s, &error);
        } else {
            choose_all(s);
            for (uint32_t i = 0; i < s->run_count; i++)
                settle(s, s->run_slots[i], &s->runs[i]);
            count(&s->counters.steps, 1);
        }
    }
    show_state(s);
    return s->run_count > 0;
}
