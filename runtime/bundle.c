/* bundle.c: opens a bundle: signatures first (bundle_verify.c), then the manifest, then the directory against the manifest. What
 * reads the payload is bundle_load.c. One thread. */
#include "runtime/bundle.h"

#include <string.h>

#include "runtime/bundle_parts.h"
#include "runtime/scope.h"

enum { ENTRIES_MAX = RT_FILES_MAX + CR_KEYS_MAX + 2 }; /* files, signatures, manifest, chunks */

static int compare_files(const void *a, const void *b)
{
    return strcmp((*(const struct rt_file *const *)a)->path, (*(const struct rt_file *const *)b)->path);
}

static int is_payload(const char *name)
{
    return strcmp(name, RT_MANIFEST_NAME) != 0 && !rt_is_signature_name(name);
}

static int fail_missing(const struct rt_bundle *bundle, const char *name, struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_TRUST, "%s/%s: missing; copy the bundle again", bundle->path, name);
}

/* Both lists are sorted: walks them side by side. */
static int compare_names(const struct rt_bundle *bundle, const struct rt_file *const *expected, size_t count, struct rt_error *error)
{
    size_t next = 0;
    for (size_t i = 0; i < bundle->folder.count; i++) {
        const char *name = bundle->folder.names[i];
        if (!is_payload(name))
            continue;
        int order = next < count ? strcmp(name, expected[next]->path) : -1;
        if (order > 0)
            return fail_missing(bundle, expected[next]->path, error);
        if (order < 0)
            return rt_fail(error, RT_EXIT_TRUST, "%s/%s: not part of the signed bundle; remove it", bundle->path, name);
        next++;
    }
    return next < count ? fail_missing(bundle, expected[next]->path, error) : 0;
}

static int compare_sizes(const struct rt_bundle *bundle, const struct rt_file *const *expected, size_t count, struct rt_error *error)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t size;
        if (rt_folder_size(&size, &bundle->folder, expected[i]->path, error))
            return -1;
        if (size != expected[i]->size)
            return rt_fail(error, RT_EXIT_TRUST, "%s/%s: %llu bytes where %llu were signed; copy the bundle again", bundle->path,
                           expected[i]->path, (unsigned long long)size, (unsigned long long)expected[i]->size);
    }
    return 0;
}

static int compare_folder(const struct rt_bundle *bundle, struct rt_error *error)
{
    const struct rt_manifest *m = bundle->manifest;
    size_t count = m->file_count + 1;
    RT_FREE const struct rt_file **expected = malloc(count * sizeof *expected);
    if (!expected)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory", bundle->path);
    for (size_t i = 0; i < m->file_count; i++)
        expected[i] = &m->files[i];
    expected[m->file_count] = &m->chunks_file;
    qsort(expected, count, sizeof *expected, compare_files);
    if (compare_names(bundle, expected, count, error))
        return -1;
    return compare_sizes(bundle, expected, count, error);
}

static int parse(struct rt_bundle *bundle, struct rt_error *error)
{
    RT_FREE char *path = NULL;
    if (asprintf(&path, "%s/" RT_MANIFEST_NAME, bundle->path) < 0) {
        path = NULL;
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory", bundle->path);
    }
    return rt_manifest_open(&bundle->manifest, bundle->verified, path, error);
}

/* A bundle with its directory open and listed. */
static int start(struct rt_bundle **out, const char *path, struct rt_error *error)
{
    RT_CLEAN(rt_bundle_close) struct rt_bundle *bundle = calloc(1, sizeof *bundle);
    if (!bundle)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory", path);
    bundle->folder.fd = -1;
    bundle->path = strdup(path);
    if (!bundle->path)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory", path);
    if (rt_folder_open(&bundle->folder, bundle->path, ENTRIES_MAX, RT_EXIT_USAGE, "check the path", error))
        return -1;
    *out = RT_MOVE(bundle);
    return 0;
}

int rt_bundle_open(struct rt_bundle **out, const char *path, const struct cr_trust *trust, struct rt_error *error)
{
    RT_CLEAN(rt_bundle_close) struct rt_bundle *bundle = NULL;
    *out = NULL;
    if (start(&bundle, path, error) || rt_bundle_verify(bundle, trust, error) || parse(bundle, error) || compare_folder(bundle, error))
        return -1;
    *out = RT_MOVE(bundle);
    return 0;
}

int rt_bundle_open_verified(struct rt_bundle **out, const char *path, struct cr_manifest **verified, struct rt_error *error)
{
    RT_CLEAN(cr_manifest_close) struct cr_manifest *manifest = RT_MOVE(*verified);
    RT_CLEAN(rt_bundle_close) struct rt_bundle *bundle = NULL;
    *out = NULL;
    if (start(&bundle, path, error))
        return -1;
    bundle->verified = RT_MOVE(manifest);
    if (parse(bundle, error) || compare_folder(bundle, error))
        return -1;
    *out = RT_MOVE(bundle);
    return 0;
}

void rt_bundle_close(struct rt_bundle **bundle)
{
    struct rt_bundle *b = *bundle;
    if (!b)
        return;
    rt_folder_close(&b->folder);
    rt_manifest_close(&b->manifest);
    cr_manifest_close(&b->verified);
    free(b->chunks);
    free(b->path);
    free(b);
    *bundle = NULL;
}

struct rt_manifest *rt_bundle_manifest(struct rt_bundle *bundle)
{
    return bundle->manifest;
}

const struct cr_manifest *rt_bundle_verified(const struct rt_bundle *bundle)
{
    return bundle->verified;
}

struct rt_manifest *rt_bundle_take_manifest(struct rt_bundle *bundle)
{
    return RT_MOVE(bundle->manifest);
}
