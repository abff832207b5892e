/* template_split.c: texts → lists of their parts. */
#include "runtime/template_value.h"

/* Where the pieces go; `items` NULL: they are only counted. */
struct pieces {
    struct rt_value *items;
    size_t count;
};

static void add(struct pieces *pieces, struct rt_text text, size_t from, size_t to)
{
    if (pieces->items)
        pieces->items[pieces->count] = rt_value_text(rt_text_part(text, from, to));
    pieces->count++;
}

/* ---- at white space ---- */

static size_t skip_space(struct rt_text text, size_t at)
{
    for (size_t step; (step = rt_text_space(text, at));)
        at += step;
    return at;
}

static size_t skip_word(struct rt_text text, size_t at)
{
    while (at < text.count && !rt_text_space(text, at))
        at += rt_text_step(text, at);
    return at;
}

/* What is left after the last cut keeps the white space at its end. */
static void cut_words(struct rt_text text, int64_t most, struct pieces *pieces)
{
    for (size_t at = skip_space(text, 0), end; at < text.count; at = skip_space(text, end), most--) {
        end = most ? skip_word(text, at) : text.count;
        add(pieces, text, at, end);
    }
}

static size_t space_begin(struct rt_text text, size_t end)
{
    for (size_t step; (step = rt_text_space_before(text, end));)
        end -= step;
    return end;
}

static size_t word_begin(struct rt_text text, size_t end)
{
    while (end && !rt_text_space_before(text, end))
        end--;
    return end;
}

static void cut_words_back(struct rt_text text, int64_t most, struct pieces *pieces)
{
    for (size_t end = space_begin(text, text.count), begin; end; end = space_begin(text, begin), most--) {
        begin = most ? word_begin(text, end) : 0;
        add(pieces, text, begin, end);
    }
}

/* ---- at a separator ---- */

static void cut(struct rt_text text, struct rt_text by, int64_t most, struct pieces *pieces)
{
    size_t begin = 0, at;
    for (; most && rt_text_find(rt_text_part(text, begin, text.count), by, &at); most--) {
        add(pieces, text, begin, begin + at);
        begin += at + by.count;
    }
    add(pieces, text, begin, text.count);
}

static void cut_back(struct rt_text text, struct rt_text by, int64_t most, struct pieces *pieces)
{
    size_t end = text.count, at;
    for (; most && rt_text_find_last(rt_text_part(text, 0, end), by, &at); most--) {
        add(pieces, text, at + by.count, end);
        end = at;
    }
    add(pieces, text, 0, end);
}

/* Pieces from the end come last first. */
static void reverse(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->count / 2; i++) {
        const struct rt_value last = pieces->items[pieces->count - 1 - i];
        pieces->items[pieces->count - 1 - i] = pieces->items[i];
        pieces->items[i] = last;
    }
}

static void cut_any(struct rt_text text, const struct rt_text *by, int64_t most, int backwards, struct pieces *pieces)
{
    if (by && backwards)
        cut_back(text, *by, most, pieces);
    else if (by)
        cut(text, *by, most, pieces);
    else if (backwards)
        cut_words_back(text, most, pieces);
    else
        cut_words(text, most, pieces);
}

static int split(struct rt_render *render, const struct rt_call *call, int backwards, struct rt_value *out)
{
    const struct rt_value *given = rt_call_given(call, 0);
    const struct rt_text *by = given && given->kind != RT_VALUE_NONE ? &given->text : NULL;
    struct pieces pieces = {0};
    int64_t most;
    if (rt_call_integer(render, call, 1, -1, &most))
        return -1;
    if (by && (given->kind != RT_VALUE_TEXT || !by->count))
        return rt_render_fail(render, "splitting by %s", given->kind == RT_VALUE_TEXT ? "nothing" : rt_value_type(given));
    if (by && backwards && rt_text_find_cost(render, call->self->text, *by))
        return -1;
    cut_any(call->self->text, by, most, backwards, &pieces);
    rt_render_count(render, 2 * call->self->text.count + pieces.count * sizeof *pieces.items);
    if (rt_render_check(render) || rt_render_take(render, pieces.count, sizeof *pieces.items, &pieces.items))
        return -1;
    pieces.count = 0;
    cut_any(call->self->text, by, most, backwards, &pieces);
    if (backwards)
        reverse(&pieces);
    *out = rt_value_list(pieces.items, pieces.count, RT_LIST_PLAIN);
    return 0;
}

int rt_call_split(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return split(render, call, 0, out);
}

int rt_call_rsplit(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return split(render, call, 1, out);
}

/* ---- lines ---- */

/* Bytes of the line's end at `at`, of all kinds that Python knows. */
static size_t line_end(struct rt_text text, size_t at)
{
    const uint32_t c = rt_text_character(text, at);
    if (c == '\r' && at + 1 < text.count && text.bytes[at + 1] == '\n')
        return 2;
    return (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029 ? rt_text_step(text, at) : 0;
}

static void cut_lines(struct rt_text text, int keep_ends, struct pieces *pieces)
{
    size_t begin = 0;
    for (size_t at = 0, width; at < text.count; at += width) {
        width = line_end(text, at);
        if (width) {
            add(pieces, text, begin, keep_ends ? at + width : at);
            begin = at + width;
        } else {
            width = rt_text_step(text, at);
        }
    }
    if (begin < text.count)
        add(pieces, text, begin, text.count);
}

int rt_call_splitlines(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct pieces pieces = {0};
    int64_t keep_ends;
    if (rt_call_integer(render, call, 0, 0, &keep_ends))
        return -1;
    cut_lines(call->self->text, keep_ends != 0, &pieces);
    rt_render_count(render, 2 * call->self->text.count + pieces.count * sizeof *pieces.items);
    if (rt_render_check(render) || rt_render_take(render, pieces.count, sizeof *pieces.items, &pieces.items))
        return -1;
    pieces.count = 0;
    cut_lines(call->self->text, keep_ends != 0, &pieces);
    *out = rt_value_list(pieces.items, pieces.count, RT_LIST_PLAIN);
    return 0;
}

/* ---- partition ---- */

static int partition(struct rt_render *render, const struct rt_call *call, int backwards, struct rt_value *out)
{
    const struct rt_text text = call->self->text;
    struct rt_text by;
    struct rt_value *items;
    size_t at;
    if (rt_call_text(render, call, 0, NULL, &by) || rt_render_take(render, 3, sizeof *items, &items))
        return -1;
    if (!by.count)
        return rt_render_fail(render, "splitting by nothing");
    if (rt_text_find_cost(render, text, by))
        return -1;
    const int found = backwards ? rt_text_find_last(text, by, &at) : rt_text_find(text, by, &at);
    const size_t end = found ? at : backwards ? 0 : text.count, begin = found ? at + by.count : end;
    items[0] = rt_value_text(rt_text_part(text, 0, end));
    items[1] = rt_value_text(found ? by : rt_text_of(""));
    items[2] = rt_value_text(rt_text_part(text, begin, text.count));
    *out = rt_value_list(items, 3, RT_LIST_TUPLE);
    return 0;
}

int rt_call_partition(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return partition(render, call, 0, out);
}

int rt_call_rpartition(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return partition(render, call, 1, out);
}
