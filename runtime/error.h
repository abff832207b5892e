/* error.h: how the runtime says that something failed. An error is made once, in words a user can act on, where it happens,
 * and is handed upward in the caller's struct rt_error; the command's main prints it once. No threads, no allocation. */
#ifndef CLOISTER_ERROR_H
#define CLOISTER_ERROR_H

#include <stdarg.h>

#define RT_MUST_CHECK __attribute__((warn_unused_result))
#define RT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum rt_exit { /* exit codes of both programs */
               RT_EXIT_OK = 0,
               RT_EXIT_FAILED = 1,      /* failed while running */
               RT_EXIT_USAGE = 2,       /* wrong usage */
               RT_EXIT_TRUST = 3,       /* refused: signature, digest, version, expiry, or a bundle that is not what was signed */
               RT_EXIT_UNSUPPORTED = 4, /* architecture, CPU, a template or tokenizer beyond what is there */
               RT_EXIT_RESOURCES = 5,   /* memory, disk */
};

struct rt_error {
    enum rt_exit code;
    char text[1024]; /* one line: the file, the reason, what to do */
};

/* Fills *error and returns -1, so that a function ends with `return rt_fail(error, RT_EXIT_…, "%s: …; …", path)`. Control
 * characters in the text (names from outside) become '?'. */
int rt_fail(struct rt_error *error, enum rt_exit code, const char *format, ...) RT_PRINTF(3, 4);
/* Puts "context: " before the text of an error made below; returns -1. */
int rt_wrap(struct rt_error *error, const char *format, ...) RT_PRINTF(2, 3);
/* Prints it: "cloister: TEXT" on stderr or, with json, {"error":{"code":N,"message":"TEXT"}} as that line. Returns the exit code. */
int rt_error_print(const struct rt_error *error, const char *program, int json);

#endif
