/* kept_weights.c: the header is a digest over the rest, a text that says whose and where the weights are, and the bundle's texts one after the
 * other. Nothing of it is parsed: the text is made again from what is there and must be the same, and the manifest tells how long the others are.
 * See kept_weights.h for who may call. */
#include "runtime/kept_weights.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/folder.h"
#include "runtime/memory_file.h"
#include "runtime/scope.h"
#include "runtime/weights_files.h"

enum { FORMAT = 1, NAME_BYTES = 32, BARRIER_MS = 5000, FILES_MAX = RT_SERVICE_FDS_MAX / 2 }; /* sockets come the same way */

void rt_texts_close(struct rt_texts *texts)
{
    for (int role = 0; role < RT_ROLES; role++)
        free(texts->of[role].at);
    *texts = (struct rt_texts){0};
}

/* ---- names ---- */

static int is_ours(const char *name)
{
    return !strncmp(name, RT_KEPT_NAME, strlen(RT_KEPT_NAME));
}

static void name_file(char out[NAME_BYTES], unsigned file)
{
    snprintf(out, NAME_BYTES, RT_KEPT_NAME "-%u", file);
}

int rt_kept_is_there(const struct rt_weights_store *store)
{
    for (unsigned i = 0; i < store->service->fd_count; i++)
        if (is_ours(store->service->names[i]))
            return 1;
    return 0;
}

/* The one descriptor of a name. */
static int find(int *fd, const struct rt_weights_store *store, const char *name, struct rt_error *error)
{
    *fd = -1;
    for (unsigned i = 0; i < store->service->fd_count; i++) {
        if (strcmp(store->service->names[i], name))
            continue;
        if (*fd >= 0)
            return rt_fail(error, RT_EXIT_FAILED, "two descriptors are called %s", name);
        *fd = RT_SERVICE_FIRST_FD + (int)i;
    }
    return *fd < 0 ? rt_fail(error, RT_EXIT_FAILED, "no descriptor is called %s", name) : 0;
}

static void close_ours(const struct rt_weights_store *store)
{
    for (unsigned i = 0; i < store->service->fd_count; i++)
        if (is_ours(store->service->names[i]))
            close(RT_SERVICE_FIRST_FD + (int)i);
}

/* ---- the header ---- */

/* What it says before the texts; free(). */
static int describe(char **out, const struct rt_weights *weights, const uint8_t manifest_digest[CR_DIGEST_BYTES],
                    const struct rt_workers *workers, struct rt_error *error)
{
    char hex[2 * CR_DIGEST_BYTES + 1];
    RT_FREE char *files = rt_weights_files_describe(weights, workers);
    cr_digest_hex(hex, manifest_digest);
    if (!files || asprintf(out, "cloister weights %d\nmanifest %s\n%s", FORMAT, hex, files) < 0)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the header of kept weights");
    return 0;
}

/* The file of a role, or NULL. */
static const struct rt_file *file_of(const struct rt_manifest *m, int role)
{
    for (size_t i = 0; i < m->file_count; i++)
        if ((int)m->files[i].role == role && role != RT_ROLE_WEIGHTS)
            return &m->files[i];
    return NULL;
}

static size_t header_bytes(const struct rt_manifest *m, const char *description)
{
    size_t bytes = CR_DIGEST_BYTES + strlen(description);
    for (int role = 0; role < RT_ROLES; role++) {
        const struct rt_file *file = file_of(m, role);
        bytes += file ? file->size : 0;
    }
    return bytes;
}

static int copy_texts(struct rt_texts *out, const struct rt_manifest *m, const char *from, struct rt_error *error)
{
    for (int role = 0; role < RT_ROLES; role++) {
        const struct rt_file *file = file_of(m, role);
        if (!file)
            continue;
        char *text = out->of[role].at = malloc(file->size + 1);
        if (!text)
            return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %s", file->path);
        memcpy(text, from, file->size);
        text[file->size] = 0;
        out->of[role].bytes = file->size;
        from += file->size;
    }
    return 0;
}

/* Reads as many bytes as a header for this description has, and no others will do. */
static int read_header(char **out, int fd, size_t bytes, struct rt_error *error)
{
    uint64_t is;
    if (rt_memory_file_check(fd, &is, error))
        return -1;
    if (is != bytes)
        return rt_fail(error, RT_EXIT_FAILED, "it has %llu bytes instead of %zu: another bundle, layout or program made it",
                       (unsigned long long)is, bytes);
    RT_FREE char *header = malloc(bytes);
    if (!header || rt_read_at(fd, header, bytes, 0))
        return rt_fail(error, RT_EXIT_RESOURCES, "it cannot be read");
    *out = RT_MOVE(header);
    return 0;
}

static int judge_header(const char *header, size_t bytes, const char *description, struct rt_error *error)
{
    uint8_t digest[CR_DIGEST_BYTES];
    cr_digest(digest, header + CR_DIGEST_BYTES, bytes - CR_DIGEST_BYTES);
    if (!cr_digest_equal(digest, (const uint8_t *)header))
        return rt_fail(error, RT_EXIT_FAILED, "it is not what its digest says");
    if (memcmp(header + CR_DIGEST_BYTES, description, strlen(description)))
        return rt_fail(error, RT_EXIT_FAILED, "it tells of another bundle, layout or program");
    return 0;
}

static int check_count(unsigned files, struct rt_error *error)
{
    return files > FILES_MAX ? rt_fail(error, RT_EXIT_RESOURCES, "weights of %u nodes are too many to be kept", files - 1) : 0;
}

/* ---- taking ---- */

static int take_weights(struct rt_weights **out, const struct rt_weights_store *store, const struct rt_manifest *manifest,
                        struct rt_workers *workers, struct rt_error *error)
{
    const unsigned count = rt_weights_files_count(workers);
    int fds[FILES_MAX];
    char name[NAME_BYTES];
    if (check_count(count, error))
        return -1;
    for (unsigned file = 0; file < count; file++) {
        name_file(name, file);
        if (find(&fds[file], store, name, error))
            return -1;
    }
    return rt_weights_files_take(out, manifest, workers, fds, error);
}

static int take_header(struct rt_texts *texts, const struct rt_weights_store *store, const struct rt_weights *weights,
                       const struct rt_manifest *manifest, const uint8_t manifest_digest[CR_DIGEST_BYTES], const struct rt_workers *workers,
                       struct rt_error *error)
{
    RT_FREE char *description = NULL;
    RT_FREE char *header = NULL;
    int fd;
    if (find(&fd, store, RT_KEPT_NAME, error) || describe(&description, weights, manifest_digest, workers, error))
        return -1;
    const size_t bytes = header_bytes(manifest, description);
    if (read_header(&header, fd, bytes, error) || judge_header(header, bytes, description, error))
        return rt_wrap(error, RT_KEPT_NAME);
    return copy_texts(texts, manifest, header + CR_DIGEST_BYTES + strlen(description), error);
}

int rt_kept_take(struct rt_weights **out, struct rt_texts *texts, const struct rt_weights_store *store, const struct rt_manifest *manifest,
                 const uint8_t manifest_digest[CR_DIGEST_BYTES], struct rt_workers *workers, struct rt_error *error)
{
    RT_CLEAN(rt_weights_close) struct rt_weights *weights = NULL;
    RT_CLEAN(rt_texts_close) struct rt_texts read = {0};
    if (take_weights(&weights, store, manifest, workers, error) ||
        take_header(&read, store, weights, manifest, manifest_digest, workers, error))
        return -1;
    rt_weights_files_release(weights);
    close_ours(store);
    *texts = read;
    read = (struct rt_texts){0};
    *out = RT_MOVE(weights);
    return 0;
}

void rt_kept_drop(const struct rt_weights_store *store)
{
    for (unsigned i = 0; i < store->service->fd_count; i++)
        if (is_ours(store->service->names[i]))
            rt_notify_forget(store->notify, store->service->names[i]);
    close_ours(store);
    (void)!rt_notify_barrier(store->notify, BARRIER_MS);
}

/* ---- putting ---- */

static int make_header(int *out, const struct rt_manifest *m, const char *description, const struct rt_texts *texts, struct rt_error *error)
{
    const size_t bytes = header_bytes(m, description);
    RT_FREE char *header = malloc(bytes);
    if (!header)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the header of kept weights");
    char *at = mempcpy(header + CR_DIGEST_BYTES, description, strlen(description));
    for (int role = 0; role < RT_ROLES; role++) {
        const struct rt_file *file = file_of(m, role);
        if (file && texts->of[role].bytes != file->size)
            return rt_fail(error, RT_EXIT_FAILED, "%s is not the text that the manifest lists", file->path);
        if (file)
            at = mempcpy(at, texts->of[role].at, file->size);
    }
    cr_digest((uint8_t *)header, header + CR_DIGEST_BYTES, bytes - CR_DIGEST_BYTES);
    *out = rt_memory_file_of(header, bytes, error);
    return *out < 0 ? -1 : 0;
}

static int put_file(const struct rt_weights_store *store, const char *name, int fd, struct rt_error *error)
{
    rt_notify_forget(store->notify, name);
    return rt_notify_store(store->notify, name, fd, error);
}

/* The header comes last: without it the others are nothing. */
int rt_kept_put(const struct rt_weights_store *store, struct rt_weights *weights, const struct rt_texts *texts,
                const uint8_t manifest_digest[CR_DIGEST_BYTES], const struct rt_workers *workers, struct rt_error *error)
{
    RT_FREE char *description = NULL;
    RT_CLOSE_FD int header = -1;
    char name[NAME_BYTES];
    if (check_count(rt_weights_files_count(workers), error) || describe(&description, weights, manifest_digest, workers, error) ||
        make_header(&header, rt_weights_manifest(weights), description, texts, error))
        return -1;
    rt_notify_forget(store->notify, RT_KEPT_NAME);
    for (unsigned file = 0; file < rt_weights_files_count(workers); file++) {
        name_file(name, file);
        if (put_file(store, name, rt_weights_files_fd(weights, file), error))
            return -1;
    }
    rt_weights_files_release(weights);
    return put_file(store, RT_KEPT_NAME, header, error);
}
