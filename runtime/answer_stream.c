/* answer_stream.c: answers as events (https://html.spec.whatwg.org/multipage/server-sent-events.html), made when the reader has room for them. */
#include <stdlib.h>

#include "runtime/answer_json.h"
#include "runtime/answer_logprobs.h"
#include "runtime/answer_parts.h"
#include "runtime/scope.h"

static int append_event(struct rt_bytes *out, const char *text, size_t bytes)
{
    return rt_bytes_add(out, "data: ", 6) || rt_bytes_add(out, text, bytes) || rt_bytes_add(out, "\n\n", 2) ? -1 : 0;
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
    yyjson_mut_val *root = rt_answer_head(doc, answer, answer->terms.kind == RT_ANSWER_CHAT ? "chat.completion.chunk" : "text_completion");
    *choices = yyjson_mut_obj_add_arr(doc, root, "choices");
    if (answer->terms.params.include_usage)
        yyjson_mut_obj_add_null(doc, root, "usage");
    return doc;
}

static int send_opening(const struct rt_answer *answer, const struct rt_choice *choice, struct rt_bytes *out)
{
    yyjson_mut_val *choices;
    yyjson_mut_doc *doc = event_of(answer, &choices);
    yyjson_mut_val *object = rt_answer_add_choice(doc, choices, answer, choice);
    if (answer->terms.kind == RT_ANSWER_CHAT) {
        yyjson_mut_val *delta = yyjson_mut_obj_add_obj(doc, object, "delta");
        yyjson_mut_obj_add_str(doc, delta, "role", "assistant");
        yyjson_mut_obj_add_str(doc, delta, "content", "");
    } else {
        yyjson_mut_obj_add_val(doc, object, "text", rt_answer_echoed(doc, answer, choice, "", 0));
    }
    rt_answer_add_end(doc, object, yyjson_mut_null(doc), NULL);
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

static int wants_logprobs(const struct rt_answer *answer, const struct rt_choice *choice, uint32_t last)
{
    return answer->terms.params.logprobs >= 0 && last > choice->sent_tokens;
}

/* What a chat has said since; *news is 0 where that is nothing. */
static yyjson_mut_val *delta_of(yyjson_mut_doc *doc, struct rt_choice *choice, int *news)
{
    const struct rt_said *said = &choice->said;
    yyjson_mut_val *delta = yyjson_mut_obj(doc), *calls;
    if (said->reasoning.count > choice->sent_reasoning)
        yyjson_mut_obj_add_strn(doc, delta, "reasoning_content", said->reasoning.at + choice->sent_reasoning,
                                said->reasoning.count - choice->sent_reasoning);
    if (said->content.count > choice->sent_text)
        yyjson_mut_obj_add_strn(doc, delta, "content", said->content.at + choice->sent_text, said->content.count - choice->sent_text);
    calls = said->call_count > choice->sent_calls ? yyjson_mut_obj_add_arr(doc, delta, "tool_calls") : NULL;
    for (size_t i = choice->sent_calls; i < said->call_count; i++) {
        yyjson_mut_val *call = yyjson_mut_arr_add_obj(doc, calls);
        yyjson_mut_obj_add_uint(doc, call, "index", i);
        rt_answer_add_call(doc, call, &said->calls[i]);
    }
    *news = yyjson_mut_obj_size(delta) > 0;
    choice->sent_reasoning = said->reasoning.count;
    choice->sent_text = said->content.count;
    choice->sent_calls = said->call_count;
    return delta;
}

static yyjson_mut_val *more_text(yyjson_mut_doc *doc, struct rt_choice *choice, const char *text, size_t bytes, int *news)
{
    yyjson_mut_val *more = yyjson_mut_strn(doc, text + choice->sent_text, bytes - choice->sent_text);
    *news = bytes > choice->sent_text;
    choice->sent_text = bytes;
    return more;
}

static int send_text(const struct rt_answer *answer, struct rt_choice *choice, int done, struct rt_bytes *out)
{
    const int is_chat = answer->terms.kind == RT_ANSWER_CHAT;
    size_t bytes;
    int news;
    const char *text = rt_job_text(choice->job, &bytes);
    const uint32_t last = tokens_told(choice, bytes, done);
    struct rt_error ignored;
    if (is_chat && rt_said_hear(&choice->said, answer->by->site, choice->job, done, &ignored))
        return -1;
    yyjson_mut_val *choices;
    yyjson_mut_doc *doc = event_of(answer, &choices);
    yyjson_mut_val *object = rt_answer_add_choice(doc, choices, answer, choice);
    yyjson_mut_val *more = is_chat ? delta_of(doc, choice, &news) : more_text(doc, choice, text, bytes, &news);
    if (!news && !wants_logprobs(answer, choice, last)) {
        yyjson_mut_doc_free(doc);
        return 0;
    }
    yyjson_mut_obj_add_val(doc, object, is_chat ? "delta" : "text", more);
    rt_answer_add_end(doc, object, rt_answer_logprobs(doc, answer, choice, choice->sent_tokens, last), NULL);
    choice->sent_tokens = last;
    return send_doc(out, doc);
}

static int send_end(const struct rt_answer *answer, const struct rt_choice *choice, struct rt_bytes *out)
{
    yyjson_mut_val *choices;
    yyjson_mut_doc *doc = event_of(answer, &choices);
    yyjson_mut_val *object = rt_answer_add_choice(doc, choices, answer, choice);
    if (answer->terms.kind == RT_ANSWER_CHAT)
        yyjson_mut_obj_add_obj(doc, object, "delta");
    else
        yyjson_mut_obj_add_str(doc, object, "text", "");
    rt_answer_add_end(doc, object, yyjson_mut_null(doc), rt_answer_finish(choice));
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
    yyjson_mut_val *root = rt_answer_head(doc, answer, answer->terms.kind == RT_ANSWER_CHAT ? "chat.completion.chunk" : "text_completion");
    yyjson_mut_obj_add_arr(doc, root, "choices");
    yyjson_mut_obj_add_val(doc, root, "usage", rt_answer_usage_json(doc, answer));
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
