/* neutral_read.c: asks what is cached, and reads buffered or with O_DIRECT accordingly. See neutral_read.h. */
#include "runtime/neutral_read.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    ALIGN = 4096,    /* a page, and no disk asks for more */
    CACHESTAT = 451, /* libc has no name for it */
};

int rt_neutral_open(struct rt_neutral *out, uint64_t *size, const struct rt_folder *folder, const char *name, struct rt_error *error)
{
    *out = (struct rt_neutral){-1, -1};
    if (rt_folder_file(&out->cached, size, folder, name, RT_LINKS_REFUSED, error))
        return -1;
    (void)posix_fadvise(out->cached, 0, 0, POSIX_FADV_RANDOM); /* whoever asks for a byte gets its page and no more */
    if (rt_folder_file(&out->direct, size, folder, name, RT_LINKS_REFUSED, error)) {
        rt_neutral_close(out);
        return -1;
    }
    int flags = fcntl(out->direct, F_GETFL);
    if (flags < 0 || fcntl(out->direct, F_SETFL, flags | O_DIRECT)) { /* a file system that cannot */
        close(out->direct);
        out->direct = -1;
    }
    return 0;
}

void rt_neutral_close(struct rt_neutral *file)
{
    if (file->cached >= 0)
        close(file->cached);
    if (file->direct >= 0)
        close(file->direct);
    *file = (struct rt_neutral){-1, -1};
}

/* ---- what is cached ---- */

enum cached { NOT_CACHED, CACHED, STIRRED }; /* stirred: not cached, but asking has made the kernel read a page */

struct cache_range {
    uint64_t offset, bytes;
};
struct cache_counts { /* pages */
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* cachestat is asked, which Linux has since 6.5 and answers for files that one may write. Elsewhere one byte is asked for that need not be waited
 * for: then the page is cached, and most likely those behind it, or the kernel begins to read it. */
static enum cached look(const struct rt_neutral *file, uint64_t offset, size_t bytes)
{
    const struct cache_range range = {offset, bytes};
    struct cache_counts counts = {0};
    char byte;
    const struct iovec one = {&byte, 1};
    if (!syscall(CACHESTAT, file->cached, &range, &counts, 0))
        return counts.cached * ALIGN >= bytes ? CACHED : NOT_CACHED;
    return preadv2(file->cached, &one, 1, (off_t)offset, RWF_NOWAIT) == 1 ? CACHED : STIRRED;
}

int rt_neutral_read(const struct rt_neutral *file, void *out, size_t bytes, uint64_t offset)
{
    enum cached cached = look(file, offset, bytes);
    if (cached == CACHED)
        return rt_read_at(file->cached, out, bytes, offset);
    int status = EINVAL;
    if (file->direct >= 0 && ((uintptr_t)out | bytes | offset) % ALIGN == 0)
        status = rt_read_at(file->direct, out, bytes, offset);
    int past_cache = status != EINVAL;
    if (!past_cache) /* not with these addresses, or not here */
        status = rt_read_at(file->cached, out, bytes, offset);
    if (!past_cache || cached == STIRRED)
        (void)posix_fadvise(file->cached, (off_t)offset, (off_t)bytes, POSIX_FADV_DONTNEED);
    return status;
}
