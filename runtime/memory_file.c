/* memory_file.c: memfd_create, fcntl's seals, and mappings of both. The numbers that old headers lack are in linux/memfd.h and linux/magic.h. */
#include "runtime/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "runtime/machine_memory.h"
#include "runtime/memory_parts.h"
#include "runtime/scope.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u /* Linux 6.3 */
#endif

enum {
    SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
    SEAL_TRIES = 20, /* a page may still be under way to or from a disk */
    SEAL_WAIT_US = 50000,
};

/* ---- new files ---- */

/* The kernel refuses flags that it does not know. */
static int create(unsigned flags)
{
    int fd = memfd_create("cloister-weights", flags | MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    return fd < 0 && errno == EINVAL ? memfd_create("cloister-weights", flags | MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

static int map_at(const struct rt_memory *memory, int protection, int flags)
{
    return mmap(memory->at, rt_memory_round(memory->bytes), protection, flags | MAP_FIXED, memory->fd, 0) == MAP_FAILED ? -1 : 0;
}

/* Puts a new file at memory->at, on reserved pages or others. */
static int place_new(struct rt_memory *memory, int reserved)
{
    rt_memory_file_release(memory);
    memory->fd = create(reserved ? MFD_HUGETLB | (unsigned)RT_HUGE_SHIFT << MAP_HUGE_SHIFT : 0);
    if (memory->fd < 0 || ftruncate(memory->fd, (off_t)rt_memory_round(memory->bytes)) ||
        map_at(memory, PROT_READ | PROT_WRITE, MAP_SHARED))
        return -1;
    memory->pages = reserved ? RT_PAGES_RESERVED : RT_PAGES_SMALL;
    if (!reserved && !madvise(memory->at, rt_memory_round(memory->bytes), MADV_HUGEPAGE) && rt_memory_transparent_files())
        memory->pages = RT_PAGES_TRANSPARENT;
    return 0;
}

static int fail_to_map(const struct rt_memory *memory, struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a file of %zu MiB: %s", memory->bytes >> 20, strerror(errno));
}

static int reserve(struct rt_memory *out, size_t bytes, const int *nodes, unsigned count)
{
    *out = (struct rt_memory){.bytes = bytes, .node = count == 1 ? *nodes : RT_NODE_ANY, .is_file = 1, .fd = -1};
    out->at = rt_memory_range(rt_memory_round(bytes), PROT_NONE);
    return out->at ? 0 : -1;
}

int rt_memory_file_map(struct rt_memory *out, size_t bytes, const int *nodes, unsigned count, struct rt_error *error)
{
    RT_CLEAN(rt_memory_unmap) struct rt_memory memory;
    if (reserve(&memory, bytes, nodes, count))
        return fail_to_map(&memory, error);
    const int enough = count < 2 && bytes && rt_memory_reserved(memory.node) >= rt_memory_round(bytes);
    if (!(enough && !place_new(&memory, 1)) && place_new(&memory, 0))
        return fail_to_map(&memory, error);
    memory.binding = rt_memory_bind(&memory, nodes, count);
    *out = memory;
    memory = (struct rt_memory){.at = NULL};
    return 0;
}

int rt_memory_file_renounce(struct rt_memory *memory, struct rt_error *error)
{
    if (place_new(memory, 0))
        return fail_to_map(memory, error);
    memory->binding = rt_memory_bind(memory, NULL, 0);
    return 0;
}

/* ---- sealing ---- */

/* Shared and read-only: then not even mprotect makes it writable again. Kernels before 6.7 allow a private mapping only. */
static int map_sealed(const struct rt_memory *memory)
{
    return map_at(memory, PROT_READ, MAP_SHARED) ? map_at(memory, PROT_READ, MAP_PRIVATE | MAP_NORESERVE) : 0;
}

static int add_seals(int fd)
{
    for (int i = 0; i < SEAL_TRIES; i++) {
        if (!fcntl(fd, F_ADD_SEALS, SEALS))
            return 0;
        if (errno != EBUSY)
            return -1;
        usleep(SEAL_WAIT_US);
    }
    return -1;
}

/* The seal against writing wants every writable mapping gone first, so a private one stands in between. */
int rt_memory_file_seal(struct rt_memory *memory, struct rt_error *error)
{
    if (map_at(memory, PROT_READ, MAP_PRIVATE | MAP_NORESERVE) || add_seals(memory->fd) || map_sealed(memory))
        return rt_fail(error, RT_EXIT_FAILED, "a file of %zu MiB in memory cannot be sealed: %s", memory->bytes >> 20, strerror(errno));
    if (memory->pages == RT_PAGES_TRANSPARENT)
        (void)madvise(memory->at, rt_memory_round(memory->bytes), MADV_HUGEPAGE);
    return 0;
}

int rt_memory_file_of(const void *bytes, size_t count, struct rt_error *error)
{
    RT_CLOSE_FD int fd = create(0);
    size_t done = 0;
    while (fd >= 0 && done < count) {
        const ssize_t wrote = write(fd, (const char *)bytes + done, count - done);
        if (wrote <= 0 && errno != EINTR)
            break;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    if (fd < 0 || done < count || add_seals(fd))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a file of %zu MiB: %s", count >> 20, strerror(errno));
    return RT_MOVE_FD(fd);
}

/* ---- files that somebody has kept ---- */

int rt_memory_file_check(int fd, uint64_t *bytes, struct rt_error *error)
{
    struct stat status;
    const int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || fstat(fd, &status) || status.st_size < 0)
        return rt_fail(error, RT_EXIT_FAILED, "it is no file in memory");
    if ((seals & SEALS) != SEALS)
        return rt_fail(error, RT_EXIT_FAILED, "it lacks seals: it has %#x of %#x", (unsigned)seals, (unsigned)SEALS);
    *bytes = (uint64_t)status.st_size;
    return 0;
}

static enum rt_pages pages_of(int fd)
{
    struct statfs kind;
    if (!fstatfs(fd, &kind) && kind.f_type == HUGETLBFS_MAGIC)
        return RT_PAGES_RESERVED;
    return rt_memory_transparent_files() ? RT_PAGES_TRANSPARENT : RT_PAGES_SMALL;
}

int rt_memory_file_take(struct rt_memory *out, int fd, size_t bytes, const int *nodes, unsigned count, struct rt_error *error)
{
    RT_CLEAN(rt_memory_unmap) struct rt_memory memory = {.at = NULL};
    uint64_t is;
    if (rt_memory_file_check(fd, &is, error))
        return -1;
    if (is != rt_memory_round(bytes))
        return rt_fail(error, RT_EXIT_FAILED, "it has %llu bytes instead of %zu", (unsigned long long)is, rt_memory_round(bytes));
    if (reserve(&memory, bytes, nodes, count))
        return fail_to_map(&memory, error);
    memory.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    memory.pages = pages_of(fd);
    if (memory.fd < 0 || map_sealed(&memory))
        return fail_to_map(&memory, error);
    if (memory.pages == RT_PAGES_TRANSPARENT)
        (void)madvise(memory.at, rt_memory_round(bytes), MADV_HUGEPAGE);
    memory.binding = rt_memory_bind(&memory, nodes, count);
    *out = memory;
    memory = (struct rt_memory){.at = NULL};
    return 0;
}

void rt_memory_file_release(struct rt_memory *memory)
{
    if (memory->is_file)
        rt_clean_fd(&memory->fd);
    memory->fd = -1;
}
