/* template_text.c: the filters and methods that replace in texts, join, align and cut them, as Python's str does. */
#include "runtime/template_value.h"

#include <utf8proc.h>

/* ---- replacing and joining ---- */

/* Between all characters, where there is nothing to look for. */
static int replace_nothing(struct rt_render *render, struct rt_text text, struct rt_text by, int64_t most, struct rt_builder *builder)
{
    size_t at = 0;
    for (; most; most--) {
        const size_t step = rt_text_step(text, at);
        if (rt_builder_put(render, builder, by) || rt_builder_put(render, builder, rt_text_part(text, at, at + step)))
            return -1;
        at += step;
        if (!step)
            return 0;
    }
    return rt_builder_put(render, builder, rt_text_part(text, at, text.count));
}

static int replace(struct rt_render *render, struct rt_text text, struct rt_text old, struct rt_text by, int64_t most, struct rt_value *out)
{
    struct rt_builder builder = {0};
    size_t begin = 0, at;
    if (!old.count) {
        if (replace_nothing(render, text, by, most, &builder))
            return -1;
    } else {
        for (; most && rt_text_find(rt_text_part(text, begin, text.count), old, &at); most--, begin += at + old.count)
            if (rt_builder_put(render, &builder, rt_text_part(text, begin, begin + at)) || rt_builder_put(render, &builder, by))
                return -1;
        if (rt_builder_put(render, &builder, rt_text_part(text, begin, text.count)))
            return -1;
    }
    *out = rt_value_text(rt_builder_text(&builder));
    return 0;
}

int rt_call_replace(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text old, by;
    int64_t most;
    if (rt_call_text(render, call, 0, NULL, &old) || rt_call_text(render, call, 1, NULL, &by) ||
        rt_call_integer(render, call, 2, -1, &most))
        return -1;
    if (replace(render, call->self->text, old, by, most, out))
        return -1;
    out->text.markup = call->self->text.markup;
    return 0;
}

/* The filter, unlike the method, prints first what is not text. */
int rt_call_replace_filter(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text text, old, by;
    const struct rt_value *count = rt_call_given(call, 2);
    int64_t most = -1;
    if (rt_value_print(render, call->self, &text) || rt_value_print(render, rt_call_given(call, 0), &old) ||
        rt_value_print(render, rt_call_given(call, 1), &by) ||
        (count && count->kind != RT_VALUE_NONE && rt_call_integer(render, call, 2, -1, &most)))
        return -1;
    return replace(render, text, old, by, most, out);
}

int rt_call_join(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_builder builder = {0};
    struct rt_list list;
    if (rt_value_iterate(render, rt_call_given(call, 0), &list))
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].kind != RT_VALUE_TEXT)
            return rt_render_fail(render, "join() of %s", rt_value_type(&list.items[i]));
        if ((i && rt_builder_put(render, &builder, call->self->text)) || rt_builder_put(render, &builder, list.items[i].text))
            return -1;
    }
    *out = rt_value_text(rt_builder_text(&builder));
    return 0;
}

/* ---- aligning ---- */

/* Python's center() leans to the left where both the room and the width are odd. */
static int align(struct rt_render *render, struct rt_text text, int64_t width, struct rt_text fill, int64_t left_share,
                 struct rt_value *out)
{
    struct rt_builder builder = {0};
    const int64_t length = (int64_t)rt_text_length(text), room = width > length ? width - length : 0;
    const int64_t left = left_share < 0 ? room / 2 + (room & width & 1) : left_share ? room : 0;
    rt_render_count(render, text.count);
    if (rt_text_length(fill) != 1)
        return rt_render_fail(render, "filling with more than one character");
    if (rt_builder_fill(render, &builder, fill, (size_t)left) || rt_builder_put(render, &builder, text) ||
        rt_builder_fill(render, &builder, fill, (size_t)(room - left)))
        return -1;
    *out = rt_value_text(rt_builder_text(&builder));
    return 0;
}

static int align_self(struct rt_render *render, const struct rt_call *call, int64_t left_share, struct rt_value *out)
{
    struct rt_text text, fill = rt_text_of(" ");
    int64_t width;
    if (rt_call_self_text(render, call, &text) || rt_call_integer(render, call, 0, 80, &width) ||
        (call->count > 1 && rt_call_text(render, call, 1, " ", &fill)))
        return -1;
    return align(render, text, width, fill, left_share, out);
}

int rt_call_center(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return align_self(render, call, -1, out);
}

int rt_call_ljust(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return align_self(render, call, 0, out);
}

int rt_call_rjust(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return align_self(render, call, 1, out);
}

int rt_call_zfill(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_text text = call->self->text;
    const size_t sign = text.count && (text.bytes[0] == '-' || text.bytes[0] == '+');
    struct rt_value digits;
    int64_t width;
    if (rt_call_integer(render, call, 0, 0, &width) ||
        align(render, rt_text_part(text, sign, text.count), width > INT64_MIN ? width - (int64_t)sign : width, rt_text_of("0"), 1, &digits))
        return -1;
    return rt_text_join(render, (struct rt_text[]){rt_text_part(text, 0, sign), digits.text}, 2, out);
}

/* ---- the filters indent, wordcount, truncate ---- */

static int put_indented(struct rt_render *render, struct rt_builder *builder, struct rt_list lines, struct rt_text indent, int first,
                        int blank)
{
    for (size_t i = 0; i < lines.count; i++) {
        const struct rt_text line = lines.items[i].text;
        const int indented = i ? line.count || blank : first;
        if ((i && rt_builder_put_bytes(render, builder, "\n", 1, 0)) || (indented && rt_builder_put(render, builder, indent)) ||
            rt_builder_put(render, builder, line))
            return -1;
    }
    return 0;
}

/* width, first, blank. A newline is put behind the text before it is cut into lines, so that the last one counts. */
int rt_call_indent(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_value *given = rt_call_given(call, 0), four = rt_value_integer(4), space = rt_value_text(rt_text_of(" "));
    const struct rt_value *width = given ? given : &four, newline = rt_value_text(rt_text_of("\n"));
    struct rt_value indent = *width, text, lines;
    struct rt_builder builder = {0};
    if (width->kind != RT_VALUE_TEXT && rt_value_apply(render, RT_OP_MULTIPLY, &space, width, &indent))
        return -1;
    if (rt_value_apply(render, RT_OP_ADD, call->self, &newline, &text) ||
        rt_call_splitlines(render, &(struct rt_call){.self = &text}, &lines) ||
        put_indented(render, &builder, lines.list, indent.text, rt_call_flag(call, 1), rt_call_flag(call, 2)))
        return -1;
    *out = rt_value_text(rt_builder_text(&builder));
    return 0;
}

static int is_word(uint32_t c)
{
    const utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return c == '_' || (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
           (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

int rt_call_wordcount(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text text;
    int inside = 0;
    *out = rt_value_integer(0);
    if (rt_call_self_text(render, call, &text))
        return -1;
    rt_render_count(render, 4 * text.count);
    for (size_t at = 0, step; (step = rt_text_step(text, at)); at += step) {
        const int is = is_word(rt_text_character(text, at));
        out->integer += is && !inside;
        inside = is;
    }
    return 0;
}

/* length, killwords, end, leeway */
int rt_call_truncate(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text text, end;
    int64_t length, leeway;
    size_t at;
    if (rt_call_self_text(render, call, &text) || rt_call_integer(render, call, 0, 255, &length) ||
        rt_call_text(render, call, 2, "...", &end) || rt_call_integer(render, call, 3, 5, &leeway))
        return -1;
    const int64_t shown = (int64_t)rt_text_length(end), whole = (int64_t)rt_text_length(text);
    rt_render_count(render, 2 * text.count);
    if (call->self->kind != RT_VALUE_TEXT && call->self->kind != RT_VALUE_UNDEFINED)
        return rt_render_fail(render, "%s cannot be truncated", rt_value_type(call->self));
    if (length < shown || leeway < 0)
        return rt_render_fail(render, "truncating to less than what marks it");
    *out = *call->self;
    if (whole <= length || whole - length <= leeway)
        return 0;
    struct rt_text kept = rt_text_part(text, 0, rt_text_offset(text, (size_t)(length - shown)));
    if (!rt_call_flag(call, 1) && rt_text_find_last(kept, rt_text_of(" "), &at))
        kept = rt_text_part(kept, 0, at);
    return rt_text_join(render, (struct rt_text[]){kept, end}, 2, out);
}
