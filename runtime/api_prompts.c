/* api_prompts.c: see api_prompts.h. */
#include "runtime/api_prompts.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/api_prompt.h"

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

static int read_prompt(struct rt_answer_prompt *out, const struct rt_site *site, yyjson_val *prompt, const char *param, int echo,
                       struct rt_api_error *error)
{
    if (yyjson_is_arr(prompt)) {
        if (rt_api_prompt_ids(site, prompt, param, &out->tokens, error))
            return -1;
        return echo ? echo_tokens(out, site, error) : 0;
    }
    if (!yyjson_is_str(prompt))
        return rt_api_fail(error, 400, "invalid_type", param, "%s is no string, list of strings, list of token ids, or list of those",
                           param);
    if (rt_api_prompt_text(site, prompt, 0, param, &out->tokens, error))
        return -1;
    return echo ? echo_text(out, yyjson_get_str(prompt), yyjson_get_len(prompt), error) : 0;
}

/* A list of strings or of lists is several prompts; a list of numbers is one. */
static int is_several(yyjson_val *prompt)
{
    yyjson_val *first = yyjson_arr_get_first(prompt);
    return first && !yyjson_is_num(first);
}

int rt_api_prompts_read(struct rt_answer_terms *terms, const struct rt_site *site, yyjson_val *given, const char *param, int echo,
                        struct rt_api_error *error)
{
    const size_t count = is_several(given) ? yyjson_arr_size(given) : 1;
    if (count > RT_API_VECTORS_MAX)
        return rt_api_fail(error, 400, "invalid_value", param, "%s: more than %d at once", param, RT_API_VECTORS_MAX);
    terms->prompts = calloc(count, sizeof *terms->prompts);
    if (!terms->prompts)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for the prompts");
    terms->prompt_count = count;
    yyjson_arr_iter iter = yyjson_arr_iter_with(is_several(given) ? given : NULL);
    for (size_t i = 0; i < count; i++)
        if (read_prompt(&terms->prompts[i], site, is_several(given) ? yyjson_arr_iter_next(&iter) : given, param, echo, error))
            return -1;
    return 0;
}
