/* memory_map.c: mmap, mbind and madvise. The calls that libc has no wrapper for are made by number; what their numbers mean is in
 * linux/mempolicy.h and linux/mman.h, which old headers lack in part. */
#include "runtime/memory_map.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/machine_memory.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum {
    HUGE_BYTES = 2 << 20,
    HEADROOM_BYTES = 256 << 20, /* of a node, for what this process and the kernel need beside what is bound to it */
    HUGE_SHIFT = 21,
    SMALL_BYTES = 4096,
    NODES_MAX = 1024,
    WORD_BITS = 8 * sizeof(unsigned long),
};

static size_t round_up(size_t bytes)
{
    return bytes == 0 ? HUGE_BYTES : (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
}

/* ---- pages ---- */

/* Reserved pages are aligned by themselves, and counted when they are mapped: it fails here rather than when they are touched. */
static uint8_t *map_reserved(size_t bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | HUGE_SHIFT << MAP_HUGE_SHIFT;
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* Maps a little more and gives back what is before and behind the aligned part. */
static uint8_t *map_aligned(size_t bytes)
{
    uint8_t *at = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if ((void *)at == MAP_FAILED)
        return NULL;
    size_t before = (HUGE_BYTES - (uintptr_t)at % HUGE_BYTES) % HUGE_BYTES;
    if (before)
        munmap(at, before);
    munmap(at + before + bytes, HUGE_BYTES - before);
    return at + before;
}

/* ---- nodes ---- */

struct node_set {
    unsigned long bits[NODES_MAX / WORD_BITS];
};

static long set_policy(const struct rt_memory *memory, int policy, const int *nodes, unsigned count)
{
    struct node_set set = {0};
    for (unsigned i = 0; i < count; i++) {
        if (nodes[i] < 0 || nodes[i] >= NODES_MAX)
            return -1;
        set.bits[nodes[i] / WORD_BITS] |= 1ul << nodes[i] % WORD_BITS;
    }
    return syscall(SYS_mbind, memory->at, round_up(memory->bytes), policy, set.bits, NODES_MAX + 1ul, 0ul);
}

/* A node that cannot hold it all and the readers' buffers beside it, or does not say, is preferred, not bound to: out of its own memory, the
 * kernel would kill this process rather than look elsewhere. Otherwise binding is right: a preferred node that is full of cached files
 * spills over instead of dropping them. */
static enum rt_binding bind_pages(const struct rt_memory *memory)
{
    if (memory->node == RT_NODE_ANY)
        return RT_BINDING_TOUCH;
    uint64_t available = rt_memory_available_on(memory->node);
    int is_short = memory->pages != RT_PAGES_RESERVED && available < memory->bytes + HEADROOM_BYTES;
    if (set_policy(memory, is_short ? MPOL_PREFERRED : MPOL_BIND, &memory->node, 1))
        return RT_BINDING_TOUCH;
    return is_short ? RT_BINDING_PREFER : RT_BINDING_NODE;
}

/* ---- all of it ---- */

static int fail_to_map(const struct rt_memory *memory, struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %zu MiB: %s", memory->bytes >> 20, strerror(errno));
}

static void ask_for_huge_pages(struct rt_memory *memory)
{
    int refused = madvise(memory->at, round_up(memory->bytes), MADV_HUGEPAGE);
    memory->pages = refused || !rt_memory_transparent() ? RT_PAGES_SMALL : RT_PAGES_TRANSPARENT;
}

int rt_memory_map(struct rt_memory *out, size_t bytes, int node, struct rt_error *error)
{
    *out = (struct rt_memory){.bytes = bytes, .node = node};
    if (bytes && rt_memory_reserved(node) >= round_up(bytes))
        out->at = map_reserved(round_up(bytes));
    if (out->at) {
        out->pages = RT_PAGES_RESERVED;
    } else {
        out->at = map_aligned(round_up(bytes));
        if (!out->at)
            return fail_to_map(out, error);
        ask_for_huge_pages(out);
    }
    out->binding = bind_pages(out);
    return 0;
}

int rt_memory_map_turns(struct rt_memory *out, size_t bytes, const int *nodes, unsigned count, struct rt_error *error)
{
    *out = (struct rt_memory){.bytes = bytes, .node = RT_NODE_ANY, .at = map_aligned(round_up(bytes))};
    if (!out->at)
        return fail_to_map(out, error);
    out->binding = set_policy(out, MPOL_INTERLEAVE, nodes, count) ? RT_BINDING_TOUCH : RT_BINDING_TURNS;
    return 0;
}

void rt_memory_unmap(struct rt_memory *memory)
{
    if (memory->at)
        munmap(memory->at, round_up(memory->bytes));
    *memory = (struct rt_memory){0};
}

void rt_memory_protect(const struct rt_memory *memory)
{
    if (memory->at)
        (void)mprotect(memory->at, round_up(memory->bytes), PROT_READ);
}

/* ---- pages before they are needed ---- */

int rt_memory_touch(const struct rt_memory *memory, unsigned part, unsigned parts)
{
    size_t pages = round_up(memory->bytes) / HUGE_BYTES;
    uint8_t *at = memory->at + pages * part / parts * HUGE_BYTES, *end = memory->at + pages * (part + 1) / parts * HUGE_BYTES;
    if (at == end || !madvise(at, (size_t)(end - at), MADV_POPULATE_WRITE))
        return 0;
    if (errno != EINVAL)
        return -1;
    for (; at < end; at += SMALL_BYTES) /* an older kernel */
        *(volatile uint8_t *)at = 0;
    return 0;
}

int rt_memory_renounce(struct rt_memory *memory, struct rt_error *error)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (mmap(memory->at, round_up(memory->bytes), PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED)
        return fail_to_map(memory, error);
    ask_for_huge_pages(memory);
    memory->binding = bind_pages(memory);
    return 0;
}
