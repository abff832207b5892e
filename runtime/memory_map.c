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
#include "runtime/memory_file.h"
#include "runtime/memory_parts.h"

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

enum {
    HEADROOM_BYTES = 256 << 20, /* of a node, for what this process and the kernel need beside what is bound to it */
    SMALL_BYTES = 4096,
    NODES_MAX = 1024,
    WORD_BITS = 8 * sizeof(unsigned long),
};

size_t rt_memory_round(size_t bytes)
{
    return bytes == 0 ? RT_HUGE_BYTES : (bytes + RT_HUGE_BYTES - 1) / RT_HUGE_BYTES * RT_HUGE_BYTES;
}

/* ---- pages ---- */

/* Reserved pages are aligned by themselves, and counted when they are mapped: it fails here rather than when they are touched. */
static uint8_t *map_reserved(size_t bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | RT_HUGE_SHIFT << MAP_HUGE_SHIFT;
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* Maps a little more and gives back what is before and behind the aligned part. */
uint8_t *rt_memory_range(size_t bytes, int protection)
{
    uint8_t *at = mmap(NULL, bytes + RT_HUGE_BYTES, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if ((void *)at == MAP_FAILED)
        return NULL;
    size_t before = (RT_HUGE_BYTES - (uintptr_t)at % RT_HUGE_BYTES) % RT_HUGE_BYTES;
    if (before)
        munmap(at, before);
    munmap(at + before + bytes, RT_HUGE_BYTES - before);
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
    return syscall(SYS_mbind, memory->at, rt_memory_round(memory->bytes), policy, set.bits, NODES_MAX + 1ul, 0ul);
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

enum rt_binding rt_memory_bind(const struct rt_memory *memory, const int *nodes, unsigned count)
{
    if (count < 2)
        return bind_pages(memory);
    return set_policy(memory, MPOL_INTERLEAVE, nodes, count) ? RT_BINDING_TOUCH : RT_BINDING_TURNS;
}

/* ---- all of it ---- */

static int fail_to_map(const struct rt_memory *memory, struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %zu MiB: %s", memory->bytes >> 20, strerror(errno));
}

static void ask_for_huge_pages(struct rt_memory *memory)
{
    int refused = madvise(memory->at, rt_memory_round(memory->bytes), MADV_HUGEPAGE);
    memory->pages = refused || !rt_memory_transparent() ? RT_PAGES_SMALL : RT_PAGES_TRANSPARENT;
}

int rt_memory_map(struct rt_memory *out, size_t bytes, int node, struct rt_error *error)
{
    *out = (struct rt_memory){.bytes = bytes, .node = node};
    if (bytes && rt_memory_reserved(node) >= rt_memory_round(bytes))
        out->at = map_reserved(rt_memory_round(bytes));
    if (out->at) {
        out->pages = RT_PAGES_RESERVED;
    } else {
        out->at = rt_memory_range(rt_memory_round(bytes), PROT_READ | PROT_WRITE);
        if (!out->at)
            return fail_to_map(out, error);
        ask_for_huge_pages(out);
    }
    out->binding = rt_memory_bind(out, &node, 1);
    return 0;
}

int rt_memory_map_turns(struct rt_memory *out, size_t bytes, const int *nodes, unsigned count, struct rt_error *error)
{
    *out = (struct rt_memory){.bytes = bytes, .node = RT_NODE_ANY, .at = rt_memory_range(rt_memory_round(bytes), PROT_READ | PROT_WRITE)};
    if (!out->at)
        return fail_to_map(out, error);
    out->binding = rt_memory_bind(out, nodes, count);
    return 0;
}

void rt_memory_unmap(struct rt_memory *memory)
{
    if (memory->at)
        munmap(memory->at, rt_memory_round(memory->bytes));
    rt_memory_file_release(memory);
    *memory = (struct rt_memory){0};
}

void rt_memory_protect(const struct rt_memory *memory)
{
    if (memory->at)
        (void)mprotect(memory->at, rt_memory_round(memory->bytes), PROT_READ);
}

/* ---- pages before they are needed ---- */

static uint8_t *part_of(const struct rt_memory *memory, unsigned part, unsigned parts, size_t *bytes)
{
    const size_t pages = rt_memory_round(memory->bytes) / RT_HUGE_BYTES, first = pages * part / parts, last = pages * (part + 1) / parts;
    *bytes = (last - first) * RT_HUGE_BYTES;
    return memory->at + first * RT_HUGE_BYTES;
}

int rt_memory_touch(const struct rt_memory *memory, unsigned part, unsigned parts)
{
    size_t bytes;
    uint8_t *at = part_of(memory, part, parts, &bytes), *end = at + bytes;
    if (!bytes || !madvise(at, bytes, MADV_POPULATE_WRITE))
        return 0;
    if (errno != EINVAL)
        return -1;
    for (; at < end; at += SMALL_BYTES) /* an older kernel */
        *(volatile uint8_t *)at = 0;
    return 0;
}

void rt_memory_fault(const struct rt_memory *memory, unsigned part, unsigned parts)
{
    size_t bytes;
    uint8_t *at = part_of(memory, part, parts, &bytes);
    if (bytes)
        (void)madvise(at, bytes, MADV_POPULATE_READ);
}

int rt_memory_renounce(struct rt_memory *memory, struct rt_error *error)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (mmap(memory->at, rt_memory_round(memory->bytes), PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED)
        return fail_to_map(memory, error);
    ask_for_huge_pages(memory);
    memory->binding = bind_pages(memory);
    return 0;
}
