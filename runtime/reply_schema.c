/* reply_schema.c: JSON schemas of calls, made of those of the tools' parameters. */
#include <stdlib.h>
#include <string.h>

#include "runtime/reply_parts.h"
#include "runtime/scope.h"

enum { SCHEMA_DEPTH_MAX = 64, PLACE_BYTES = 256 + RT_REPLY_NAME_MAX };

/* Passes a value on, and NULL with the error filled. */
static yyjson_mut_val *made(const struct rt_schema_making *making, yyjson_mut_val *value, int is_made)
{
    if (value && is_made)
        return value;
    rt_reply_no_memory(making->error);
    return NULL;
}

/* ---- a tool's schema, moved into another ---- */

static int move_reference(const struct rt_schema_making *making, yyjson_mut_val *value, const char *place)
{
    RT_FREE char *moved = NULL;
    if (asprintf(&moved, "%s%s", place, yyjson_mut_get_str(value) + 1) < 0) {
        moved = NULL;
        return rt_reply_no_memory(making->error);
    }
    const char *kept = yyjson_mut_get_str(yyjson_mut_strcpy(making->doc, moved));
    if (!kept)
        return rt_reply_no_memory(making->error);
    yyjson_mut_set_str(value, kept);
    return 0;
}

/* "#/$defs/x" means the schema that it was written in, which now lies at `place`. */
static int move_references(const struct rt_schema_making *making, yyjson_mut_val *schema, const char *place, unsigned depth)
{
    size_t i, count;
    yyjson_mut_val *key, *value;
    if (depth > SCHEMA_DEPTH_MAX)
        return rt_fail(making->error, RT_EXIT_USAGE, "\"tools\": a schema of more than %d levels; flatten it", SCHEMA_DEPTH_MAX);
    yyjson_mut_arr_foreach(schema, i, count, value)
    {
        if (move_references(making, value, place, depth + 1))
            return -1;
    }
    yyjson_mut_obj_foreach(schema, i, count, key, value)
    {
        const char *reference = yyjson_mut_equals_str(key, "$ref") ? yyjson_mut_get_str(value) : NULL;
        if (reference && *reference == '#' ? move_reference(making, value, place) : move_references(making, value, place, depth + 1))
            return -1;
    }
    return 0;
}

/* ---- the parts ---- */

/* The schema of a tool's arguments, which will lie at `place`. */
static yyjson_mut_val *parameters_of(const struct rt_schema_making *making, yyjson_val *function, const char *place)
{
    yyjson_val *given = yyjson_obj_get(function, "parameters");
    if (!yyjson_is_obj(given)) {
        yyjson_mut_val *none = yyjson_mut_obj(making->doc);
        return made(making, none,
                    yyjson_mut_obj_add_str(making->doc, none, "type", "object") &&
                        yyjson_mut_obj_add_bool(making->doc, none, "additionalProperties", false));
    }
    yyjson_mut_val *copy = made(making, yyjson_val_mut_copy(making->doc, given), 1);
    return copy && !move_references(making, copy, place, 0) ? copy : NULL;
}

/* An object with exactly these properties, of which there are one or two. */
static yyjson_mut_val *object_of(const struct rt_schema_making *making, yyjson_mut_val *properties)
{
    yyjson_mut_doc *doc = making->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc), *required = yyjson_mut_arr(doc), *key, *value;
    size_t i, count;
    int is_made = 1;
    yyjson_mut_obj_foreach(properties, i, count, key, value)
    {
        is_made &= yyjson_mut_arr_add_str(doc, required, yyjson_mut_get_str(key));
    }
    return made(making, object,
                is_made && yyjson_mut_obj_add_str(doc, object, "type", "object") &&
                    yyjson_mut_obj_add_val(doc, object, "properties", properties) &&
                    yyjson_mut_obj_add_val(doc, object, "required", required) &&
                    yyjson_mut_obj_add_bool(doc, object, "additionalProperties", false));
}

static const char *name_of(yyjson_val *function)
{
    return yyjson_get_str(yyjson_obj_get(function, "name"));
}

/* {"NAME": {arguments}} or {"name": "NAME", "arguments": {arguments}}. */
static yyjson_mut_val *call_of(const struct rt_schema_making *making, yyjson_val *function, const char *place)
{
    const unsigned flags = making->form->flags;
    const char *name = name_of(function), *key = flags & RT_REPLY_KEYED ? name : flags & RT_REPLY_BARE ? "parameters" : "arguments";
    yyjson_mut_doc *doc = making->doc;
    yyjson_mut_val *properties = yyjson_mut_obj(doc), *constant = yyjson_mut_obj(doc);
    char inner[PLACE_BYTES];
    snprintf(inner, sizeof inner, "%s/properties/%s", place, key);
    if (!made(making, properties,
              yyjson_mut_obj_add_str(doc, constant, "const", name) &&
                  (flags & RT_REPLY_KEYED || yyjson_mut_obj_add_val(doc, properties, "name", constant))))
        return NULL;
    yyjson_mut_val *parameters = parameters_of(making, function, inner);
    if (!parameters || !made(making, properties, yyjson_mut_obj_add_val(doc, properties, key, parameters)))
        return NULL;
    return object_of(making, properties);
}

/* A call of one of the tools, or of that one. */
static yyjson_mut_val *any_call(const struct rt_schema_making *making, yyjson_val *tools, yyjson_val *only, const char *place)
{
    if (only)
        return call_of(making, only, place);
    yyjson_mut_doc *doc = making->doc;
    yyjson_mut_val *any = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    yyjson_val *tool;
    size_t i, count;
    yyjson_arr_foreach(tools, i, count, tool)
    {
        char inner[PLACE_BYTES];
        snprintf(inner, sizeof inner, "%s/anyOf/%zu", place, i);
        yyjson_mut_val *call = call_of(making, yyjson_obj_get(tool, "function"), inner);
        if (!call || !made(making, list, yyjson_mut_arr_append(list, call)))
            return NULL;
    }
    return made(making, any, yyjson_mut_obj_add_val(doc, any, "anyOf", list));
}

yyjson_mut_val *rt_schema_of_list(const struct rt_schema_making *making, yyjson_val *tools, yyjson_val *only, int parallel)
{
    yyjson_mut_doc *doc = making->doc;
    yyjson_mut_val *list = yyjson_mut_obj(doc), *call = any_call(making, tools, only, "#/items");
    return call ? made(making, list,
                       yyjson_mut_obj_add_str(doc, list, "type", "array") && yyjson_mut_obj_add_val(doc, list, "items", call) &&
                           yyjson_mut_obj_add_uint(doc, list, "minItems", 1) &&
                           (parallel || yyjson_mut_obj_add_uint(doc, list, "maxItems", 1)))
                : NULL;
}

yyjson_mut_val *rt_schema_of_arguments(const struct rt_schema_making *making, yyjson_val *only)
{
    return parameters_of(making, only, "#");
}

yyjson_mut_val *rt_schema_of_call(const struct rt_schema_making *making, yyjson_val *tools, yyjson_val *only)
{
    return any_call(making, tools, only, "#");
}
