/* memory_map.h: large private memory for weights, cache and buffers: on huge pages where the machine has them, and on the NUMA nodes where
 * it is read. Mapped at startup, before the seal, by one thread. */
#ifndef CLOISTER_MEMORY_MAP_H
#define CLOISTER_MEMORY_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

enum rt_pages {
    RT_PAGES_SMALL,       /* 4 KiB */
    RT_PAGES_TRANSPARENT, /* 2 MiB wherever the kernel finds them */
    RT_PAGES_RESERVED,    /* 2 MiB out of what the administrator has set aside (hugetlb) */
};

enum rt_binding {
    RT_BINDING_TOUCH,  /* on the node of whoever touches it first */
    RT_BINDING_NODE,   /* on its node and nowhere else */
    RT_BINDING_PREFER, /* on its node while there is room, then on others: the node is too full for all of it */
    RT_BINDING_TURNS,  /* page by page on several nodes in turn */
};

enum { RT_NODE_ANY = -1 };

struct rt_memory {
    uint8_t *at;  /* aligned to 2 MiB, zero until written; NULL: none */
    size_t bytes; /* as asked for; what is mapped reaches to the next 2 MiB */
    int node;     /* by the operating system's number, or RT_NODE_ANY */
    enum rt_pages pages;
    enum rt_binding binding;
    int is_file; /* memory_file.h */
    int fd;      /* then: the file, or -1 once it is released */
};

/* Maps memory on a node; where the kernel refuses to bind it, or with RT_NODE_ANY, it lies where it is touched first. Touches nothing. */
RT_MUST_CHECK int rt_memory_map(struct rt_memory *out, size_t bytes, int node, struct rt_error *error);
/* Maps memory on nodes[0..count) in turn. */
RT_MUST_CHECK int rt_memory_map_turns(struct rt_memory *out, size_t bytes, const int *nodes, unsigned count, struct rt_error *error);
void rt_memory_unmap(struct rt_memory *memory);
void rt_memory_protect(const struct rt_memory *memory); /* read-only from here on */

/* Has the kernel fill in the pages of one of `parts` equal parts, so that nobody waits for them later. -1 where reserved pages have run out:
 * then the memory must not be used before rt_memory_renounce. Any thread. */
RT_MUST_CHECK int rt_memory_touch(const struct rt_memory *memory, unsigned part, unsigned parts);
/* The same for memory that is read only: maps what is there, and where it cannot, leaves that to whoever reads first. Any thread. */
void rt_memory_fault(const struct rt_memory *memory, unsigned part, unsigned parts);
/* Ordinary pages, empty ones, at the same place. */
RT_MUST_CHECK int rt_memory_renounce(struct rt_memory *memory, struct rt_error *error);

#endif
