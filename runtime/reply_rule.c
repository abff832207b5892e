/* reply_rule.c: what a call that must come has to look like: a beginning to put into the model's mouth, and a schema for the rest. */
#include <stdlib.h>
#include <string.h>

#include "runtime/reply_parts.h"
#include "runtime/scope.h"

enum { SCHEMA_DEPTH_MAX = 64, PLACE_BYTES = 256 + RT_REPLY_NAME_MAX };

struct making {
    const struct rt_reply_form *form;
    yyjson_mut_doc *doc;
    struct rt_error *error;
};

static void close_doc(yyjson_mut_doc **doc)
{
    yyjson_mut_doc_free(*doc);
}

static int no_memory(struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the schema of a tool call");
}

/* Passes a value on, and NULL with the error filled. */
static yyjson_mut_val *made(const struct making *making, yyjson_mut_val *value, int is_made)
{
    if (value && is_made)
        return value;
    no_memory(making->error);
    return NULL;
}

/* ---- a tool's schema, moved into another ---- */

static int move_reference(const struct making *making, yyjson_mut_val *value, const char *place)
{
    RT_FREE char *moved = NULL;
    if (asprintf(&moved, "%s%s", place, yyjson_mut_get_str(value) + 1) < 0) {
        moved = NULL;
        return no_memory(making->error);
    }
    const char *kept = yyjson_mut_get_str(yyjson_mut_strcpy(making->doc, moved));
    if (!kept)
        return no_memory(making->error);
    yyjson_mut_set_str(value, kept);
    return 0;
}

/* "#/$defs/x" means the schema that it was written in, which now lies at `place`. */
static int move_references(const struct making *making, yyjson_mut_val *schema, const char *place, unsigned depth)
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
static yyjson_mut_val *parameters_of(const struct making *making, yyjson_val *function, const char *place)
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
static yyjson_mut_val *object_of(const struct making *making, yyjson_mut_val *properties)
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
static yyjson_mut_val *call_of(const struct making *making, yyjson_val *function, const char *place)
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
static yyjson_mut_val *any_call(const struct making *making, yyjson_val *tools, yyjson_val *only, const char *place)
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

static yyjson_mut_val *list_of_calls(const struct making *making, yyjson_val *tools, yyjson_val *only, int parallel)
{
    yyjson_mut_doc *doc = making->doc;
    yyjson_mut_val *list = yyjson_mut_obj(doc), *call = any_call(making, tools, only, "#/items");
    return call ? made(making, list,
                       yyjson_mut_obj_add_str(doc, list, "type", "array") && yyjson_mut_obj_add_val(doc, list, "items", call) &&
                           yyjson_mut_obj_add_uint(doc, list, "minItems", 1) &&
                           (parallel || yyjson_mut_obj_add_uint(doc, list, "maxItems", 1)))
                : NULL;
}

/* ---- the rule ---- */

/* As the model would write it: special tokens are spelled out. */
static void write_mark(FILE *out, const struct rt_reply_form *form, enum rt_mark mark)
{
    const struct rt_mark_text *text = &form->marks[mark];
    for (size_t i = 0; i < text->bytes; i++)
        if ((unsigned char)text->text[i] != RT_SPECIAL_BYTE)
            putc(text->text[i], out);
}

/* Whether the name stands before arguments in JSON. */
static int writes_name_apart(const struct rt_reply_form *form)
{
    return form->flags & RT_REPLY_CHANNELS || (form->marks[RT_MARK_NAME_END].text && !form->marks[RT_MARK_KEY].text);
}

/* Where calls in JSON stand directly in the section, since the form's own calls are XML. */
static int is_section_enough(const struct rt_reply_form *form)
{
    return form->marks[RT_MARK_SECTION].text && form->marks[RT_MARK_KEY].text;
}

/* name: of the tool whose arguments the JSON will be; NULL: it is a whole call, or a list of them. */
static void write_prefix(FILE *out, const struct rt_reply_form *form, const char *name, int opened)
{
    if (form->flags & RT_REPLY_CHANNELS) {
        fprintf(out, "<|channel|>commentary to=functions%s%s <|constrain|>json<|message|>", name ? "." : "", name ? name : "");
        return;
    }
    if (opened) {
        putc('\n', out);
        write_mark(out, form, RT_MARK_THINK_END);
        fputs("\n\n", out);
    }
    write_mark(out, form, RT_MARK_SECTION);
    if (!is_section_enough(form) && !(form->flags & RT_REPLY_BARE))
        write_mark(out, form, RT_MARK_CALL);
    if (name) {
        const int is_numbered = form->flags & RT_REPLY_NUMBERED;
        fprintf(out, "%s%s%s", is_numbered ? "functions." : "", name, is_numbered ? ":0" : "");
        write_mark(out, form, RT_MARK_NAME_END);
    }
}

static void write_suffix(FILE *out, const struct rt_reply_form *form)
{
    if (!is_section_enough(form))
        write_mark(out, form, RT_MARK_CALL_END);
    write_mark(out, form, RT_MARK_SECTION_END);
}

static int write_ends(struct rt_reply_rule *rule, const struct rt_reply_form *form, const char *name, int opened)
{
    size_t bytes;
    FILE *prefix = open_memstream(&rule->prefix, &bytes), *suffix = open_memstream(&rule->suffix, &bytes);
    if (prefix)
        write_prefix(prefix, form, name, opened);
    if (suffix)
        write_suffix(suffix, form);
    const int prefix_failed = !prefix || fclose(prefix), suffix_failed = !suffix || fclose(suffix);
    return prefix_failed || suffix_failed ? -1 : 0;
}

static int check_tools(yyjson_val *tools, struct rt_error *error)
{
    yyjson_val *tool;
    size_t i, count;
    if (!yyjson_arr_size(tools))
        return rt_fail(error, RT_EXIT_USAGE, "\"tool_choice\" asks for a call, but no tools are given; add \"tools\"");
    yyjson_arr_foreach(tools, i, count, tool)
    {
        yyjson_val *name = yyjson_obj_get(yyjson_obj_get(tool, "function"), "name");
        if (!yyjson_is_str(name) || !rt_reply_is_name(yyjson_get_str(name), yyjson_get_len(name)))
            return rt_fail(error, RT_EXIT_USAGE, "\"tools/%zu/function/name\": not a name of 1 to %d letters, digits and \"_-.:\"", i,
                           RT_REPLY_NAME_MAX);
    }
    return 0;
}

static int find_only(yyjson_val *tools, const char *only, yyjson_val **one, struct rt_error *error)
{
    *one = only ? rt_reply_tool(tools, only) : yyjson_arr_size(tools) == 1 ? yyjson_obj_get(yyjson_arr_get_first(tools), "function") : NULL;
    return only && !*one ? rt_fail(error, RT_EXIT_USAGE, "\"tool_choice\": no tool \"%s\" in \"tools\"", only) : 0;
}

int rt_reply_rule_open(struct rt_reply_rule *out, const struct rt_reply_form *form, yyjson_val *tools, const char *only, int parallel,
                       int opened, struct rt_error *error)
{
    RT_CLEAN(rt_reply_rule_close) struct rt_reply_rule rule = {0};
    RT_CLEAN(close_doc) yyjson_mut_doc *doc = NULL;
    yyjson_val *one;
    *out = rule;
    if (!form->calls)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "the bundle's chat template has no tool calls that are known; ask without \"tools\"");
    if (check_tools(tools, error) || find_only(tools, only, &one, error))
        return -1;
    if (!(doc = yyjson_mut_doc_new(NULL)))
        return no_memory(error);
    const struct making making = {form, doc, error};
    const int is_apart = one && writes_name_apart(form);
    yyjson_mut_val *root = is_apart                       ? parameters_of(&making, one, "#")
                           : form->flags & RT_REPLY_LISTS ? list_of_calls(&making, tools, one, parallel)
                                                          : any_call(&making, tools, one, "#");
    if (!root)
        return -1;
    rule.schema = yyjson_mut_val_write(root, 0, NULL);
    if (!rule.schema || write_ends(&rule, form, is_apart ? name_of(one) : NULL, opened))
        return no_memory(error);
    *out = rule;
    rule = (struct rt_reply_rule){0};
    return 0;
}

void rt_reply_rule_close(struct rt_reply_rule *rule)
{
    free(rule->prefix);
    free(rule->schema);
    free(rule->suffix);
    *rule = (struct rt_reply_rule){0};
}
