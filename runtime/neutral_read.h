/* neutral_read.h: reads a file and leaves the page cache as it was: what is cached is taken from there and stays; the rest goes past it, from
 * the disk straight into the caller's memory. A site's other programs keep their files in memory while gigabytes are loaded. */
#ifndef CLOISTER_NEUTRAL_READ_H
#define CLOISTER_NEUTRAL_READ_H

#include "runtime/folder.h"

struct rt_neutral { /* two descriptors of one file; -1: none */
    int cached, direct;
};

/* Opens a regular file, never through a link. */
RT_MUST_CHECK int rt_neutral_open(struct rt_neutral *out, uint64_t *size, const struct rt_folder *folder, const char *name,
                                  struct rt_error *error);
void rt_neutral_close(struct rt_neutral *file);
/* As rt_read_at. Past the cache where out, bytes and offset are multiples of 4096; fast where out lies on huge pages. Any thread. */
int rt_neutral_read(const struct rt_neutral *file, void *out, size_t bytes, uint64_t offset);

#endif
