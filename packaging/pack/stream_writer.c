/* stream_writer.c: positions in the stream become positions in files. */
#include "packaging/pack/stream_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/scope.h"

enum { STREAM_FILES_MAX = 4000 };

void pk_stream_name(char *out, size_t room, uint32_t index, uint32_t count)
{
    snprintf(out, room, "weights-%05u-of-%05u.bin", index + 1, count);
}

uint64_t pk_stream_file_bytes(const struct pk_stream *stream, uint32_t index)
{
    return index + 1 < stream->count ? stream->part_bytes : stream->bytes - index * stream->part_bytes;
}

static int fail_to_write(const struct pk_stream *stream, uint32_t index, int why, struct rt_error *error)
{
    char name[64];
    pk_stream_name(name, sizeof name, index, stream->count);
    if (why == ENOSPC || why == EDQUOT || why == EFBIG)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: %s; the weights need %.1f MB there, and nothing was left behind", name, strerror(why),
                       (double)stream->bytes / 1e6);
    return rt_fail(error, RT_EXIT_FAILED, "%s: cannot be written: %s", name, strerror(why));
}

static int make_file(struct pk_stream *stream, int directory, uint32_t index, struct rt_error *error)
{
    char name[64];
    pk_stream_name(name, sizeof name, index, stream->count);
    int fd = stream->fds[index] = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail_to_write(stream, index, errno, error);
    off_t bytes = (off_t)pk_stream_file_bytes(stream, index);
    int why = posix_fallocate(fd, 0, bytes);
    if (why == EOPNOTSUPP || why == EINVAL || why == ENOSYS) /* a file system that cannot: FAT, for one */
        why = ftruncate(fd, bytes) ? errno : 0;
    return why ? fail_to_write(stream, index, why, error) : 0;
}

int pk_stream_open(struct pk_stream *out, int directory, uint64_t bytes, uint64_t part_mib, struct rt_error *error)
{
    *out = (struct pk_stream){.bytes = bytes, .part_bytes = part_mib << 20};
    uint64_t count = (bytes + out->part_bytes - 1) / out->part_bytes;
    if (count > STREAM_FILES_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "the weights would take more than %d files", STREAM_FILES_MAX);
    out->fds = malloc(count * sizeof *out->fds);
    if (!out->fds)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    out->count = (uint32_t)count;
    for (uint32_t i = 0; i < out->count; i++)
        out->fds[i] = -1;
    for (uint32_t i = 0; i < out->count; i++)
        if (make_file(out, directory, i, error)) {
            pk_stream_close(out);
            return -1;
        }
    return 0;
}

static int write_file(const struct pk_stream *stream, uint32_t index, uint64_t offset, const char *bytes, size_t count,
                      struct rt_error *error)
{
    while (count > 0) {
        ssize_t put = pwrite(stream->fds[index], bytes, count, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return fail_to_write(stream, index, put < 0 ? errno : ENOSPC, error);
        bytes += put;
        offset += (uint64_t)put;
        count -= (size_t)put;
    }
    return 0;
}

int pk_stream_write(const struct pk_stream *stream, uint64_t offset, const void *bytes, size_t count, struct rt_error *error)
{
    for (const char *from = bytes; count > 0;) {
        uint32_t index = (uint32_t)(offset / stream->part_bytes);
        uint64_t within = offset % stream->part_bytes, room = stream->part_bytes - within;
        size_t part = count < room ? count : (size_t)room;
        if (write_file(stream, index, within, from, part, error))
            return -1;
        from += part;
        offset += part;
        count -= part;
    }
    return 0;
}

int pk_stream_sync(const struct pk_stream *stream, struct rt_error *error)
{
    for (uint32_t i = 0; i < stream->count; i++)
        if (fsync(stream->fds[i]))
            return fail_to_write(stream, i, errno, error);
    return 0;
}

void pk_stream_close(struct pk_stream *stream)
{
    for (uint32_t i = 0; i < stream->count; i++)
        rt_clean_fd(&stream->fds[i]);
    free(stream->fds);
    *stream = (struct pk_stream){0};
}
