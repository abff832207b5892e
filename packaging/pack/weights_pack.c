/* weights_pack.c: one job is one panel, or 64 rows of the embedding, or one vector: read, widen to f32, refuse what is not finite,
 * quantise, write to its place. So memory depends on the widest row alone, and the bytes do not depend on the order of jobs. */
#include "packaging/pack/weights_pack.h"

#include <stdlib.h>

#include "packaging/pack/dtypes.h"
#include "packaging/pack/pack_jobs.h"
#include "runtime/scope.h"

enum { ROWS = KN_PANEL, LARGEST_ELEMENT = 4 };

struct packer {
    const struct pk_plan *plan;
    const struct pk_weights *weights;
    const struct pk_stream *stream;
    size_t *first_job;   /* of each tensor, and the number of all */
    size_t row_elements; /* of the widest tensor, padded */
    size_t panel_bytes;
    _Atomic uint64_t done;
};

struct room {      /* a thread's scratch memory, cut up */
    float *values; /* ROWS rows */
    uint8_t *source, *panel;
    void *scratch;
};

static struct room cut_room(const struct packer *packer, void *memory)
{
    size_t elements = ROWS * packer->row_elements;
    uint8_t *start = memory;
    struct room room = {.values = memory, .source = start + elements * sizeof(float)};
    room.panel = room.source + elements * LARGEST_ELEMENT;
    room.scratch = room.panel + packer->panel_bytes;
    return room;
}

static int in_panels(const struct pk_tensor *tensor)
{
    return tensor->as.format != RT_TENSOR_F32 && tensor->as.format != RT_TENSOR_BF16_ROWS;
}

static int refuse_unfit(const struct pk_found *found, uint64_t element, uint64_t cols, struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_FAILED, "%s: tensor %s holds NaN, infinity or a number beyond bf16 at row %llu, column %llu", found->file,
                   found->stored->name, (unsigned long long)(element / cols), (unsigned long long)(element % cols));
}

/* Rows first … first+count-1 of one matrix, as floats. */
static int read_rows(struct packer *packer, const struct room *room, const struct pk_tensor *tensor, uint64_t matrix, uint64_t first,
                     size_t count, struct rt_error *error)
{
    const struct pk_source *source = &packer->plan->sources[tensor->first_source + matrix];
    const struct pk_dtype *dtype = source->found->stored->dtype;
    size_t elements = count * tensor->cols;
    uint64_t element = source->first + first * tensor->cols;
    if (pk_weights_read(packer->weights, source->found, element * dtype->bytes, room->source, elements * dtype->bytes, error))
        return -1;
    dtype->widen(room->values, room->source, elements);
    size_t unfit = pk_first_unfit(room->values, elements);
    if (unfit < elements)
        return refuse_unfit(source->found, element + unfit, tensor->cols, error);
    atomic_fetch_add(&packer->done, elements * dtype->bytes);
    return 0;
}

static int pack_vector(struct packer *packer, const struct room *room, const struct pk_tensor *tensor, struct rt_error *error)
{
    if (!tensor->values && read_rows(packer, room, tensor, 0, 0, 1, error))
        return -1;
    const float *values = tensor->values ? tensor->values : room->values;
    return pk_stream_write(packer->stream, tensor->as.offset, values, tensor->cols * sizeof *values, error);
}

static int pack_rows(struct packer *packer, const struct room *room, const struct pk_tensor *tensor, uint64_t first, size_t count,
                     struct rt_error *error)
{
    if (read_rows(packer, room, tensor, 0, first, count, error))
        return -1;
    uint16_t *halves = (uint16_t *)(void *)room->source;
    for (size_t i = 0; i < count * tensor->cols; i++)
        halves[i] = pk_bf16_round(room->values[i]);
    uint64_t offset = tensor->as.offset + first * tensor->cols * sizeof *halves;
    return pk_stream_write(packer->stream, offset, halves, count * tensor->cols * sizeof *halves, error);
}

static int pack_panel(struct packer *packer, const struct room *room, const struct pk_tensor *tensor, uint64_t matrix, uint64_t first,
                      size_t count, struct rt_error *error)
{
    if (read_rows(packer, room, tensor, matrix, first, count, error))
        return -1;
    const float *rows[ROWS];
    for (size_t i = 0; i < count; i++)
        rows[i] = room->values + i * tensor->cols;
    enum kn_format format = pk_panel_format(tensor->as.format);
    kn_panel_pack(format, room->panel, rows, count, tensor->cols, &kn_codebook_default, room->scratch);
    size_t bytes = kn_panel_bytes(format, tensor->cols);
    uint64_t panel = matrix * kn_panels(tensor->rows) + first / ROWS;
    return pk_stream_write(packer->stream, tensor->as.offset + panel * bytes, room->panel, bytes, error);
}

/* The last tensor whose first job is not after this one. */
static size_t tensor_of_job(const struct packer *packer, size_t job)
{
    size_t low = 0, high = packer->plan->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (packer->first_job[middle] <= job)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static int run_job(void *user, void *memory, size_t job, struct rt_error *error)
{
    struct packer *packer = user;
    size_t index = tensor_of_job(packer, job);
    const struct pk_tensor *tensor = &packer->plan->tensors[index];
    struct room room = cut_room(packer, memory);
    if (tensor->as.format == RT_TENSOR_F32)
        return pack_vector(packer, &room, tensor, error);
    uint64_t block = job - packer->first_job[index], blocks = kn_panels(tensor->rows);
    uint64_t matrix = block / blocks, first = block % blocks * ROWS;
    size_t count = tensor->rows - first < ROWS ? (size_t)(tensor->rows - first) : ROWS;
    if (tensor->as.format == RT_TENSOR_BF16_ROWS)
        return pack_rows(packer, &room, tensor, first, count, error);
    return pack_panel(packer, &room, tensor, matrix, first, count, error);
}

static void count_jobs(struct packer *packer)
{
    size_t jobs = 0;
    for (size_t i = 0; i < packer->plan->count; i++) {
        const struct pk_tensor *tensor = &packer->plan->tensors[i];
        packer->first_job[i] = jobs;
        jobs += tensor->as.format == RT_TENSOR_F32 ? 1 : tensor->matrices * kn_panels(tensor->rows);
        size_t cols = kn_pad(tensor->cols);
        if (tensor->as.format == RT_TENSOR_F32)
            cols = cols / ROWS + KN_PANEL; /* one row: it may take the place of 64 */
        if (cols > packer->row_elements)
            packer->row_elements = cols;
        if (in_panels(tensor) && kn_panel_bytes(pk_panel_format(tensor->as.format), tensor->cols) > packer->panel_bytes)
            packer->panel_bytes = kn_panel_bytes(pk_panel_format(tensor->as.format), tensor->cols);
    }
    packer->first_job[packer->plan->count] = jobs;
}

int pk_weights_pack(const struct pk_plan *plan, const struct pk_weights *weights, const struct pk_stream *stream,
                    struct rt_progress_bar *bar, struct rt_error *error)
{
    struct packer packer = {.plan = plan, .weights = weights, .stream = stream};
    RT_FREE size_t *first_job = packer.first_job = malloc((plan->count + 1) * sizeof *first_job);
    if (!first_job)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    count_jobs(&packer);
    size_t elements = ROWS * packer.row_elements;
    struct pk_jobs jobs = {
        .count = first_job[plan->count],
        .run = run_job,
        .user = &packer,
        .room_bytes = elements * (sizeof(float) + LARGEST_ELEMENT) + packer.panel_bytes + kn_pack_scratch(packer.row_elements),
        .done = &packer.done,
        .total = plan->source_bytes,
        .bar = bar,
    };
    return pk_jobs_run(&jobs, error);
}
