/* test_options.c: command lines: what is read, what is refused and with which words, and the exit codes of the whole. */
#include "tests/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/options.h"

struct values {
    int flag;
    const char *text;
    uint64_t number;
    double real;
    struct rt_text_list list;
    const char *positional[2];
    size_t positional_count;
};

/* Reads a command line that is written as one string with spaces. */
static int parse(const char *line, struct values *values, struct rt_error *error)
{
    static char words[256];
    char *argv[64] = {"command"};
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    for (char *rest = words, *word; (word = strsep(&rest, " "));)
        if (*word && argc < 64)
            argv[argc++] = word;
    *values = (struct values){.positional_count = 2};
    const struct rt_option options[] = {
        {"--flag", RT_OPTION_FLAG, &values->flag, NULL, "a flag", 0},
        {"--text", RT_OPTION_TEXT, &values->text, "TEXT", "a text", 0},
        {"-n", RT_OPTION_UNSIGNED, &values->number, "N", "a number", 100},
        {"--big", RT_OPTION_UNSIGNED, &values->number, "N", "a number", 0},
        {"--real", RT_OPTION_FLOAT, &values->real, "X", "a number", 0},
        {"--stop", RT_OPTION_LIST, &values->list, "TEXT", "a list", 0},
    };
    static const struct rt_command command = {.name = "command", .usage = "", .help = ""};
    const struct rt_call call = {"program", &command, argc, argv, NULL};
    return rt_options_parse(&call, options, sizeof options / sizeof *options, values->positional, &values->positional_count, error);
}

static void check_refused(const char *line, const char *why)
{
    struct values values;
    struct rt_error error = {0};
    CHECK_THAT(parse(line, &values, &error) == -1 && error.code == RT_EXIT_USAGE && strstr(error.text, why), "%s: %s", line, error.text);
}

static void reads_every_kind(void)
{
    struct values v;
    struct rt_error error;
    CHECK(!parse("one --flag --text=a=b -n 100 two --real -1.5e1 --stop x --stop --flag", &v, &error));
    CHECK(v.flag == 1 && v.number == 100 && v.real == -15);
    CHECK(v.text && !strcmp(v.text, "a=b"));
    CHECK(v.list.count == 2 && !strcmp(v.list.items[0], "x") && !strcmp(v.list.items[1], "--flag"));
    CHECK(v.positional_count == 2 && !strcmp(v.positional[0], "one") && !strcmp(v.positional[1], "two"));
}

static void keeps_defaults(void)
{
    struct values v;
    struct rt_error error;
    CHECK(!parse("", &v, &error));
    CHECK(!v.flag && !v.text && !v.number && !v.list.count && !v.positional_count);
}

static void ends_options_at_two_dashes(void)
{
    struct values v;
    struct rt_error error;
    CHECK(!parse("- -- --flag", &v, &error));
    CHECK(!v.flag && v.positional_count == 2 && !strcmp(v.positional[0], "-") && !strcmp(v.positional[1], "--flag"));
}

static void reads_the_largest_number(void)
{
    struct values v;
    struct rt_error error;
    CHECK(!parse("--big 18446744073709551615", &v, &error) && v.number == UINT64_MAX);
    CHECK(!parse("--big=0", &v, &error) && v.number == 0);
}

static void refuses_wrong_usage(void)
{
    check_refused("--nope", "unknown option \"--nope\"");
    check_refused("-nope", "unknown option \"-nope\"");
    check_refused("--fla", "unknown option");
    check_refused("--flag=1", "--flag takes no value");
    check_refused("--text", "--text needs a value: TEXT");
    check_refused("a b c", "unexpected argument \"c\"");
    check_refused("-n 101", "101 is too large");
    check_refused("-n -1", "not a whole number");
    check_refused("-n +1", "not a whole number");
    check_refused("-n 1x", "not a whole number");
    check_refused("-n 0x10", "not a whole number");
    check_refused("--big 18446744073709551616", "too large");
    check_refused("--big=", "not a whole number");
    check_refused("--real nan", "not a number");
    check_refused("--real inf", "not a number");
    check_refused("--real 1e999", "not a number");
    check_refused("--real 1,5", "not a number");
    check_refused("--stop a --stop a --stop a --stop a --stop a --stop a --stop a --stop a --stop a --stop a --stop a --stop a --stop a "
                  "--stop a --stop a --stop a --stop a",
                  "more than 16 times");
}

/* ---- the whole program ---- */

static int succeed(const struct rt_call *call, struct rt_error *error)
{
    (void)error;
    return call->argc == 2 && !strcmp(call->argv[0], "succeed") && !strcmp(call->argv[1], "x") ? 0 : -1;
}

static int fail_trust(const struct rt_call *call, struct rt_error *error)
{
    (void)call;
    return rt_fail(error, RT_EXIT_TRUST, "not\x1b[31m signed");
}

static int fail_usage(const struct rt_call *call, struct rt_error *error)
{
    (void)call;
    return rt_fail(error, RT_EXIT_USAGE, "which bundle?");
}

/* Runs the program with stderr in a file, whose text is left in `said`. */
static int run(char **argv, char *said, size_t room)
{
    static const struct rt_command commands[] = {
        {"succeed", succeed, "X", "succeeds"},
        {"trust", fail_trust, "", "fails"},
        {"usage", fail_usage, "BUNDLE", "is used wrongly"},
    };
    int argc = 0;
    while (argv[argc])
        argc++;
    fflush(stderr);
    FILE *file = tmpfile();
    const int kept = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    const int code = rt_commands_main(argc, argv, "program", "tests", commands, sizeof commands / sizeof *commands, NULL);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    said[fread(said, 1, room - 1, file)] = 0;
    fclose(file);
    return code;
}

static void check_command(const char *name, const char *argument, int code, const char *words)
{
    char said[2048];
    char *argv[] = {"program", (char *)name, (char *)argument, NULL};
    const int got = run(argv, said, sizeof said);
    CHECK_THAT(got == code && !strcmp(said, words), "%s: %d, %s", name ? name : "nothing", got, said);
}

static void runs_commands_and_says_why_not(void)
{
    check_command("succeed", "x", 0, "");
    check_command("trust", NULL, RT_EXIT_TRUST, "program: not?[31m signed\n");
    check_command("trust", "--json", RT_EXIT_TRUST, "{\"error\":{\"code\":3,\"message\":\"not?[31m signed\"}}\n");
    check_command("usage", NULL, RT_EXIT_USAGE,
                  "program: usage: which bundle?; usage: program usage BUNDLE, options: program usage --help\n");
    check_command("nope", NULL, RT_EXIT_USAGE,
                  "program: unknown command \"nope\"; usage: program COMMAND [arguments], commands: program help\n");
    check_command(NULL, NULL, RT_EXIT_USAGE, "program: no command; usage: program COMMAND [arguments], commands: program help\n");
}

CHECK_MAIN(CHECK_TEST(reads_every_kind), CHECK_TEST(keeps_defaults), CHECK_TEST(ends_options_at_two_dashes),
           CHECK_TEST(reads_the_largest_number), CHECK_TEST(refuses_wrong_usage), CHECK_TEST(runs_commands_and_says_why_not))
