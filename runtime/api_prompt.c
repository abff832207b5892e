/* api_prompt.c: see api_prompt.h. */
#include "runtime/api_prompt.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/prompt.h"
#include "runtime/scope.h"

enum { TOKEN_BYTES = 64 }; /* no text has more, token by token */

static int no_memory(struct rt_api_error *error)
{
    return rt_api_fail(error, 503, NULL, NULL, "no memory for the prompt");
}

static int needs_tokenizer(const struct rt_site *site, struct rt_api_error *error)
{
    if (site->tokenizer)
        return 0;
    return rt_api_fail(error, 501, "unsupported_model", NULL, "%s has no tokenizer; send token ids as prompt", site->manifest->name);
}

/* Refuses what cannot fit before time is spent on it: everybody else waits meanwhile. */
static int check_length(const struct rt_site *site, size_t messages, size_t bytes, const char *param, struct rt_api_error *error)
{
    const size_t context = site->context < site->manifest->model.context ? site->context : site->manifest->model.context;
    if (messages < context && bytes / TOKEN_BYTES < context)
        return 0;
    return rt_api_fail(error, 400, "context_length_exceeded", param,
                       "%s: %zu bytes are more than the context of %zu tokens holds; shorten it", param, bytes, context);
}

static int check_messages(const struct rt_site *site, yyjson_val *messages, struct rt_api_error *error)
{
    size_t bytes = 0, i, max;
    yyjson_val *message;
    yyjson_arr_foreach(messages, i, max, message)
    {
        bytes += yyjson_get_len(yyjson_obj_get(message, "content"));
    }
    return check_length(site, max, bytes, "messages", error);
}

static int render(const struct rt_site *site, yyjson_val *conversation, struct rt_tokens *out, struct rt_api_error *error)
{
    struct rt_error below;
    const struct rt_template_input input = {
        .messages = yyjson_obj_get(conversation, "messages"),
        .tools = yyjson_obj_get(conversation, "tools"),
        .documents = yyjson_obj_get(conversation, "documents"),
        .variables = yyjson_obj_get(conversation, "variables"),
        .add_generation_prompt = 1,
        .now = RT_NO_DATE,
    };
    if (rt_prompt_render(site->chat_template, site->tokenizer, &input, out, &below)) /* a template may refuse a conversation */
        return rt_api_fail(error, 400, "invalid_value", "messages", "%s", below.text);
    return 0;
}

int rt_api_prompt_chat(const struct rt_site *site, yyjson_val *conversation, struct rt_tokens *out, struct rt_api_error *error)
{
    if (needs_tokenizer(site, error))
        return -1;
    if (!site->chat_template)
        return rt_api_fail(error, 501, "unsupported_model", NULL, "%s: %s; use /v1/completions", site->manifest->name,
                           site->template_error.text);
    return check_messages(site, yyjson_obj_get(conversation, "messages"), error) || render(site, conversation, out, error) ? -1 : 0;
}

int rt_api_prompt_text(const struct rt_site *site, yyjson_val *text, int bare, const char *param, struct rt_tokens *out,
                       struct rt_api_error *error)
{
    const unsigned flags = RT_ENCODE_SPECIAL | (bare ? 0 : RT_ENCODE_TEMPLATE);
    struct rt_error below;
    if (needs_tokenizer(site, error) || check_length(site, 0, yyjson_get_len(text), param, error))
        return -1;
    if (rt_tokenizer_encode(site->tokenizer, yyjson_get_str(text), yyjson_get_len(text), flags, out, &below))
        return rt_api_fail_below(error, param, &below);
    return 0;
}

int rt_api_prompt_ids(const struct rt_site *site, yyjson_val *ids, const char *param, struct rt_tokens *out, struct rt_api_error *error)
{
    const uint32_t vocab = site->manifest->model.vocab;
    const size_t count = yyjson_arr_size(ids);
    size_t i, max;
    yyjson_val *id;
    uint32_t *grown = realloc(out->ids, (out->count + count + 1) * sizeof *grown);
    if (!grown)
        return no_memory(error);
    out->ids = grown;
    out->room = out->count + count + 1;
    yyjson_arr_foreach(ids, i, max, id)
    {
        if (!yyjson_is_uint(id) || yyjson_get_uint(id) >= vocab)
            return rt_api_fail(error, 400, "invalid_value", param, "%s[%zu] is not the id of a token; ids are below %u", param, i,
                               (unsigned)vocab);
        out->ids[out->count++] = (uint32_t)yyjson_get_uint(id);
    }
    return 0;
}
