/* memory_file.h: memory in a file without a name (memfd), which whoever holds its descriptor can map again after this process has ended. Filled
 * once, then sealed for good: no process can write to it or change its size any more. Before the process's seal, by one thread. */
#ifndef CLOISTER_MEMORY_FILE_H
#define CLOISTER_MEMORY_FILE_H

#include "runtime/memory_map.h"

/* As rt_memory_map with one node or none, as rt_memory_map_turns with more; out->fd is the file, and the memory's. */
RT_MUST_CHECK int rt_memory_file_map(struct rt_memory *out, size_t bytes, const int *nodes, unsigned count, struct rt_error *error);
/* As rt_memory_renounce. */
RT_MUST_CHECK int rt_memory_file_renounce(struct rt_memory *memory, struct rt_error *error);
/* Nobody writes any more: it becomes read-only here, at the same place, and the file for everyone. Needs no other process to have it mapped. */
RT_MUST_CHECK int rt_memory_file_seal(struct rt_memory *memory, struct rt_error *error);

/* That the descriptor is a file as rt_memory_file_seal leaves it; its size. */
RT_MUST_CHECK int rt_memory_file_check(int fd, uint64_t *bytes, struct rt_error *error);
/* Maps such a file, read-only. The descriptor stays the caller's. */
RT_MUST_CHECK int rt_memory_file_take(struct rt_memory *out, int fd, size_t bytes, const int *nodes, unsigned count,
                                      struct rt_error *error);
/* Closes the file and leaves the memory. */
void rt_memory_file_release(struct rt_memory *memory);

/* A sealed file of these bytes; its descriptor, or -1 with *error. */
RT_MUST_CHECK int rt_memory_file_of(const void *bytes, size_t count, struct rt_error *error);

#endif
