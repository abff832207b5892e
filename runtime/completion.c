/* completion.c: see completion.h. */
#include "runtime/completion.h"

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

struct rt_completion {
    const struct rt_site *site;
    struct rt_completion_terms terms;
    char *stops[RT_STOP_TEXTS_MAX]; /* 0-terminated, the answer's */
    struct rt_result result;
    struct rt_sampler *sampler;
    struct rt_decoder *decoder;
    struct rt_constraint *constraint; /* NULL: any token may come */
    uint32_t *allowed;                /* [vocab / 32], for the next token */
    struct token *records;            /* [max_new + 1] */
    struct rt_logprob *top;           /* [max_new + 1][logprobs] */
    uint32_t most;                    /* tokens that there is room for in the context */
    size_t passed;                    /* bytes of the text that no stop can begin in any more */
    int stopped;                      /* by a stop text */
    char *outgrown[OUTGROWN_MAX];
    size_t outgrown_count;
    /* for other threads: each pair is written from left to right, and read from right to left */
    char *_Atomic shown_text;
    _Atomic size_t shown;
    _Atomic uint32_t count;
};

/* ---- opening and closing ---- */

static int copy_stops(struct rt_completion *c, const struct rt_completion_terms *terms, struct rt_error *error)
{
    if (terms->stop_count > RT_STOP_TEXTS_MAX)
        return rt_fail(error, RT_EXIT_USAGE, "%zu stop texts; give at most %d", terms->stop_count, RT_STOP_TEXTS_MAX);
    for (size_t i = 0; i < terms->stop_count; i++) {
        if (strlen(terms->stops[i]) > RT_STOP_BYTES_MAX)
            return rt_fail(error, RT_EXIT_USAGE, "a stop text of %zu bytes; give at most %d", strlen(terms->stops[i]), RT_STOP_BYTES_MAX);
        c->stops[i] = strdup(terms->stops[i]);
        if (!c->stops[i])
            return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the stop texts");
    }
    c->terms.stops = NULL;
    return 0;
}

/* Room for the whole answer, so that the loop over its tokens allocates nothing. */
static int reserve(struct rt_completion *c, struct rt_error *error)
{
    const size_t tokens = (size_t)c->most + 1;
    struct rt_result *result = &c->result;
    result->tokens.room = tokens;
    result->text_room = TEXT_BYTES_PER_TOKEN * tokens;
    result->tokens.ids = malloc(tokens * sizeof *result->tokens.ids);
    result->text = malloc(result->text_room);
    c->records = malloc(tokens * sizeof *c->records);
    if (c->terms.logprobs > 0)
        c->top = malloc(tokens * (size_t)c->terms.logprobs * sizeof *c->top);
    if (!result->tokens.ids || !result->text || !c->records || (c->terms.logprobs > 0 && !c->top))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for an answer of %u tokens; ask for fewer", c->most);
    result->text[0] = 0;
    atomic_store(&c->shown_text, result->text);
    return 0;
}

static int open_constraint(struct rt_completion *c, struct rt_error *error)
{
    const struct rt_generation *generation = &c->site->generation;
    const uint32_t vocab = c->site->manifest->model.vocab;
    if (!c->terms.grammar)
        return 0;
    if (!generation->stop_count)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s names no token that ends an answer, so none can follow a grammar",
                       c->site->manifest->name);
    c->allowed = calloc((vocab + 31) / 32, sizeof *c->allowed);
    if (!c->allowed)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for an answer");
    return rt_constraint_open(&c->constraint, c->terms.grammar, c->site->token_bytes, vocab, generation->stop_ids, generation->stop_count,
                              error);
}

int rt_completion_open(struct rt_completion **out, const struct rt_site *site, const struct rt_completion_terms *terms,
                       uint32_t prompt_tokens, struct rt_error *error)
{
    *out = NULL;
    if (!prompt_tokens)
        return rt_fail(error, RT_EXIT_USAGE, "the prompt is empty; give at least one token");
    if (prompt_tokens > site->context)
        return rt_fail(error, RT_EXIT_RESOURCES, "the prompt makes %u tokens and the context holds %u; shorten it or give a larger --ctx",
                       prompt_tokens, site->context);
    RT_CLEAN(rt_completion_close) struct rt_completion *c = calloc(1, sizeof *c);
    if (!c)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for an answer");
    c->site = site;
    c->terms = *terms;
    if (c->terms.grammar)
        rt_grammar_share(c->terms.grammar);
    c->result = (struct rt_result){.prompt_tokens = prompt_tokens, .end_token = -1};
    const uint32_t room = site->context - prompt_tokens + 1; /* the last token needs no place in the cache */
    c->most = terms->max_new < room ? terms->max_new : room;
    if (copy_stops(c, terms, error) || reserve(c, error) ||
        rt_sampler_open(&c->sampler, site->kernels, site->manifest->model.vocab, &terms->sampling, error) ||
        rt_decoder_open(&c->decoder, site->tokenizer, terms->keep_special, error) || open_constraint(c, error))
        return -1;
    *out = RT_MOVE(c);
    return 0;
}

void rt_completion_close(struct rt_completion **completion)
{
    struct rt_completion *c = *completion;
    *completion = NULL;
    if (!c)
        return;
    for (size_t i = 0; i < c->terms.stop_count; i++)
        free(c->stops[i]);
    while (c->outgrown_count)
        free(c->outgrown[--c->outgrown_count]);
    rt_result_close(&c->result);
    rt_sampler_close(&c->sampler);
    rt_decoder_close(&c->decoder);
    rt_constraint_close(&c->constraint);
    rt_grammar_close(&c->terms.grammar);
    free(c->allowed);
    free(c->records);
    free(c->top);
    free(c);
}

void rt_result_close(struct rt_result *result)
{
    free(result->text);
    free(result->tokens.ids);
    *result = (struct rt_result){0};
}

/* ---- text and stops ---- */

/* The old text stays where it is: somebody may be reading it. */
static int grow_text(struct rt_completion *c, size_t room, struct rt_error *error)
{
    char *grown = c->outgrown_count < OUTGROWN_MAX ? malloc(room) : NULL;
    if (!grown)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the answer");
    memcpy(grown, c->result.text, c->result.text_bytes + 1);
    c->outgrown[c->outgrown_count++] = c->result.text;
    c->result.text = grown;
    c->result.text_room = room;
    return 0;
}

static int append_text(struct rt_completion *c, const char *text, size_t bytes, struct rt_error *error)
{
    struct rt_result *result = &c->result;
    size_t room = result->text_room;
    while (result->text_bytes + bytes >= room)
        room *= 2;
    if (room > result->text_room && grow_text(c, room, error))
        return -1;
    memcpy(result->text + result->text_bytes, text, bytes);
    result->text_bytes += bytes;
    result->text[result->text_bytes] = 0;
    return 0;
}

/* Ends the text at the first stop in what has not been shown yet. */
static void cut_at_stop(struct rt_completion *c)
{
    struct rt_result *result = &c->result;
    for (size_t at = c->passed; at < result->text_bytes; at++)
        for (size_t i = 0; i < c->terms.stop_count; i++) {
            size_t bytes = strlen(c->stops[i]);
            if (!bytes || bytes > result->text_bytes - at || memcmp(result->text + at, c->stops[i], bytes))
                continue;
            result->text_bytes = at;
            result->text[at] = 0;
            c->stopped = 1;
            return;
        }
}

/* How many bytes at the end could still grow into a stop. */
static size_t held_back(const struct rt_completion *c)
{
    const struct rt_result *result = &c->result;
    size_t longest = 0, open = result->text_bytes - c->passed;
    for (size_t i = 0; i < c->terms.stop_count; i++) {
        size_t most = strlen(c->stops[i]) < open ? strlen(c->stops[i]) : open;
        for (size_t n = most; n > longest; n--)
            if (!memcmp(result->text + result->text_bytes - n, c->stops[i], n))
                longest = n;
    }
    return longest;
}

static int show(struct rt_completion *c, const char *text, size_t bytes, int final, struct rt_error *error)
{
    if (append_text(c, text, bytes, error))
        return -1;
    cut_at_stop(c);
    c->passed = c->result.text_bytes - (final || c->stopped ? 0 : held_back(c));
    atomic_store_explicit(&c->shown_text, c->result.text, memory_order_release);
    atomic_store_explicit(&c->shown, c->passed, memory_order_release);
    return 0;
}

/* ---- logprobs ---- */

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
static float rate(struct rt_completion *c, struct rt_sampler_space *space, const float *logits, uint32_t chosen)
{
    const size_t count = c->terms.logprobs ? (size_t)c->terms.logprobs : 1;
    struct rt_logprob first, *top = c->terms.logprobs ? c->top + c->result.tokens.count * count : &first;
    find_likeliest(top, count, logits, c->site->manifest->model.vocab);
    const float largest = top[0].logprob;
    const double sum = log(rt_sampler_space_sum(space, c->site->kernels, logits, c->site->manifest->model.vocab, largest));
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
static uint32_t position_of(const struct rt_completion *c)
{
    return c->result.prompt_tokens + (uint32_t)c->result.tokens.count;
}

static uint32_t choose(struct rt_completion *c, struct rt_sampler_space *space, const float *logits)
{
    struct token *record = &c->records[c->result.tokens.count];
    const uint32_t vocab = c->site->manifest->model.vocab;
    if (c->terms.logits_chain)
        rt_logits_chain(c->terms.logits_chain, logits, vocab);
    if (c->constraint)
        rt_constraint_mask(c->constraint, c->allowed);
    record->id = rt_sampler_pick(c->sampler, space, logits, c->constraint ? c->allowed : NULL, position_of(c));
    if (c->terms.logprobs != RT_NO_LOGPROBS)
        record->logprob = rate(c, space, logits, record->id);
    return record->id;
}

static int finish(struct rt_completion *c, enum rt_finish finish, struct rt_error *error)
{
    size_t bytes = 0;
    const char *text = c->stopped ? "" : rt_decoder_end(c->decoder, &bytes);
    c->result.finish = finish;
    return show(c, text, bytes, 1, error) ? -1 : 1;
}

int rt_completion_next(struct rt_completion *c, struct rt_sampler_space *space, const float *logits, uint32_t *id, struct rt_error *error)
{
    struct rt_tokens *tokens = &c->result.tokens;
    const uint32_t chosen = *id = choose(c, space, logits);
    if (ends_answer(c->site, chosen)) {
        c->result.end_token = chosen;
        return finish(c, RT_FINISH_STOP, error);
    }
    size_t bytes;
    const char *text = rt_decoder_feed(c->decoder, chosen, &bytes);
    if (show(c, text, bytes, 0, error))
        return -1;
    rt_sampler_answer(c->sampler, chosen);
    if (c->constraint && rt_constraint_accept(c->constraint, chosen))
        return rt_fail(error, RT_EXIT_FAILED, "the grammar does not take token %u, which it has allowed", chosen);
    c->records[tokens->count].text_end = c->result.text_bytes;
    tokens->ids[tokens->count++] = chosen;
    atomic_store_explicit(&c->count, (uint32_t)tokens->count, memory_order_release);
    if (c->stopped)
        return finish(c, RT_FINISH_STOP, error);
    return tokens->count == c->most ? finish(c, RT_FINISH_LENGTH, error) : 0;
}

int rt_completion_end(struct rt_completion *c, enum rt_finish how, struct rt_error *error)
{
    return finish(c, how, error) < 0 ? -1 : 0;
}

void rt_completion_see(struct rt_completion *c, const uint32_t *prompt, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rt_sampler_see(c->sampler, prompt[i]);
}

/* ---- for readers ---- */

const char *rt_completion_shown(const struct rt_completion *c, size_t *bytes)
{
    *bytes = atomic_load_explicit(&c->shown, memory_order_acquire);
    return atomic_load_explicit(&c->shown_text, memory_order_acquire);
}

uint32_t rt_completion_tokens(const struct rt_completion *c)
{
    return atomic_load_explicit(&c->count, memory_order_acquire);
}

struct rt_completion_token rt_completion_token(const struct rt_completion *c, uint32_t i)
{
    const struct token *record = &c->records[i];
    return (struct rt_completion_token){
        .id = record->id,
        .text_end = record->text_end,
        .logprob = record->logprob,
        .top = c->terms.logprobs > 0 ? c->top + i * (size_t)c->terms.logprobs : NULL,
    };
}

struct rt_result *rt_completion_result(struct rt_completion *c)
{
    return &c->result;
}
