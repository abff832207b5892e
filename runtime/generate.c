/* generate.c: the loop from prompt to answer: prefill in chunks, then pick, decode, look for a stop text, step. */
#include "runtime/generate.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/receipt.h"
#include "runtime/scope.h"

enum { TEXT_BYTES_PER_TOKEN = 16 }; /* reserved; more is found where it is needed */

struct answer { /* one request under way */
    const struct rt_request *request;
    struct rt_result *result;
    struct rt_decoder *decoder;
    struct rt_sampler *sampler;
    size_t emitted; /* bytes of the text already handed out */
    int stopped;    /* by a stop text */
    int cancelled;
};

/* ---- text and stops ---- */

/* Room for an answer of `tokens` tokens, so that the loop over them allocates nothing but for unusually long texts. */
static int reserve(struct rt_result *result, size_t tokens, struct rt_error *error)
{
    result->tokens.room = tokens + 1;
    result->text_room = TEXT_BYTES_PER_TOKEN * (tokens + 1);
    result->tokens.ids = malloc(result->tokens.room * sizeof *result->tokens.ids);
    result->text = malloc(result->text_room);
    if (!result->tokens.ids || !result->text)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for an answer of %zu tokens; give a smaller -n", tokens);
    result->text[0] = 0;
    return 0;
}

static int append_text(struct rt_result *result, const char *text, size_t bytes, struct rt_error *error)
{
    size_t room = result->text_room;
    while (result->text_bytes + bytes >= room)
        room *= 2;
    if (room > result->text_room) {
        char *grown = realloc(result->text, room);
        if (!grown)
            return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the answer");
        result->text = grown;
        result->text_room = room;
    }
    memcpy(result->text + result->text_bytes, text, bytes);
    result->text_bytes += bytes;
    result->text[result->text_bytes] = 0;
    return 0;
}

/* Ends the text at the first stop in what has not been handed out yet. */
static void cut_at_stop(struct answer *answer)
{
    struct rt_result *result = answer->result;
    for (size_t at = answer->emitted; at < result->text_bytes; at++)
        for (size_t i = 0; i < answer->request->stop_count; i++) {
            const char *stop = answer->request->stops[i];
            size_t bytes = strlen(stop);
            if (!bytes || bytes > result->text_bytes - at || memcmp(result->text + at, stop, bytes))
                continue;
            result->text_bytes = at;
            result->text[at] = 0;
            answer->stopped = 1;
            return;
        }
}

/* How many bytes at the end could still grow into a stop. */
static size_t held_back(const struct answer *answer)
{
    const struct rt_result *result = answer->result;
    size_t longest = 0, open = result->text_bytes - answer->emitted;
    for (size_t i = 0; i < answer->request->stop_count; i++) {
        const char *stop = answer->request->stops[i];
        size_t most = strlen(stop) < open ? strlen(stop) : open;
        for (size_t n = most; n > longest; n--)
            if (!memcmp(result->text + result->text_bytes - n, stop, n))
                longest = n;
    }
    return longest;
}

static int hand_out(struct answer *answer, const char *text, size_t bytes, int final, struct rt_error *error)
{
    struct rt_result *result = answer->result;
    if (append_text(result, text, bytes, error))
        return -1;
    cut_at_stop(answer);
    size_t end = result->text_bytes - (final || answer->stopped ? 0 : held_back(answer));
    if (end > answer->emitted && answer->request->emit &&
        answer->request->emit(answer->request->user, result->text + answer->emitted, end - answer->emitted))
        answer->cancelled = 1;
    answer->emitted = end;
    return 0;
}

/* ---- tokens ---- */

static int ends_answer(const struct rt_site *site, uint32_t id)
{
    for (uint32_t i = 0; i < site->generation.stop_count; i++)
        if (site->generation.stop_ids[i] == id)
            return 1;
    return 0;
}

static int asked_to_stop(const struct answer *answer)
{
    return answer->cancelled || (answer->request->cancelled && answer->request->cancelled(answer->request->user));
}

/* Returns with the logits of the prompt's last token in the engine, or with answer->cancelled set. */
static int prefill(struct rt_site *site, struct rt_sequence *sequence, struct answer *answer, struct rt_error *error)
{
    const struct rt_request *request = answer->request;
    for (uint32_t done = 0; done < request->prompt_count;) {
        if (asked_to_stop(answer)) {
            answer->cancelled = 1;
            return 0;
        }
        uint32_t left = request->prompt_count - done, count = left < site->max_rows ? left : site->max_rows;
        struct rt_run run = {.sequence = sequence, .tokens = request->prompt + done, .count = count};
        if (rt_engine_step(site->engine, &run, 1, error))
            return -1;
        for (uint32_t i = 0; i < count; i++)
            rt_sampler_see(answer->sampler, request->prompt[done + i]);
        done += count;
    }
    return 0;
}

/* One token after another; the engine holds the logits for the first. */
static int decode(struct rt_site *site, struct rt_sequence *sequence, struct answer *answer, struct rt_error *error)
{
    struct rt_result *result = answer->result;
    for (;;) {
        uint32_t position = rt_sequence_length(sequence);
        float *logits = rt_engine_logits(site->engine, 0);
        if (answer->request->logits_chain)
            rt_logits_chain(answer->request->logits_chain, logits, site->manifest->model.vocab);
        uint32_t id = rt_sampler_pick(answer->sampler, logits, position);
        if (ends_answer(site, id)) {
            result->end_token = id;
            result->finish = RT_FINISH_STOP;
            return 0;
        }
        size_t bytes;
        const char *text = rt_decoder_feed(answer->decoder, id, &bytes);
        result->tokens.ids[result->tokens.count++] = id;
        if (hand_out(answer, text, bytes, 0, error))
            return -1;
        rt_sampler_see(answer->sampler, id);
        if (answer->stopped || asked_to_stop(answer)) {
            result->finish = answer->stopped ? RT_FINISH_STOP : RT_FINISH_CANCELLED;
            return 0;
        }
        if (result->tokens.count == answer->request->max_new || position == site->context) {
            result->finish = RT_FINISH_LENGTH;
            return 0;
        }
        struct rt_run run = {.sequence = sequence, .tokens = &id, .count = 1};
        if (rt_engine_step(site->engine, &run, 1, error))
            return -1;
    }
}

static int answer_request(struct rt_site *site, struct rt_sequence *sequence, struct answer *answer, struct rt_error *error)
{
    struct rt_result *result = answer->result;
    double start = rt_seconds();
    if (prefill(site, sequence, answer, error))
        return -1;
    result->prefill_s = rt_seconds() - start;
    if (answer->cancelled) {
        result->finish = RT_FINISH_CANCELLED;
        return 0;
    }
    start = rt_seconds();
    if (answer->request->max_new == 0)
        result->finish = RT_FINISH_LENGTH;
    else if (decode(site, sequence, answer, error))
        return -1;
    result->decode_s = rt_seconds() - start;
    size_t bytes = 0;
    const char *text = answer->stopped ? "" : rt_decoder_end(answer->decoder, &bytes);
    return hand_out(answer, text, bytes, 1, error);
}

int rt_generate(struct rt_site *site, struct rt_sequence *sequence, const struct rt_request *request, struct rt_result *out,
                struct rt_error *error)
{
    *out = (struct rt_result){.prompt_tokens = request->prompt_count, .end_token = -1};
    uint64_t length = (uint64_t)rt_sequence_length(sequence) + request->prompt_count;
    if (!request->prompt_count)
        return rt_fail(error, RT_EXIT_USAGE, "the prompt is empty; give at least one token");
    if (length > site->context)
        return rt_fail(error, RT_EXIT_RESOURCES, "the prompt makes %llu tokens and the context holds %u; shorten it or give a larger --ctx",
                       (unsigned long long)length, site->context);
    RT_CLEAN(rt_sampler_close) struct rt_sampler *sampler = NULL;
    RT_CLEAN(rt_decoder_close) struct rt_decoder *decoder = NULL;
    if (rt_sampler_open(&sampler, site->kernels, site->manifest->model.vocab, &request->sampling, error) ||
        rt_decoder_open(&decoder, site->tokenizer, 0, error))
        return -1;
    struct answer answer = {.request = request, .result = out, .decoder = decoder, .sampler = sampler};
    size_t most = site->context - length; /* and one more, whose place in the cache is not needed any more */
    if (reserve(out, request->max_new < most ? request->max_new : most + 1, error) || answer_request(site, sequence, &answer, error)) {
        rt_result_close(out);
        return -1;
    }
    return 0;
}

void rt_result_close(struct rt_result *result)
{
    free(result->text);
    free(result->tokens.ids);
    *result = (struct rt_result){0};
}
