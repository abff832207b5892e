/* bundle_files.h: the bundle's table of files and the list of their chunks' digests. One thread; digesting uses all cores. */
#ifndef CLOISTER_PACK_BUNDLE_FILES_H
#define CLOISTER_PACK_BUNDLE_FILES_H

#include "packaging/pack/bundle_output.h"
#include "runtime/manifest.h"
#include "runtime/progress.h"

struct pk_files { /* zeroed before use */
    struct rt_file *list;
    size_t count;
    uint64_t total_bytes;
    struct rt_file chunks; /* chunks.b2 itself */
};

/* Notes a file that lies in the bundle's directory. */
RT_MUST_CHECK int pk_files_add(struct pk_files *files, const char *path, enum rt_role role, uint64_t size, struct rt_error *error);
/* Reads every file back, fills the digests and writes chunks.b2. */
RT_MUST_CHECK int pk_files_digest(struct pk_files *files, const struct pk_output *output, struct rt_progress_bar *bar,
                                  struct rt_error *error);
void pk_files_close(struct pk_files *files);

#endif
