/* program.h: runs a program and catches what it prints, for tests that judge the two programs from outside. One thread. */
#ifndef CLOISTER_PROGRAM_H
#define CLOISTER_PROGRAM_H

#include <stddef.h>

struct program_output {
    int code;   /* exit code, 128 + signal, or -1 when it could not be started */
    char *text; /* stdout, 0-terminated; the caller frees it; NULL when memory is short */
    size_t bytes;
};

/* argv ends with NULL; argv[0] is a path, or a name that PATH finds. Its stdin and stderr are the test's. */
struct program_output program_run(const char *const *argv);

/* Runs tests/bundle.sh: the path of `model`, a directory, packed as `quant` and signed; the caller frees it. NULL on failure. */
char *program_bundle(const char *model, const char *quant);
/* Where that bundle's key is trusted, and the program under test. From the environment that run.sh sets: 0, or -1 with a message. */
struct program_paths {
    char cloister[4096], trust[4096];
};
int program_paths_find(struct program_paths *out);

#endif
