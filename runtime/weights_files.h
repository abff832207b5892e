/* weights_files.h: weights whose memory lies in files without a name (memory_file.h), so that it can be kept while the process is replaced: a
 * file for each NUMA node and, with several nodes, one for what lies in one place. Knows nothing of who keeps them. Before the seal, one thread. */
#ifndef CLOISTER_WEIGHTS_FILES_H
#define CLOISTER_WEIGHTS_FILES_H

#include "runtime/weights.h"

/* How many files there are: 1, or one more than nodes. */
unsigned rt_weights_files_count(const struct rt_workers *workers);

/* As rt_weights_open. */
RT_MUST_CHECK int rt_weights_files_open(struct rt_weights **out, const struct rt_manifest *manifest, struct rt_workers *workers,
                                        struct rt_error *error);
/* Instead of rt_weights_protect, once they are filled: nobody can write to the files any more. */
RT_MUST_CHECK int rt_weights_files_seal(struct rt_weights *weights, struct rt_workers *workers, struct rt_error *error);
/* Takes files that were sealed so, fds[rt_weights_files_count], which stay the caller's. Looks at their seals and sizes; that they hold these
 * weights in this order is for the caller to know, by rt_weights_files_describe. */
RT_MUST_CHECK int rt_weights_files_take(struct rt_weights **out, const struct rt_manifest *manifest, struct rt_workers *workers,
                                        const int *fds, struct rt_error *error);

/* A text that is the same for the same files if they hold the same tensors at the same places for the same nodes, and for nothing else; free().
 * NULL: no memory. */
char *rt_weights_files_describe(const struct rt_weights *weights, const struct rt_workers *workers);
/* The descriptor of a file; the weights'. */
int rt_weights_files_fd(const struct rt_weights *weights, unsigned file);
/* Closes the files; the memory stays. */
void rt_weights_files_release(struct rt_weights *weights);

#endif
