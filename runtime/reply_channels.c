/* reply_channels.c: harmony, where every message has a header that says whose and what it is
 * (https://cookbook.openai.com/articles/openai-harmony): <|start|>assistant<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>.
 * An answer begins behind <|start|>assistant, which is the prompt's. */
#include <string.h>

#include "runtime/reply_parts.h"

static const char recipient[] = "to=", functions[] = "functions";

/* Whether a header can begin here: WHOLE, PART or NONE. */
static enum rt_match looks_like_header(const struct rt_reply *reply)
{
    static const enum rt_mark begins[] = {RT_MARK_START, RT_MARK_CHANNEL};
    const char *text = reply->text + reply->at;
    const size_t have = reply->bytes - reply->at, want = sizeof recipient - 1;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        const enum rt_match match = rt_reply_match(reply, reply->at, begins[i]);
        if (match != RT_MATCH_NONE)
            return match;
    }
    if (have >= want)
        return memcmp(text, recipient, want) ? RT_MATCH_NONE : RT_MATCH_WHOLE;
    return reply->ended || memcmp(text, recipient, have) ? RT_MATCH_NONE : RT_MATCH_PART;
}

int rt_reply_has_marked_header(const struct rt_reply *reply)
{
    return rt_reply_compare(reply, reply->start, RT_MARK_START) == RT_MATCH_WHOLE ||
           rt_reply_compare(reply, reply->start, RT_MARK_CHANNEL) == RT_MATCH_WHOLE;
}

/* What ends a message and says nothing else: passes it. */
static enum rt_match pass_end(struct rt_reply *reply)
{
    static const enum rt_mark ends[] = {RT_MARK_THINK_END, RT_MARK_CALL_END, RT_MARK_RETURN};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const enum rt_match match = rt_reply_match(reply, reply->at, ends[i]);
        if (match == RT_MATCH_WHOLE)
            reply->at += reply->terms.form->marks[ends[i]].bytes;
        if (match != RT_MATCH_NONE)
            return match;
    }
    return RT_MATCH_NONE;
}

/* "to=functions.NAME": 0; 1: nobody is called. "to=functions": the JSON itself says whom. */
static int read_recipient(struct rt_reply *reply, const char *header, size_t bytes)
{
    const char *to = memmem(header, bytes, recipient, sizeof recipient - 1);
    if (!to || !reply->terms.tools)
        return 1;
    to += sizeof recipient - 1;
    const char *end = to;
    while (end < header + bytes && !rt_reply_is_space(*end) && *end != '<' && (unsigned char)*end != RT_SPECIAL_BYTE)
        end++;
    const size_t count = (size_t)(end - to), prefix = sizeof functions - 1;
    if (count < prefix || memcmp(to, functions, prefix))
        return 1;
    reply->is_whole = count == prefix;
    if (reply->is_whole)
        return 0;
    const size_t from = (size_t)(to - reply->text) + prefix + 1;
    return to[prefix] != '.' || rt_reply_read_name(reply, from, from + count - prefix - 1);
}

static void begin_message(struct rt_reply *reply)
{
    static const char analysis[] = "analysis";
    const char *header = reply->text + reply->start;
    const size_t bytes = reply->at - reply->start;
    const int is_call = !read_recipient(reply, header, bytes);
    const int thinks = memmem(header, bytes, analysis, sizeof analysis - 1) != NULL;
    reply->at += reply->terms.form->marks[RT_MARK_MESSAGE].bytes;
    reply->trims = thinks;
    rt_reply_go(reply, is_call ? RT_REPLY_IN_CALL : thinks ? RT_REPLY_IN_REASONING : RT_REPLY_IN_CONTENT);
}

int rt_reply_step_header(struct rt_reply *reply, struct rt_error *error)
{
    rt_reply_skip_space(reply);
    if (reply->at == reply->bytes)
        return 0;
    const enum rt_match end = pass_end(reply), begins = end == RT_MATCH_NONE ? looks_like_header(reply) : RT_MATCH_NONE;
    if (end == RT_MATCH_PART || begins == RT_MATCH_PART)
        return 0;
    if (end == RT_MATCH_WHOLE)
        rt_reply_go(reply, RT_REPLY_IN_HEADER);
    else if (begins == RT_MATCH_WHOLE)
        rt_reply_go(reply, RT_REPLY_IN_HEADER_TEXT);
    else
        return rt_reply_give_up(reply, error);
    return 1;
}

int rt_reply_step_header_text(struct rt_reply *reply, struct rt_error *error)
{
    for (; reply->at < reply->bytes; reply->at++) {
        const enum rt_match message = rt_reply_match(reply, reply->at, RT_MARK_MESSAGE);
        if (message == RT_MATCH_PART)
            return 0;
        if (message == RT_MATCH_WHOLE) {
            begin_message(reply);
            return 1;
        }
        if (reply->at - reply->start == RT_REPLY_HEADER_MAX)
            return rt_reply_give_up(reply, error);
    }
    return 0;
}
