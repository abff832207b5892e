/* answer_json.c: see answer_json.h. */
#include "runtime/answer_json.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/answer_logprobs.h"
#include "runtime/answer_vectors.h"
#include "runtime/scope.h"

/* ---- what whole answers and events share ---- */

static yyjson_mut_val *add_head(yyjson_mut_doc *doc, const struct rt_answer *answer, const char *object)
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

static yyjson_mut_val *usage_json(yyjson_mut_doc *doc, const struct rt_answer *answer)
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

static const char *finish_reason(const struct rt_job *job)
{
    return rt_job_result(job)->finish == RT_FINISH_LENGTH ? "length" : "stop";
}

/* The one place that knows what of an answer's text is content, and what thinking or a tool call: so far all is content. */
static void add_content(yyjson_mut_doc *doc, yyjson_mut_val *message, const char *text, size_t bytes)
{
    yyjson_mut_obj_add_val(doc, message, "content", yyjson_mut_strncpy(doc, text, bytes));
}

static yyjson_mut_val *add_choice(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rt_answer *answer, const struct rt_choice *choice)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_uint(doc, object, "index", (size_t)(choice - answer->choices));
    return object;
}

static void add_end(yyjson_mut_doc *doc, yyjson_mut_val *choice, yyjson_mut_val *logprobs, const char *reason)
{
    yyjson_mut_obj_add_val(doc, choice, "logprobs", logprobs);
    yyjson_mut_obj_add_val(doc, choice, "finish_reason", reason ? yyjson_mut_str(doc, reason) : yyjson_mut_null(doc));
}

/* The text of a plain completion, behind what is echoed of the prompt. */
static yyjson_mut_val *echoed(yyjson_mut_doc *doc, const struct rt_answer *answer, const struct rt_choice *choice, const char *text,
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

/* ---- whole ---- */

static void add_whole_choice(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rt_answer *answer, const struct rt_choice *choice)
{
    yyjson_mut_val *object = add_choice(doc, list, answer, choice);
    size_t bytes;
    const char *text = rt_job_text(choice->job, &bytes);
    if (answer->terms.kind == RT_ANSWER_CHAT) {
        yyjson_mut_val *message = yyjson_mut_obj_add_obj(doc, object, "message");
        yyjson_mut_obj_add_str(doc, message, "role", "assistant");
        add_content(doc, message, text, bytes);
        yyjson_mut_obj_add_null(doc, message, "refusal");
    } else {
        yyjson_mut_obj_add_val(doc, object, "text", echoed(doc, answer, choice, text, bytes));
    }
    add_end(doc, object, rt_answer_logprobs(doc, answer, choice, 0, rt_job_tokens(choice->job)), finish_reason(choice->job));
}

char *rt_answer_print(const struct rt_answer *answer, size_t *bytes)
{
    if (answer->terms.kind == RT_ANSWER_VECTORS)
        return rt_answer_print_vectors(answer, bytes);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = add_head(doc, answer, answer->terms.kind == RT_ANSWER_CHAT ? "chat.completion" : "text_completion");
    yyjson_mut_val *choices = yyjson_mut_obj_add_arr(doc, root, "choices");
    for (size_t i = 0; i < answer->choice_count; i++)
        add_whole_choice(doc, choices, answer, &answer->choices[i]);
    yyjson_mut_obj_add_val(doc, root, "usage", usage_json(doc, answer));
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, bytes);
    yyjson_mut_doc_free(doc);
    return text;
}

/* ---- events (https://html.spec.whatwg.org/multipage/server-sent-events.html) ---- */

static int append(struct rt_bytes *out, const char *text, size_t bytes)
{
    if (out->count + bytes > out->room) {
        const size_t room = 2 * out->room + bytes + 512;
        char *grown = realloc(out->at, room);
        if (!grown)
            return -1;
        out->at = grown;
        out->room = room;
    }
    memcpy(out->at + out->count, text, bytes);
    out->count += bytes;
    return 0;
}

static int append_event(struct rt_bytes *out, const char *text, size_t bytes)
{
    return append(out, "data: ", 6) || append(out, text, bytes) || append(out, "\n\n", 2) ? -1 : 0;
}

static int send_doc(struct rt_bytes *out, yyjson_mut_doc *doc)
{
    size_t bytes;
    RT_FREE char *text = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, &bytes);
    yyjson_mut_doc_free(doc);
    return text ? append_event(out, text, bytes) : -1;
}

/* An event without its choice, and where that goes. */
static yyjson_mut_doc *event_of(const struct rt_answer *answer, yyjson_mut_val **choices)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = add_head(doc, answer, answer->terms.kind == RT_ANSWER_CHAT ? "chat.completion.chunk" : "text_completion");
    *choices = yyjson_mut_obj_add_arr(doc, root, "choices");
    if (answer->terms.params.include_usage)
        yyjson_mut_obj_add_null(doc, root, "usage");
    return doc;
}

static int send_opening(const struct rt_answer *answer, const struct rt_choice *choice, struct rt_bytes *out)
{
    yyjson_mut_val *choices;
    yyjson_mut_doc *doc = event_of(answer, &choices);
    yyjson_mut_val *object = add_choice(doc, choices, answer, choice);
    if (answer->terms.kind == RT_ANSWER_CHAT) {
        yyjson_mut_val *delta = yyjson_mut_obj_add_obj(doc, object, "delta");
        yyjson_mut_obj_add_str(doc, delta, "role", "assistant");
        yyjson_mut_obj_add_str(doc, delta, "content", "");
    } else {
        yyjson_mut_obj_add_val(doc, object, "text", echoed(doc, answer, choice, "", 0));
    }
    add_end(doc, object, yyjson_mut_null(doc), NULL);
    return send_doc(out, doc);
}

/* The tokens whose text is there; all of them once the job is done. */
static uint32_t tokens_told(const struct rt_choice *choice, size_t text_bytes, int done)
{
    const uint32_t count = rt_job_tokens(choice->job);
    uint32_t last = choice->sent_tokens;
    while (last < count && (done || rt_job_token(choice->job, last).text_end <= text_bytes))
        last++;
    return last;
}

static int send_text(const struct rt_answer *answer, struct rt_choice *choice, int done, struct rt_bytes *out)
{
    size_t bytes;
    const char *text = rt_job_text(choice->job, &bytes);
    const uint32_t last = tokens_told(choice, bytes, done);
    if (bytes == choice->sent_text && !(done && last > choice->sent_tokens && answer->terms.params.logprobs >= 0))
        return 0;
    yyjson_mut_val *choices;
    yyjson_mut_doc *doc = event_of(answer, &choices);
    yyjson_mut_val *object = add_choice(doc, choices, answer, choice);
    const char *more = text + choice->sent_text;
    if (answer->terms.kind == RT_ANSWER_CHAT)
        add_content(doc, yyjson_mut_obj_add_obj(doc, object, "delta"), more, bytes - choice->sent_text);
    else
        yyjson_mut_obj_add_val(doc, object, "text", yyjson_mut_strncpy(doc, more, bytes - choice->sent_text));
    add_end(doc, object, rt_answer_logprobs(doc, answer, choice, choice->sent_tokens, last), NULL);
    choice->sent_text = bytes;
    choice->sent_tokens = last;
    return send_doc(out, doc);
}

static int send_end(const struct rt_answer *answer, const struct rt_choice *choice, struct rt_bytes *out)
{
    yyjson_mut_val *choices;
    yyjson_mut_doc *doc = event_of(answer, &choices);
    yyjson_mut_val *object = add_choice(doc, choices, answer, choice);
    if (answer->terms.kind == RT_ANSWER_CHAT)
        yyjson_mut_obj_add_obj(doc, object, "delta");
    else
        yyjson_mut_obj_add_str(doc, object, "text", "");
    add_end(doc, object, yyjson_mut_null(doc), finish_reason(choice->job));
    return send_doc(out, doc);
}

static int send_choice(const struct rt_answer *answer, struct rt_choice *choice, struct rt_bytes *out)
{
    const int done = rt_job_state(choice->job) == RT_JOB_DONE; /* before the text: then there is no more of it */
    const int has_opening = answer->terms.kind == RT_ANSWER_CHAT || answer->terms.prompts[choice->prompt].echo_bytes;
    if (choice->closed)
        return 0;
    if (!choice->opened && has_opening && send_opening(answer, choice, out))
        return -1;
    choice->opened = 1;
    if (send_text(answer, choice, done, out))
        return -1;
    if (!done)
        return 0;
    choice->closed = 1;
    return send_end(answer, choice, out);
}

static int send_usage(const struct rt_answer *answer, struct rt_bytes *out)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = add_head(doc, answer, answer->terms.kind == RT_ANSWER_CHAT ? "chat.completion.chunk" : "text_completion");
    yyjson_mut_obj_add_arr(doc, root, "choices");
    yyjson_mut_obj_add_val(doc, root, "usage", usage_json(doc, answer));
    return send_doc(out, doc);
}

static int send_failure(const struct rt_job *job, struct rt_bytes *out)
{
    struct rt_api_error error;
    size_t bytes;
    rt_api_fail_below(&error, NULL, rt_job_error(job));
    RT_FREE char *text = rt_api_error_print(&error, &bytes);
    return text ? append_event(out, text, bytes - 1) : -1; /* without the line's end */
}

int rt_answer_stream(struct rt_answer *answer, struct rt_bytes *out)
{
    const struct rt_job *failed = rt_answer_failed(answer);
    int all = 1;
    for (size_t i = 0; !failed && i < answer->choice_count; i++) {
        if (i < answer->asked && send_choice(answer, &answer->choices[i], out))
            return -1;
        all &= answer->choices[i].closed;
    }
    if (failed && send_failure(failed, out))
        return -1;
    if (!all)
        return 0;
    answer->ended = 1;
    if (!failed && answer->terms.params.include_usage && send_usage(answer, out))
        return -1;
    return append_event(out, "[DONE]", 6);
}
