/* bundle_output.h: the directory a bundle is written to: hidden beside its final place until it is whole, then renamed; or removed.
 * One thread. */
#ifndef CLOISTER_PACK_BUNDLE_OUTPUT_H
#define CLOISTER_PACK_BUNDLE_OUTPUT_H

#include <stddef.h>

#include "runtime/error.h"

struct pk_output; /* opaque */

/* Makes ".NAME.partial-PID" beside `path`, which must not exist (RT_EXIT_USAGE). */
RT_MUST_CHECK int pk_output_open(struct pk_output **out, const char *path, struct rt_error *error);
int pk_output_directory(const struct pk_output *output);    /* file descriptor */
const char *pk_output_name(const struct pk_output *output); /* the last part of the path */
/* Writes a whole file and waits until it is on the disk. */
RT_MUST_CHECK int pk_output_write(const struct pk_output *output, const char *name, const void *bytes, size_t count,
                                  struct rt_error *error);
/* Gives the directory its final name. Nothing can fail after that. */
RT_MUST_CHECK int pk_output_commit(struct pk_output *output, struct rt_error *error);
/* Removes the directory and all that is in it unless it was committed. */
void pk_output_close(struct pk_output **output);
void pk_output_clean(struct pk_output **output); /* for RT_CLEAN */

#endif
