/* manifest_tensors.c: the manifest's table of tensors and the codebooks they use: formats, shapes, and places in the stream of
 * weights that agree with each other. Which tensors a model needs is model_bind.c's. */
#include <stdlib.h>
#include <string.h>

#include "runtime/json_fields.h"
#include "runtime/manifest_parts.h"

enum {
    ROWS_MAX = 1 << 24,
    INPUTS_MAX = 1 << 17, /* 127·127·2^17 < 2^31: sums stay exact in int32 */
    ALIGN = 64,
    BIG_ALIGN = 4096,
    BIG_BYTES = 64 << 10,
};

static const char *const format_names[] = {"f32", "bf16_rows", "bf16", "w8", "w4", NULL};

struct tensor_values {
    struct rt_tensor tensor;
    yyjson_val *shape;
    uint32_t codebook;
};

static const struct rt_field tensor_fields[] = {
    RT_TEXT(struct tensor_values, tensor.name, "name", REQUIRED),
    RT_FIELD(struct tensor_values, tensor.format, "format", ENUM, REQUIRED, .names = format_names),
    RT_FIELD(struct tensor_values, shape, "shape", ARRAY, REQUIRED, .min = 1, .max = 3),
    RT_FIELD(struct tensor_values, codebook, "codebook", U32, OPTIONAL, .max = RT_CODEBOOKS_MAX - 1),
    RT_FIELD(struct tensor_values, tensor.offset, "offset", U64, REQUIRED, .max = INT64_MAX),
    RT_FIELD(struct tensor_values, tensor.size, "size", U64, REQUIRED, .min = 1, .max = INT64_MAX),
};

static int read_shape(struct rt_tensor *tensor, yyjson_val *shape, struct rt_error *error)
{
    static const struct rt_field extent = {.key = "shape", .kind = RT_FIELD_U64, .min = 1, .max = ROWS_MAX};
    yyjson_arr_iter iter = yyjson_arr_iter_with(shape);
    for (yyjson_val *value; (value = yyjson_arr_iter_next(&iter));)
        if (rt_field_read(&tensor->shape[tensor->dims++], value, &extent, error))
            return -1;
    return 0;
}

/* Bytes of `count` stacked matrices in kernel panels; 0 where the shape is impossible. */
static uint64_t panels_bytes(enum kn_format format, uint64_t count, uint64_t n, uint64_t k)
{
    if (count > KN_EXPERTS_MAX || k > INPUTS_MAX)
        return 0;
    uint64_t one = kn_matrix_bytes(format, n, k), all;
    return __builtin_mul_overflow(one, count, &all) ? 0 : all;
}

/* Bytes that a tensor of this format and shape takes; 0 where there is no such tensor. */
static uint64_t tensor_bytes(const struct rt_tensor *t)
{
    static const enum kn_format panels[] = {[RT_TENSOR_BF16] = KN_BF16, [RT_TENSOR_W8] = KN_W8, [RT_TENSOR_W4] = KN_W4};
    switch (t->format) {
    case RT_TENSOR_F32: return t->dims == 1 ? t->shape[0] * sizeof(float) : 0;
    case RT_TENSOR_BF16_ROWS: return t->dims == 2 ? t->shape[0] * t->shape[1] * sizeof(uint16_t) : 0;
    default:
        if (t->dims == 2)
            return panels_bytes(panels[t->format], 1, t->shape[0], t->shape[1]);
        return t->dims == 3 ? panels_bytes(panels[t->format], t->shape[0], t->shape[1], t->shape[2]) : 0;
    }
}

static int check_size(const struct rt_tensor *t, struct rt_error *error)
{
    uint64_t bytes = tensor_bytes(t);
    int padded = t->format == RT_TENSOR_F32 && t->dims == 1 && t->size == kn_pad(t->shape[0]) * sizeof(float);
    if (bytes == 0)
        return rt_fail(error, RT_EXIT_TRUST, "a %s tensor cannot have this shape", format_names[t->format]);
    if (t->size != bytes && !padded)
        return rt_fail(error, RT_EXIT_TRUST, "\"size\" is %llu where format and shape make %llu", (unsigned long long)t->size,
                       (unsigned long long)bytes);
    return 0;
}

/* Behind the tensor before it, aligned, and inside the stream. */
static int check_place(const struct rt_manifest *m, const struct rt_tensor *t, uint64_t free_from, struct rt_error *error)
{
    if (t->offset % (t->size >= BIG_BYTES ? BIG_ALIGN : ALIGN))
        return rt_fail(error, RT_EXIT_TRUST, "\"offset\" is not aligned");
    if (t->offset < free_from)
        return rt_fail(error, RT_EXIT_TRUST, "overlaps the tensor before it");
    if (t->size > m->stream_bytes || t->offset > m->stream_bytes - t->size)
        return rt_fail(error, RT_EXIT_TRUST, "reaches beyond the weights");
    return 0;
}

static int check_codebook(const struct rt_manifest *m, const struct rt_tensor *t, struct rt_error *error)
{
    if (t->format == RT_TENSOR_W4 && (t->codebook < 0 || (uint32_t)t->codebook >= m->model.codebook_count))
        return rt_fail(error, RT_EXIT_TRUST, "a w4 tensor without one of the codebooks");
    if (t->format != RT_TENSOR_W4 && t->codebook >= 0)
        return rt_fail(error, RT_EXIT_TRUST, "only a w4 tensor has a codebook");
    return 0;
}

static int read_tensor(struct rt_manifest *m, yyjson_val *value, uint64_t *free_from, struct rt_error *error)
{
    struct tensor_values values = {.codebook = UINT32_MAX};
    struct rt_tensor *t = &values.tensor;
    if (RT_FIELDS_READ(&values, value, tensor_fields, error) || read_shape(t, values.shape, error))
        return -1;
    t->codebook = values.codebook == UINT32_MAX ? -1 : (int)values.codebook;
    if (check_codebook(m, t, error) || check_size(t, error) || check_place(m, t, *free_from, error))
        return rt_wrap(error, "\"%s\"", t->name);
    *free_from = t->offset + t->size;
    m->tensors[m->tensor_count++] = *t;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct rt_tensor *const *)a)->name, (*(const struct rt_tensor *const *)b)->name);
}

static int check_unique(const struct rt_manifest *m, struct rt_error *error)
{
    const struct rt_tensor **sorted = malloc(m->tensor_count * sizeof *sorted);
    int status = 0;
    if (!sorted)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    for (size_t i = 0; i < m->tensor_count; i++)
        sorted[i] = &m->tensors[i];
    qsort(sorted, m->tensor_count, sizeof *sorted, compare_names);
    for (size_t i = 1; status == 0 && i < m->tensor_count; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            status = rt_fail(error, RT_EXIT_TRUST, "the tensor \"%s\" is listed twice", sorted[i]->name);
    free(sorted);
    return status;
}

int rt_manifest_read_tensors(struct rt_manifest *m, yyjson_val *tensors, struct rt_error *error)
{
    uint64_t free_from = 0;
    m->tensors = calloc(yyjson_arr_size(tensors), sizeof *m->tensors);
    if (!m->tensors)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    yyjson_arr_iter iter = yyjson_arr_iter_with(tensors);
    for (yyjson_val *value; (value = yyjson_arr_iter_next(&iter));)
        if (read_tensor(m, value, &free_from, error))
            return rt_wrap(error, "tensors[%zu]", iter.idx - 1);
    return check_unique(m, error);
}

/* ---- codebooks ---- */

struct codebook_values {
    yyjson_val *codes, *multipliers;
};

static const struct rt_field codebook_fields[] = {
    RT_FIELD(struct codebook_values, codes, "codes", ARRAY, REQUIRED, .min = 16, .max = 16),
    RT_FIELD(struct codebook_values, multipliers, "multipliers", ARRAY, REQUIRED, .min = 16, .max = 16),
};

static int read_small(int *out, yyjson_val *value, int min)
{
    double number = yyjson_get_num(value); /* a double tells -1 from 2^64 - 1 */
    if (!yyjson_is_int(value) || number < min || number > 127)
        return -1;
    *out = (int)number;
    return 0;
}

static int read_codebook(struct kn_codebook *out, yyjson_val *value, struct rt_error *error)
{
    struct codebook_values values;
    if (RT_FIELDS_READ(&values, value, codebook_fields, error))
        return -1;
    for (size_t i = 0; i < 16; i++) {
        int code, multiplier;
        if (read_small(&code, yyjson_arr_get(values.codes, i), -127) || read_small(&multiplier, yyjson_arr_get(values.multipliers, i), 1))
            return rt_fail(error, RT_EXIT_TRUST, "codes are whole numbers from -127, multipliers from 1, to 127");
        out->codes[i] = (int8_t)code;
        out->multipliers[i] = (uint8_t)multiplier;
    }
    if (kn_codebook_check(out))
        return rt_fail(error, RT_EXIT_TRUST, "its products do not fit 8 bits");
    return 0;
}

int rt_manifest_read_codebooks(struct rt_manifest *m, yyjson_val *codebooks, struct rt_error *error)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(codebooks);
    for (yyjson_val *value; (value = yyjson_arr_iter_next(&iter));)
        if (read_codebook(&m->model.codebooks[m->model.codebook_count++], value, error))
            return rt_wrap(error, "codebooks[%zu]", iter.idx - 1);
    return 0;
}
