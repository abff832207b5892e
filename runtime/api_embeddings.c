/* api_embeddings.c: POST /v1/embeddings (https://platform.openai.com/docs/api-reference/embeddings/create): the direction in which a text lies for
 * the model: the mean of the hidden states of its tokens or, with "pooling": "last", the last one's; of length 1. */
#include "runtime/api_call.h"
#include "runtime/api_prompts.h"
#include "runtime/scope.h"

static int read_pooling(struct rt_answer_terms *terms, yyjson_val *request, struct rt_api_error *error)
{
    yyjson_val *pooling = rt_api_get(request, "pooling");
    terms->pool = yyjson_equals_str(pooling, "last") ? RT_POOL_LAST : RT_POOL_MEAN;
    if (!pooling || terms->pool == RT_POOL_LAST || yyjson_equals_str(pooling, "mean"))
        return 0;
    return rt_api_fail(error, 400, "invalid_value", "pooling", "pooling is not \"mean\" or \"last\"");
}

static int read_format(struct rt_answer_terms *terms, yyjson_val *request, struct rt_api_error *error)
{
    yyjson_val *format = rt_api_get(request, "encoding_format");
    terms->base64 = yyjson_equals_str(format, "base64");
    if (!format || terms->base64 || yyjson_equals_str(format, "float"))
        return 0;
    return rt_api_fail(error, 400, "invalid_value", "encoding_format", "encoding_format is not \"float\" or \"base64\"");
}

static int check_width(yyjson_val *request, uint32_t width, struct rt_api_error *error)
{
    uint64_t wanted = width;
    return rt_api_unsigned(request, "dimensions", width, width, &wanted, error);
}

static int read_terms(struct rt_answer_terms *terms, const struct rt_api_call *call, yyjson_val *request, struct rt_api_error *error)
{
    const struct rt_site *site = call->at->answerer.site;
    const char *unused = NULL;
    terms->params = (struct rt_api_params){.n = 1, .max_new = 1, .logprobs = RT_NO_LOGPROBS, .sampling = call->at->limits.sampling};
    if (rt_api_text(request, "model", &unused, error) || rt_api_text(request, "user", &unused, error) ||
        read_pooling(terms, request, error) || read_format(terms, request, error) ||
        check_width(request, site->manifest->model.hidden, error))
        return -1;
    return rt_api_prompts_read(terms, site, rt_api_get(request, "input"), "input", 0, error);
}

int rt_api_embeddings(struct rt_api_call *call, struct rt_api_error *error)
{
    RT_CLEAN(rt_answer_terms_close) struct rt_answer_terms terms = rt_api_terms(call, RT_ANSWER_VECTORS);
    if (rt_api_parse(&terms.request, call->body, call->body_bytes, error) ||
        read_terms(&terms, call, yyjson_doc_get_root(terms.request), error))
        return -1;
    return rt_answer_open(&call->answer, &call->at->answerer, &terms, error);
}
