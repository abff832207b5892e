/* arena.h: many small allocations that are given back together. One thread per arena. */
#ifndef CLOISTER_ARENA_H
#define CLOISTER_ARENA_H

#include <stddef.h>

struct rt_arena_block;

struct rt_arena { /* {.limit = BYTES} is an empty one */
    size_t limit; /* bytes that all allocations together may take */
    size_t taken;
    size_t left; /* in the newest block */
    struct rt_arena_block *blocks;
};

/* Zeroed and aligned for anything; NULL when the limit or the machine's memory is reached. */
void *rt_arena_take(struct rt_arena *arena, size_t bytes);
void rt_arena_close(struct rt_arena *arena);

#endif
