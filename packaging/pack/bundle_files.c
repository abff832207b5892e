/* bundle_files.c: one job is one file, read back once for its own digest and its chunks': panels are written in no particular order, so
 * neither can be made on the way. */
#include "packaging/pack/bundle_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "packaging/pack/interrupt.h"
#include "packaging/pack/pack_jobs.h"
#include "runtime/folder.h"
#include "runtime/scope.h"

#define CHUNKS_FILE "chunks.b2"

struct digester {
    struct pk_files *files;
    const struct pk_output *output;
    uint8_t *digests; /* of all chunks */
    _Atomic uint64_t done;
};

static uint64_t chunk_count(uint64_t bytes)
{
    return (bytes + CR_CHUNK_BYTES - 1) / CR_CHUNK_BYTES;
}

int pk_files_add(struct pk_files *files, const char *path, enum rt_role role, uint64_t size, struct rt_error *error)
{
    if (files->count == RT_FILES_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "the bundle would have more than %d files", RT_FILES_MAX);
    struct rt_file *list = realloc(files->list, (files->count + 1) * sizeof *list);
    if (!list)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    files->list = list;
    struct rt_file *file = &list[files->count];
    *file = (struct rt_file){.role = role, .size = size};
    if (files->count)
        file->first_chunk = file[-1].first_chunk + chunk_count(file[-1].size);
    snprintf(file->path, sizeof file->path, "%s", path);
    files->count++;
    files->total_bytes += size;
    return 0;
}

static int read_chunk(int fd, uint64_t offset, uint8_t *out, size_t bytes, const char *path, struct rt_error *error)
{
    int why = rt_read_at(fd, out, bytes, offset);
    if (why)
        return rt_fail(error, RT_EXIT_FAILED, "%s: cannot be read back: %s", path, why > 0 ? strerror(why) : "it became shorter");
    return pk_interrupted() ? pk_interrupt_error(error) : 0;
}

static int digest_file(void *user, void *room, size_t job, struct rt_error *error)
{
    struct digester *digester = user;
    struct rt_file *file = &digester->files->list[job];
    uint8_t *digests = digester->digests + file->first_chunk * CR_DIGEST_BYTES;
    RT_CLOSE_FD int fd = openat(pk_output_directory(digester->output), file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return rt_fail(error, RT_EXIT_FAILED, "%s: cannot be opened: %s", file->path, strerror(errno));
    struct cr_hash whole;
    cr_hash_start(&whole);
    for (uint64_t offset = 0, chunk = 0; offset < file->size; offset += CR_CHUNK_BYTES, chunk++) {
        size_t bytes = file->size - offset < CR_CHUNK_BYTES ? (size_t)(file->size - offset) : CR_CHUNK_BYTES;
        if (read_chunk(fd, offset, room, bytes, file->path, error))
            return -1;
        cr_hash_feed(&whole, room, bytes);
        cr_digest(digests + chunk * CR_DIGEST_BYTES, room, bytes);
        atomic_fetch_add(&digester->done, bytes);
    }
    cr_hash_end(&whole, file->digest);
    cr_digest(file->chunks_digest, digests, chunk_count(file->size) * CR_DIGEST_BYTES);
    return 0;
}

int pk_files_digest(struct pk_files *files, const struct pk_output *output, struct rt_progress_bar *bar, struct rt_error *error)
{
    uint64_t chunks = 0;
    for (size_t i = 0; i < files->count; i++)
        chunks += chunk_count(files->list[i].size);
    size_t bytes = chunks * CR_DIGEST_BYTES;
    RT_FREE uint8_t *digests = malloc(bytes);
    if (!digests)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %zu bytes of digests", bytes);
    struct digester digester = {.files = files, .output = output, .digests = digests};
    struct pk_jobs jobs = {.count = files->count,
                           .run = digest_file,
                           .user = &digester,
                           .room_bytes = CR_CHUNK_BYTES,
                           .done = &digester.done,
                           .total = files->total_bytes,
                           .bar = bar};
    if (pk_jobs_run(&jobs, error) || pk_output_write(output, CHUNKS_FILE, digests, bytes, error))
        return -1;
    files->chunks = (struct rt_file){.path = CHUNKS_FILE, .size = bytes};
    cr_digest(files->chunks.digest, digests, bytes);
    return 0;
}

void pk_files_close(struct pk_files *files)
{
    free(files->list);
    *files = (struct pk_files){0};
}
