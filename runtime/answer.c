/* answer.c: see answer.h. */
#include "runtime/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "runtime/scope.h"

void rt_answer_terms_close(struct rt_answer_terms *terms)
{
    for (size_t i = 0; i < terms->prompt_count; i++) {
        rt_tokens_close(&terms->prompts[i].tokens);
        free(terms->prompts[i].echo);
    }
    free(terms->prompts);
    rt_grammar_close(&terms->grammar);
    rt_api_params_close(&terms->params);
    yyjson_doc_free(terms->request);
    yyjson_doc_free(terms->conversation);
    rt_reply_rule_close(&terms->rule);
    *terms = (struct rt_answer_terms){0};
}

/* ---- how it begins ---- */

static int choose_id(struct rt_answer *answer, struct rt_api_error *error)
{
    uint8_t random[12];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return rt_api_fail(error, 500, NULL, NULL, "the system has no randomness for an id");
    static const char *const kinds[] = {"chatcmpl", "cmpl", "embd"};
    size_t used = (size_t)snprintf(answer->id, sizeof answer->id, "%s-", kinds[answer->terms.kind]);
    for (size_t i = 0; i < sizeof random; i++)
        used += (size_t)snprintf(answer->id + used, sizeof answer->id - used, "%02x", random[i]);
    answer->created = time(NULL);
    return 0;
}

/* Tokens that one answer may have together with its prompt. */
static uint32_t context_of(const struct rt_site *site)
{
    const uint32_t model = site->manifest->model.context;
    return site->context < model ? site->context : model;
}

static int check_prompt(const struct rt_answer *answer, const struct rt_answer_prompt *prompt, struct rt_api_error *error)
{
    const uint32_t context = context_of(answer->by->site);
    static const char *const params[] = {"messages", "prompt", "input"};
    const char *param = params[answer->terms.kind];
    if (!prompt->tokens.count)
        return rt_api_fail(error, 400, "invalid_value", param, "the prompt is empty; give at least one token");
    if (prompt->tokens.count < context)
        return 0;
    return rt_api_fail(error, 400, "context_length_exceeded", param,
                       "the prompt has %zu tokens and the context %u, answer included; shorten it", prompt->tokens.count,
                       (unsigned)context);
}

static int copy_prompt(struct rt_tokens *out, const struct rt_tokens *from)
{
    out->ids = malloc(from->count * sizeof *out->ids);
    if (!out->ids)
        return -1;
    memcpy(out->ids, from->ids, from->count * sizeof *out->ids);
    out->count = out->room = from->count;
    return 0;
}

static struct rt_completion_terms completion_terms(const struct rt_answer *answer, const struct rt_tokens *prompt, uint32_t nth)
{
    const struct rt_api_params *params = &answer->terms.params;
    const uint32_t room = context_of(answer->by->site) - (uint32_t)prompt->count;
    struct rt_completion_terms terms = {
        .max_new = params->max_new && params->max_new < room ? params->max_new : room,
        .sampling = params->sampling,
        .stops = params->stops,
        .stop_count = params->stop_count,
        .grammar = answer->terms.grammar,
        .logprobs = params->logprobs,
    };
    terms.sampling.seed += nth; /* the choices of a prompt have seeds that follow each other */
    return terms;
}

static int begin_receipt(const struct rt_answer *answer, struct rt_choice *choice, struct rt_job_terms *terms, struct rt_error *error)
{
    const enum rt_prompt_form form = answer->terms.kind == RT_ANSWER_CHAT ? RT_PROMPT_CHAT : RT_PROMPT_RAW;
    if (answer->terms.kind == RT_ANSWER_VECTORS)
        return 0;
    if (rt_receipt_begin(&choice->receipt, answer->by->site, &terms->completion.sampling, answer->terms.grammar, &terms->prompt, form, 1,
                         error))
        return -1;
    terms->receipt = 1;
    memcpy(terms->chain, choice->receipt.logits, sizeof terms->chain);
    return 0;
}

/* The rule lies in the terms, which have moved since it was made. */
static int open_said(struct rt_answer *answer, struct rt_choice *choice, struct rt_error *error)
{
    struct rt_said_terms terms = answer->terms.speech;
    if (answer->terms.kind != RT_ANSWER_CHAT)
        return 0;
    terms.rule = answer->terms.rule.prefix ? &answer->terms.rule : NULL;
    return rt_said_open(&choice->said, answer->by->site, &terms, error);
}

static int open_job(struct rt_answer *answer, struct rt_choice *choice, uint32_t nth, struct rt_error *error)
{
    const struct rt_tokens *prompt = &answer->terms.prompts[choice->prompt].tokens;
    struct rt_job_terms terms = {
        .pool = answer->terms.pool,
        .completion = completion_terms(answer, prompt, nth),
        .owner = answer->terms.owner,
        .domain = answer->terms.domain,
        .speculate = !answer->by->plain,
    };
    if (copy_prompt(&terms.prompt, prompt))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the prompt");
    if (!open_said(answer, choice, error) && !begin_receipt(answer, choice, &terms, error))
        return rt_job_open(&choice->job, answer->by->site, &terms, error);
    rt_tokens_close(&terms.prompt);
    return -1;
}

/* Whether there is room for one more of many choices; the first one tries by itself. */
static int has_room(const struct rt_answer *answer)
{
    struct rt_scheduler_state state;
    if (!answer->asked || !answer->by->queue)
        return 1;
    rt_scheduler_state(answer->by->scheduler, &state);
    return state.waiting < (answer->by->queue + 1) / 2;
}

int rt_answer_ask(struct rt_answer *answer, struct rt_api_error *error)
{
    struct rt_error below = {0};
    while (!answer->cancelled && answer->asked < answer->choice_count && has_room(answer)) {
        struct rt_choice *choice = &answer->choices[answer->asked];
        choice->prompt = (uint32_t)(answer->asked / answer->terms.params.n);
        if (!choice->job && open_job(answer, choice, (uint32_t)(answer->asked % answer->terms.params.n), &below))
            return rt_api_fail_below(error, NULL, &below);
        if (!rt_scheduler_submit(answer->by->scheduler, choice->job, &below)) {
            answer->asked++;
            continue;
        }
        if (answer->asked)
            return 0;
        rt_api_fail(error, 429, "queue_full", NULL, "too many answers are being waited for (%s); try again", below.text);
        error->retry_after = 1;
        return -1;
    }
    return 0;
}

static int begin(struct rt_answer *answer, struct rt_api_error *error)
{
    const struct rt_answer_terms *terms = &answer->terms;
    const size_t most = terms->kind == RT_ANSWER_VECTORS ? RT_API_VECTORS_MAX : RT_API_CHOICES_MAX;
    if (terms->prompt_count * terms->params.n > most)
        return rt_api_fail(error, 400, "invalid_value", "n", "more than %zu answers at once", most);
    if (choose_id(answer, error))
        return -1;
    for (size_t i = 0; i < terms->prompt_count; i++) {
        if (check_prompt(answer, &terms->prompts[i], error))
            return -1;
        answer->prompt_tokens += terms->prompts[i].tokens.count;
    }
    answer->choices = calloc(terms->prompt_count * terms->params.n, sizeof *answer->choices);
    if (!answer->choices)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for an answer");
    answer->choice_count = terms->prompt_count * terms->params.n;
    return rt_answer_ask(answer, error);
}

int rt_answer_open(struct rt_answer **out, const struct rt_answerer *by, struct rt_answer_terms *terms, struct rt_api_error *error)
{
    RT_CLEAN(rt_answer_close) struct rt_answer *answer = calloc(1, sizeof *answer);
    if (!answer)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for an answer");
    answer->by = by;
    answer->terms = *terms;
    *terms = (struct rt_answer_terms){0};
    if (begin(answer, error))
        return -1;
    *out = RT_MOVE(answer);
    return 0;
}

/* ---- how it ends ---- */

void rt_answer_cancel(struct rt_answer *answer)
{
    answer->cancelled = 1;
    for (size_t i = 0; i < answer->choice_count; i++)
        rt_job_close(&answer->choices[i].job);
}

void rt_answer_close(struct rt_answer **answer)
{
    if (!*answer)
        return;
    rt_answer_cancel(*answer);
    for (size_t i = 0; i < (*answer)->choice_count; i++) {
        rt_receipt_close(&(*answer)->choices[i].receipt);
        rt_said_close(&(*answer)->choices[i].said);
    }
    free((*answer)->choices);
    rt_answer_terms_close(&(*answer)->terms);
    free(*answer);
    *answer = NULL;
}

/* ---- how far it is ---- */

const struct rt_job *rt_answer_failed(const struct rt_answer *answer)
{
    for (size_t i = 0; i < answer->choice_count; i++)
        if (answer->choices[i].job && rt_job_state(answer->choices[i].job) == RT_JOB_FAILED)
            return answer->choices[i].job;
    return NULL;
}

int rt_answer_finished(const struct rt_answer *answer)
{
    int all = answer->asked == answer->choice_count;
    for (size_t i = 0; i < answer->asked && !answer->cancelled; i++) {
        const enum rt_job_state state = rt_job_state(answer->choices[i].job);
        if (state == RT_JOB_FAILED)
            return 1;
        all &= state == RT_JOB_DONE;
    }
    return all || answer->cancelled;
}

static int choice_has_news(const struct rt_answer *answer, const struct rt_choice *choice)
{
    size_t bytes;
    if (!choice->job || choice->closed)
        return 0;
    if (rt_job_state(choice->job) >= RT_JOB_DONE)
        return 1;
    rt_job_text(choice->job, &bytes);
    return bytes > (answer->terms.kind == RT_ANSWER_CHAT ? choice->said.text : choice->sent_text);
}

int rt_answer_has_news(const struct rt_answer *answer)
{
    for (size_t i = 0; i < answer->choice_count; i++)
        if (choice_has_news(answer, &answer->choices[i]))
            return 1;
    return 0;
}

struct rt_answer_usage rt_answer_usage(const struct rt_answer *answer)
{
    struct rt_answer_usage usage = {.prompt_tokens = answer->prompt_tokens};
    for (size_t i = 0; i < answer->choice_count; i++) {
        const struct rt_job *job = answer->choices[i].job;
        if (!job)
            continue;
        usage.answer_tokens += rt_job_tokens(job);
        if (i % answer->terms.params.n == 0 && rt_job_state(job) == RT_JOB_DONE)
            usage.cached_tokens += rt_job_cached(job);
    }
    return usage;
}
