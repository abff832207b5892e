/* template.c: opens a chat template, and renders it for a conversation. */
#include "runtime/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"
#include "runtime/template_ast.h"

struct rt_template {
    struct rt_arena arena;
    struct rt_node *first;
};

/* ---- errors ---- */

static int fail_in_line(struct rt_error *error, enum rt_exit code, unsigned line, const char *format, va_list args) RT_PRINTF(4, 0);
static int fail_in_line(struct rt_error *error, enum rt_exit code, unsigned line, const char *format, va_list args)
{
    char what[sizeof error->text - 64];
    vsnprintf(what, sizeof what, format, args);
    return rt_fail(error, code, "chat template, line %u: %s", line, what);
}

int rt_template_fail(struct rt_error *error, enum rt_exit code, unsigned line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_in_line(error, code, line, format, args);
    va_end(args);
    return -1;
}

int rt_render_fail(struct rt_render *render, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_in_line(render->error, RT_EXIT_FAILED, render->line, format, args);
    va_end(args);
    return -1;
}

/* ---- opening ---- */

/* Jinja reads every kind of line end as "\n" and drops the last one of the file. */
static size_t normalise_newlines(char *out, const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++) {
        const int is_pair = text[i] == '\r' && i + 1 < bytes && text[i + 1] == '\n';
        if (!is_pair)
            out[count++] = text[i] == '\r' ? '\n' : text[i];
    }
    return count && out[count - 1] == '\n' ? count - 1 : count;
}

static int parse(struct rt_template *opened, const char *text, size_t bytes, struct rt_error *error)
{
    if (bytes > RT_TEMPLATE_BYTES_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "the chat template is larger than %d MiB", RT_TEMPLATE_BYTES_MAX >> 20);
    char *source = rt_arena_take(&opened->arena, bytes + 1);
    if (!source)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the chat template");
    struct rt_parser parser = {.arena = &opened->arena, .error = error};
    parser.lexer = (struct rt_lexer){.source = source,
                                     .bytes = normalise_newlines(source, text, bytes),
                                     .line = 1,
                                     .inside = RT_TOKEN_TEXT,
                                     .line_starts = 1,
                                     .arena = &opened->arena,
                                     .error = error};
    return rt_parse_template(&parser, &opened->first);
}

int rt_template_open(struct rt_template **out, const char *text, size_t bytes, struct rt_error *error)
{
    *out = NULL;
    RT_CLEAN(rt_template_close) struct rt_template *opened = calloc(1, sizeof *opened);
    if (!opened)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the chat template");
    opened->arena.limit = RT_TEMPLATE_ARENA_MAX;
    if (parse(opened, text, bytes, error))
        return -1;
    *out = RT_MOVE(opened);
    return 0;
}

void rt_template_close(struct rt_template **chat_template)
{
    if (!*chat_template)
        return;
    rt_arena_close(&(*chat_template)->arena);
    free(*chat_template);
    *chat_template = NULL;
}

/* ---- rendering ---- */

static int set_text(struct rt_render *render, struct rt_map *map, const char *name, const char *text, const uint8_t *foreign)
{
    struct rt_value value = rt_value_text(rt_text_of(text));
    value.text.foreign = foreign;
    return rt_map_set(render, map, rt_text_of(name), &value);
}

/* A run of marks as long as the longest text of the messages; all of them share it. */
static int make_marks(struct rt_render *render, const struct rt_template_input *input, uint8_t **out)
{
    size_t longest = 0;
    for (size_t i = 0; i < input->count; i++) {
        const size_t role = strlen(input->messages[i].role), content = strlen(input->messages[i].content);
        longest = role > longest ? role : longest;
        longest = content > longest ? content : longest;
    }
    if (rt_render_take(render, longest, out))
        return -1;
    memset(*out, 1, longest);
    return 0;
}

static int set_messages(struct rt_render *render, struct rt_map *variables, const struct rt_template_input *input)
{
    uint8_t *marks;
    struct rt_value *items;
    struct rt_map *maps;
    if (make_marks(render, input, &marks) || rt_render_take(render, input->count * sizeof *items, &items) ||
        rt_render_take(render, input->count * sizeof *maps, &maps))
        return -1;
    for (size_t i = 0; i < input->count; i++) {
        if (set_text(render, &maps[i], "role", input->messages[i].role, marks) ||
            set_text(render, &maps[i], "content", input->messages[i].content, marks))
            return -1;
        items[i] = (struct rt_value){.kind = RT_VALUE_MAP, .map = &maps[i]};
    }
    const struct rt_value messages = {.kind = RT_VALUE_LIST, .list = {items, input->count}};
    return rt_map_set(render, variables, rt_text_of("messages"), &messages);
}

/* What transformers' apply_chat_template passes. */
static int set_variables(struct rt_render *render, struct rt_map *variables, const struct rt_template_input *input)
{
    static const struct rt_value none = {.kind = RT_VALUE_NONE};
    const struct rt_value prompt = rt_value_bool(input->add_generation_prompt);
    if (set_messages(render, variables, input) || set_text(render, variables, "bos_token", input->bos_token, NULL) ||
        set_text(render, variables, "eos_token", input->eos_token, NULL) || rt_map_set(render, variables, rt_text_of("tools"), &none) ||
        rt_map_set(render, variables, rt_text_of("documents"), &none))
        return -1;
    return rt_map_set(render, variables, rt_text_of("add_generation_prompt"), &prompt);
}

static void close_render(struct rt_render *render)
{
    rt_arena_close(&render->arena);
    free(render->text);
    free(render->foreign);
}

int rt_template_render_marked(const struct rt_template *chat_template, const struct rt_template_input *input, char **out, uint8_t **foreign,
                              size_t *bytes, struct rt_error *error)
{
    static const struct rt_node nothing = {.kind = RT_NODE_TEXT}; /* so that the output exists */
    struct rt_scope globals = {0}, top = {.outer = &globals};
    RT_CLEAN(close_render) struct rt_render render = {.arena.limit = RT_TEMPLATE_ARENA_MAX, .scope = &top, .error = error};
    *out = NULL;
    *foreign = NULL;
    *bytes = 0;
    if (set_variables(&render, &globals.variables, input) || rt_render_statements(&render, &nothing) ||
        rt_render_statements(&render, chat_template->first))
        return -1;
    *bytes = render.bytes;
    *foreign = RT_MOVE(render.foreign);
    *out = RT_MOVE(render.text);
    return 0;
}

int rt_template_render(const struct rt_template *chat_template, const struct rt_template_input *input, char **out, size_t *bytes,
                       struct rt_error *error)
{
    RT_FREE uint8_t *foreign = NULL;
    return rt_template_render_marked(chat_template, input, out, &foreign, bytes, error);
}
