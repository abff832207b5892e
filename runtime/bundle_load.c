/* bundle_load.c: reads the payload of a bundle: every chunk of 1 MiB is read, hashed and compared with the verified list, by all workers
 * at once, file by file. The first chunk that is not what was signed ends it. The calling thread sleeps meanwhile; worker 0 reports
 * progress in its name. */
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "runtime/bundle_parts.h"
#include "runtime/clock.h"
#include "runtime/scope.h"
#include "runtime/workers.h"

enum {
    BAD_DIGEST = 0xffff, /* beyond every errno */
    BAD_END = 0xfffe,
    PAGE_BYTES = 4096,
};
static const double report_every_s = 0.1;

struct meter { /* progress over several files */
    const struct rt_progress *progress;
    uint64_t done, total;
    double start;
    double reported_s;
};

struct job { /* one file */
    const struct rt_file *file;
    int fd;
    const uint8_t *digests; /* one per chunk */
    uint8_t *destination;   /* where the file's bytes go; NULL: they are only compared */
    uint8_t *scratch;       /* one chunk per worker, where there is no destination */
    uint64_t chunks;
    _Atomic uint64_t next;    /* chunk to take */
    _Atomic uint64_t failure; /* lowest bad chunk << 16 | reason; UINT64_MAX: none */
    struct meter *meter;
};

static void meter_start(struct meter *meter, const struct rt_progress *progress, uint64_t total)
{
    *meter = (struct meter){.progress = progress, .total = total, .start = rt_seconds()};
}

static void meter_report(struct meter *meter, uint64_t done, int at_end)
{
    if (!meter || !meter->progress)
        return;
    double seconds = rt_seconds() - meter->start;
    if (!at_end && seconds - meter->reported_s < report_every_s)
        return;
    meter->reported_s = seconds;
    meter->progress->report(meter->progress->user, done, meter->total, seconds);
}

static size_t chunk_bytes(const struct rt_file *file, uint64_t chunk)
{
    uint64_t rest = file->size - chunk * CR_CHUNK_BYTES;
    return rest < CR_CHUNK_BYTES ? (size_t)rest : CR_CHUNK_BYTES;
}

/* 0, or why the chunk is bad: BAD_… or an errno value. */
static unsigned take_chunk(struct job *job, uint64_t chunk, uint8_t *place)
{
    uint8_t digest[CR_DIGEST_BYTES];
    uint64_t offset = chunk * CR_CHUNK_BYTES;
    size_t bytes = chunk_bytes(job->file, chunk);
    int status = rt_read_at(job->fd, place, bytes, offset);
    if (status)
        return status == RT_READ_ENDED ? BAD_END : (unsigned)status;
    cr_digest(digest, place, bytes);
    if (!cr_digest_equal(digest, job->digests + chunk * CR_DIGEST_BYTES))
        return BAD_DIGEST;
    if (job->destination) /* private memory holds it now: the page cache need not as well */
        posix_fadvise(job->fd, (off_t)offset, (off_t)bytes, POSIX_FADV_DONTNEED);
    return 0;
}

/* Keeps the lowest. Chunks are taken in ascending order, so every chunk below a bad one is judged: which one is named does not
 * depend on timing. */
static void note_failure(struct job *job, uint64_t chunk, unsigned why)
{
    uint64_t mine = chunk << 16 | why, seen = atomic_load(&job->failure);
    while (mine < seen && !atomic_compare_exchange_weak(&job->failure, &seen, mine))
        ;
}

static void take_chunks(void *user, unsigned worker)
{
    struct job *job = user;
    for (;;) {
        uint64_t chunk = atomic_fetch_add(&job->next, 1);
        if (chunk >= job->chunks || atomic_load(&job->failure) >> 16 < chunk)
            return;
        uint8_t *place = job->destination ? job->destination + chunk * CR_CHUNK_BYTES : job->scratch + (size_t)worker * CR_CHUNK_BYTES;
        unsigned why = take_chunk(job, chunk, place);
        if (why)
            note_failure(job, chunk, why);
        else if (worker == 0 && job->meter)
            meter_report(job->meter, job->meter->done + chunk * CR_CHUNK_BYTES, 0);
    }
}

static int fail_chunk(const struct rt_bundle *bundle, const struct job *job, struct rt_error *error)
{
    uint64_t failure = atomic_load(&job->failure);
    unsigned why = failure & 0xffff;
    unsigned long long offset = (failure >> 16) * CR_CHUNK_BYTES;
    if (why == BAD_DIGEST)
        return rt_fail(error, RT_EXIT_TRUST, "%s/%s: the 1 MiB from byte %llu on is not what was signed; copy the bundle again",
                       bundle->path, job->file->path, offset);
    if (why == BAD_END)
        return rt_fail(error, RT_EXIT_TRUST, "%s/%s: ends within the 1 MiB from byte %llu on; copy the bundle again", bundle->path,
                       job->file->path, offset);
    return rt_fail(error, RT_EXIT_FAILED, "%s/%s: cannot be read at byte %llu: %s; check the disk", bundle->path, job->file->path, offset,
                   strerror((int)why));
}

/* Checks a whole file, on all workers or, where there are none, on the calling thread. */
static int run_job(const struct rt_bundle *bundle, struct job *job, struct rt_workers *workers, struct rt_error *error)
{
    uint64_t size;
    RT_CLOSE_FD int fd = -1;
    if (rt_folder_file(&fd, &size, &bundle->folder, job->file->path, RT_LINKS_REFUSED, error))
        return -1;
    job->fd = fd;
    job->digests = bundle->chunks + job->file->first_chunk * CR_DIGEST_BYTES;
    job->chunks = (job->file->size + CR_CHUNK_BYTES - 1) / CR_CHUNK_BYTES;
    atomic_init(&job->next, 0);
    atomic_init(&job->failure, UINT64_MAX);
    if (workers)
        rt_workers_run(workers, take_chunks, job);
    else
        take_chunks(job, 0);
    if (atomic_load(&job->failure) != UINT64_MAX)
        return fail_chunk(bundle, job, error);
    if (job->meter)
        job->meter->done += job->file->size;
    return 0;
}

/* Reads the list of chunk digests, once, and compares it with its own digests in the manifest. */
static int need_chunks(struct rt_bundle *bundle, struct rt_error *error)
{
    static const char changed[] = "%s/%s: not what was signed; copy the bundle again";
    const struct rt_manifest *m = bundle->manifest;
    const char *name = m->chunks_file.path;
    RT_FREE char *text = NULL;
    size_t bytes;
    uint8_t digest[CR_DIGEST_BYTES];
    if (bundle->chunks)
        return 0;
    if (rt_folder_read(&text, &bytes, &bundle->folder, name, RT_LINKS_REFUSED, m->chunks_file.size, error))
        return -1;
    cr_digest(digest, text, bytes);
    if (bytes != m->chunks_file.size || !cr_digest_equal(digest, m->chunks_file.digest))
        return rt_fail(error, RT_EXIT_TRUST, changed, bundle->path, name);
    for (size_t i = 0; i < m->file_count; i++) {
        uint64_t next = i + 1 < m->file_count ? m->files[i + 1].first_chunk : m->chunk_count;
        cr_digest(digest, text + m->files[i].first_chunk * CR_DIGEST_BYTES, (next - m->files[i].first_chunk) * CR_DIGEST_BYTES);
        if (!cr_digest_equal(digest, m->files[i].chunks_digest))
            return rt_fail(error, RT_EXIT_TRUST,
                           "%s/%s: not the chunks of %s that the manifest means; ask the publisher for a corrected bundle", bundle->path,
                           name, m->files[i].path);
    }
    bundle->chunks = (uint8_t *)RT_MOVE(text);
    return 0;
}

int rt_bundle_read(struct rt_bundle *bundle, enum rt_role role, char **text, size_t *bytes, struct rt_error *error)
{
    const struct rt_manifest *m = bundle->manifest;
    size_t i = 0;
    *text = NULL;
    *bytes = 0;
    while (i < m->file_count && m->files[i].role != role)
        i++;
    if (i == m->file_count)
        return 0;
    const struct rt_file *file = &m->files[i];
    RT_FREE char *copy = malloc(file->size + 1);
    if (!copy)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s/%s: no memory to read it", bundle->path, file->path);
    struct job job = {.file = file, .destination = (uint8_t *)copy};
    if (need_chunks(bundle, error) || run_job(bundle, &job, NULL, error))
        return -1;
    copy[file->size] = '\0';
    *bytes = file->size;
    *text = RT_MOVE(copy);
    return 0;
}

int rt_bundle_load(struct rt_bundle *bundle, uint8_t *stream, struct rt_workers *workers, const struct rt_progress *progress,
                   struct rt_error *error)
{
    const struct rt_manifest *m = bundle->manifest;
    struct meter meter;
    meter_start(&meter, progress, m->stream_bytes);
    if (need_chunks(bundle, error))
        return -1;
    for (size_t i = 0; i < m->file_count; i++) {
        struct job job = {.file = &m->files[i], .destination = stream + m->files[i].stream_offset, .meter = &meter};
        if (m->files[i].role == RT_ROLE_WEIGHTS && run_job(bundle, &job, workers, error))
            return -1;
    }
    meter_report(&meter, meter.done, 1);
    return 0;
}

static uint64_t payload_bytes(const struct rt_manifest *m)
{
    uint64_t total = 0;
    for (size_t i = 0; i < m->file_count; i++)
        total += m->files[i].size;
    return total;
}

int rt_bundle_check(struct rt_bundle *bundle, struct rt_workers *workers, const struct rt_progress *progress, struct rt_error *error)
{
    const struct rt_manifest *m = bundle->manifest;
    RT_FREE uint8_t *scratch = aligned_alloc(PAGE_BYTES, (size_t)rt_workers_count(workers) * CR_CHUNK_BYTES);
    struct meter meter;
    if (!scratch)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory to read into", bundle->path);
    meter_start(&meter, progress, payload_bytes(m));
    if (need_chunks(bundle, error))
        return -1;
    for (size_t i = 0; i < m->file_count; i++) {
        struct job job = {.file = &m->files[i], .scratch = scratch, .meter = &meter};
        if (run_job(bundle, &job, workers, error))
            return -1;
    }
    meter_report(&meter, meter.done, 1);
    return 0;
}
