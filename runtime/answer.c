/* answer.c: see answer.h. */
#include "runtime/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/receipt.h"
#include "runtime/scope.h"

enum {
    TEXT_BYTES_PER_TOKEN = 16, /* reserved; more is found where it is needed */
    OUTGROWN_MAX = 40,         /* texts, each twice as long as the one before */
};

struct token {
    uint32_t id;
    float logprob;
    size_t text_end;
};

struct rt_answer {
    const struct rt_site *site;
    struct rt_answer_terms terms;
    char *stops[RT_ANSWER_STOPS_MAX]; /* 0-terminated, the answer's */
    struct rt_result result;
    struct rt_sampler *sampler;
    struct rt_decoder *decoder;
    struct token *records;  /* [max_new + 1] */
    struct rt_logprob *top; /* [max_new + 1][logprobs] */
    uint32_t most;          /* tokens that there is room for in the context */
    size_t passed;          /* bytes of the text that no stop can begin in any more */
    int stopped;            /* by a stop text */
    char *outgrown[OUTGROWN_MAX];
    size_t outgrown_count;
    /* for other threads: each pair is written from left to right, and read from right to left */
    char *_Atomic shown_text;
    _Atomic size_t shown;
    _Atomic uint32_t count;
};

/* ---- opening and closing ---- */

static int copy_stops(struct rt_answer *a, const struct rt_answer_terms *terms, struct rt_error *error)
{
    if (terms->stop_count > RT_ANSWER_STOPS_MAX)
        return rt_fail(error, RT_EXIT_USAGE, "%zu stop texts; give at most %d", terms->stop_count, RT_ANSWER_STOPS_MAX);
    for (size_t i = 0; i < terms->stop_count; i++) {
        if (strlen(terms->stops[i]) > RT_STOP_BYTES_MAX)
            return rt_fail(error, RT_EXIT_USAGE, "a stop text of %zu bytes; give at most %d", strlen(terms->stops[i]), RT_STOP_BYTES_MAX);
        a->stops[i] = strdup(terms->stops[i]);
        if (!a->stops[i])
            return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the stop texts");
    }
    a->terms.stops = NULL;
    return 0;
}

/* Room for the whole answer, so that the loop over its tokens allocates nothing. */
static int reserve(struct rt_answer *a, struct rt_error *error)
{
    const size_t tokens = (size_t)a->most + 1;
    struct rt_result *result = &a->result;
    result->tokens.room = tokens;
    result->text_room = TEXT_BYTES_PER_TOKEN * tokens;
    result->tokens.ids = malloc(tokens * sizeof *result->tokens.ids);
    result->text = malloc(result->text_room);
    a->records = malloc(tokens * sizeof *a->records);
    if (a->terms.logprobs > 0)
        a->top = malloc(tokens * (size_t)a->terms.logprobs * sizeof *a->top);
    if (!result->tokens.ids || !result->text || !a->records || (a->terms.logprobs > 0 && !a->top))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for an answer of %u tokens; give a smaller -n", a->most);
    result->text[0] = 0;
    atomic_store(&a->shown_text, result->text);
    return 0;
}

int rt_answer_open(struct rt_answer **out, const struct rt_site *site, const struct rt_answer_terms *terms, uint32_t prompt_tokens,
                   struct rt_error *error)
{
    *out = NULL;
    if (!prompt_tokens)
        return rt_fail(error, RT_EXIT_USAGE, "the prompt is empty; give at least one token");
    if (prompt_tokens > site->context)
        return rt_fail(error, RT_EXIT_RESOURCES, "the prompt makes %u tokens and the context holds %u; shorten it or give a larger --ctx",
                       prompt_tokens, site->context);
    RT_CLEAN(rt_answer_close) struct rt_answer *a = calloc(1, sizeof *a);
    if (!a)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for an answer");
    a->site = site;
    a->terms = *terms;
    a->result = (struct rt_result){.prompt_tokens = prompt_tokens, .end_token = -1};
    const uint32_t room = site->context - prompt_tokens + 1; /* the last token needs no place in the cache */
    a->most = terms->max_new < room ? terms->max_new : room;
    if (copy_stops(a, terms, error) || reserve(a, error) ||
        rt_sampler_open(&a->sampler, site->kernels, site->manifest->model.vocab, &terms->sampling, error) ||
        rt_decoder_open(&a->decoder, site->tokenizer, terms->keep_special, error))
        return -1;
    *out = RT_MOVE(a);
    return 0;
}

void rt_answer_close(struct rt_answer **answer)
{
    struct rt_answer *a = *answer;
    *answer = NULL;
    if (!a)
        return;
    for (size_t i = 0; i < a->terms.stop_count; i++)
        free(a->stops[i]);
    while (a->outgrown_count)
        free(a->outgrown[--a->outgrown_count]);
    rt_result_close(&a->result);
    rt_sampler_close(&a->sampler);
    rt_decoder_close(&a->decoder);
    free(a->records);
    free(a->top);
    free(a);
}

void rt_result_close(struct rt_result *result)
{
    free(result->text);
    free(result->tokens.ids);
    *result = (struct rt_result){0};
}

/* ---- text and stops ---- */

/* The old text stays where it is: somebody may be reading it. */
static int grow_text(struct rt_answer *a, size_t room, struct rt_error *error)
{
    char *grown = a->outgrown_count < OUTGROWN_MAX ? malloc(room) : NULL;
    if (!grown)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the answer");
    memcpy(grown, a->result.text, a->result.text_bytes + 1);
    a->outgrown[a->outgrown_count++] = a->result.text;
    a->result.text = grown;
    a->result.text_room = room;
    return 0;
}

static int append_text(struct rt_answer *a, const char *text, size_t bytes, struct rt_error *error)
{
    struct rt_result *result = &a->result;
    size_t room = result->text_room;
    while (result->text_bytes + bytes >= room)
        room *= 2;
    if (room > result->text_room && grow_text(a, room, error))
        return -1;
    memcpy(result->text + result->text_bytes, text, bytes);
    result->text_bytes += bytes;
    result->text[result->text_bytes] = 0;
    return 0;
}

/* Ends the text at the first stop in what has not been shown yet. */
static void cut_at_stop(struct rt_answer *a)
{
    struct rt_result *result = &a->result;
    for (size_t at = a->passed; at < result->text_bytes; at++)
        for (size_t i = 0; i < a->terms.stop_count; i++) {
            size_t bytes = strlen(a->stops[i]);
            if (!bytes || bytes > result->text_bytes - at || memcmp(result->text + at, a->stops[i], bytes))
                continue;
            result->text_bytes = at;
            result->text[at] = 0;
            a->stopped = 1;
            return;
        }
}

/* How many bytes at the end could still grow into a stop. */
static size_t held_back(const struct rt_answer *a)
{
    const struct rt_result *result = &a->result;
    size_t longest = 0, open = result->text_bytes - a->passed;
    for (size_t i = 0; i < a->terms.stop_count; i++) {
        size_t most = strlen(a->stops[i]) < open ? strlen(a->stops[i]) : open;
        for (size_t n = most; n > longest; n--)
            if (!memcmp(result->text + result->text_bytes - n, a->stops[i], n))
                longest = n;
    }
    return longest;
}

static int show(struct rt_answer *a, const char *text, size_t bytes, int final, struct rt_error *error)
{
    if (append_text(a, text, bytes, error))
        return -1;
    cut_at_stop(a);
    a->passed = a->result.text_bytes - (final || a->stopped ? 0 : held_back(a));
    atomic_store_explicit(&a->shown_text, a->result.text, memory_order_release);
    atomic_store_explicit(&a->shown, a->passed, memory_order_release);
    return 0;
}

/* ---- logprobs ---- */

static double log_of_sum(const struct rt_answer *a, const float *logits, float top)
{
    double sum = 0;
    for (uint32_t i = 0; i < a->site->manifest->model.vocab; i++)
        sum += (double)kn_exp(a->site->kernels, logits[i] - top);
    return log(sum);
}

/* The n likeliest, likeliest first, equal ones by id. */
static void find_likeliest(struct rt_logprob *out, size_t n, const float *logits, uint32_t vocab)
{
    size_t count = 0;
    for (uint32_t i = 0; i < vocab; i++) {
        if (count == n && logits[i] <= out[n - 1].logprob)
            continue;
        size_t at = count < n ? count++ : n - 1;
        for (; at > 0 && out[at - 1].logprob < logits[i]; at--)
            out[at] = out[at - 1];
        out[at] = (struct rt_logprob){i, logits[i]};
    }
    for (; count < n; count++) /* a vocabulary of fewer */
        out[count] = out[0];
}

/* Of the chosen token; notes those of the likeliest. */
static float rate(struct rt_answer *a, const float *logits, uint32_t chosen)
{
    const size_t count = a->terms.logprobs ? (size_t)a->terms.logprobs : 1;
    struct rt_logprob first, *top = a->terms.logprobs ? a->top + a->result.tokens.count * count : &first;
    find_likeliest(top, count, logits, a->site->manifest->model.vocab);
    const float largest = top[0].logprob;
    const double sum = log_of_sum(a, logits, largest);
    for (size_t i = 0; i < count; i++)
        top[i].logprob = (float)((double)(top[i].logprob - largest) - sum);
    return (float)((double)(logits[chosen] - largest) - sum);
}

/* ---- the next token ---- */

static int ends_answer(const struct rt_site *site, uint32_t id)
{
    for (uint32_t i = 0; i < site->generation.stop_count; i++)
        if (site->generation.stop_ids[i] == id)
            return 1;
    return 0;
}

/* How many tokens the sequence has before the next one. */
static uint32_t position_of(const struct rt_answer *a)
{
    return a->result.prompt_tokens + (uint32_t)a->result.tokens.count;
}

static uint32_t choose(struct rt_answer *a, struct rt_sampler_space *space, const float *logits)
{
    struct token *record = &a->records[a->result.tokens.count];
    const uint32_t vocab = a->site->manifest->model.vocab;
    if (a->terms.logits_chain)
        rt_logits_chain(a->terms.logits_chain, logits, vocab);
    record->id = rt_sampler_pick(a->sampler, space, logits, NULL, position_of(a));
    if (a->terms.logprobs != RT_NO_LOGPROBS)
        record->logprob = rate(a, logits, record->id);
    return record->id;
}

static int finish(struct rt_answer *a, enum rt_finish finish, struct rt_error *error)
{
    size_t bytes = 0;
    const char *text = a->stopped ? "" : rt_decoder_end(a->decoder, &bytes);
    a->result.finish = finish;
    return show(a, text, bytes, 1, error) ? -1 : 1;
}

int rt_answer_next(struct rt_answer *a, struct rt_sampler_space *space, const float *logits, uint32_t *id, struct rt_error *error)
{
    struct rt_tokens *tokens = &a->result.tokens;
    const uint32_t chosen = *id = choose(a, space, logits);
    if (ends_answer(a->site, chosen)) {
        a->result.end_token = chosen;
        return finish(a, RT_FINISH_STOP, error);
    }
    size_t bytes;
    const char *text = rt_decoder_feed(a->decoder, chosen, &bytes);
    if (show(a, text, bytes, 0, error))
        return -1;
    rt_sampler_answer(a->sampler, chosen);
    a->records[tokens->count].text_end = a->result.text_bytes;
    tokens->ids[tokens->count++] = chosen;
    atomic_store_explicit(&a->count, (uint32_t)tokens->count, memory_order_release);
    if (a->stopped)
        return finish(a, RT_FINISH_STOP, error);
    return tokens->count == a->most ? finish(a, RT_FINISH_LENGTH, error) : 0;
}

int rt_answer_end(struct rt_answer *a, enum rt_finish how, struct rt_error *error)
{
    return finish(a, how, error) < 0 ? -1 : 0;
}

void rt_answer_see(struct rt_answer *a, const uint32_t *prompt, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rt_sampler_see(a->sampler, prompt[i]);
}

/* ---- for readers ---- */

const char *rt_answer_shown(const struct rt_answer *a, size_t *bytes)
{
    *bytes = atomic_load_explicit(&a->shown, memory_order_acquire);
    return atomic_load_explicit(&a->shown_text, memory_order_acquire);
}

uint32_t rt_answer_tokens(const struct rt_answer *a)
{
    return atomic_load_explicit(&a->count, memory_order_acquire);
}

struct rt_answer_token rt_answer_token(const struct rt_answer *a, uint32_t i)
{
    const struct token *record = &a->records[i];
    return (struct rt_answer_token){
        .id = record->id,
        .text_end = record->text_end,
        .logprob = record->logprob,
        .top = a->terms.logprobs > 0 ? a->top + i * (size_t)a->terms.logprobs : NULL,
    };
}

struct rt_result *rt_answer_result(struct rt_answer *a)
{
    return &a->result;
}
