/* api_tokens.c: POST /tokenize and /detokenize, as vLLM has them: {"prompt": TEXT} or {"messages": […]} → {"tokens": […], "count",
 * "max_model_len"}, and {"tokens": […]} → {"prompt": TEXT}. */
#include "runtime/api_call.h"
#include "runtime/api_messages.h"
#include "runtime/api_prompt.h"
#include "runtime/scope.h"

static int tokenize_chat(const struct rt_site *site, yyjson_val *request, struct rt_tokens *tokens, struct rt_api_error *error)
{
    yyjson_doc *conversation;
    if (rt_api_messages_read(&conversation, request, error))
        return -1;
    const int failed = rt_api_prompt_chat(site, yyjson_doc_get_root(conversation), tokens, error);
    yyjson_doc_free(conversation);
    return failed;
}

static int tokenize_text(const struct rt_site *site, yyjson_val *request, struct rt_tokens *tokens, struct rt_api_error *error)
{
    int added = 1;
    yyjson_val *prompt = rt_api_get(request, "prompt");
    if (rt_api_flag(request, "add_special_tokens", &added, error))
        return -1;
    if (!yyjson_is_str(prompt))
        return rt_api_fail(error, 400, "invalid_type", "prompt", "prompt is not a string; send that, or messages");
    return rt_api_prompt_text(site, prompt, !added, "prompt", tokens, error);
}

static int reply_tokens(struct rt_api_call *call, const struct rt_tokens *tokens, struct rt_api_error *error)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_uint(doc, root, "count", tokens->count);
    yyjson_mut_obj_add_uint(doc, root, "max_model_len", call->at->limits.context);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "tokens");
    for (size_t i = 0; i < tokens->count; i++)
        yyjson_mut_arr_add_uint(doc, list, tokens->ids[i]);
    return rt_api_reply(call, doc, error);
}

int rt_api_tokenize(struct rt_api_call *call, struct rt_api_error *error)
{
    RT_CLEAN(rt_tokens_close) struct rt_tokens tokens = {0};
    const struct rt_site *site = call->at->answerer.site;
    yyjson_doc *doc;
    if (rt_api_parse(&doc, call->body, call->body_bytes, error))
        return -1;
    yyjson_val *request = yyjson_doc_get_root(doc);
    const int failed = rt_api_get(request, "messages") ? tokenize_chat(site, request, &tokens, error)
                                                       : tokenize_text(site, request, &tokens, error);
    yyjson_doc_free(doc);
    return failed ? -1 : reply_tokens(call, &tokens, error);
}

static int read_ids(const struct rt_api_call *call, struct rt_tokens *tokens, struct rt_api_error *error)
{
    yyjson_doc *doc;
    if (rt_api_parse(&doc, call->body, call->body_bytes, error))
        return -1;
    yyjson_val *ids = rt_api_get(yyjson_doc_get_root(doc), "tokens");
    const int failed = yyjson_is_arr(ids) ? rt_api_prompt_ids(call->at->answerer.site, ids, "tokens", tokens, error)
                                          : rt_api_fail(error, 400, "invalid_type", "tokens", "tokens is not a list of token ids");
    yyjson_doc_free(doc);
    return failed;
}

int rt_api_detokenize(struct rt_api_call *call, struct rt_api_error *error)
{
    RT_CLEAN(rt_tokens_close) struct rt_tokens tokens = {0};
    RT_FREE char *text = NULL;
    const struct rt_site *site = call->at->answerer.site;
    size_t bytes;
    struct rt_error below;
    if (!site->tokenizer)
        return rt_api_fail(error, 501, "unsupported_model", NULL, "%s has no tokenizer", site->manifest->name);
    if (read_ids(call, &tokens, error))
        return -1;
    if (rt_tokenizer_decode(site->tokenizer, tokens.ids, tokens.count, 1, &text, &bytes, &below))
        return rt_api_fail_below(error, "tokens", &below);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_strn(doc, root, "prompt", text, bytes);
    return rt_api_reply(call, doc, error);
}
