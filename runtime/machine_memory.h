/* machine_memory.h: how much memory this process may still take. Reads /proc and the control group; before the seal only. */
#ifndef CLOISTER_MACHINE_MEMORY_H
#define CLOISTER_MACHINE_MEMORY_H

#include <stdint.h>

/* Bytes: the machine's MemAvailable, or the control group's limit if that is less; 0 where neither can be read. */
uint64_t rt_memory_available(void);

#endif
