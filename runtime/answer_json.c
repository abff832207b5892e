/* answer_json.c: see answer_json.h. */
#include "runtime/answer_json.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/answer_logprobs.h"
#include "runtime/answer_parts.h"
#include "runtime/answer_vectors.h"
#include "runtime/scope.h"

yyjson_mut_val *rt_answer_head(yyjson_mut_doc *doc, const struct rt_answer *answer, const char *object)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "id", answer->id);
    yyjson_mut_obj_add_str(doc, root, "object", object);
    yyjson_mut_obj_add_sint(doc, root, "created", answer->created);
    yyjson_mut_obj_add_str(doc, root, "model", answer->by->model);
    yyjson_mut_obj_add_str(doc, root, "system_fingerprint", answer->by->fingerprint);
    return root;
}

yyjson_mut_val *rt_answer_usage_json(yyjson_mut_doc *doc, const struct rt_answer *answer)
{
    const struct rt_answer_usage usage = rt_answer_usage(answer);
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    yyjson_mut_obj_add_uint(doc, object, "prompt_tokens", usage.prompt_tokens);
    yyjson_mut_obj_add_uint(doc, object, "completion_tokens", usage.answer_tokens);
    yyjson_mut_obj_add_uint(doc, object, "total_tokens", usage.prompt_tokens + usage.answer_tokens);
    yyjson_mut_val *details = yyjson_mut_obj_add_obj(doc, object, "prompt_tokens_details");
    yyjson_mut_obj_add_uint(doc, details, "cached_tokens", usage.cached_tokens);
    return object;
}

const char *rt_answer_finish(const struct rt_choice *choice)
{
    if (rt_job_result(choice->job)->finish == RT_FINISH_LENGTH)
        return "length";
    return choice->said.call_count ? "tool_calls" : "stop";
}

void rt_answer_add_call(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct rt_said_call *call)
{
    yyjson_mut_obj_add_str(doc, object, "id", call->id);
    yyjson_mut_obj_add_str(doc, object, "type", "function");
    yyjson_mut_val *function = yyjson_mut_obj_add_obj(doc, object, "function");
    yyjson_mut_obj_add_str(doc, function, "name", call->name);
    yyjson_mut_obj_add_strn(doc, function, "arguments", call->arguments.at, call->arguments.count);
}

yyjson_mut_val *rt_answer_add_choice(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rt_answer *answer,
                                     const struct rt_choice *choice)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_uint(doc, object, "index", (size_t)(choice - answer->choices));
    return object;
}

void rt_answer_add_end(yyjson_mut_doc *doc, yyjson_mut_val *choice, yyjson_mut_val *logprobs, const char *reason)
{
    yyjson_mut_obj_add_val(doc, choice, "logprobs", logprobs);
    yyjson_mut_obj_add_val(doc, choice, "finish_reason", reason ? yyjson_mut_str(doc, reason) : yyjson_mut_null(doc));
}

/* The text of a plain completion, behind what is echoed of the prompt. */
yyjson_mut_val *rt_answer_echoed(yyjson_mut_doc *doc, const struct rt_answer *answer, const struct rt_choice *choice, const char *text,
                                 size_t bytes)
{
    const struct rt_answer_prompt *prompt = &answer->terms.prompts[choice->prompt];
    RT_FREE char *joined = malloc(prompt->echo_bytes + bytes + 1);
    if (!joined)
        return NULL;
    if (prompt->echo_bytes)
        memcpy(joined, prompt->echo, prompt->echo_bytes);
    memcpy(joined + prompt->echo_bytes, text, bytes);
    return yyjson_mut_strncpy(doc, joined, prompt->echo_bytes + bytes);
}

/* Strings of no bytes need not point anywhere. */
static yyjson_mut_val *string_of(yyjson_mut_doc *doc, const struct rt_bytes *bytes)
{
    return yyjson_mut_strn(doc, bytes->count ? bytes->at : "", bytes->count);
}

static void add_message(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct rt_said *said)
{
    yyjson_mut_val *message = yyjson_mut_obj_add_obj(doc, object, "message");
    const int silent = !said->content.count && said->call_count;
    yyjson_mut_obj_add_str(doc, message, "role", "assistant");
    yyjson_mut_obj_add_val(doc, message, "content", silent ? yyjson_mut_null(doc) : string_of(doc, &said->content));
    yyjson_mut_obj_add_null(doc, message, "refusal");
    if (said->reasoning.count)
        yyjson_mut_obj_add_val(doc, message, "reasoning_content", string_of(doc, &said->reasoning));
    yyjson_mut_val *calls = said->call_count ? yyjson_mut_obj_add_arr(doc, message, "tool_calls") : NULL;
    for (size_t i = 0; i < said->call_count; i++)
        rt_answer_add_call(doc, yyjson_mut_arr_add_obj(doc, calls), &said->calls[i]);
}

static void add_whole_choice(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rt_answer *answer, const struct rt_choice *choice)
{
    yyjson_mut_val *object = rt_answer_add_choice(doc, list, answer, choice);
    size_t bytes;
    const char *text = rt_job_text(choice->job, &bytes);
    if (answer->terms.kind == RT_ANSWER_CHAT)
        add_message(doc, object, &choice->said);
    else
        yyjson_mut_obj_add_val(doc, object, "text", rt_answer_echoed(doc, answer, choice, text, bytes));
    rt_answer_add_end(doc, object, rt_answer_logprobs(doc, answer, choice, 0, rt_job_tokens(choice->job)), rt_answer_finish(choice));
}

static int hear_all(struct rt_answer *answer)
{
    struct rt_error ignored;
    for (size_t i = 0; answer->terms.kind == RT_ANSWER_CHAT && i < answer->choice_count; i++)
        if (rt_said_hear(&answer->choices[i].said, answer->by->site, answer->choices[i].job, 1, &ignored))
            return -1;
    return 0;
}

char *rt_answer_print(struct rt_answer *answer, size_t *bytes)
{
    if (answer->terms.kind == RT_ANSWER_VECTORS)
        return rt_answer_print_vectors(answer, bytes);
    if (hear_all(answer))
        return NULL;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = rt_answer_head(doc, answer, answer->terms.kind == RT_ANSWER_CHAT ? "chat.completion" : "text_completion");
    yyjson_mut_val *choices = yyjson_mut_obj_add_arr(doc, root, "choices");
    for (size_t i = 0; i < answer->choice_count; i++)
        add_whole_choice(doc, choices, answer, &answer->choices[i]);
    yyjson_mut_obj_add_val(doc, root, "usage", rt_answer_usage_json(doc, answer));
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, bytes);
    yyjson_mut_doc_free(doc);
    return text;
}
