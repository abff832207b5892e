/* bundle_load.c: reads the payload of a bundle: every chunk of 1 MiB is read, hashed, compared with the verified list and put where it
 * belongs, by more threads than there are cores, file by file, so that the disk never waits for a digest. The first chunk that is not what was
 * signed ends it. The calling thread sleeps meanwhile; thread 0 reports progress in its name. */
#include <stdatomic.h>
#include <string.h>

#include "runtime/bundle_parts.h"
#include "runtime/clock.h"
#include "runtime/memory_map.h"
#include "runtime/neutral_read.h"
#include "runtime/scope.h"
#include "runtime/weights.h"
#include "runtime/workers.h"

enum {
    BAD_DIGEST = 0xffff, /* beyond every errno */
    BAD_END = 0xfffe,
    GROUP = CR_LANES, /* chunks that are read, hashed and placed together */
    GROUP_BYTES = GROUP * CR_CHUNK_BYTES,
    READERS_EACH = 8, /* threads beside a worker: while one hashes, others wait for the disk */
    READERS_MAX = 32, /* together: more than a disk has use for */
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
    struct rt_neutral source;
    const uint8_t *digests;     /* one per chunk */
    uint8_t *destination;       /* where the file's bytes go, or */
    struct rt_weights *weights; /* what they become part of; with neither they are only compared */
    uint8_t *scratch;           /* a group per thread, for what cannot be read into its place */
    uint64_t chunks;
    _Atomic uint64_t next;    /* chunk that begins the group to take */
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

/* ---- a group of chunks ---- */

static size_t bytes_of(const struct job *job, uint64_t chunk, size_t count)
{
    uint64_t rest = job->file->size - chunk * CR_CHUNK_BYTES;
    return rest < count * CR_CHUNK_BYTES ? (size_t)rest : count * CR_CHUNK_BYTES;
}

/* Where a group is read to. */
static uint8_t *place_of(const struct job *job, unsigned thread, uint64_t chunk, size_t count)
{
    uint64_t offset = chunk * CR_CHUNK_BYTES;
    uint8_t *place = job->destination ? job->destination + offset : NULL;
    if (job->weights)
        place = rt_weights_direct(job->weights, job->file->stream_offset + offset, bytes_of(job, chunk, count));
    return place ? place : job->scratch + (size_t)thread * GROUP_BYTES;
}

static void digest_group(uint8_t digests[GROUP][CR_DIGEST_BYTES], const struct job *job, const uint8_t *place, uint64_t chunk, size_t count)
{
    const uint8_t *chunks[GROUP];
    for (size_t i = 0; i < count; i++)
        chunks[i] = place + i * CR_CHUNK_BYTES;
    if (bytes_of(job, chunk, GROUP) == GROUP_BYTES && count == GROUP) {
        cr_digest_lanes(digests, chunks, CR_CHUNK_BYTES);
        return;
    }
    for (size_t i = 0; i < count; i++)
        cr_digest(digests[i], chunks[i], bytes_of(job, chunk + i, 1));
}

/* Reads chunks to a place and compares them: 0, or why *bad, the first that is not good, is so: BAD_… or an errno value. */
static unsigned judge(const struct job *job, uint8_t *place, uint64_t chunk, size_t count, uint64_t *bad)
{
    uint8_t digests[GROUP][CR_DIGEST_BYTES];
    int status = rt_neutral_read(&job->source, place, bytes_of(job, chunk, count), chunk * CR_CHUNK_BYTES);
    if (!status)
        digest_group(digests, job, place, chunk, count);
    for (size_t i = 0; i < count; i++) {
        *bad = chunk + i;
        unsigned why = 0;
        if (status && count > 1) /* one of them: each is tried by itself */
            why = judge(job, place + i * CR_CHUNK_BYTES, chunk + i, 1, bad);
        else if (status)
            why = status == RT_READ_ENDED ? BAD_END : (unsigned)status;
        else if (!cr_digest_equal(digests[i], job->digests + (chunk + i) * CR_DIGEST_BYTES))
            why = BAD_DIGEST;
        if (why)
            return why;
    }
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

static void take_group(struct job *job, unsigned thread, uint64_t chunk)
{
    size_t count = job->chunks - chunk < GROUP ? (size_t)(job->chunks - chunk) : GROUP;
    uint8_t *place = place_of(job, thread, chunk, count);
    uint64_t bad;
    unsigned why = judge(job, place, chunk, count, &bad);
    if (why)
        note_failure(job, bad, why);
    else if (job->weights && place == job->scratch + (size_t)thread * GROUP_BYTES)
        rt_weights_place(job->weights, job->file->stream_offset + chunk * CR_CHUNK_BYTES, place, bytes_of(job, chunk, count));
}

static void take_groups(void *user, unsigned thread)
{
    struct job *job = user;
    for (;;) {
        uint64_t chunk = atomic_fetch_add(&job->next, GROUP);
        if (chunk >= job->chunks || atomic_load(&job->failure) >> 16 < chunk)
            return;
        take_group(job, thread, chunk);
        if (thread == 0 && job->meter)
            meter_report(job->meter, job->meter->done + chunk * CR_CHUNK_BYTES, 0);
    }
}

/* ---- a file ---- */

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

/* Checks a whole file, on all readers or, where there are none, on the calling thread. */
static int run_job(const struct rt_bundle *bundle, struct job *job, struct rt_workers *readers, struct rt_error *error)
{
    uint64_t size;
    RT_CLEAN(rt_neutral_close) struct rt_neutral source = {-1, -1};
    if (rt_neutral_open(&source, &size, &bundle->folder, job->file->path, error))
        return -1;
    job->source = source;
    job->digests = bundle->chunks + job->file->first_chunk * CR_DIGEST_BYTES;
    job->chunks = (job->file->size + CR_CHUNK_BYTES - 1) / CR_CHUNK_BYTES;
    atomic_init(&job->next, 0);
    atomic_init(&job->failure, UINT64_MAX);
    if (readers)
        rt_workers_run(readers, take_groups, job);
    else
        take_groups(job, 0);
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

/* ---- all of them ---- */

struct crew { /* the threads that read, and their scratch */
    struct rt_workers *readers;
    struct rt_memory scratch;
};

static void close_crew(struct crew *crew)
{
    rt_workers_close(&crew->readers);
    rt_memory_unmap(&crew->scratch);
}

static int open_crew(struct crew *crew, const struct rt_workers *workers, struct rt_error *error)
{
    unsigned count = READERS_EACH * rt_workers_count(workers);
    if (count > READERS_MAX)
        count = READERS_MAX;
    if (rt_workers_open_beside(&crew->readers, workers, count, error))
        return -1;
    return rt_memory_map(&crew->scratch, (size_t)count * GROUP_BYTES, RT_NODE_ANY, error);
}

int rt_bundle_load(struct rt_bundle *bundle, struct rt_weights *weights, struct rt_workers *workers, const struct rt_progress *progress,
                   struct rt_error *error)
{
    const struct rt_manifest *m = bundle->manifest;
    RT_CLEAN(close_crew) struct crew crew = {0};
    struct meter meter;
    meter_start(&meter, progress, m->stream_bytes);
    if (need_chunks(bundle, error) || open_crew(&crew, workers, error))
        return -1;
    for (size_t i = 0; i < m->file_count; i++) {
        struct job job = {.file = &m->files[i], .weights = weights, .scratch = crew.scratch.at, .meter = &meter};
        if (m->files[i].role == RT_ROLE_WEIGHTS && run_job(bundle, &job, crew.readers, error))
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
    RT_CLEAN(close_crew) struct crew crew = {0};
    struct meter meter;
    meter_start(&meter, progress, payload_bytes(m));
    if (need_chunks(bundle, error) || open_crew(&crew, workers, error))
        return -1;
    for (size_t i = 0; i < m->file_count; i++) {
        struct job job = {.file = &m->files[i], .scratch = crew.scratch.at, .meter = &meter};
        if (run_job(bundle, &job, crew.readers, error))
            return -1;
    }
    meter_report(&meter, meter.done, 1);
    return 0;
}
