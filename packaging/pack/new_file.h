/* new_file.h: small files that appear whole or not at all: written under another name, synced, then given their own. Any thread. */
#ifndef CLOISTER_PACK_NEW_FILE_H
#define CLOISTER_PACK_NEW_FILE_H

#include <sys/types.h>

#include "runtime/error.h"

enum pk_existing { PK_KEEP_EXISTING, PK_REPLACE_EXISTING };

/* Makes `path` with this text. PK_KEEP_EXISTING: RT_EXIT_USAGE where there is something of that name. */
RT_MUST_CHECK int pk_new_file(const char *path, mode_t mode, const char *text, enum pk_existing existing, struct rt_error *error);

#endif
