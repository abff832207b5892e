/* new_file.h: small files that appear whole or not at all: written under another name, synced, then given their own. Any thread. */
#ifndef CLOISTER_NEW_FILE_H
#define CLOISTER_NEW_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "runtime/error.h"

enum rt_existing { RT_KEEP_EXISTING, RT_REPLACE_EXISTING };

struct rt_new_file {
    const char *path, *name; /* the caller's; name is the end of path */
    enum rt_existing existing;
    int directory, fd; /* -1: not open */
    char temporary[64];
};

/* Makes the file under another name beside its own, so that whatever would forbid it is known now. RT_KEEP_EXISTING: RT_EXIT_USAGE where there
 * is something of its name. */
RT_MUST_CHECK int rt_new_file_begin(struct rt_new_file *out, const char *path, mode_t mode, enum rt_existing existing,
                                    struct rt_error *error);
/* Writes it and gives it its name. Needs no file to be opened. */
RT_MUST_CHECK int rt_new_file_finish(struct rt_new_file *file, const char *text, struct rt_error *error);
/* Takes an unfinished one away; harmless after finish, and on one whose descriptors are -1. For RT_CLEAN. */
void rt_new_file_drop(struct rt_new_file *file);

/* Both at once. */
RT_MUST_CHECK int rt_new_file(const char *path, mode_t mode, const char *text, enum rt_existing existing, struct rt_error *error);

#endif
