/* reply_arguments.c: what is between a call's marks becomes a name and arguments in JSON. Each of the functions that "take" says 0, -1 with
 * *error, or 1 where this is no call; a list of calls comes out as a whole or not at all. */
#include <stdlib.h>
#include <string.h>

#include "runtime/reply_parts.h"
#include "runtime/scope.h"

static void close_doc(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

int rt_reply_no_memory(struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the arguments of a tool call");
}

/* ---- names ---- */

yyjson_val *rt_reply_tool(yyjson_val *tools, const char *name)
{
    size_t i, count;
    yyjson_val *tool;
    yyjson_arr_foreach(tools, i, count, tool)
    {
        yyjson_val *function = yyjson_obj_get(tool, "function");
        if (yyjson_equals_str(yyjson_obj_get(function, "name"), name))
            return function;
    }
    return NULL;
}

int rt_reply_is_name(const char *name, size_t bytes)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.:";
    if (!bytes || bytes > RT_REPLY_NAME_MAX)
        return 0;
    for (size_t i = 0; i < bytes; i++)
        if (!memchr(allowed, name[i], sizeof allowed - 1))
            return 0;
    return 1;
}

static int take_name(struct rt_reply *reply, const char *name, size_t bytes)
{
    if (!rt_reply_is_name(name, bytes))
        return 1;
    memcpy(reply->name, name, bytes);
    reply->name[bytes] = 0;
    return 0;
}

/* "functions.get_weather:0" */
static void strip_number(const char **name, size_t *bytes)
{
    static const char prefix[] = "functions.";
    if (*bytes > sizeof prefix - 1 && !memcmp(*name, prefix, sizeof prefix - 1)) {
        *name += sizeof prefix - 1;
        *bytes -= sizeof prefix - 1;
    }
    const char *colon = memrchr(*name, ':', *bytes);
    if (colon)
        *bytes = (size_t)(colon - *name);
}

int rt_reply_read_name(struct rt_reply *reply, size_t from, size_t end)
{
    const struct rt_mark_text *cut = &reply->terms.form->marks[RT_MARK_NAME_CUT];
    const char *name = reply->text + from, *cut_at = cut->text ? memmem(name, end - from, cut->text, cut->bytes) : NULL;
    size_t bytes = cut_at ? (size_t)(cut_at - name) : end - from;
    for (; bytes && rt_reply_is_space(*name); bytes--)
        name++;
    while (bytes && rt_reply_is_space(name[bytes - 1]))
        bytes--;
    if (reply->terms.form->flags & RT_REPLY_NUMBERED)
        strip_number(&name, &bytes);
    return take_name(reply, name, bytes);
}

/* ---- calls in JSON ---- */

int rt_reply_emit_call(struct rt_reply *reply, const char *arguments, size_t bytes, struct rt_error *error)
{
    const struct rt_reply_piece piece = {RT_REPLY_CALL, arguments, bytes, reply->calls, reply->name};
    reply->calls++;
    reply->section_calls++;
    return reply->terms.take(reply->terms.user, &piece, error);
}

yyjson_val *rt_reply_first_of(yyjson_val *object, const char *one, const char *other)
{
    yyjson_val *value = yyjson_obj_get(object, one);
    return value ? value : yyjson_obj_get(object, other);
}

/* {"name": …, "arguments": …} as the models write it: with other words, in an object "function", or as {"NAME": {…}}. */
static int read_call(struct rt_reply *reply, yyjson_val *call, yyjson_val **arguments)
{
    yyjson_val *name = rt_reply_first_of(call, "name", "tool_name");
    if (!name && yyjson_is_obj(yyjson_obj_get(call, "function"))) {
        call = yyjson_obj_get(call, "function");
        name = yyjson_obj_get(call, "name");
    }
    *arguments = rt_reply_first_of(call, "arguments", "parameters");
    if (reply->terms.form->flags & RT_REPLY_KEYED && !(yyjson_is_str(name) && *arguments) && yyjson_obj_size(call) == 1) {
        name = unsafe_yyjson_get_first(call);
        *arguments = name + 1;
    }
    if (!yyjson_is_str(name) || take_name(reply, yyjson_get_str(name), yyjson_get_len(name)))
        return 1;
    return reply->is_bare && !rt_reply_tool(reply->terms.tools, reply->name);
}

/* Arguments that are a JSON text within a string, as in OpenAI's API; NULL: they are none. */
static yyjson_doc *read_quoted(yyjson_val *arguments)
{
    yyjson_doc *doc = yyjson_read(yyjson_get_str(arguments), yyjson_get_len(arguments), YYJSON_READ_NUMBER_AS_RAW);
    if (yyjson_is_obj(yyjson_doc_get_root(doc)))
        return doc;
    yyjson_doc_free(doc);
    return NULL;
}

/* Looks only, unless `emit`. */
static int take_call(struct rt_reply *reply, yyjson_val *call, int emit, struct rt_error *error)
{
    RT_CLEAN(close_doc) yyjson_doc *quoted = NULL;
    yyjson_val *arguments;
    if (read_call(reply, call, &arguments))
        return 1;
    if (yyjson_is_str(arguments) && yyjson_get_len(arguments)) {
        quoted = read_quoted(arguments);
        arguments = yyjson_doc_get_root(quoted);
        if (!quoted)
            return 1;
    }
    const int is_empty = !arguments || yyjson_is_null(arguments) || yyjson_is_str(arguments);
    if (!is_empty && !yyjson_is_obj(arguments))
        return 1;
    if (!emit)
        return 0;
    size_t bytes = 2;
    RT_FREE char *text = is_empty ? strdup("{}") : yyjson_val_write(arguments, 0, &bytes);
    return text ? rt_reply_emit_call(reply, text, bytes, error) : rt_reply_no_memory(error);
}

static int take_calls(struct rt_reply *reply, yyjson_val *root, int emit, struct rt_error *error)
{
    size_t i, count;
    yyjson_val *call;
    if (yyjson_is_obj(root))
        return take_call(reply, root, emit, error);
    if (!yyjson_arr_size(root))
        return 1;
    yyjson_arr_foreach(root, i, count, call)
    {
        const int taken = take_call(reply, call, emit, error);
        if (taken)
            return taken;
    }
    return 0;
}

char *rt_reply_copy(const struct rt_reply *reply, size_t from, size_t end, size_t *bytes)
{
    char *copy = malloc(end - from + 1);
    *bytes = 0;
    for (size_t i = from; copy && i < end; i++)
        if ((unsigned char)reply->text[i] != RT_SPECIAL_BYTE)
            copy[(*bytes)++] = reply->text[i];
    return copy;
}

int rt_reply_take_json(struct rt_reply *reply, size_t from, size_t end, struct rt_error *error)
{
    size_t bytes;
    RT_FREE char *text = rt_reply_copy(reply, from, end, &bytes);
    if (!text)
        return rt_reply_no_memory(error);
    yyjson_read_err reason;
    RT_CLEAN(close_doc) yyjson_doc *doc = yyjson_read_opts(text, bytes, YYJSON_READ_NUMBER_AS_RAW, NULL, &reason);
    if (!doc)
        return reason.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? rt_reply_no_memory(error) : 1;
    if (!reply->is_whole)
        return rt_reply_emit_call(reply, text, bytes, error);
    const int no_call = take_calls(reply, yyjson_doc_get_root(doc), 0, error);
    return no_call ? no_call : take_calls(reply, yyjson_doc_get_root(doc), 1, error);
}
