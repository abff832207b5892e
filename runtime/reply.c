/* reply.c: feeds a reply: holds what is not yet decided, lets the step of its state look at it, and gives out what is. */
#include <stdlib.h>
#include <string.h>

#include "runtime/reply_parts.h"
#include "runtime/scope.h"

/* ---- giving out ---- */

/* One piece for each stretch between special tokens, which leave their text and lose their mark. */
int rt_reply_emit(struct rt_reply *reply, enum rt_reply_kind kind, size_t end, struct rt_error *error)
{
    while (reply->trims && reply->start < end && rt_reply_is_space(reply->text[reply->start]))
        reply->start++;
    while (reply->start < end) {
        const char *from = reply->text + reply->start, *mark = memchr(from, RT_SPECIAL_BYTE, end - reply->start);
        const struct rt_reply_piece piece = {.kind = kind, .text = from, .bytes = mark ? (size_t)(mark - from) : end - reply->start};
        reply->start += piece.bytes + (mark != NULL);
        if (!piece.bytes)
            continue;
        reply->trims = 0;
        if (reply->terms.take(reply->terms.user, &piece, error))
            return -1;
    }
    return 0;
}

void rt_reply_go(struct rt_reply *reply, enum rt_reply_state state)
{
    reply->state = state;
    reply->start = reply->solid = reply->at;
}

int rt_reply_give_up(struct rt_reply *reply, struct rt_error *error)
{
    if (rt_reply_emit(reply, RT_REPLY_CONTENT, reply->at, error))
        return -1;
    reply->in_section = 0;
    rt_reply_go(reply, RT_REPLY_IN_CONTENT);
    return 1;
}

/* ---- looking ---- */

int rt_reply_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

void rt_reply_skip_space(struct rt_reply *reply)
{
    while (reply->at < reply->bytes && rt_reply_is_space(reply->text[reply->at]))
        reply->at++;
}

enum rt_match rt_reply_compare(const struct rt_reply *reply, size_t at, enum rt_mark mark)
{
    const struct rt_mark_text *want = &reply->terms.form->marks[mark];
    const size_t have = reply->bytes - at;
    if (!want->text || (have && reply->text[at] != *want->text))
        return RT_MATCH_NONE;
    if (have >= want->bytes)
        return memcmp(reply->text + at, want->text, want->bytes) ? RT_MATCH_NONE : RT_MATCH_WHOLE;
    return memcmp(reply->text + at, want->text, have) ? RT_MATCH_NONE : RT_MATCH_PART;
}

enum rt_match rt_reply_match(const struct rt_reply *reply, size_t at, enum rt_mark mark)
{
    const enum rt_match match = rt_reply_compare(reply, at, mark);
    return match == RT_MATCH_PART && reply->ended ? RT_MATCH_NONE : match;
}

/* ---- feeding ---- */

static rt_reply_step *const steps[RT_REPLY_STATES] = {
    [RT_REPLY_IN_BEGIN] = rt_reply_step_begin,
    [RT_REPLY_IN_HEADER] = rt_reply_step_header,
    [RT_REPLY_IN_HEADER_TEXT] = rt_reply_step_header_text,
    [RT_REPLY_IN_REASONING] = rt_reply_step_text,
    [RT_REPLY_IN_CONTENT] = rt_reply_step_text,
    [RT_REPLY_IN_SECTION] = rt_reply_step_section,
    [RT_REPLY_IN_MORE] = rt_reply_step_more,
    [RT_REPLY_IN_CALL] = rt_reply_step_call,
    [RT_REPLY_IN_NAME] = rt_reply_step_name,
    [RT_REPLY_IN_JSON] = rt_reply_step_json,
    [RT_REPLY_IN_PAIRS] = rt_reply_step_pairs,
    [RT_REPLY_IN_KEY] = rt_reply_step_key,
    [RT_REPLY_IN_VALUE_HEAD] = rt_reply_step_value_head,
    [RT_REPLY_IN_VALUE] = rt_reply_step_value,
    [RT_REPLY_IN_VALUE_TAIL] = rt_reply_step_value_tail,
    [RT_REPLY_IN_CLOSE] = rt_reply_step_close,
};

static int advance(struct rt_reply *reply, struct rt_error *error)
{
    int status;
    do
        status = steps[reply->state](reply, error);
    while (status > 0);
    if (!status && reply->bytes - reply->start > RT_REPLY_HELD_MAX) {
        reply->at = reply->bytes;
        return rt_reply_give_up(reply, error) < 0 ? -1 : 0;
    }
    return status;
}

static int reserve(struct rt_reply *reply, size_t bytes, struct rt_error *error)
{
    if (reply->state < RT_REPLY_IN_CALL && reply->start > reply->bytes / 2) { /* no call points into the text */
        memmove(reply->text, reply->text + reply->start, reply->bytes - reply->start);
        reply->bytes -= reply->start;
        reply->at -= reply->start;
        reply->solid -= reply->start;
        reply->start = 0;
    }
    size_t room = reply->room ? reply->room : 256;
    while (room - reply->bytes < bytes)
        room *= 2;
    char *text = room > reply->room ? realloc(reply->text, room) : reply->text;
    if (!text)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the reply");
    reply->text = text;
    reply->room = room;
    return 0;
}

static void append(struct rt_reply *reply, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)text[i] != RT_SPECIAL_BYTE)
            reply->text[reply->bytes++] = text[i];
}

int rt_reply_feed(struct rt_reply *reply, const char *text, size_t bytes, struct rt_error *error)
{
    if (reserve(reply, bytes, error))
        return -1;
    append(reply, text, bytes);
    return advance(reply, error);
}

/* Whether one of the form's marks has this special token in it. */
static int is_marking(const struct rt_reply *reply, const char *text, size_t bytes)
{
    const struct rt_reply_form *form = reply->terms.form;
    const size_t count = reply->terms.tools || form->flags & RT_REPLY_CHANNELS ? RT_MARKS : RT_MARK_THINK_END + 1;
    for (size_t i = 0; i < count; i++) {
        const struct rt_mark_text *mark = &form->marks[i];
        if (mark->text && memmem(mark->text, mark->bytes, text, bytes))
            return 1;
    }
    return 0;
}

int rt_reply_special(struct rt_reply *reply, const char *text, size_t bytes, struct rt_error *error)
{
    if (!bytes || !is_marking(reply, text, bytes))
        return 0;
    if (reserve(reply, bytes + 1, error))
        return -1;
    reply->text[reply->bytes++] = (char)RT_SPECIAL_BYTE;
    append(reply, text, bytes);
    return advance(reply, error);
}

int rt_reply_feed_prefix(struct rt_reply *reply, const struct rt_reply_rule *rule, struct rt_error *error)
{
    size_t bytes;
    RT_FREE char *marked = rt_reply_mark_specials(reply->terms.form->tokenizer, rule->prefix, &bytes);
    if (!marked)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the reply");
    if (reserve(reply, bytes, error))
        return -1;
    memcpy(reply->text + reply->bytes, marked, bytes);
    reply->bytes += bytes;
    return advance(reply, error);
}

int rt_reply_end(struct rt_reply *reply, struct rt_error *error)
{
    reply->ended = 1;
    if (reserve(reply, 1, error) || advance(reply, error))
        return -1;
    switch (reply->state) {
    case RT_REPLY_IN_REASONING:
    case RT_REPLY_IN_HEADER:
    case RT_REPLY_IN_MORE:
    case RT_REPLY_IN_CLOSE: return 0;
    case RT_REPLY_IN_HEADER_TEXT:
        if (rt_reply_has_marked_header(reply))
            return 0;
        break;
    default: break;
    }
    return rt_reply_emit(reply, RT_REPLY_CONTENT, reply->bytes, error);
}

/* ---- opening ---- */

int rt_reply_open(struct rt_reply **out, const struct rt_reply_terms *terms, struct rt_error *error)
{
    struct rt_reply *reply = *out = calloc(1, sizeof *reply);
    if (!reply)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the reply");
    reply->terms = *terms;
    if (!terms->form->calls || !yyjson_arr_size(terms->tools))
        reply->terms.tools = NULL;
    reply->may_think = 1;
    reply->is_opened = reply->trims = terms->opened;
    reply->state = terms->form->flags & RT_REPLY_CHANNELS ? RT_REPLY_IN_HEADER : RT_REPLY_IN_BEGIN;
    return 0;
}

void rt_reply_close(struct rt_reply **reply)
{
    if (*reply)
        free((*reply)->text);
    free(*reply);
    *reply = NULL;
}

size_t rt_reply_calls(const struct rt_reply *reply)
{
    return reply->calls;
}
