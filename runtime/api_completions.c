/* api_completions.c: POST /v1/completions (https://platform.openai.com/docs/api-reference/completions/create): texts or token ids that are
 * gone on with, one or several. */
#include "runtime/api_call.h"
#include "runtime/api_grammar.h"
#include "runtime/api_prompts.h"
#include "runtime/scope.h"

enum { DEFAULT_NEW = 16 }; /* as there */

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
    return rt_api_prompts_read(terms, call->at->answerer.site, rt_api_get(request, "prompt"), "prompt", echo, error);
}

int rt_api_completions(struct rt_api_call *call, struct rt_api_error *error)
{
    RT_CLEAN(rt_answer_terms_close) struct rt_answer_terms terms = rt_api_terms(call, RT_ANSWER_COMPLETION);
    if (rt_api_parse(&terms.request, call->body, call->body_bytes, error) ||
        read_terms(&terms, call, yyjson_doc_get_root(terms.request), error))
        return -1;
    return rt_answer_open(&call->answer, &call->at->answerer, &terms, error);
}
