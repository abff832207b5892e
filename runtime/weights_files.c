/* weights_files.c: see weights_files.h. */
#include "runtime/weights_files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/memory_file.h"
#include "runtime/scope.h"
#include "runtime/weights_parts.h"

unsigned rt_weights_files_count(const struct rt_workers *workers)
{
    const unsigned nodes = rt_workers_nodes(workers);
    return nodes == 1 ? 1 : nodes + 1;
}

/* The last one is what lies in one place. */
static struct rt_memory *memory_of(struct rt_weights *w, unsigned file)
{
    return file < w->count ? &w->nodes[file].memory : &w->once;
}

static unsigned files_of(const struct rt_weights *w)
{
    return w->count == 1 ? 1 : w->count + 1;
}

/* ---- opening ---- */

struct fault {
    struct rt_weights *weights;
    const struct rt_workers *workers;
};

/* A worker's part of its node's memory, and its part of the last file. */
static void fault_part(void *user, unsigned worker)
{
    const struct fault *fault = user;
    struct rt_weights *w = fault->weights;
    unsigned node = rt_workers_node(fault->workers, worker), first, last;
    rt_workers_of_node(fault->workers, node, &first, &last);
    rt_memory_fault(&w->nodes[node].memory, worker - first, last - first);
    if (w->count > 1)
        rt_memory_fault(&w->once, worker, rt_workers_count(fault->workers));
}

/* So that the first answer does not wait for each page. */
static void fault_all(struct rt_weights *w, struct rt_workers *workers)
{
    rt_workers_run(workers, fault_part, &(struct fault){w, workers});
}

int rt_weights_files_open(struct rt_weights **out, const struct rt_manifest *manifest, struct rt_workers *workers, struct rt_error *error)
{
    return rt_weights_open_in(out, manifest, workers, 1, NULL, error);
}

int rt_weights_files_seal(struct rt_weights *weights, struct rt_workers *workers, struct rt_error *error)
{
    for (unsigned file = 0; file < files_of(weights); file++)
        if (rt_memory_file_seal(memory_of(weights, file), error))
            return -1;
    fault_all(weights, workers);
    for (unsigned node = 0; node < weights->count; node++)
        rt_memory_look(&weights->reports[node], &weights->nodes[node].memory);
    return 0;
}

int rt_weights_files_take(struct rt_weights **out, const struct rt_manifest *manifest, struct rt_workers *workers, const int *fds,
                          struct rt_error *error)
{
    if (rt_weights_open_in(out, manifest, workers, 1, fds, error))
        return -1;
    fault_all(*out, workers);
    for (unsigned node = 0; node < (*out)->count; node++)
        rt_memory_look(&(*out)->reports[node], &(*out)->nodes[node].memory);
    return 0;
}

/* ---- what they are ---- */

static uint64_t offset_of(const struct rt_weights *w, unsigned node, size_t tensor)
{
    const int once = w->count > 1 && rt_tensor_spread(&w->manifest->tensors[tensor]) == RT_SPREAD_ONCE;
    return (uint64_t)(w->nodes[node].places[tensor].at - (once ? w->once.at : w->nodes[node].memory.at));
}

/* A digest over every place of every tensor on every node. */
static int digest_places(uint8_t digest[CR_DIGEST_BYTES], const struct rt_weights *w)
{
    const size_t tensors = w->manifest->tensor_count;
    RT_FREE uint64_t *places = calloc(tensors * w->count * 3, sizeof *places);
    if (!places)
        return -1;
    uint64_t *at = places;
    for (unsigned node = 0; node < w->count; node++)
        for (size_t i = 0; i < tensors; i++) {
            const struct rt_tensor_place *place = &w->nodes[node].places[i];
            *at++ = offset_of(w, node, i);
            *at++ = place->first_panel;
            *at++ = place->last_panel;
        }
    cr_digest(digest, places, tensors * w->count * 3 * sizeof *places);
    return 0;
}

/* A file without a name has a number, and no two have the same one. */
static int describe_file(FILE *out, const struct rt_memory *memory, const struct rt_workers *workers, unsigned node)
{
    unsigned first = 0, last = rt_workers_count(workers);
    struct stat status;
    if (fstat(memory->fd, &status))
        return -1;
    if (node < rt_workers_nodes(workers))
        rt_workers_of_node(workers, node, &first, &last);
    fprintf(out, "file %llu of %llu: %zu bytes on node %d for workers %u to %u\n", (unsigned long long)status.st_ino,
            (unsigned long long)status.st_dev, memory->bytes, memory->node, first, last);
    return 0;
}

static int describe(FILE *out, const struct rt_weights *w, const struct rt_workers *workers)
{
    uint8_t digest[CR_DIGEST_BYTES];
    char hex[2 * CR_DIGEST_BYTES + 1];
    for (unsigned file = 0; file < files_of(w); file++)
        if (describe_file(out, file < w->count ? &w->nodes[file].memory : &w->once, workers, file))
            return -1;
    if (digest_places(digest, w))
        return -1;
    cr_digest_hex(hex, digest);
    fprintf(out, "places %s\n", hex);
    return 0;
}

char *rt_weights_files_describe(const struct rt_weights *weights, const struct rt_workers *workers)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        return NULL;
    const int failed = describe(out, weights, workers) | ferror(out);
    if ((fclose(out) | failed) == 0)
        return text;
    free(text);
    return NULL;
}

int rt_weights_files_fd(const struct rt_weights *weights, unsigned file)
{
    return file < weights->count ? weights->nodes[file].memory.fd : weights->once.fd;
}

void rt_weights_files_release(struct rt_weights *weights)
{
    for (unsigned file = 0; file < files_of(weights); file++)
        rt_memory_file_release(memory_of(weights, file));
}
