/* arena.c: blocks from malloc, handed out front to back. */
#include "runtime/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 32768, ALIGNMENT = alignof(max_align_t) };

struct rt_arena_block {
    struct rt_arena_block *older;
    size_t bytes;
    alignas(max_align_t) unsigned char memory[];
};

static int add_block(struct rt_arena *arena, size_t bytes)
{
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    struct rt_arena_block *block = calloc(1, sizeof *block + size);
    if (!block)
        return -1;
    block->older = arena->blocks;
    block->bytes = size;
    arena->blocks = block;
    arena->left = size;
    return 0;
}

void *rt_arena_take(struct rt_arena *arena, size_t bytes)
{
    if (bytes > arena->limit - arena->taken || arena->limit - arena->taken - bytes < ALIGNMENT)
        return NULL;
    bytes = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT; /* never 0: every allocation has an address of its own */
    if (bytes > arena->left && add_block(arena, bytes))
        return NULL;
    arena->taken += bytes;
    arena->left -= bytes;
    return arena->blocks->memory + (arena->blocks->bytes - arena->left - bytes);
}

void rt_arena_close(struct rt_arena *arena)
{
    while (arena->blocks) {
        struct rt_arena_block *older = arena->blocks->older;
        free(arena->blocks);
        arena->blocks = older;
    }
    *arena = (struct rt_arena){.limit = arena->limit};
}
