/* template_value.c: what values are and do, as Python's str, int, list and dict do it. Text keeps one mark per byte that came from a
 * message, through every operation. */
#include "runtime/template_ast.h"

#include <stdio.h>
#include <string.h>

/* ---- text ---- */

struct rt_text rt_text_of(const char *text)
{
    return (struct rt_text){.bytes = text, .count = strlen(text)};
}

struct rt_text rt_text_part(struct rt_text text, size_t from, size_t to)
{
    return (struct rt_text){.bytes = text.bytes + from, .foreign = text.foreign ? text.foreign + from : NULL, .count = to - from};
}

int rt_text_equal(struct rt_text a, struct rt_text b)
{
    return a.count == b.count && (!a.count || !memcmp(a.bytes, b.bytes, a.count));
}

int rt_text_is(struct rt_text text, const char *other)
{
    return rt_text_equal(text, rt_text_of(other));
}

int rt_text_find(struct rt_text text, struct rt_text part, size_t *at)
{
    const char *found = part.count ? memmem(text.bytes, text.count, part.bytes, part.count) : text.bytes;
    *at = found ? (size_t)(found - text.bytes) : 0;
    return found || !part.count;
}

/* An invalid byte is a character of its own. */
size_t rt_text_step(struct rt_text text, size_t at)
{
    if (at >= text.count)
        return 0;
    const unsigned char first = (unsigned char)text.bytes[at];
    const size_t want = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
    if (want > text.count - at)
        return 1;
    for (size_t i = 1; i < want; i++)
        if (((unsigned char)text.bytes[at + i] & 0xc0) != 0x80)
            return 1;
    return want;
}

size_t rt_text_length(struct rt_text text)
{
    size_t length = 0;
    for (size_t at = 0, step; (step = rt_text_step(text, at)); at += step)
        length++;
    return length;
}

size_t rt_text_offset(struct rt_text text, size_t characters)
{
    size_t at = 0;
    for (size_t step; characters && (step = rt_text_step(text, at)); characters--)
        at += step;
    return at;
}

static uint32_t character(struct rt_text text, size_t at, size_t step)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes + at;
    switch (step) {
    case 1: return bytes[0];
    case 2: return (bytes[0] & 0x1fU) << 6 | (bytes[1] & 0x3fU);
    case 3: return (bytes[0] & 0x0fU) << 12 | (bytes[1] & 0x3fU) << 6 | (bytes[2] & 0x3fU);
    default: return 0x10000;
    }
}

size_t rt_text_space(struct rt_text text, size_t at)
{
    const size_t step = rt_text_step(text, at);
    if (!step)
        return 0;
    const uint32_t c = character(text, at, step);
    if (step == 1)
        return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
    const int is_space = c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
                         c == 0x202f || c == 0x205f || c == 0x3000;
    return is_space ? step : 0;
}

size_t rt_text_space_before(struct rt_text text, size_t at)
{
    for (size_t step = 1; step <= 3 && step <= at; step++)
        if (rt_text_space(text, at - step) == step)
            return step;
    return 0;
}

static void copy_text(char *bytes, uint8_t *foreign, struct rt_text text)
{
    if (!text.count)
        return;
    memcpy(bytes, text.bytes, text.count);
    if (text.foreign)
        memcpy(foreign, text.foreign, text.count);
}

int rt_text_join(struct rt_render *render, const struct rt_text *parts, size_t count, struct rt_value *out)
{
    size_t total = 0;
    char *bytes = NULL;
    uint8_t *foreign = NULL;
    int marked = 0;
    for (size_t i = 0; i < count; i++) { /* no overflow: each part is in memory, and there are few */
        total += parts[i].count;
        marked |= parts[i].foreign != NULL;
    }
    rt_render_count(render, total);
    if (rt_render_take(render, total, &bytes) || (marked && rt_render_take(render, total, &foreign)))
        return -1;
    *out = rt_value_text((struct rt_text){.bytes = bytes, .foreign = foreign, .count = total});
    for (size_t i = 0, at = 0; i < count; at += parts[i++].count)
        copy_text(bytes + at, foreign ? foreign + at : NULL, parts[i]);
    return 0;
}

/* ---- values ---- */

struct rt_value rt_value_text(struct rt_text text)
{
    return (struct rt_value){.kind = RT_VALUE_TEXT, .text = text};
}

struct rt_value rt_value_bool(int truth)
{
    return (struct rt_value){.kind = RT_VALUE_BOOL, .integer = truth != 0};
}

const char *rt_value_type(const struct rt_value *value)
{
    static const char *const types[] = {"an undefined value", "none", "a boolean", "a number", "text", "a list", "a mapping"};
    return types[value->kind];
}

int rt_value_is_number(const struct rt_value *value)
{
    return value->kind == RT_VALUE_INTEGER || value->kind == RT_VALUE_BOOL;
}

int rt_value_true(const struct rt_value *value)
{
    switch (value->kind) {
    case RT_VALUE_BOOL:
    case RT_VALUE_INTEGER: return value->integer != 0;
    case RT_VALUE_TEXT: return value->text.count != 0;
    case RT_VALUE_LIST: return value->list.count != 0;
    case RT_VALUE_MAP: return value->map->first || value->map->is_namespace;
    default: return 0;
    }
}

static int maps_equal(struct rt_render *render, const struct rt_map *a, const struct rt_map *b)
{
    size_t balance = 0;
    if (a == b)
        return 1;
    for (const struct rt_entry *entry = a->first; entry; entry = entry->next, balance++) {
        const struct rt_value *other = rt_map_find(b, entry->key);
        if (!other || entry->value.kind != RT_VALUE_TEXT || !rt_value_equal(render, &entry->value, other))
            return 0;
    }
    for (const struct rt_entry *entry = b->first; entry; entry = entry->next)
        balance--;
    return !balance;
}

/* Lists are compared one level deep: below it nothing but text and numbers is ever equal. */
static int lists_equal(struct rt_render *render, struct rt_list a, struct rt_list b)
{
    for (size_t i = 0; i < a.count && i < b.count; i++)
        if (a.items[i].kind == RT_VALUE_LIST || !rt_value_equal(render, &a.items[i], &b.items[i]))
            return 0;
    return a.count == b.count;
}

int rt_value_equal(struct rt_render *render, const struct rt_value *a, const struct rt_value *b)
{
    if (rt_value_is_number(a) && rt_value_is_number(b))
        return a->integer == b->integer;
    rt_render_count(render, a->kind == RT_VALUE_TEXT ? a->text.count : 0);
    if (a->kind != b->kind)
        return 0;
    switch (a->kind) {
    case RT_VALUE_TEXT: return rt_text_equal(a->text, b->text);
    case RT_VALUE_LIST: return lists_equal(render, a->list, b->list);
    case RT_VALUE_MAP: return maps_equal(render, a->map, b->map);
    default: return 1;
    }
}

int rt_value_contains(struct rt_render *render, const struct rt_value *container, const struct rt_value *value, int *out)
{
    size_t at;
    *out = 0;
    if (container->kind == RT_VALUE_UNDEFINED)
        return 0;
    if (container->kind == RT_VALUE_LIST) {
        for (size_t i = 0; i < container->list.count && !*out; i++)
            *out = rt_value_equal(render, &container->list.items[i], value);
        return 0;
    }
    if (container->kind == RT_VALUE_MAP) {
        *out = value->kind == RT_VALUE_TEXT && rt_map_find(container->map, value->text);
        return 0;
    }
    if (container->kind != RT_VALUE_TEXT || value->kind != RT_VALUE_TEXT)
        return rt_render_fail(render, "%s cannot be looked for in %s", rt_value_type(value), rt_value_type(container));
    rt_render_count(render, container->text.count);
    *out = rt_text_find(container->text, value->text, &at);
    return 0;
}

int rt_value_print(struct rt_render *render, const struct rt_value *value, struct rt_text *out)
{
    char *digits;
    switch (value->kind) {
    case RT_VALUE_UNDEFINED: *out = rt_text_of(""); return 0;
    case RT_VALUE_NONE: *out = rt_text_of("None"); return 0;
    case RT_VALUE_BOOL: *out = rt_text_of(value->integer ? "True" : "False"); return 0;
    case RT_VALUE_TEXT: *out = value->text; return 0;
    case RT_VALUE_INTEGER:
        if (rt_render_take(render, 24, &digits))
            return -1;
        snprintf(digits, 24, "%lld", (long long)value->integer);
        *out = rt_text_of(digits);
        return 0;
    default: return rt_render_fail(render, "printing %s is not there yet", rt_value_type(value));
    }
}

/* ---- maps and subscripts ---- */

const struct rt_value *rt_map_find(const struct rt_map *map, struct rt_text key)
{
    for (const struct rt_entry *entry = map->first; entry; entry = entry->next)
        if (rt_text_equal(entry->key, key))
            return &entry->value;
    return NULL;
}

int rt_map_set(struct rt_render *render, struct rt_map *map, struct rt_text key, const struct rt_value *value)
{
    struct rt_entry **entry = &map->first;
    size_t names = 0;
    for (; *entry && !rt_text_equal((*entry)->key, key); entry = &(*entry)->next)
        names++;
    if (names == RT_TEMPLATE_NAMES_MAX)
        return rt_render_fail(render, "more than %d variables", RT_TEMPLATE_NAMES_MAX);
    if (!*entry) {
        if (rt_render_take(render, sizeof **entry, entry))
            return -1;
        (*entry)->key = key;
    }
    (*entry)->value = *value;
    return 0;
}

static struct rt_value undefined(const struct rt_value *key)
{
    return (struct rt_value){.kind = RT_VALUE_UNDEFINED, .text = key->kind == RT_VALUE_TEXT ? key->text : rt_text_of("item")};
}

/* Moves a Python index into 0 … length-1; 0 if it is outside. */
static int place_index(int64_t index, size_t length, size_t *out)
{
    if (index < 0)
        index += (int64_t)length;
    *out = (size_t)index;
    return index >= 0 && index < (int64_t)length;
}

/* What is not there is undefined, as in Jinja; only the undefined itself has nothing that could be asked for. */
int rt_value_index(struct rt_render *render, const struct rt_value *object, const struct rt_value *key, struct rt_value *out)
{
    size_t at;
    *out = undefined(key);
    if (object->kind == RT_VALUE_UNDEFINED)
        return rt_render_fail(render, "\"%.*s\" is undefined", (int)(object->text.count > 64 ? 64 : object->text.count),
                              object->text.bytes);
    if (object->kind == RT_VALUE_MAP && key->kind == RT_VALUE_TEXT) {
        const struct rt_value *found = rt_map_find(object->map, key->text);
        if (found)
            *out = *found;
    } else if (object->kind == RT_VALUE_LIST && rt_value_is_number(key)) {
        if (place_index(key->integer, object->list.count, &at))
            *out = object->list.items[at];
    } else if (object->kind == RT_VALUE_TEXT && rt_value_is_number(key)) {
        if (place_index(key->integer, rt_text_length(object->text), &at)) {
            const size_t from = rt_text_offset(object->text, at);
            *out = rt_value_text(rt_text_part(object->text, from, from + rt_text_step(object->text, from)));
        }
        rt_render_count(render, object->text.count);
    }
    return 0;
}
