/* stream_writer.h: the stream of weights, cut into files that fit FAT32. Opened by one thread; pk_stream_write may be called from any,
 * for ranges that do not overlap. Knows nothing of tensors. */
#ifndef CLOISTER_PACK_STREAM_WRITER_H
#define CLOISTER_PACK_STREAM_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

enum { PK_PART_MIB_MAX = 4095 }; /* whole chunks, and below FAT32's 4 GiB */

struct pk_stream { /* zeroed before use */
    int *fds;
    uint32_t count;
    uint64_t bytes, part_bytes;
};

/* Makes weights-00001-of-000NN.bin … of part_mib MiB each, but for the last, with all their room on the disk, so that a full one is
 * noticed at once. Bytes never written are 0. */
RT_MUST_CHECK int pk_stream_open(struct pk_stream *out, int directory, uint64_t bytes, uint64_t part_mib, struct rt_error *error);
RT_MUST_CHECK int pk_stream_write(const struct pk_stream *stream, uint64_t offset, const void *bytes, size_t count, struct rt_error *error);
/* Waits until everything is on the disk. */
RT_MUST_CHECK int pk_stream_sync(const struct pk_stream *stream, struct rt_error *error);
void pk_stream_close(struct pk_stream *stream);

void pk_stream_name(char *out, size_t room, uint32_t index, uint32_t count); /* of file index, from 0 */
uint64_t pk_stream_file_bytes(const struct pk_stream *stream, uint32_t index);

#endif
