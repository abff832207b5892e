/* template_slice.c: a[from:to:step], of texts and lists, with the bounds of Python. */
#include "runtime/template_ast.h"

/* A bound of a slice: counted from the end if negative and cut to lowest … highest, or `otherwise` where nothing is written. */
static int64_t place_bound(const struct rt_value *value, int64_t length, int64_t otherwise, int backwards)
{
    const int64_t lowest = backwards ? -1 : 0, highest = backwards ? length - 1 : length;
    if (value->kind == RT_VALUE_NONE)
        return otherwise;
    const int64_t place = value->integer < 0 ? value->integer + length : value->integer;
    return place < lowest ? lowest : place > highest ? highest : place;
}

static int slice_list(struct rt_render *render, const struct rt_value *list, int64_t from, int64_t to, int64_t step, struct rt_value *out)
{
    struct rt_value *items;
    size_t count = 0;
    rt_render_count(render, list->list.count * sizeof *items);
    if (rt_render_check(render) || rt_render_take(render, list->list.count, sizeof *items, &items))
        return -1;
    for (int64_t i = from; step > 0 ? i < to : i > to; i += step)
        items[count++] = list->list.items[i];
    *out = rt_value_list(items, count, list->list.form);
    out->foreign = list->foreign;
    return 0;
}

static int step_through(struct rt_render *render, const struct rt_value *text, int64_t from, int64_t to, int64_t step, struct rt_value *out)
{
    struct rt_builder builder = {0};
    struct rt_list characters;
    if (rt_value_iterate(render, text, &characters))
        return -1;
    for (int64_t i = from; step > 0 ? i < to : i > to; i += step)
        if (rt_builder_put(render, &builder, characters.items[i].text))
            return -1;
    *out = rt_value_text(rt_builder_text(&builder));
    out->text.markup = text->text.markup;
    return 0;
}

static int slice_text(struct rt_render *render, const struct rt_value *text, int64_t from, int64_t to, int64_t step, struct rt_value *out)
{
    if (step != 1)
        return step_through(render, text, from, to, step, out);
    rt_render_count(render, text->text.count);
    const size_t begin = rt_text_offset(text->text, (size_t)from), end = rt_text_offset(text->text, (size_t)(to > from ? to : from));
    *out = rt_value_text(rt_text_part(text->text, begin, end));
    return 0;
}

static int evaluate_part(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    *out = (struct rt_value){.kind = RT_VALUE_NONE};
    if (node && rt_evaluate(render, node, out))
        return -1;
    return out->kind == RT_VALUE_NONE || rt_value_is_integer(out) ? 0
                                                                  : rt_render_fail(render, "%s cannot bound a slice", rt_value_type(out));
}

static int slice(struct rt_render *render, const struct rt_value *object, const struct rt_value *from, const struct rt_value *to,
                 int64_t step, struct rt_value *out)
{
    const int is_text = object->kind == RT_VALUE_TEXT, backwards = step < 0;
    const int64_t length = (int64_t)(is_text ? rt_text_length(object->text) : object->list.count);
    const int64_t begin = place_bound(from, length, backwards ? length - 1 : 0, backwards),
                  end = place_bound(to, length, backwards ? -1 : length, backwards);
    return is_text ? slice_text(render, object, begin, end, step, out) : slice_list(render, object, begin, end, step, out);
}

int rt_evaluate_slice(struct rt_render *render, const struct rt_node *node, struct rt_value *out)
{
    struct rt_value object, from, to, by;
    if (rt_evaluate(render, node->slice.object, &object) || evaluate_part(render, node->slice.from, &from) ||
        evaluate_part(render, node->slice.to, &to) || evaluate_part(render, node->slice.step, &by))
        return -1;
    if (object.kind == RT_VALUE_UNDEFINED)
        return rt_value_undefined_fail(render, &object);
    if (object.kind != RT_VALUE_TEXT && (object.kind != RT_VALUE_LIST || object.list.form >= RT_LIST_VIEW))
        return rt_render_fail(render, "%s cannot be sliced", rt_value_type(&object));
    const int64_t step = by.kind == RT_VALUE_NONE ? 1 : by.integer;
    if (!step)
        return rt_render_fail(render, "the step of a slice is zero");
    return slice(render, &object, &from, &to, step > INT32_MAX ? INT32_MAX : step < -INT32_MAX ? -INT32_MAX : step, out);
}
