/* options.c: reads command lines and runs the command they name. Knows no command. One thread. */
#include "runtime/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/version.h"

/* ---- the help ---- */

static void print_option(const struct rt_option *option)
{
    char left[64];
    snprintf(left, sizeof left, "%s%s%s", option->name, option->argument ? " " : "", option->argument ? option->argument : "");
    printf("  %-22s %s\n", left, option->help);
}

static void print_command_help(const struct rt_call *call, const struct rt_option *options, size_t count)
{
    const struct rt_command *command = call->command;
    printf("usage: %s %s %s%s[options]\n%s\n\n", call->program, command->name, command->usage, *command->usage ? " " : "", command->help);
    for (size_t i = 0; i < count; i++)
        print_option(&options[i]);
    print_option(&(struct rt_option){.name = "--help", .help = "this text"});
}

static void print_program_help(const char *program, const char *about, const struct rt_command *commands, size_t count)
{
    printf("%s: %s\n\nusage: %s COMMAND [arguments]\n\n", program, about, program);
    for (size_t i = 0; i < count; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].help);
    printf("\n%s COMMAND --help lists a command's options.\n", program);
}

/* ---- values ---- */

static int read_unsigned(const struct rt_option *option, const char *text, struct rt_error *error)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end)
        return rt_fail(error, RT_EXIT_USAGE, "%s: \"%s\" is not a whole number", option->name, text);
    if (errno || (option->max && value > option->max))
        return rt_fail(error, RT_EXIT_USAGE, "%s: %s is too large", option->name, text);
    *(uint64_t *)option->value = value;
    return 0;
}

static int read_float(const struct rt_option *option, const char *text, struct rt_error *error)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value))
        return rt_fail(error, RT_EXIT_USAGE, "%s: \"%s\" is not a number", option->name, text);
    *(double *)option->value = value;
    return 0;
}

static int read_list(const struct rt_option *option, const char *text, struct rt_error *error)
{
    struct rt_text_list *list = option->value;
    if (list->count == sizeof list->items / sizeof *list->items)
        return rt_fail(error, RT_EXIT_USAGE, "%s is given more than %zu times", option->name, list->count);
    list->items[list->count++] = text;
    return 0;
}

static int read_value(const struct rt_option *option, const char *text, struct rt_error *error)
{
    switch (option->kind) {
    case RT_OPTION_UNSIGNED: return read_unsigned(option, text, error);
    case RT_OPTION_FLOAT: return read_float(option, text, error);
    case RT_OPTION_LIST: return read_list(option, text, error);
    case RT_OPTION_TEXT: *(const char **)option->value = text; return 0;
    case RT_OPTION_FLAG: break;
    }
    return rt_fail(error, RT_EXIT_USAGE, "%s takes no value", option->name);
}

/* ---- one command line ---- */

/* Finds the option that `text` names; *value points behind '=' in "--name=value" and is NULL elsewhere. */
static const struct rt_option *find_option(const char *text, const struct rt_option *options, size_t count, const char **value)
{
    const char *equals = strncmp(text, "--", 2) ? NULL : strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    *value = equals ? equals + 1 : NULL;
    for (size_t i = 0; i < count; i++)
        if (strlen(options[i].name) == length && !memcmp(options[i].name, text, length))
            return &options[i];
    return NULL;
}

/* Reads the option at argv[*i], and moves *i over a value that follows it. */
static int read_option(int argc, char **argv, int *i, const struct rt_option *options, size_t count, struct rt_error *error)
{
    const char *value;
    const struct rt_option *option = find_option(argv[*i], options, count, &value);
    if (!option)
        return rt_fail(error, RT_EXIT_USAGE, "unknown option \"%s\"", argv[*i]);
    if (option->kind == RT_OPTION_FLAG && !value) {
        *(int *)option->value = 1;
        return 0;
    }
    if (!value && *i + 1 == argc)
        return rt_fail(error, RT_EXIT_USAGE, "%s needs a value: %s", option->name, option->argument);
    if (!value)
        value = argv[++*i];
    return read_value(option, value, error);
}

int rt_options_parse(const struct rt_call *call, const struct rt_option *options, size_t option_count, const char **positional,
                     size_t *count, struct rt_error *error)
{
    const int argc = call->argc;
    char **argv = call->argv;
    size_t room = *count;
    int options_end = 0;
    *count = 0;
    for (int i = 1; i < argc; i++) {
        int dashed = argv[i][0] == '-' && argv[i][1];
        if (options_end || !dashed) {
            if (*count == room)
                return rt_fail(error, RT_EXIT_USAGE, "unexpected argument \"%s\"", argv[i]);
            positional[(*count)++] = argv[i];
        } else if (!strcmp(argv[i], "--")) {
            options_end = 1;
        } else if (!strcmp(argv[i], "--help")) {
            print_command_help(call, options, option_count);
            return 1;
        } else if (read_option(argc, argv, &i, options, option_count, error)) {
            return -1;
        }
    }
    return 0;
}

/* ---- the whole program ---- */

static const struct rt_command *find_command(const char *name, const struct rt_command *commands, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

static int wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--json"))
            return 1;
    return 0;
}

/* Puts the command's name before, and the right usage behind, what the command said; some say either themselves. */
static void explain_usage(const struct rt_call *call, struct rt_error *error)
{
    const struct rt_command *command = call->command;
    const size_t name = strlen(command->name);
    char text[sizeof error->text];
    memcpy(text, error->text, sizeof text);
    const int is_named = !strncmp(text, command->name, name) && text[name] == ':';
    rt_fail(error, RT_EXIT_USAGE, "%s%s%s", is_named ? "" : command->name, is_named ? "" : ": ", text);
    if (strstr(text, "usage: ") || strstr(text, "--help"))
        return;
    memcpy(text, error->text, sizeof text);
    rt_fail(error, RT_EXIT_USAGE, "%s; usage: %s %s %s%soptions: %s %s --help", text, call->program, command->name, command->usage,
            *command->usage ? ", " : "", call->program, command->name);
}

static int run_command(const struct rt_call *call, int json)
{
    struct rt_error error = {0};
    int status = call->command->run(call, &error);
    if (!status && (fflush(stdout) || ferror(stdout)))
        status = rt_fail(&error, RT_EXIT_FAILED, "standard output: %s", strerror(errno));
    if (!status)
        return RT_EXIT_OK;
    if (error.code == RT_EXIT_USAGE)
        explain_usage(call, &error);
    return rt_error_print(&error, call->program, json);
}

static int unknown_command(const char *program, const char *name, int json)
{
    struct rt_error error;
    rt_fail(&error, RT_EXIT_USAGE, "%s%s%s; usage: %s COMMAND [arguments], commands: %s help", name ? "unknown command \"" : "no command",
            name ? name : "", name ? "\"" : "", program, program);
    return rt_error_print(&error, program, json);
}

int rt_commands_main(int argc, char **argv, const char *program, const char *about, const struct rt_command *commands, size_t count,
                     const struct rt_service_env *service)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (name && !strcmp(name, "--version")) {
        printf("%s %s\n", program, CLOISTER_VERSION);
        return RT_EXIT_OK;
    }
    int help = name && (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h"));
    if (help && argc == 2) {
        print_program_help(program, about, commands, count);
        return RT_EXIT_OK;
    }
    if (help)
        name = argv[2];
    const struct rt_command *command = name ? find_command(name, commands, count) : NULL;
    int json = wants_json(argc, argv);
    if (!command)
        return unknown_command(program, name, json);
    struct rt_call call = {program, command, argc - 1, argv + 1, service};
    char *ask_help[] = {argv[1], (char[]){"--help"}, NULL};
    if (help) {
        call.argc = 2;
        call.argv = ask_help;
    }
    return run_command(&call, json);
}
