/* template_input.c: JSON → values, and the variables that transformers' apply_chat_template passes. All that comes from outside is marked
 * as foreign: texts byte by byte, the rest as a whole. */
#include "runtime/template_ast.h"

#include <string.h>

struct reader {
    struct rt_render *render;
    uint8_t *marks; /* as many of 1 as the longest text so far is long; texts share them */
    size_t room;
};

static int read_value(struct reader *reader, yyjson_val *json, struct rt_value *out);

static int read_text(struct reader *reader, yyjson_val *json, struct rt_value *out)
{
    const size_t count = yyjson_get_len(json);
    if (count > reader->room) {
        const size_t room = count > 2 * reader->room ? count : 2 * reader->room;
        if (rt_render_take(reader->render, room, 1, &reader->marks))
            return -1;
        memset(reader->marks, 1, room);
        reader->room = room;
    }
    *out = rt_value_text((struct rt_text){.bytes = yyjson_get_str(json), .foreign = count ? reader->marks : NULL, .count = count});
    return 0;
}

static int read_number(struct reader *reader, yyjson_val *json, struct rt_value *out)
{
    if (yyjson_is_real(json)) {
        *out = (struct rt_value){.kind = RT_VALUE_FLOAT, .number = yyjson_get_real(json)};
        return 0;
    }
    if (yyjson_is_uint(json) && yyjson_get_uint(json) > INT64_MAX)
        return rt_render_fail(reader->render, "the conversation holds a number of more than 63 bits; write it as text");
    *out = rt_value_integer(yyjson_get_sint(json));
    return 0;
}

static int read_list(struct reader *reader, yyjson_val *json, struct rt_value *out)
{
    struct rt_value *items;
    yyjson_val *item;
    size_t i, count;
    if (rt_render_take(reader->render, yyjson_arr_size(json), sizeof *items, &items))
        return -1;
    *out = rt_value_list(items, yyjson_arr_size(json), RT_LIST_PLAIN);
    yyjson_arr_foreach(json, i, count, item)
    {
        if (read_value(reader, item, &items[i]))
            return -1;
    }
    return 0;
}

static int read_map(struct reader *reader, yyjson_val *json, struct rt_map *map)
{
    yyjson_val *key, *member;
    size_t i, count;
    yyjson_obj_foreach(json, i, count, key, member)
    {
        struct rt_value name, value;
        if (read_text(reader, key, &name) || read_value(reader, member, &value) || rt_map_put(reader->render, map, &name, &value))
            return -1;
    }
    return 0;
}

static int read_object(struct reader *reader, yyjson_val *json, struct rt_value *out)
{
    *out = (struct rt_value){.kind = RT_VALUE_MAP};
    return rt_render_take(reader->render, 1, sizeof *out->map, &out->map) ? -1 : read_map(reader, json, out->map);
}

static int read_any(struct reader *reader, yyjson_val *json, struct rt_value *out)
{
    switch (yyjson_get_type(json)) {
    case YYJSON_TYPE_STR: return read_text(reader, json, out);
    case YYJSON_TYPE_NUM: return read_number(reader, json, out);
    case YYJSON_TYPE_ARR: return read_list(reader, json, out);
    case YYJSON_TYPE_OBJ: return read_object(reader, json, out);
    case YYJSON_TYPE_BOOL: *out = rt_value_bool(yyjson_get_bool(json)); return 0;
    default: *out = (struct rt_value){.kind = RT_VALUE_NONE}; return 0;
    }
}

/* NULL is None. */
static int read_value(struct reader *reader, yyjson_val *json, struct rt_value *out)
{
    if (rt_render_deeper(reader->render) || read_any(reader, json, out))
        return -1;
    out->foreign = json != NULL;
    reader->render->depth--;
    return 0;
}

static int set(struct reader *reader, struct rt_map *variables, const char *name, yyjson_val *json)
{
    struct rt_value value;
    return read_value(reader, json, &value) ? -1 : rt_map_set(reader->render, variables, rt_text_of(name), &value);
}

/* Further variables come first: they stand in for none of the others. */
int rt_input_variables(struct rt_render *render, struct rt_map *variables, const struct rt_template_input *input)
{
    struct reader reader = {.render = render};
    const struct rt_value prompt = rt_value_bool(input->add_generation_prompt), bos = rt_value_text(rt_text_of(input->bos_token)),
                          eos = rt_value_text(rt_text_of(input->eos_token)), none = rt_value_list(NULL, 0, RT_LIST_PLAIN);
    if ((input->variables && read_map(&reader, input->variables, variables)) ||
        (input->messages ? set(&reader, variables, "messages", input->messages)
                         : rt_map_set(render, variables, rt_text_of("messages"), &none)) ||
        set(&reader, variables, "tools", input->tools) || set(&reader, variables, "documents", input->documents))
        return -1;
    if (rt_map_set(render, variables, rt_text_of("bos_token"), &bos) || rt_map_set(render, variables, rt_text_of("eos_token"), &eos))
        return -1;
    return rt_map_set(render, variables, rt_text_of("add_generation_prompt"), &prompt);
}
