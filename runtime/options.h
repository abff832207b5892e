/* options.h: command lines of both programs, table-driven. A command lists its options; parsing fills them in place. One thread. */
#ifndef CLOISTER_OPTIONS_H
#define CLOISTER_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

enum rt_option_kind { RT_OPTION_FLAG, RT_OPTION_TEXT, RT_OPTION_UNSIGNED, RT_OPTION_FLOAT, RT_OPTION_LIST };

struct rt_text_list { /* every use of an option that may be given more than once */
    const char *items[16];
    size_t count;
};

struct rt_option {
    const char *name; /* "--trust" or "-p" */
    enum rt_option_kind kind;
    void *value;          /* int *, const char **, uint64_t *, double *, struct rt_text_list * */
    const char *argument; /* "DIR", for the help; NULL for a flag */
    const char *help;
    uint64_t max; /* RT_OPTION_UNSIGNED: largest value allowed; 0 means no limit */
};

struct rt_command;
struct rt_service_env;

struct rt_call { /* a command as the user gave it; argv[0] is the command's name */
    const char *program;
    const struct rt_command *command;
    int argc;
    char **argv;
    const struct rt_service_env *service; /* what a service manager said; NULL where nobody captured it */
};

struct rt_command {
    const char *name;
    int (*run)(const struct rt_call *call, struct rt_error *error); /* 0, or -1 with *error filled */
    const char *usage;                                              /* "BUNDLE [--json]" */
    const char *help;                                               /* one line */
};

/* Reads the call's argv[1..argc). Options and positional arguments may be mixed; "--name=value" works; "--" ends options, and "-" is a
 * positional argument. Positional arguments go to positional[0..*count), at most *count on entry. Fails with RT_EXIT_USAGE.
 * `--help` prints the option table and returns 1: the command then returns 0. */
RT_MUST_CHECK int rt_options_parse(const struct rt_call *call, const struct rt_option *options, size_t option_count,
                                   const char **positional, size_t *count, struct rt_error *error);
/* main() of a program: finds the command, runs it, prints its error (as JSON where --json is among the arguments) and, for a
 * wrong usage, the right one. Also answers `help [COMMAND]`, --help and --version. Returns the exit code. */
int rt_commands_main(int argc, char **argv, const char *program, const char *about, const struct rt_command *commands, size_t count,
                     const struct rt_service_env *service);

#endif
