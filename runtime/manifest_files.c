/* manifest_files.c: the manifest's table of files: plain names, sizes, digests, and where each lies in the list of chunks and in the
 * stream of weights. Opens none of them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/json_fields.h"
#include "runtime/manifest_parts.h"

enum { FILE_MAX_BITS = 48, TEXT_FILE_MAX_BYTES = 256 << 20 }; /* 4096 files of 2^48 bytes cannot overflow 64 bits */

static const char *const role_names[] = {"weights", "tokenizer", "tokenizer_config", "template", "generation", NULL};
_Static_assert(sizeof role_names / sizeof *role_names == RT_ROLES + 1, "a name for each role");

static const struct rt_field chunks_fields[] = {
    RT_TEXT(struct rt_file, path, "path", REQUIRED),
    RT_FIELD(struct rt_file, size, "size", U64, REQUIRED, .min = 1, .max = UINT64_C(1) << FILE_MAX_BITS),
    RT_FIELD(struct rt_file, digest, "blake2b", DIGEST, REQUIRED),
};

static const struct rt_field file_fields[] = {
    RT_TEXT(struct rt_file, path, "path", REQUIRED),
    RT_FIELD(struct rt_file, role, "role", ENUM, REQUIRED, .names = role_names),
    RT_FIELD(struct rt_file, size, "size", U64, REQUIRED, .min = 1, .max = UINT64_C(1) << FILE_MAX_BITS),
    RT_FIELD(struct rt_file, digest, "blake2b", DIGEST, REQUIRED),
    RT_FIELD(struct rt_file, chunks_digest, "chunks_blake2b", DIGEST, REQUIRED),
};

/* Letters, digits, '.', '_', '-', '+'; begins with a letter or digit: the same file on every file system and in every shell. */
static int check_path(const char *path, struct rt_error *error)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+";
    if (path[strspn(path, letters)] != '\0' || path[0] == '.' || path[0] == '_' || path[0] == '-' || path[0] == '+')
        return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is not a plain file name", path);
    if (strncasecmp(path, "manifest.json", strlen("manifest.json")) == 0)
        return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is a name for the manifest and its signatures alone", path);
    return 0;
}

static int compare_paths(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b); /* a stick's file system may ignore case */
}

static int check_unique(const struct rt_manifest *m, struct rt_error *error)
{
    const char **paths = malloc((m->file_count + 1) * sizeof *paths);
    int status = 0;
    if (!paths)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    for (size_t i = 0; i < m->file_count; i++)
        paths[i] = m->files[i].path;
    paths[m->file_count] = m->chunks_file.path;
    qsort(paths, m->file_count + 1, sizeof *paths, compare_paths);
    for (size_t i = 0; status == 0 && i < m->file_count; i++)
        if (strcasecmp(paths[i], paths[i + 1]) == 0)
            status = rt_fail(error, RT_EXIT_TRUST, "the file \"%s\" is listed twice", paths[i]);
    free(paths);
    return status;
}

/* Gives the file its place behind those before it. */
static int place_file(struct rt_manifest *m, struct rt_file *file, unsigned *roles_seen, struct rt_error *error)
{
    file->first_chunk = m->chunk_count;
    m->chunk_count += (file->size + CR_CHUNK_BYTES - 1) / CR_CHUNK_BYTES;
    if (file->role == RT_ROLE_WEIGHTS) {
        if (m->stream_bytes % CR_CHUNK_BYTES)
            return rt_fail(error, RT_EXIT_TRUST, "weights before it do not end with a whole chunk");
        file->stream_offset = m->stream_bytes;
        m->stream_bytes += file->size;
        return 0;
    }
    if (*roles_seen >> file->role & 1)
        return rt_fail(error, RT_EXIT_TRUST, "a second file with the role \"%s\"", role_names[file->role]);
    *roles_seen |= 1U << file->role;
    if (file->size > TEXT_FILE_MAX_BYTES)
        return rt_fail(error, RT_EXIT_TRUST, "larger than %d bytes", TEXT_FILE_MAX_BYTES);
    return 0;
}

static int read_file(struct rt_manifest *m, yyjson_val *value, unsigned *roles_seen, struct rt_error *error)
{
    struct rt_file *file = &m->files[m->file_count];
    if (RT_FIELDS_READ(file, value, file_fields, error) || check_path(file->path, error))
        return -1;
    m->file_count++;
    return place_file(m, file, roles_seen, error);
}

static int read_chunks(struct rt_manifest *m, yyjson_val *chunks, struct rt_error *error)
{
    if (RT_FIELDS_READ(&m->chunks_file, chunks, chunks_fields, error) || check_path(m->chunks_file.path, error))
        return rt_wrap(error, "chunks");
    if (m->chunks_file.size != m->chunk_count * CR_DIGEST_BYTES)
        return rt_fail(error, RT_EXIT_TRUST, "chunks: \"size\" is not %d bytes for each of the files' %llu chunks", CR_DIGEST_BYTES,
                       (unsigned long long)m->chunk_count);
    return 0;
}

int rt_manifest_read_files(struct rt_manifest *m, yyjson_val *chunks, yyjson_val *files, struct rt_error *error)
{
    unsigned roles_seen = 0;
    m->files = calloc(yyjson_arr_size(files), sizeof *m->files);
    if (!m->files)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    yyjson_arr_iter iter = yyjson_arr_iter_with(files);
    for (yyjson_val *value; (value = yyjson_arr_iter_next(&iter));)
        if (read_file(m, value, &roles_seen, error))
            return rt_wrap(error, "files[%zu]", iter.idx - 1);
    if (read_chunks(m, chunks, error))
        return -1;
    return check_unique(m, error);
}
