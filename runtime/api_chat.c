/* api_chat.c: POST /v1/chat/completions (https://platform.openai.com/docs/api-reference/chat/create). What is not known is ignored, as there;
 * what is known and cannot be done is refused. */
#include "runtime/api_call.h"
#include "runtime/api_grammar.h"
#include "runtime/api_messages.h"
#include "runtime/api_prompt.h"
#include "runtime/api_tools.h"
#include "runtime/scope.h"

static int read_length(struct rt_api_params *params, yyjson_val *request, struct rt_api_error *error)
{
    uint64_t most = 0;
    if (rt_api_unsigned(request, "max_tokens", 1, UINT32_MAX, &most, error) ||
        rt_api_unsigned(request, "max_completion_tokens", 1, UINT32_MAX, &most, error))
        return -1;
    params->max_new = (uint32_t)most;
    return 0;
}

static int read_logprobs(struct rt_api_params *params, yyjson_val *request, struct rt_api_error *error)
{
    int wanted = 0;
    uint64_t top = 0;
    if (rt_api_flag(request, "logprobs", &wanted, error) || rt_api_unsigned(request, "top_logprobs", 0, RT_TOP_LOGPROBS_MAX, &top, error))
        return -1;
    if (top && !wanted)
        return rt_api_fail(error, 400, "invalid_value", "top_logprobs", "top_logprobs needs \"logprobs\": true");
    params->logprobs = wanted ? (int)top : -1;
    return 0;
}

static int refuse_old_fields(yyjson_val *request, struct rt_api_error *error)
{
    static const char *const old[] = {"functions", "function_call"};
    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        if (rt_api_get(request, old[i]))
            return rt_api_fail(error, 400, "unsupported_parameter", old[i], "%s is not supported; send tools", old[i]);
    return 0;
}

static int read_prompt(struct rt_answer_terms *terms, const struct rt_site *site, yyjson_val *request, struct rt_api_error *error)
{
    terms->prompts = calloc(1, sizeof *terms->prompts);
    if (!terms->prompts)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for the prompt");
    terms->prompt_count = 1;
    if (rt_api_messages_read(&terms->conversation, request, error))
        return -1;
    return rt_api_prompt_chat(site, yyjson_doc_get_root(terms->conversation), &terms->prompts[0].tokens, error);
}

static int read_terms(struct rt_answer_terms *terms, const struct rt_api_call *call, yyjson_val *request, struct rt_api_error *error)
{
    if (rt_api_params_read(&terms->params, request, &call->at->limits, error) || read_length(&terms->params, request, error) ||
        read_logprobs(&terms->params, request, error) || refuse_old_fields(request, error) ||
        rt_api_grammar_read(&terms->grammar, request, error))
        return -1;
    const struct rt_site *site = call->at->answerer.site;
    return read_prompt(terms, site, request, error) || rt_api_tools_read(terms, site, request, error) ? -1 : 0;
}

int rt_api_chat(struct rt_api_call *call, struct rt_api_error *error)
{
    RT_CLEAN(rt_answer_terms_close) struct rt_answer_terms terms = rt_api_terms(call, RT_ANSWER_CHAT);
    if (rt_api_parse(&terms.request, call->body, call->body_bytes, error) ||
        read_terms(&terms, call, yyjson_doc_get_root(terms.request), error))
        return -1;
    return rt_answer_open(&call->answer, &call->at->answerer, &terms, error);
}
