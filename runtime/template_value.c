/* template_value.c: values, their truth, and what a loop goes through, as in Python. */
#include "runtime/template_value.h"

#include <string.h>

struct rt_value rt_value_text(struct rt_text text)
{
    return (struct rt_value){.kind = RT_VALUE_TEXT, .text = text};
}

struct rt_value rt_value_bool(int truth)
{
    return (struct rt_value){.kind = RT_VALUE_BOOL, .integer = truth != 0};
}

struct rt_value rt_value_integer(int64_t integer)
{
    return (struct rt_value){.kind = RT_VALUE_INTEGER, .integer = integer};
}

struct rt_value rt_value_list(const struct rt_value *items, size_t count, enum rt_list_form form)
{
    return (struct rt_value){.kind = RT_VALUE_LIST, .list = {items, count, form, NULL}};
}

struct rt_value rt_value_undefined(struct rt_text name)
{
    return (struct rt_value){.kind = RT_VALUE_UNDEFINED, .text = name};
}

int rt_value_iterator(struct rt_render *render, const struct rt_value *items, size_t count, struct rt_value *out)
{
    *out = rt_value_list(items, count, RT_LIST_ITERATOR);
    return rt_render_take(render, 1, sizeof *out->list.taken, &out->list.taken);
}

const char *rt_value_type(const struct rt_value *value)
{
    static const char *const types[] = {"an undefined value", "none",      "a boolean", "a number", "a number", "text", "a list",
                                        "a mapping",          "a function"};
    return types[value->kind];
}

int rt_value_is_integer(const struct rt_value *value)
{
    return value->kind == RT_VALUE_INTEGER || value->kind == RT_VALUE_BOOL;
}

int rt_value_is_number(const struct rt_value *value)
{
    return rt_value_is_integer(value) || value->kind == RT_VALUE_FLOAT;
}

double rt_value_double(const struct rt_value *value)
{
    return value->kind == RT_VALUE_FLOAT ? value->number : (double)value->integer;
}

int rt_value_is_dict(const struct rt_value *value)
{
    return value->kind == RT_VALUE_MAP && value->map->kind == RT_MAP_DICT;
}

int rt_value_is_outside(const struct rt_value *value)
{
    return value->kind == RT_VALUE_TEXT ? value->text.foreign && memchr(value->text.foreign, 1, value->text.count) : value->foreign;
}

int rt_value_true(const struct rt_value *value)
{
    switch (value->kind) {
    case RT_VALUE_BOOL:
    case RT_VALUE_INTEGER: return value->integer != 0;
    case RT_VALUE_FLOAT: return value->number != 0;
    case RT_VALUE_TEXT: return value->text.count != 0;
    case RT_VALUE_LIST: return value->list.count || value->list.form == RT_LIST_ITERATOR;
    case RT_VALUE_MAP: return value->map->count || value->map->kind != RT_MAP_DICT;
    case RT_VALUE_FUNCTION: return 1;
    default: return 0;
    }
}

int rt_value_undefined_fail(struct rt_render *render, const struct rt_value *value)
{
    return rt_render_fail(render, "\"%.*s\" is undefined", rt_text_shown(value->text), value->text.bytes);
}

/* ---- going through ---- */

static int list_characters(struct rt_render *render, struct rt_text text, struct rt_list *out)
{
    const size_t length = rt_text_length(text);
    struct rt_value *items;
    size_t count = 0;
    rt_render_count(render, length * sizeof *items);
    if (rt_render_check(render) || rt_render_take(render, length, sizeof *items, &items))
        return -1;
    text.markup = 0; /* Python's own characters */
    for (size_t at = 0, step; (step = rt_text_step(text, at)); at += step)
        items[count++] = rt_value_text(rt_text_part(text, at, at + step));
    *out = (struct rt_list){items, count, RT_LIST_PLAIN, NULL};
    return 0;
}

static int list_keys(struct rt_render *render, const struct rt_map *map, struct rt_list *out)
{
    struct rt_value *items;
    size_t count = 0;
    rt_render_count(render, map->count * sizeof *items);
    if (rt_render_take(render, map->count, sizeof *items, &items))
        return -1;
    for (const struct rt_entry *entry = map->first; entry; entry = entry->next)
        items[count++] = entry->key;
    *out = (struct rt_list){items, count, RT_LIST_PLAIN, NULL};
    return 0;
}

int rt_value_iterate(struct rt_render *render, const struct rt_value *value, struct rt_list *out)
{
    *out = (struct rt_list){0};
    switch (value->kind) {
    case RT_VALUE_UNDEFINED: return 0;
    case RT_VALUE_TEXT: return list_characters(render, value->text, out);
    case RT_VALUE_LIST:
        *out = value->list;
        if (out->form == RT_LIST_ITERATOR && out->count) {
            out->items += *out->taken;
            out->count -= *out->taken;
            *out->taken = value->list.count;
        }
        out->form = RT_LIST_PLAIN;
        return 0;
    case RT_VALUE_MAP:
        if (value->map->kind == RT_MAP_DICT)
            return list_keys(render, value->map, out);
        break;
    default: break;
    }
    return rt_render_fail(render, "%s cannot be gone through", rt_value_type(value));
}
