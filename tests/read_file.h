/* read_file.h: a whole file for a test that cannot do without it. */
#ifndef CLOISTER_READ_FILE_H
#define CLOISTER_READ_FILE_H

#include "runtime/input.h"
#include "tests/check.h"

/* The file's bytes and a 0 behind them; free(). NULL, and the running test has failed, where it cannot be read. */
static inline char *read_file(const char *path, size_t *bytes)
{
    struct rt_error error = {0};
    char *text;
    CHECK_THAT(!rt_input_read(path, &text, bytes, &error), "%s", error.text);
    return text;
}

#endif
