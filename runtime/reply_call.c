/* reply_call.c: from a call's marker to its end. Nothing comes out before the call is whole; where it cannot become one any more,
 * rt_reply_give_up makes content of it up to that place, and looking for markers goes on there. */
#include <string.h>

#include "runtime/reply_parts.h"

static int has_mark(const struct rt_reply *reply, enum rt_mark mark)
{
    return reply->terms.form->marks[mark].text != NULL;
}

static void pass(struct rt_reply *reply, enum rt_mark mark)
{
    reply->at += reply->terms.form->marks[mark].bytes;
}

/* ---- between calls ---- */

/* Calls are done with; whitespace behind them is layout. */
static int back_to_text(struct rt_reply *reply)
{
    reply->in_section = 0;
    reply->trims = 1;
    rt_reply_go(reply, RT_REPLY_IN_CONTENT);
    return 1;
}

static int leave_call(struct rt_reply *reply)
{
    const unsigned flags = reply->terms.form->flags;
    reply->in_section |= (flags & RT_REPLY_LOOSE) != 0; /* some leave out the section's beginning only */
    rt_reply_go(reply, flags & RT_REPLY_CHANNELS ? RT_REPLY_IN_HEADER
                       : reply->in_section       ? RT_REPLY_IN_SECTION
                       : reply->is_bare          ? RT_REPLY_IN_MORE
                                                 : RT_REPLY_IN_CONTENT);
    reply->trims = 1;
    return 1;
}

/* The answer has ended within this mark, behind calls that are whole. */
static int is_cut_off(const struct rt_reply *reply, enum rt_mark mark)
{
    return reply->ended && rt_reply_compare(reply, reply->at, mark) == RT_MATCH_PART;
}

static int is_json(const struct rt_reply *reply)
{
    return reply->text[reply->at] == '{' || reply->text[reply->at] == '[';
}

int rt_reply_step_section(struct rt_reply *reply, struct rt_error *error)
{
    rt_reply_skip_space(reply);
    const enum rt_match call = rt_reply_match(reply, reply->at, RT_MARK_CALL), end = rt_reply_match(reply, reply->at, RT_MARK_SECTION_END);
    if (reply->at == reply->bytes || call == RT_MATCH_PART || end == RT_MATCH_PART)
        return 0;
    reply->is_whole = 1;
    if (call == RT_MATCH_WHOLE || is_json(reply)) {
        if (call == RT_MATCH_WHOLE)
            pass(reply, RT_MARK_CALL);
        reply->state = RT_REPLY_IN_CALL;
        return 1;
    }
    if (!reply->section_calls)
        return rt_reply_give_up(reply, error);
    if (end == RT_MATCH_WHOLE)
        pass(reply, RT_MARK_SECTION_END);
    else
        reply->at = is_cut_off(reply, RT_MARK_CALL) || is_cut_off(reply, RT_MARK_SECTION_END) ? reply->bytes : reply->start;
    return back_to_text(reply);
}

int rt_reply_step_more(struct rt_reply *reply, struct rt_error *error)
{
    (void)error;
    while (reply->at < reply->bytes && (rt_reply_is_space(reply->text[reply->at]) || reply->text[reply->at] == ';'))
        reply->at++;
    if (reply->at == reply->bytes)
        return 0;
    if (reply->text[reply->at] == '{') {
        reply->state = RT_REPLY_IN_CALL;
        return 1;
    }
    reply->at = reply->start;
    return back_to_text(reply);
}

int rt_reply_step_close(struct rt_reply *reply, struct rt_error *error)
{
    (void)error;
    if (!has_mark(reply, RT_MARK_CALL_END))
        return leave_call(reply);
    rt_reply_skip_space(reply);
    const enum rt_match end = rt_reply_match(reply, reply->at, RT_MARK_CALL_END);
    if (reply->at == reply->bytes || end == RT_MATCH_PART)
        return 0;
    if (end == RT_MATCH_WHOLE)
        pass(reply, RT_MARK_CALL_END);
    else
        reply->at = is_cut_off(reply, RT_MARK_CALL_END) ? reply->bytes : reply->start;
    return leave_call(reply);
}

/* ---- name and JSON ---- */

int rt_reply_step_call(struct rt_reply *reply, struct rt_error *error)
{
    rt_reply_skip_space(reply);
    if (reply->at == reply->bytes)
        return 0;
    reply->part = reply->at;
    if (reply->text[reply->at] == '{' || (reply->is_whole && is_json(reply))) {
        reply->scan = (struct rt_json_scan){0};
        reply->state = RT_REPLY_IN_JSON;
        return 1;
    }
    if (!reply->is_whole || !(has_mark(reply, RT_MARK_NAME_END) || has_mark(reply, RT_MARK_KEY)))
        return rt_reply_give_up(reply, error);
    reply->state = RT_REPLY_IN_NAME;
    return 1;
}

/* Up to `end`, which is at most so long and has no other marker in it: WHOLE with `at` there, PART, or NONE where it cannot be. */
static enum rt_match find_end(struct rt_reply *reply, enum rt_mark end, enum rt_mark cut)
{
    for (; reply->at < reply->bytes; reply->at++) {
        const char c = reply->text[reply->at];
        const enum rt_match found = rt_reply_match(reply, reply->at, end), other = rt_reply_match(reply, reply->at, cut);
        if (found != RT_MATCH_NONE)
            return found;
        if (!has_mark(reply, end) && (rt_reply_is_space(c) || c == '<'))
            return RT_MATCH_WHOLE;
        if (other == RT_MATCH_PART)
            return RT_MATCH_PART;
        if (other == RT_MATCH_WHOLE)
            continue;
        if ((unsigned char)c == RT_SPECIAL_BYTE || c == '<' || reply->at - reply->part == RT_REPLY_HEADER_MAX)
            return RT_MATCH_NONE;
    }
    return RT_MATCH_PART;
}

int rt_reply_step_name(struct rt_reply *reply, struct rt_error *error)
{
    const enum rt_match found = find_end(reply, RT_MARK_NAME_END, RT_MARK_NAME_CUT);
    if (found == RT_MATCH_PART)
        return 0;
    if (found == RT_MATCH_NONE || rt_reply_read_name(reply, reply->part, reply->at))
        return rt_reply_give_up(reply, error);
    pass(reply, RT_MARK_NAME_END);
    reply->is_whole = 0;
    reply->pair_count = 0;
    reply->state = has_mark(reply, RT_MARK_KEY) ? RT_REPLY_IN_PAIRS : RT_REPLY_IN_CALL;
    return 1;
}

int rt_reply_step_json(struct rt_reply *reply, struct rt_error *error)
{
    enum rt_json_step step = RT_JSON_MORE;
    while (reply->at < reply->bytes && step == RT_JSON_MORE) {
        step = rt_json_scan(&reply->scan, (unsigned char)reply->text[reply->at]);
        reply->at += step != RT_JSON_BROKEN;
    }
    if (step == RT_JSON_MORE)
        return 0;
    const int taken = step == RT_JSON_BROKEN ? 1 : rt_reply_take_json(reply, reply->part, reply->at, error);
    if (taken)
        return taken < 0 ? -1 : rt_reply_give_up(reply, error);
    rt_reply_go(reply, RT_REPLY_IN_CLOSE);
    return 1;
}

/* ---- arguments one by one ---- */

int rt_reply_step_pairs(struct rt_reply *reply, struct rt_error *error)
{
    rt_reply_skip_space(reply);
    const enum rt_match key = rt_reply_match(reply, reply->at, RT_MARK_KEY), end = rt_reply_match(reply, reply->at, RT_MARK_CALL_END);
    if (reply->at == reply->bytes || key == RT_MATCH_PART || end == RT_MATCH_PART)
        return 0;
    if (end == RT_MATCH_WHOLE) {
        const int taken = rt_reply_take_pairs(reply, error);
        if (taken)
            return taken < 0 ? -1 : rt_reply_give_up(reply, error);
        pass(reply, RT_MARK_CALL_END);
        return leave_call(reply);
    }
    if (key != RT_MATCH_WHOLE || reply->pair_count == RT_REPLY_PAIRS_MAX)
        return rt_reply_give_up(reply, error);
    pass(reply, RT_MARK_KEY);
    reply->part = reply->at;
    reply->state = RT_REPLY_IN_KEY;
    return 1;
}

int rt_reply_step_key(struct rt_reply *reply, struct rt_error *error)
{
    const enum rt_match found = find_end(reply, RT_MARK_KEY_END, RT_MARK_KEY_END);
    if (found == RT_MATCH_PART)
        return 0;
    if (found == RT_MATCH_NONE)
        return rt_reply_give_up(reply, error);
    reply->pairs[reply->pair_count].key = reply->part;
    reply->pairs[reply->pair_count].key_bytes = reply->at - reply->part;
    pass(reply, RT_MARK_KEY_END);
    reply->part = reply->at;
    reply->state = has_mark(reply, RT_MARK_VALUE) ? RT_REPLY_IN_VALUE_HEAD : RT_REPLY_IN_VALUE;
    return 1;
}

int rt_reply_step_value_head(struct rt_reply *reply, struct rt_error *error)
{
    rt_reply_skip_space(reply);
    const enum rt_match value = rt_reply_match(reply, reply->at, RT_MARK_VALUE);
    if (reply->at == reply->bytes || value == RT_MATCH_PART)
        return 0;
    if (value == RT_MATCH_NONE)
        return rt_reply_give_up(reply, error);
    pass(reply, RT_MARK_VALUE);
    reply->part = reply->at;
    reply->state = RT_REPLY_IN_VALUE;
    return 1;
}

int rt_reply_step_value(struct rt_reply *reply, struct rt_error *error)
{
    (void)error;
    for (; reply->at < reply->bytes; reply->at++) {
        const enum rt_match end = rt_reply_match(reply, reply->at, RT_MARK_VALUE_END);
        if (end == RT_MATCH_PART)
            return 0;
        if (end == RT_MATCH_NONE)
            continue;
        reply->pairs[reply->pair_count].value = reply->part;
        reply->pairs[reply->pair_count].value_bytes = reply->at - reply->part;
        pass(reply, RT_MARK_VALUE_END);
        reply->state = RT_REPLY_IN_VALUE_TAIL;
        return 1;
    }
    return 0;
}

/* A value's end is one only where another argument or the call's end follows: what a model writes into a file may have such tags in it. */
int rt_reply_step_value_tail(struct rt_reply *reply, struct rt_error *error)
{
    (void)error;
    rt_reply_skip_space(reply);
    const enum rt_match key = rt_reply_match(reply, reply->at, RT_MARK_KEY), end = rt_reply_match(reply, reply->at, RT_MARK_CALL_END);
    if (reply->at == reply->bytes || key == RT_MATCH_PART || end == RT_MATCH_PART)
        return 0;
    if (key == RT_MATCH_WHOLE || end == RT_MATCH_WHOLE) {
        reply->pair_count++;
        reply->state = RT_REPLY_IN_PAIRS;
    } else {
        reply->state = RT_REPLY_IN_VALUE;
    }
    return 1;
}
