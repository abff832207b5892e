/* generate.c: the loop from prompt to answer: prefill in chunks, then one token after another. */
#include "runtime/generate.h"

#include "runtime/clock.h"
#include "runtime/scope.h"

struct generation { /* one request under way */
    struct rt_site *site;
    struct rt_sequence *sequence;
    const struct rt_request *request;
    struct rt_completion *completion;
    struct rt_sampler_space *space;
    size_t emitted; /* bytes of the text already handed out */
    int cancelled;
};

static int asked_to_stop(struct generation *g)
{
    const struct rt_request *request = g->request;
    if (!g->cancelled && request->cancelled && request->cancelled(request->user))
        g->cancelled = 1;
    return g->cancelled;
}

static void hand_out(struct generation *g)
{
    size_t bytes;
    const char *text = rt_completion_shown(g->completion, &bytes);
    if (bytes > g->emitted && g->request->emit && g->request->emit(g->request->user, text + g->emitted, bytes - g->emitted))
        g->cancelled = 1;
    g->emitted = bytes;
}

/* Returns with the logits of the prompt's last token in the engine, or cancelled. */
static int prefill(struct generation *g, struct rt_error *error)
{
    const struct rt_request *request = g->request;
    for (uint32_t done = 0; done < request->prompt_count && !asked_to_stop(g);) {
        uint32_t left = request->prompt_count - done, count = left < g->site->max_rows ? left : g->site->max_rows;
        struct rt_run run = {.sequence = g->sequence, .tokens = request->prompt + done, .count = count};
        if (rt_engine_step(g->site->engine, &run, 1, error))
            return -1;
        rt_completion_see(g->completion, request->prompt + done, count);
        done += count;
    }
    return 0;
}

/* One token after another; the engine holds the logits for the first. */
static int decode(struct generation *g, struct rt_error *error)
{
    for (uint32_t id; !asked_to_stop(g);) {
        const int ended = rt_completion_next(g->completion, g->space, rt_engine_logits(g->site->engine, 0), &id, error);
        if (ended < 0)
            return -1;
        hand_out(g);
        if (ended)
            return 0;
        struct rt_run run = {.sequence = g->sequence, .tokens = &id, .count = 1};
        if (!asked_to_stop(g) && rt_engine_step(g->site->engine, &run, 1, error))
            return -1;
    }
    return rt_completion_end(g->completion, RT_FINISH_CANCELLED, error);
}

static int answer_request(struct generation *g, struct rt_error *error)
{
    struct rt_result *result = rt_completion_result(g->completion);
    const double start = rt_seconds();
    if (prefill(g, error))
        return -1;
    const double middle = rt_seconds();
    result->prefill_s = middle - start;
    if (!g->cancelled && !g->request->max_new) {
        if (rt_completion_end(g->completion, RT_FINISH_LENGTH, error))
            return -1;
    } else if (decode(g, error)) {
        return -1;
    }
    result->decode_s = rt_seconds() - middle;
    hand_out(g);
    return 0;
}

int rt_generate(struct rt_site *site, struct rt_sequence *sequence, const struct rt_request *request, struct rt_result *out,
                struct rt_error *error)
{
    *out = (struct rt_result){0};
    const struct rt_completion_terms terms = {
        .max_new = request->max_new,
        .sampling = request->sampling,
        .stops = request->stops,
        .stop_count = request->stop_count,
        .logprobs = RT_NO_LOGPROBS,
        .logits_chain = request->logits_chain,
    };
    RT_CLEAN(rt_completion_close) struct rt_completion *completion = NULL;
    RT_CLEAN(rt_sampler_space_close) struct rt_sampler_space *space = NULL;
    const uint64_t length = (uint64_t)rt_sequence_length(sequence) + request->prompt_count;
    if (!request->prompt_count)
        return rt_fail(error, RT_EXIT_USAGE, "the prompt is empty; give at least one token");
    if (rt_completion_open(&completion, site, &terms, length < UINT32_MAX ? (uint32_t)length : UINT32_MAX, error) ||
        rt_sampler_space_open(&space, site->manifest->model.vocab, error))
        return -1;
    struct generation g = {.site = site, .sequence = sequence, .request = request, .completion = completion, .space = space};
    if (answer_request(&g, error))
        return -1;
    *out = *rt_completion_result(completion);
    out->prompt_tokens = request->prompt_count;
    *rt_completion_result(completion) = (struct rt_result){0};
    return 0;
}
