/* hf_weights.c: opens the shards and keeps one list of all tensors, sorted by name. Files may be symbolic links: download caches are
 * made of them. */
#include "packaging/pack/hf_weights.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "packaging/pack/json_text.h"
#include "runtime/folder.h"
#include "runtime/scope.h"

#define SINGLE_FILE "model.safetensors"
#define INDEX_FILE "model.safetensors.index.json"

enum {
    INDEX_MAX_BYTES = 256 << 20,
    SHARDS_MAX = 512,
    SHARD_NAME_MAX = 256,
};

struct shard {
    char name[SHARD_NAME_MAX];
    int fd;
    uint64_t data_offset;
    struct pk_header header;
};

struct pk_weights {
    struct shard *shards;
    uint32_t shard_count;
    struct pk_found *found; /* by name */
    size_t found_count;
};

static int plain_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= SHARD_NAME_MAX || name[0] == '.' || strchr(name, '/'))
        return 0;
    for (size_t i = 0; i < length; i++)
        if (name[i] < 0x21 || name[i] > 0x7e)
            return 0;
    return 1;
}

static int add_shard(struct pk_weights *weights, const char *name, struct rt_error *error)
{
    for (uint32_t i = 0; i < weights->shard_count; i++)
        if (strcmp(weights->shards[i].name, name) == 0)
            return 0;
    if (!plain_name(name))
        return rt_fail(error, RT_EXIT_FAILED, INDEX_FILE ": \"%s\" is not a plain file name", name);
    if (weights->shard_count == SHARDS_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, INDEX_FILE ": more than %d files", SHARDS_MAX);
    struct shard *shard = &weights->shards[weights->shard_count++];
    snprintf(shard->name, sizeof shard->name, "%s", name);
    return 0;
}

static int list_shards(struct pk_weights *weights, yyjson_val *weight_map, int directory, struct rt_error *error)
{
    if (!weight_map)
        return faccessat(directory, SINGLE_FILE, F_OK, 0) ? rt_fail(error, RT_EXIT_FAILED, SINGLE_FILE ": no such file, nor " INDEX_FILE)
                                                          : add_shard(weights, SINGLE_FILE, error);
    yyjson_obj_iter each = yyjson_obj_iter_with(weight_map);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&each));) {
        const char *name = yyjson_get_str(yyjson_obj_iter_get_val(key));
        if (add_shard(weights, name ? name : "", error))
            return -1;
    }
    return weights->shard_count ? 0 : rt_fail(error, RT_EXIT_FAILED, INDEX_FILE ": \"weight_map\" is empty");
}

static int read_shard(const struct shard *shard, uint64_t offset, void *out, size_t bytes, struct rt_error *error)
{
    int why = rt_read_at(shard->fd, out, bytes, offset);
    return why ? rt_fail(error, RT_EXIT_FAILED, "%s: cannot be read: %s", shard->name,
                         why > 0 ? strerror(why) : "truncated; copy the file again")
               : 0;
}

static int open_shard(struct shard *shard, int directory, struct rt_error *error)
{
    shard->fd = openat(directory, shard->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (shard->fd < 0 || fstat(shard->fd, &info))
        return rt_fail(error, RT_EXIT_FAILED, "%s: cannot be opened: %s", shard->name, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return rt_fail(error, RT_EXIT_FAILED, "%s: not a regular file", shard->name);
    uint8_t start[8];
    uint64_t length, file_bytes = (uint64_t)info.st_size;
    if (read_shard(shard, 0, start, sizeof start, error) || pk_header_length(&length, start, file_bytes, shard->name, error))
        return -1;
    RT_FREE char *json = malloc(length);
    if (!json)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory for its header", shard->name);
    shard->data_offset = 8 + length;
    if (read_shard(shard, 8, json, length, error))
        return -1;
    return pk_header_parse(&shard->header, json, length, file_bytes - shard->data_offset, shard->name, error);
}

static int by_name(const void *left, const void *right)
{
    const struct pk_found *a = left, *b = right;
    return strcmp(a->stored->name, b->stored->name);
}

static int list_tensors(struct pk_weights *weights, struct rt_error *error)
{
    size_t count = 0;
    for (uint32_t i = 0; i < weights->shard_count; i++)
        count += weights->shards[i].header.count;
    weights->found = calloc(count ? count : 1, sizeof *weights->found);
    if (!weights->found)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a list of %zu tensors", count);
    for (uint32_t i = 0; i < weights->shard_count; i++) {
        const struct shard *shard = &weights->shards[i];
        for (size_t j = 0; j < shard->header.count; j++)
            weights->found[weights->found_count++] = (struct pk_found){
                .stored = &shard->header.tensors[j], .file = shard->name, .shard = i};
    }
    qsort(weights->found, count, sizeof *weights->found, by_name);
    for (size_t i = 1; i < count; i++)
        if (by_name(&weights->found[i - 1], &weights->found[i]) == 0)
            return rt_fail(error, RT_EXIT_FAILED, "%s: tensor %s is there twice", weights->found[i].file, weights->found[i].stored->name);
    return 0;
}

/* The index is only a claim about the shards, whose headers are what is used; one that disagrees with them was damaged. */
static int compare_with_index(struct pk_weights *weights, yyjson_val *weight_map, struct rt_error *error)
{
    yyjson_obj_iter each = yyjson_obj_iter_with(weight_map);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&each));) {
        const char *name = yyjson_get_str(key), *file = yyjson_get_str(yyjson_obj_iter_get_val(key));
        const struct pk_found *found = pk_weights_find(weights, name);
        if (!found || strcmp(found->file, file))
            return rt_fail(error, RT_EXIT_FAILED, "%s: tensor %s is missing, which " INDEX_FILE " promises", file, name);
    }
    return 0;
}

static int open_all(struct pk_weights *weights, yyjson_val *weight_map, int directory, struct rt_error *error)
{
    if (list_shards(weights, weight_map, directory, error))
        return -1;
    for (uint32_t i = 0; i < weights->shard_count; i++)
        if (open_shard(&weights->shards[i], directory, error))
            return -1;
    if (list_tensors(weights, error))
        return -1;
    return weight_map ? compare_with_index(weights, weight_map, error) : 0;
}

/* As transformers does, the single file is preferred where both are there. */
static int open_index(yyjson_doc **out, int directory, struct rt_error *error)
{
    *out = NULL;
    if (faccessat(directory, SINGLE_FILE, F_OK, 0) == 0)
        return 0;
    return pk_json_open(out, directory, INDEX_FILE, INDEX_MAX_BYTES, error);
}

int pk_weights_open(struct pk_weights **out, int directory, struct rt_error *error)
{
    *out = NULL;
    RT_CLEAN(pk_json_clean) yyjson_doc *index = NULL;
    if (open_index(&index, directory, error))
        return -1;
    yyjson_val *weight_map = yyjson_obj_get(yyjson_doc_get_root(index), "weight_map");
    if (index && !yyjson_is_obj(weight_map))
        return rt_fail(error, RT_EXIT_FAILED, INDEX_FILE ": \"weight_map\" is missing");
    RT_CLEAN(pk_weights_clean) struct pk_weights *weights = calloc(1, sizeof *weights);
    if (!weights || !(weights->shards = calloc(SHARDS_MAX, sizeof *weights->shards)))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to open the weights");
    for (int i = 0; i < SHARDS_MAX; i++)
        weights->shards[i].fd = -1;
    if (open_all(weights, weight_map, directory, error))
        return -1;
    *out = RT_MOVE(weights);
    return 0;
}

void pk_weights_clean(struct pk_weights **weights)
{
    pk_weights_close(weights);
}

void pk_weights_close(struct pk_weights **weights)
{
    if (!*weights)
        return;
    for (uint32_t i = 0; (*weights)->shards && i < (*weights)->shard_count; i++) {
        rt_clean_fd(&(*weights)->shards[i].fd);
        pk_header_close(&(*weights)->shards[i].header);
    }
    free((*weights)->shards);
    free((*weights)->found);
    free(*weights);
    *weights = NULL;
}

static int compare_name(const void *name, const void *found)
{
    return strcmp(name, ((const struct pk_found *)found)->stored->name);
}

struct pk_found *pk_weights_find(struct pk_weights *weights, const char *name)
{
    return bsearch(name, weights->found, weights->found_count, sizeof *weights->found, compare_name);
}

size_t pk_weights_list(struct pk_weights *weights, struct pk_found **all)
{
    *all = weights->found;
    return weights->found_count;
}

int pk_weights_read(const struct pk_weights *weights, const struct pk_found *found, uint64_t offset, void *out, size_t bytes,
                    struct rt_error *error)
{
    const struct shard *shard = &weights->shards[found->shard];
    return read_shard(shard, shard->data_offset + found->stored->begin + offset, out, bytes, error);
}
