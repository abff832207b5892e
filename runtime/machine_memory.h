/* machine_memory.h: how much memory this process may still take. Reads /proc and the control group; before the seal only. */
#ifndef CLOISTER_MACHINE_MEMORY_H
#define CLOISTER_MACHINE_MEMORY_H

#include <stdint.h>

/* Bytes: the machine's MemAvailable, or the control group's limit if that is less; 0 where neither can be read. */
uint64_t rt_memory_available(void);
/* Bytes that are free on a NUMA node, or hold files that the kernel can drop, less what it keeps for itself; 0 where it does not say. */
uint64_t rt_memory_available_on(int node);
/* Bytes of free huge pages of 2 MiB that the administrator has set aside on a node, or on all of them together (-1). */
uint64_t rt_memory_reserved(int node);
/* Whether the kernel gives huge pages to who asks for them with madvise. */
int rt_memory_transparent(void);
/* The same for files in memory (memfd). */
int rt_memory_transparent_files(void);

#endif
