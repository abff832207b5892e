/* reply_text.c: the text of a reply, content and reasoning, up to where a marker hands over to others. */
#include <string.h>

#include "runtime/reply_parts.h"

static int begins_bare(struct rt_reply *reply)
{
    if (reply->text[reply->at] != '{' || !reply->terms.tools || !(reply->terms.form->flags & RT_REPLY_BARE))
        return 0;
    reply->is_bare = reply->is_whole = 1;
    reply->state = RT_REPLY_IN_CALL;
    return 1;
}

int rt_reply_step_begin(struct rt_reply *reply, struct rt_error *error)
{
    (void)error;
    rt_reply_skip_space(reply);
    const enum rt_match think = reply->may_think ? rt_reply_match(reply, reply->at, RT_MARK_THINK) : RT_MATCH_NONE;
    if (think == RT_MATCH_WHOLE) {
        reply->at += reply->terms.form->marks[RT_MARK_THINK].bytes;
        reply->may_think = reply->is_opened = 0;
        reply->trims = 1;
        rt_reply_go(reply, RT_REPLY_IN_REASONING);
        return 1;
    }
    if (think == RT_MATCH_PART || (reply->at == reply->bytes && !reply->ended))
        return 0;
    if (!reply->is_opened && reply->at < reply->bytes && begins_bare(reply))
        return 1;
    reply->at = reply->start;
    reply->state = reply->is_opened ? RT_REPLY_IN_REASONING : RT_REPLY_IN_CONTENT;
    reply->may_think = reply->is_opened = 0;
    return 1;
}

/* The marks that may end a stretch of text. */
static size_t text_marks(const struct rt_reply *reply, enum rt_mark *marks)
{
    const struct rt_reply_form *form = reply->terms.form;
    size_t count = 0;
    if (form->flags & RT_REPLY_CHANNELS) {
        static const enum rt_mark ends[] = {RT_MARK_THINK_END, RT_MARK_CALL_END, RT_MARK_RETURN, RT_MARK_START, RT_MARK_CHANNEL};
        memcpy(marks, ends, sizeof ends);
        return sizeof ends / sizeof *ends;
    }
    if (reply->state == RT_REPLY_IN_REASONING) {
        marks[count++] = RT_MARK_THINK_END;
        return count;
    }
    if (!reply->terms.tools)
        return 0;
    if (form->marks[RT_MARK_SECTION].text)
        marks[count++] = RT_MARK_SECTION;
    if (!count || form->flags & RT_REPLY_LOOSE)
        marks[count++] = RT_MARK_CALL;
    return count;
}

/* What ended the text, at `at`; RT_MARKS: nothing has yet. */
static enum rt_mark find_mark(struct rt_reply *reply)
{
    enum rt_mark marks[RT_MARKS];
    const size_t count = text_marks(reply, marks);
    for (; reply->at < reply->bytes; reply->at++) {
        for (size_t i = 0; i < count; i++) {
            const enum rt_match match = rt_reply_match(reply, reply->at, marks[i]);
            if (match != RT_MATCH_NONE)
                return match == RT_MATCH_WHOLE ? marks[i] : RT_MARKS;
        }
        if (!rt_reply_is_space(reply->text[reply->at]))
            reply->solid = reply->at + 1;
    }
    return RT_MARKS;
}

static void begin_call(struct rt_reply *reply, enum rt_mark mark)
{
    reply->is_bare = (reply->terms.form->flags & RT_REPLY_BARE) != 0;
    reply->is_whole = 1;
    reply->in_section = mark == RT_MARK_SECTION;
    reply->section_calls = 0;
    reply->state = reply->in_section ? RT_REPLY_IN_SECTION : RT_REPLY_IN_CALL;
}

int rt_reply_step_text(struct rt_reply *reply, struct rt_error *error)
{
    const int thinks = reply->state == RT_REPLY_IN_REASONING, has_channels = reply->terms.form->flags & RT_REPLY_CHANNELS;
    const enum rt_mark mark = find_mark(reply);
    const int exact = !thinks && has_channels && mark != RT_MARKS; /* its messages have no layout */
    if (rt_reply_emit(reply, thinks ? RT_REPLY_REASONING : RT_REPLY_CONTENT, exact ? reply->at : reply->solid, error))
        return -1;
    if (mark == RT_MARKS)
        return 0;
    if (has_channels) {
        rt_reply_go(reply, RT_REPLY_IN_HEADER);
        return 1;
    }
    reply->at += reply->terms.form->marks[mark].bytes;
    if (thinks) {
        reply->trims = 1;
        rt_reply_go(reply, RT_REPLY_IN_BEGIN);
    } else {
        begin_call(reply, mark);
    }
    return 1;
}
