/* file_read.h: a small file from outside, whole. Any thread. */
#ifndef CLOISTER_FILE_READ_H
#define CLOISTER_FILE_READ_H

#include <stddef.h>

#include "runtime/error.h"

/* Reads a regular file, named from the open directory or AT_FDCWD: *text is 0-terminated, without that 0 in *bytes; free it. A missing file
 * gives *text = NULL and success. A file beyond max bytes is refused. */
RT_MUST_CHECK int rt_file_read(char **text, size_t *bytes, int directory, const char *name, size_t max, struct rt_error *error);

#endif
