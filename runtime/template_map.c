/* template_map.c: mappings, and what stands behind a dot or in brackets. */
#include "runtime/template_value.h"

/* ---- mappings ---- */

const struct rt_value *rt_map_find(const struct rt_map *map, struct rt_text key)
{
    for (const struct rt_entry *entry = map->first; entry; entry = entry->next)
        if (entry->key.kind == RT_VALUE_TEXT && rt_text_equal(entry->key.text, key))
            return &entry->value;
    return NULL;
}

static struct rt_entry *find_entry(struct rt_render *render, const struct rt_map *map, const struct rt_value *key)
{
    struct rt_entry *entry = map->first;
    size_t passed = 0;
    for (; entry; entry = entry->next, passed++) {
        const int both_text = entry->key.kind == RT_VALUE_TEXT && key->kind == RT_VALUE_TEXT;
        if (both_text ? rt_text_equal(entry->key.text, key->text) : rt_value_equal(render, &entry->key, key))
            break;
    }
    rt_render_count(render, 32 * passed);
    return entry;
}

const struct rt_value *rt_map_get(struct rt_render *render, const struct rt_map *map, const struct rt_value *key)
{
    const struct rt_entry *entry = find_entry(render, map, key);
    return entry ? &entry->value : NULL;
}

static int is_hashable(const struct rt_value *key)
{
    if (key->kind == RT_VALUE_MAP)
        return key->map->kind != RT_MAP_DICT;
    return key->kind != RT_VALUE_LIST || (key->list.form != RT_LIST_PLAIN && key->list.form != RT_LIST_VIEW);
}

int rt_map_put(struct rt_render *render, struct rt_map *map, const struct rt_value *key, const struct rt_value *value)
{
    if (!is_hashable(key))
        return rt_render_fail(render, "%s cannot be a key", rt_value_type(key));
    struct rt_entry *entry = find_entry(render, map, key);
    if (rt_render_check(render))
        return -1;
    if (!entry) {
        if (map->count == RT_TEMPLATE_NAMES_MAX)
            return rt_render_fail(render, "more than %d variables, or names in a mapping", RT_TEMPLATE_NAMES_MAX);
        if (rt_render_take(render, 1, sizeof *entry, &entry))
            return -1;
        entry->key = *key;
        if (map->last)
            map->last->next = entry;
        else
            map->first = entry;
        map->last = entry;
        map->count++;
    }
    entry->value = *value;
    return 0;
}

int rt_map_set(struct rt_render *render, struct rt_map *map, struct rt_text key, const struct rt_value *value)
{
    const struct rt_value key_value = rt_value_text(key);
    return rt_map_put(render, map, &key_value, value);
}

/* ---- subscripts ---- */

static struct rt_value undefined(const struct rt_value *key)
{
    return rt_value_undefined(key->kind == RT_VALUE_TEXT ? key->text : rt_text_of("item"));
}

/* Moves a Python index into 0 … length-1; 0 if it is outside. */
static int place_index(int64_t index, size_t length, size_t *out)
{
    if (index < 0)
        index += (int64_t)length;
    *out = (size_t)index;
    return index >= 0 && index < (int64_t)length;
}

static void index_text(struct rt_render *render, struct rt_text text, int64_t index, struct rt_value *out)
{
    size_t at;
    rt_render_count(render, 2 * text.count);
    if (!place_index(index, rt_text_length(text), &at))
        return;
    const size_t from = rt_text_offset(text, at);
    *out = rt_value_text(rt_text_part(text, from, from + rt_text_step(text, from)));
}

/* 1 if there is such an item. Views and iterators have none. */
static int find_item(struct rt_render *render, const struct rt_value *object, const struct rt_value *key, struct rt_value *out)
{
    size_t at;
    const struct rt_value *found = NULL;
    if (object->kind == RT_VALUE_MAP && object->map->kind == RT_MAP_DICT)
        found = rt_map_get(render, object->map, key);
    else if (object->kind == RT_VALUE_LIST && object->list.form < RT_LIST_VIEW && rt_value_is_integer(key) &&
             place_index(key->integer, object->list.count, &at))
        found = &object->list.items[at];
    else if (object->kind == RT_VALUE_TEXT && rt_value_is_integer(key))
        index_text(render, object->text, key->integer, out);
    if (found)
        *out = *found;
    return out->kind != RT_VALUE_UNDEFINED;
}

/* 1 if there is such an attribute: a method, or what Jinja's own objects know. */
static int find_attribute(struct rt_render *render, const struct rt_value *object, struct rt_text name, struct rt_value *out)
{
    const struct rt_builtin *method = rt_method_find(object, name);
    struct rt_function *function;
    if (object->kind == RT_VALUE_MAP && object->map->kind != RT_MAP_DICT) {
        const struct rt_value *found = rt_map_find(object->map, name);
        if (found) {
            *out = *found;
            return 1;
        }
    }
    if (!method)
        return 0;
    if (rt_render_take(render, 1, sizeof *function, &function))
        return -1;
    *function = (struct rt_function){.builtin = method, .self = *object};
    *out = (struct rt_value){.kind = RT_VALUE_FUNCTION, .function = function};
    return 1;
}

/* What is not there is undefined, as in Jinja; only the undefined itself has nothing that could be asked for. */
int rt_value_index(struct rt_render *render, const struct rt_value *object, const struct rt_value *key, struct rt_value *out)
{
    *out = undefined(key);
    if (object->kind == RT_VALUE_UNDEFINED)
        return rt_value_undefined_fail(render, object);
    if (find_item(render, object, key, out) || key->kind != RT_VALUE_TEXT)
        return 0;
    return find_attribute(render, object, key->text, out) < 0 ? -1 : 0;
}

int rt_value_attribute(struct rt_render *render, const struct rt_value *object, struct rt_text name, struct rt_value *out)
{
    const struct rt_value key = rt_value_text(name);
    *out = undefined(&key);
    if (object->kind == RT_VALUE_UNDEFINED)
        return rt_value_undefined_fail(render, object);
    const int found = find_attribute(render, object, name, out);
    if (!found)
        find_item(render, object, &key, out);
    return found < 0 ? -1 : 0;
}

/* Python's digits, as Jinja reads them in a path: '0' is an index there, '-1' a name. */
static int is_index(struct rt_text part)
{
    for (size_t i = 0; i < part.count; i++)
        if (part.bytes[i] < '0' || part.bytes[i] > '9')
            return 0;
    return part.count != 0;
}

int rt_value_attributes(struct rt_render *render, const struct rt_value *value, const struct rt_value *path, struct rt_value *out)
{
    *out = *value;
    if (path->kind == RT_VALUE_NONE)
        return 0;
    if (path->kind != RT_VALUE_TEXT)
        return rt_value_index(render, value, path, out);
    for (size_t begin = 0, end; begin <= path->text.count; begin = end + 1) {
        const struct rt_text rest = rt_text_part(path->text, begin, path->text.count);
        end = begin + (rt_text_find(rest, rt_text_of("."), &end) ? end : rest.count);
        struct rt_value key = rt_value_text(rt_text_part(path->text, begin, end)), object = *out;
        int64_t index;
        if (is_index(key.text) && !rt_number_parse(key.text, 10, &index))
            key = rt_value_integer(index);
        if (rt_value_index(render, &object, &key, out))
            return -1;
    }
    return 0;
}
