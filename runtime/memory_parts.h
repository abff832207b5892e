/* memory_parts.h: what memory_map.c and memory_file.c share. */
#ifndef CLOISTER_MEMORY_PARTS_H
#define CLOISTER_MEMORY_PARTS_H

#include "runtime/memory_map.h"

enum { RT_HUGE_BYTES = 2 << 20, RT_HUGE_SHIFT = 21 };

size_t rt_memory_round(size_t bytes); /* to the next 2 MiB, at least one */
/* An aligned range of addresses that nothing else takes; NULL: none. */
uint8_t *rt_memory_range(size_t bytes, int protection);
/* Binds what is mapped: to memory->node, or with more than one node to them in turn. */
enum rt_binding rt_memory_bind(const struct rt_memory *memory, const int *nodes, unsigned count);

#endif
