/* safetensors.c: reads a header. The format's own rules are kept to the letter (no holes, no overlap), since a file that breaks them was
 * damaged or made to deceive. */
#include "packaging/pack/safetensors.h"

#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "packaging/pack/dtypes.h"
#include "packaging/pack/json_text.h"
#include "runtime/scope.h"

enum { HEADER_DEPTH = 4 }; /* object, tensor, shape; metadata is flat */

int pk_header_length(uint64_t *out, const uint8_t start[8], uint64_t file_bytes, const char *file, struct rt_error *error)
{
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | start[i];
    if (length < 2 || length > PK_HEADER_MAX)
        return rt_fail(error, RT_EXIT_FAILED, "%s: not a safetensors file (header of %llu bytes)", file, (unsigned long long)length);
    if (file_bytes < 8 || length > file_bytes - 8)
        return rt_fail(error, RT_EXIT_FAILED, "%s: truncated in its header; copy the file again", file);
    *out = length;
    return 0;
}

static int read_shape(struct pk_stored *tensor, yyjson_val *shape, uint64_t *elements)
{
    *elements = 1;
    if (!yyjson_is_arr(shape) || yyjson_arr_size(shape) > PK_DIMS_MAX)
        return -1;
    yyjson_arr_iter each = yyjson_arr_iter_with(shape);
    for (yyjson_val *size; (size = yyjson_arr_iter_next(&each));) {
        if (!yyjson_is_uint(size) || __builtin_mul_overflow(*elements, yyjson_get_uint(size), elements))
            return -1;
        tensor->shape[tensor->dims++] = yyjson_get_uint(size);
    }
    return 0;
}

static int read_offsets(struct pk_stored *tensor, yyjson_val *offsets)
{
    yyjson_val *begin = yyjson_arr_get(offsets, 0), *end = yyjson_arr_get(offsets, 1);
    if (yyjson_arr_size(offsets) != 2 || !yyjson_is_uint(begin) || !yyjson_is_uint(end) || yyjson_get_uint(begin) > yyjson_get_uint(end))
        return -1;
    tensor->begin = yyjson_get_uint(begin);
    tensor->bytes = yyjson_get_uint(end) - tensor->begin;
    return 0;
}

static int read_tensor(struct pk_stored *tensor, yyjson_val *key, yyjson_val *value, const char *file, struct rt_error *error)
{
    tensor->name = yyjson_get_str(key);
    if (strlen(tensor->name) != yyjson_get_len(key) || !yyjson_is_obj(value))
        return rt_fail(error, RT_EXIT_FAILED, "%s: broken header at \"%s\"", file, tensor->name);
    const char *dtype = yyjson_get_str(yyjson_obj_get(value, "dtype"));
    tensor->dtype = pk_dtype_find(dtype);
    if (!tensor->dtype)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: %s: unknown data type \"%s\"", file, tensor->name, dtype ? dtype : "");
    uint64_t elements, bytes;
    if (read_shape(tensor, yyjson_obj_get(value, "shape"), &elements) || __builtin_mul_overflow(elements, tensor->dtype->bytes, &bytes))
        return rt_fail(error, RT_EXIT_FAILED, "%s: %s: impossible shape", file, tensor->name);
    if (read_offsets(tensor, yyjson_obj_get(value, "data_offsets")))
        return rt_fail(error, RT_EXIT_FAILED, "%s: %s: impossible data_offsets", file, tensor->name);
    if (tensor->bytes != bytes)
        return rt_fail(error, RT_EXIT_FAILED, "%s: %s: its shape needs %llu bytes, its data_offsets hold %llu", file, tensor->name,
                       (unsigned long long)bytes, (unsigned long long)tensor->bytes);
    return 0;
}

static int by_place(const void *left, const void *right)
{
    const struct pk_stored *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int check_places(const struct pk_header *header, uint64_t data_bytes, const char *file, struct rt_error *error)
{
    uint64_t end = 0;
    for (size_t i = 0; i < header->count; i++) {
        const struct pk_stored *tensor = &header->tensors[i];
        if (tensor->begin != end)
            return rt_fail(error, RT_EXIT_FAILED, "%s: %s: its data %s", file, tensor->name,
                           tensor->begin < end ? "overlaps another tensor's" : "leaves a hole before it");
        if (tensor->begin > data_bytes || tensor->bytes > data_bytes - tensor->begin)
            return rt_fail(error, RT_EXIT_FAILED, "%s: %s: truncated: the file ends before its data does; copy the file again", file,
                           tensor->name);
        end = tensor->begin + tensor->bytes;
    }
    if (end != data_bytes)
        return rt_fail(error, RT_EXIT_FAILED, "%s: %llu bytes after the last tensor", file, (unsigned long long)(data_bytes - end));
    return 0;
}

static int read_tensors(struct pk_header *header, yyjson_val *root, const char *file, struct rt_error *error)
{
    size_t room = yyjson_obj_size(root);
    if (room > PK_STORED_MAX)
        return rt_fail(error, RT_EXIT_FAILED, "%s: more than %d tensors", file, PK_STORED_MAX);
    header->tensors = calloc(room ? room : 1, sizeof *header->tensors);
    if (!header->tensors)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory for %zu tensors", file, room);
    yyjson_obj_iter each = yyjson_obj_iter_with(root);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&each));) {
        if (yyjson_equals_str(key, "__metadata__"))
            continue;
        if (read_tensor(&header->tensors[header->count], key, yyjson_obj_iter_get_val(key), file, error))
            return -1;
        header->count++;
    }
    qsort(header->tensors, header->count, sizeof *header->tensors, by_place);
    return 0;
}

int pk_header_parse(struct pk_header *out, const char *json, size_t bytes, uint64_t data_bytes, const char *file, struct rt_error *error)
{
    *out = (struct pk_header){0};
    yyjson_doc *doc;
    if (pk_json_parse(&doc, json, bytes, HEADER_DEPTH, file, error))
        return -1;
    out->text = doc;
    if (read_tensors(out, yyjson_doc_get_root(doc), file, error) || check_places(out, data_bytes, file, error)) {
        pk_header_close(out);
        return -1;
    }
    return 0;
}

void pk_header_close(struct pk_header *header)
{
    free(header->tensors);
    yyjson_doc_free(header->text);
    *header = (struct pk_header){0};
}
