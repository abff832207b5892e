/* api_completions.c: POST /v1/completions (https://platform.openai.com/docs/api-reference/completions/create): texts or token ids that are
 * gone on with, one or several. */
#include <string.h>

#include "runtime/api_call.h"
#include "runtime/api_grammar.h"
#include "runtime/api_prompt.h"
#include "runtime/scope.h"

enum { DEFAULT_NEW = 16 }; /* as there */

/* ---- prompts ---- */

static int echo_text(struct rt_answer_prompt *prompt, const char *text, size_t bytes, struct rt_api_error *error)
{
    prompt->echo = malloc(bytes + 1);
    if (!prompt->echo)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for the prompt");
    memcpy(prompt->echo, text, bytes);
    prompt->echo_bytes = bytes;
    return 0;
}

static int echo_tokens(struct rt_answer_prompt *prompt, const struct rt_site *site, struct rt_api_error *error)
{
    struct rt_error below;
    if (site->tokenizer &&
        rt_tokenizer_decode(site->tokenizer, prompt->tokens.ids, prompt->tokens.count, 1, &prompt->echo, &prompt->echo_bytes, &below))
        return rt_api_fail_below(error, "prompt", &below);
    return 0;
}

static int read_prompt(struct rt_answer_prompt *out, const struct rt_site *site, yyjson_val *prompt, int echo, struct rt_api_error *error)
{
    if (yyjson_is_arr(prompt)) {
        if (rt_api_prompt_ids(site, prompt, "prompt", &out->tokens, error))
            return -1;
        return echo ? echo_tokens(out, site, error) : 0;
    }
    if (!yyjson_is_str(prompt))
        return rt_api_fail(error, 400, "invalid_type", "prompt",
                           "prompt is no string, list of strings, list of token ids, or list of those");
    if (rt_api_prompt_text(site, yyjson_get_str(prompt), yyjson_get_len(prompt), &out->tokens, error))
        return -1;
    return echo ? echo_text(out, yyjson_get_str(prompt), yyjson_get_len(prompt), error) : 0;
}

/* A list of strings or of lists is several prompts; a list of numbers is one. */
static int is_several(yyjson_val *prompt)
{
    yyjson_val *first = yyjson_arr_get_first(prompt);
    return first && !yyjson_is_num(first);
}

static int read_prompts(struct rt_answer_terms *terms, const struct rt_site *site, yyjson_val *request, int echo,
                        struct rt_api_error *error)
{
    yyjson_val *given = rt_api_get(request, "prompt");
    const size_t count = is_several(given) ? yyjson_arr_size(given) : 1;
    if (count > RT_API_CHOICES_MAX)
        return rt_api_fail(error, 400, "invalid_value", "prompt", "more than %d prompts at once", RT_API_CHOICES_MAX);
    terms->prompts = calloc(count, sizeof *terms->prompts);
    if (!terms->prompts)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for the prompts");
    terms->prompt_count = count;
    for (size_t i = 0; i < count; i++)
        if (read_prompt(&terms->prompts[i], site, is_several(given) ? yyjson_arr_get(given, i) : given, echo, error))
            return -1;
    return 0;
}

/* ---- the rest ---- */

static int read_length(struct rt_api_params *params, yyjson_val *request, struct rt_api_error *error)
{
    uint64_t most = DEFAULT_NEW;
    if (rt_api_unsigned(request, "max_tokens", 1, UINT32_MAX, &most, error))
        return -1;
    params->max_new = (uint32_t)most;
    return 0;
}

static int read_logprobs(struct rt_api_params *params, yyjson_val *request, int echo, struct rt_api_error *error)
{
    uint64_t top = UINT64_MAX;
    if (yyjson_is_bool(rt_api_get(request, "logprobs")) && !yyjson_get_bool(rt_api_get(request, "logprobs")))
        return 0;
    if (rt_api_unsigned(request, "logprobs", 0, RT_TOP_LOGPROBS_MAX, &top, error))
        return -1;
    if (top == UINT64_MAX)
        return 0;
    if (echo)
        return rt_api_fail(error, 400, "unsupported_value", "echo",
                           "echo and logprobs together are not supported: prompts have no logprobs here");
    params->logprobs = (int)top;
    return 0;
}

static int refuse_others(const struct rt_api_params *params, yyjson_val *request, struct rt_api_error *error)
{
    uint64_t best_of = params->n;
    yyjson_val *suffix = rt_api_get(request, "suffix");
    if (suffix && !yyjson_equals_str(suffix, ""))
        return rt_api_fail(error, 400, "unsupported_parameter", "suffix", "suffix is not supported");
    if (rt_api_unsigned(request, "best_of", 1, RT_API_CHOICES_MAX, &best_of, error))
        return -1;
    if (best_of != params->n)
        return rt_api_fail(error, 400, "unsupported_value", "best_of", "best_of is not supported; leave it out, and give n");
    return 0;
}

static int read_terms(struct rt_answer_terms *terms, const struct rt_api_call *call, yyjson_val *request, struct rt_api_error *error)
{
    int echo = 0;
    if (rt_api_params_read(&terms->params, request, &call->at->limits, error) || rt_api_flag(request, "echo", &echo, error) ||
        read_length(&terms->params, request, error) || read_logprobs(&terms->params, request, echo, error) ||
        refuse_others(&terms->params, request, error) || rt_api_grammar_read(&terms->grammar, request, error))
        return -1;
    return read_prompts(terms, call->at->answerer.site, request, echo, error);
}

int rt_api_completions(struct rt_api_call *call, struct rt_api_error *error)
{
    RT_CLEAN(rt_answer_terms_close) struct rt_answer_terms terms = rt_api_terms(call, RT_ANSWER_COMPLETION);
    yyjson_doc *request;
    if (rt_api_parse(&request, call->body, call->body_bytes, error))
        return -1;
    int failed = read_terms(&terms, call, yyjson_doc_get_root(request), error);
    if (!failed)
        failed = rt_answer_open(&call->answer, &call->at->answerer, &terms, error);
    yyjson_doc_free(request);
    return failed;
}
