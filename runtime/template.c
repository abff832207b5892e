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

static void close_render(struct rt_render *render)
{
    rt_arena_close(&render->arena);
}

/* Out of the arena. */
static int copy_output(struct rt_render *render, char **out, uint8_t **foreign, size_t *bytes)
{
    const struct rt_text text = rt_builder_text(&render->output);
    RT_FREE char *copy = calloc(1, text.count + 1);
    RT_FREE uint8_t *marks = calloc(1, text.count + 1);
    if (!copy || !marks)
        return rt_fail(render->error, RT_EXIT_RESOURCES, "no memory for the prompt");
    memcpy(copy, text.bytes, text.count);
    if (text.foreign)
        memcpy(marks, text.foreign, text.count);
    *out = RT_MOVE(copy);
    *foreign = RT_MOVE(marks);
    *bytes = text.count;
    return 0;
}

int rt_template_render_marked(const struct rt_template *chat_template, const struct rt_template_input *input, char **out, uint8_t **foreign,
                              size_t *bytes, struct rt_error *error)
{
    struct rt_scope globals = {0}, top = {.outer = &globals};
    RT_CLEAN(close_render)
    struct rt_render render = {.arena.limit = RT_TEMPLATE_ARENA_MAX, .scope = &top, .error = error, .now = input->now};
    *out = NULL;
    *foreign = NULL;
    *bytes = 0;
    if (rt_input_variables(&render, &globals.variables, input) || rt_render_statements(&render, chat_template->first))
        return -1;
    return copy_output(&render, out, foreign, bytes);
}

int rt_template_render(const struct rt_template *chat_template, const struct rt_template_input *input, char **out, size_t *bytes,
                       struct rt_error *error)
{
    RT_FREE uint8_t *foreign = NULL;
    return rt_template_render_marked(chat_template, input, out, &foreign, bytes, error);
}
