/* api_messages.c: see api_messages.h. */
#include "runtime/api_messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"

enum { NAME_BYTES = 256, TOOLS_MAX = 256 };

struct place { /* for messages: "messages[3].content[0]" */
    char text[96];
};

static struct place place_of(size_t message, const char *member)
{
    struct place place;
    snprintf(place.text, sizeof place.text, "messages[%zu]%s%s", message, *member ? "." : "", member);
    return place;
}

/* ---- content ---- */

static int part_text(yyjson_val *part, struct place *place, size_t i, yyjson_val **text, struct rt_api_error *error)
{
    const size_t used = strlen(place->text);
    const char *type = yyjson_get_str(yyjson_obj_get(part, "type"));
    *text = yyjson_obj_get(part, "text");
    if (yyjson_is_str(part)) {
        *text = part;
        return 0;
    }
    snprintf(place->text + used, sizeof place->text - used, "[%zu]", i);
    if (!type || (strcmp(type, "text") && strcmp(type, "input_text") && strcmp(type, "refusal")))
        return rt_api_fail(error, 400, "unsupported_value", place->text, "%s: parts of the type \"%.40s\" are not supported; send text",
                           place->text, type ? type : "");
    if (!strcmp(type, "refusal"))
        *text = yyjson_obj_get(part, "refusal");
    if (!yyjson_is_str(*text))
        return rt_api_fail(error, 400, "invalid_type", place->text, "%s has no text", place->text);
    place->text[used] = 0;
    return 0;
}

static int join_parts(yyjson_mut_doc *doc, yyjson_val *parts, struct place place, yyjson_mut_val **out, struct rt_api_error *error)
{
    size_t bytes = 0, at = 0, i, max;
    yyjson_val *part, *text;
    yyjson_arr_foreach(parts, i, max, part)
    {
        if (part_text(part, &place, i, &text, error))
            return -1;
        bytes += yyjson_get_len(text);
    }
    RT_FREE char *joined = malloc(bytes + 1);
    if (!joined)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for the messages");
    yyjson_arr_foreach(parts, i, max, part)
    {
        if (part_text(part, &place, i, &text, error))
            return -1;
        memcpy(joined + at, yyjson_get_str(text), yyjson_get_len(text));
        at += yyjson_get_len(text);
    }
    *out = yyjson_mut_strncpy(doc, joined, bytes);
    return 0;
}

/* Null where the request may leave it out: what calls a tool need not say anything. */
static int read_content(yyjson_mut_doc *doc, yyjson_val *message, size_t index, int optional, yyjson_mut_val **out,
                        struct rt_api_error *error)
{
    yyjson_val *content = rt_api_get(message, "content");
    const struct place place = place_of(index, "content");
    if (yyjson_is_arr(content))
        return join_parts(doc, content, place, out, error);
    if (!yyjson_is_str(content) && !(optional && !content))
        return rt_api_fail(error, 400, "invalid_type", place.text, "%s is neither a string nor a list of parts", place.text);
    *out = content ? yyjson_val_mut_copy(doc, content) : yyjson_mut_str(doc, "");
    return 0;
}

/* ---- tool calls ---- */

/* Clients send arguments as the string that the model wrote; templates print an object. */
static yyjson_mut_val *read_arguments(yyjson_mut_doc *doc, yyjson_val *arguments)
{
    struct rt_api_error ignored;
    yyjson_doc *parsed = NULL;
    if (yyjson_is_str(arguments) && !rt_api_parse(&parsed, yyjson_get_str(arguments), yyjson_get_len(arguments), &ignored)) {
        yyjson_mut_val *object = yyjson_val_mut_copy(doc, yyjson_doc_get_root(parsed));
        yyjson_doc_free(parsed);
        return object;
    }
    return arguments ? yyjson_val_mut_copy(doc, arguments) : yyjson_mut_obj(doc);
}

static int read_call(yyjson_mut_doc *doc, yyjson_val *call, const char *place, yyjson_mut_val *out, struct rt_api_error *error)
{
    yyjson_val *function = rt_api_get(call, "function"), *name = rt_api_get(function, "name"), *id = rt_api_get(call, "id");
    if (!yyjson_is_str(name) || yyjson_get_len(name) > NAME_BYTES || (id && !yyjson_is_str(id)))
        return rt_api_fail(error, 400, "invalid_type", place,
                           "%s: each is {\"id\", \"type\": \"function\", \"function\": {\"name\", \"arguments\"}}", place);
    if (id)
        yyjson_mut_obj_add_val(doc, out, "id", yyjson_val_mut_copy(doc, id));
    yyjson_mut_obj_add_str(doc, out, "type", "function");
    yyjson_mut_val *copy = yyjson_mut_obj_add_obj(doc, out, "function");
    yyjson_mut_obj_add_val(doc, copy, "name", yyjson_val_mut_copy(doc, name));
    yyjson_mut_obj_add_val(doc, copy, "arguments", read_arguments(doc, rt_api_get(function, "arguments")));
    return 0;
}

static int read_calls(yyjson_mut_doc *doc, yyjson_val *calls, size_t index, yyjson_mut_val *out, struct rt_api_error *error)
{
    const struct place place = place_of(index, "tool_calls");
    size_t i, max;
    yyjson_val *call;
    if (!yyjson_is_arr(calls) || yyjson_arr_size(calls) > TOOLS_MAX)
        return rt_api_fail(error, 400, "invalid_type", place.text, "%s is not a list of at most %d", place.text, TOOLS_MAX);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, out, "tool_calls");
    yyjson_arr_foreach(calls, i, max, call)
    {
        if (read_call(doc, call, place.text, yyjson_mut_arr_add_obj(doc, list), error))
            return -1;
    }
    return 0;
}

/* ---- messages ---- */

static const char *read_role(yyjson_val *message)
{
    static const char *const roles[] = {"system", "user", "assistant", "tool"};
    const char *role = yyjson_get_str(yyjson_obj_get(message, "role"));
    if (role && !strcmp(role, "developer"))
        return "system";
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++)
        if (!strcmp(role, roles[i]))
            return roles[i];
    return NULL;
}

/* A member that is a string, where it is there. */
static int copy_text(yyjson_mut_doc *doc, yyjson_val *message, const char *key, size_t index, yyjson_mut_val *out,
                     struct rt_api_error *error)
{
    yyjson_val *text = rt_api_get(message, key);
    const struct place place = place_of(index, key);
    if (!text)
        return 0;
    if (!yyjson_is_str(text))
        return rt_api_fail(error, 400, "invalid_type", place.text, "%s is not a string", place.text);
    yyjson_mut_obj_add_val(doc, out, key, yyjson_val_mut_copy(doc, text));
    return 0;
}

static int read_message(yyjson_mut_doc *doc, yyjson_val *message, size_t index, yyjson_mut_val *out, struct rt_api_error *error)
{
    const struct place place = place_of(index, "role");
    const char *role = read_role(message);
    if (!role)
        return rt_api_fail(error, 400, "invalid_value", place.text,
                           "%s is not \"system\", \"developer\", \"user\", \"assistant\" or \"tool\"", place.text);
    const int is_assistant = !strcmp(role, "assistant");
    yyjson_val *calls = is_assistant ? rt_api_get(message, "tool_calls") : NULL;
    yyjson_mut_val *content;
    yyjson_mut_obj_add_str(doc, out, "role", role);
    if (read_content(doc, message, index, is_assistant && calls != NULL, &content, error))
        return -1;
    yyjson_mut_obj_add_val(doc, out, "content", content);
    if (calls && read_calls(doc, calls, index, out, error))
        return -1;
    return copy_text(doc, message, "name", index, out, error) || copy_text(doc, message, "tool_call_id", index, out, error) ||
                   copy_text(doc, message, "reasoning_content", index, out, error)
               ? -1
               : 0;
}

static int read_messages(yyjson_mut_doc *doc, yyjson_val *request, yyjson_mut_val *root, struct rt_api_error *error)
{
    yyjson_val *messages = rt_api_get(request, "messages"), *message;
    size_t i, max;
    if (!yyjson_is_arr(messages) || !yyjson_arr_size(messages))
        return rt_api_fail(error, 400, "invalid_type", "messages", "messages is not a list of at least one message");
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "messages");
    yyjson_arr_foreach(messages, i, max, message)
    {
        if (read_message(doc, message, i, yyjson_mut_arr_add_obj(doc, list), error))
            return -1;
    }
    return 0;
}

/* ---- what else the template is given ---- */

static int is_tool(yyjson_val *tool)
{
    yyjson_val *name = rt_api_get(rt_api_get(tool, "function"), "name");
    return yyjson_equals_str(yyjson_obj_get(tool, "type"), "function") && yyjson_is_str(name) && yyjson_get_len(name) <= NAME_BYTES;
}

static int read_tools(yyjson_mut_doc *doc, yyjson_val *request, yyjson_mut_val *root, struct rt_api_error *error)
{
    yyjson_val *tools = rt_api_get(request, "tools"), *tool;
    size_t i, max;
    if (!tools || yyjson_equals_str(rt_api_get(request, "tool_choice"), "none"))
        return 0;
    if (!yyjson_is_arr(tools) || yyjson_arr_size(tools) > TOOLS_MAX)
        return rt_api_fail(error, 400, "invalid_type", "tools", "tools is not a list of at most %d", TOOLS_MAX);
    yyjson_arr_foreach(tools, i, max, tool)
    {
        if (!is_tool(tool))
            return rt_api_fail(error, 400, "invalid_value", "tools",
                               "tools[%zu] is not {\"type\": \"function\", \"function\": {\"name\", …}}", i);
    }
    if (max)
        yyjson_mut_obj_add_val(doc, root, "tools", yyjson_val_mut_copy(doc, tools));
    return 0;
}

static int read_effort(yyjson_mut_doc *doc, yyjson_val *request, yyjson_mut_val *variables, struct rt_api_error *error)
{
    static const char *const efforts[] = {"none", "minimal", "low", "medium", "high", "xhigh"};
    const char *effort = NULL;
    if (rt_api_text(request, "reasoning_effort", &effort, error))
        return -1;
    if (!effort)
        return 0;
    for (size_t i = 0; i < sizeof efforts / sizeof *efforts; i++) {
        if (strcmp(effort, efforts[i]))
            continue;
        if (!yyjson_mut_obj_get(variables, "reasoning_effort"))
            yyjson_mut_obj_add_str(doc, variables, "reasoning_effort", efforts[i]);
        if (!i && !yyjson_mut_obj_get(variables, "enable_thinking"))
            yyjson_mut_obj_add_bool(doc, variables, "enable_thinking", 0);
        return 0;
    }
    return rt_api_fail(error, 400, "invalid_value", "reasoning_effort",
                       "reasoning_effort is not none, minimal, low, medium, high or xhigh");
}

static int read_variables(yyjson_mut_doc *doc, yyjson_val *request, yyjson_mut_val *root, struct rt_api_error *error)
{
    yyjson_val *given = rt_api_get(request, "chat_template_kwargs");
    if (given && !yyjson_is_obj(given))
        return rt_api_fail(error, 400, "invalid_type", "chat_template_kwargs", "chat_template_kwargs is not an object");
    yyjson_mut_val *variables = given ? yyjson_val_mut_copy(doc, given) : yyjson_mut_obj(doc);
    yyjson_mut_obj_add_val(doc, root, "variables", variables);
    return read_effort(doc, request, variables, error);
}

static int read_documents(yyjson_mut_doc *doc, yyjson_val *request, yyjson_mut_val *root, struct rt_api_error *error)
{
    yyjson_val *documents = rt_api_get(request, "documents");
    if (!documents)
        return 0;
    if (!yyjson_is_arr(documents))
        return rt_api_fail(error, 400, "invalid_type", "documents", "documents is not a list");
    yyjson_mut_obj_add_val(doc, root, "documents", yyjson_val_mut_copy(doc, documents));
    return 0;
}

static int read_all(yyjson_mut_doc *doc, yyjson_val *request, struct rt_api_error *error)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    return read_messages(doc, request, root, error) || read_tools(doc, request, root, error) || read_documents(doc, request, root, error) ||
                   read_variables(doc, request, root, error)
               ? -1
               : 0;
}

int rt_api_messages_read(yyjson_doc **out, yyjson_val *request, struct rt_api_error *error)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    *out = NULL;
    if (!doc)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for the messages");
    const int failed = read_all(doc, request, error);
    if (!failed)
        *out = yyjson_mut_doc_imut_copy(doc, NULL);
    yyjson_mut_doc_free(doc);
    return failed ? -1 : *out ? 0 : rt_api_fail(error, 503, NULL, NULL, "no memory for the messages");
}
