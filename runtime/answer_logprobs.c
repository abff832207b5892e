/* answer_logprobs.c: see answer_logprobs.h. */
#include "runtime/answer_logprobs.h"

#include <math.h>

#include "runtime/scope.h"
#include "runtime/token_text.h"

enum { TOKEN_BYTES = 1024 };
static const double LEAST = -9999; /* JSON has no infinity; what others send in its place */

static double shown(float logprob)
{
    return (double)logprob > LEAST ? (double)logprob : LEAST;
}

static yyjson_mut_val *token_text(yyjson_mut_doc *doc, const struct rt_answer *answer, uint32_t id)
{
    size_t bytes = 0;
    RT_FREE char *text = rt_token_text(answer->by->site->tokenizer, id, &bytes);
    return text ? yyjson_mut_strncpy(doc, text, bytes) : yyjson_mut_str(doc, "");
}

/* ---- chat: {"content":[{"token","logprob","bytes","top_logprobs":[…]}],"refusal":null} ---- */

static void add_token(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct rt_answer *answer, uint32_t id, float logprob)
{
    char bytes[TOKEN_BYTES];
    size_t count = 0;
    yyjson_mut_obj_add_val(doc, object, "token", token_text(doc, answer, id));
    yyjson_mut_obj_add_real(doc, object, "logprob", shown(logprob));
    if (rt_tokenizer_bytes(answer->by->site->tokenizer, id, bytes, sizeof bytes, &count)) {
        yyjson_mut_obj_add_null(doc, object, "bytes");
        return;
    }
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, object, "bytes"); /* also those of half a character */
    for (size_t i = 0; i < count; i++)
        yyjson_mut_arr_add_uint(doc, list, (unsigned char)bytes[i]);
}

static yyjson_mut_val *chat(yyjson_mut_doc *doc, const struct rt_answer *answer, const struct rt_job *job, uint32_t first, uint32_t last)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc), *content = yyjson_mut_obj_add_arr(doc, object, "content");
    for (uint32_t i = first; i < last; i++) {
        const struct rt_completion_token token = rt_job_token(job, i);
        yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, content);
        add_token(doc, entry, answer, token.id, token.logprob);
        yyjson_mut_val *top = yyjson_mut_obj_add_arr(doc, entry, "top_logprobs");
        for (int k = 0; k < answer->terms.params.logprobs; k++)
            add_token(doc, yyjson_mut_arr_add_obj(doc, top), answer, token.top[k].id, token.top[k].logprob);
    }
    yyjson_mut_obj_add_null(doc, object, "refusal");
    return object;
}

/* ---- completions: {"tokens","token_logprobs","top_logprobs":[{text: logprob}],"text_offset"} ---- */

static size_t characters(const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

/* In characters of the text that is shown, echo and all. */
static size_t offset_of(const struct rt_answer *answer, const struct rt_choice *choice, uint32_t i)
{
    const struct rt_answer_prompt *prompt = &answer->terms.prompts[choice->prompt];
    size_t bytes, before = i ? rt_job_token(choice->job, i - 1).text_end : 0;
    const char *text = rt_job_text(choice->job, &bytes);
    return characters(prompt->echo, prompt->echo_bytes) + characters(text, before < bytes ? before : bytes);
}

static void add_top(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rt_answer *answer, const struct rt_completion_token *token)
{
    yyjson_mut_val *top = yyjson_mut_arr_add_obj(doc, list);
    for (int k = 0; k < answer->terms.params.logprobs; k++)
        yyjson_mut_obj_add(top, token_text(doc, answer, token->top[k].id), yyjson_mut_real(doc, shown(token->top[k].logprob)));
}

static yyjson_mut_val *completion(yyjson_mut_doc *doc, const struct rt_answer *answer, const struct rt_choice *choice, uint32_t first,
                                  uint32_t last)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc), *tokens = yyjson_mut_obj_add_arr(doc, object, "tokens"),
                   *logprobs = yyjson_mut_obj_add_arr(doc, object, "token_logprobs"), *top = yyjson_mut_arr(doc),
                   *offsets = yyjson_mut_arr(doc);
    for (uint32_t i = first; i < last; i++) {
        const struct rt_completion_token token = rt_job_token(choice->job, i);
        yyjson_mut_arr_append(tokens, token_text(doc, answer, token.id));
        yyjson_mut_arr_add_real(doc, logprobs, shown(token.logprob));
        yyjson_mut_arr_add_uint(doc, offsets, offset_of(answer, choice, i));
        add_top(doc, top, answer, &token);
    }
    yyjson_mut_obj_add_val(doc, object, "top_logprobs", answer->terms.params.logprobs ? top : yyjson_mut_null(doc));
    yyjson_mut_obj_add_val(doc, object, "text_offset", offsets);
    return object;
}

yyjson_mut_val *rt_answer_logprobs(yyjson_mut_doc *doc, const struct rt_answer *answer, const struct rt_choice *choice, uint32_t first,
                                   uint32_t last)
{
    if (answer->terms.params.logprobs < 0)
        return yyjson_mut_null(doc);
    return answer->terms.kind == RT_ANSWER_CHAT ? chat(doc, answer, choice->job, first, last)
                                                : completion(doc, answer, choice, first, last);
}
