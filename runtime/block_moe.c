/* block_moe.c: a mixture of experts. Every row is routed, rows are sorted by expert, and each active expert runs once over all of its
 * rows, its panels shared by all workers. A row's experts are summed in ascending order of expert, whoever else is in the step.
 * Run by all workers together. */
#include <string.h>

#include "runtime/block_ops.h"

/* The worker's share of rows: router logits, then the chosen experts. */
static void route_rows(const struct rt_engine *e, unsigned worker, const struct rt_moe *part)
{
    size_t first, last;
    rt_workers_share(e->workers, worker, e->row_count, &first, &last);
    if (first == last)
        return;
    kn_gemm(e->kernels,
            &(struct kn_gemm){
                .w = &part->router.w,
                .x = e->in.f32 + first * e->in.f32_ld,
                .ldx = e->in.f32_ld,
                .m = last - first,
                .y = e->router + first * e->widths.experts,
                .ldy = e->widths.experts,
                .bias = part->router.bias,
                .scratch = e->scratch + worker * e->scratch_bytes,
            },
            0, kn_panels(part->experts));
    for (size_t row = first; row < last; row++)
        kn_route_softmax(e->kernels, e->expert_ids + row * part->top_k, e->expert_weights + row * part->top_k,
                         e->router + row * e->widths.experts, part->experts, part->top_k, part->renormalise);
}

/* Counting sort of (row, expert) by expert; rows keep their order. One worker. */
static void sort_by_expert(const struct rt_engine *e, const struct rt_moe *part)
{
    size_t total = (size_t)e->row_count * part->top_k;
    memset(e->use_start, 0, (part->experts + 1) * sizeof *e->use_start);
    for (size_t i = 0; i < total; i++)
        e->use_start[e->expert_ids[i] + 1]++;
    for (uint32_t x = 0; x < part->experts; x++)
        e->use_start[x + 1] += e->use_start[x];
    for (size_t i = 0; i < total; i++)
        e->uses[e->use_start[e->expert_ids[i]]++] = (struct rt_expert_use){(uint32_t)(i / part->top_k), e->expert_weights[i]};
    memmove(e->use_start + 1, e->use_start, part->experts * sizeof *e->use_start); /* each start has become the next one's */
    e->use_start[0] = 0;
}

/* Brings the rows of each expert together; the worker's share of uses. */
static void gather(const struct rt_engine *e, unsigned worker, const struct rt_moe *part)
{
    int int8 = rt_quantised(&part->gate) || rt_quantised(&part->up), floats = !rt_quantised(&part->gate) || !rt_quantised(&part->up);
    size_t first, last;
    rt_workers_share(e->workers, worker, (size_t)e->row_count * part->top_k, &first, &last);
    for (size_t i = first; i < last; i++) {
        uint32_t row = e->uses[i].row;
        if (int8) {
            memcpy(e->expert_in.q + i * e->expert_in.q_ld, e->in.q + row * e->in.q_ld, e->in.q_ld);
            e->expert_in.scale[i] = e->in.scale[row];
        }
        if (floats)
            memcpy(e->expert_in.f32 + i * e->expert_in.f32_ld, e->in.f32 + row * e->in.f32_ld, e->in.f32_ld * sizeof(float));
    }
}

static struct kn_matrix expert_matrix(const struct kn_matrix *first, size_t stride, uint32_t expert)
{
    struct kn_matrix matrix = *first;
    matrix.panels += expert * stride;
    return matrix;
}

static void gate_and_up(const struct rt_engine *e, unsigned worker, const struct rt_moe *part)
{
    for (uint32_t x = 0; x < part->experts; x++) {
        size_t first = e->use_start[x], count = e->use_start[x + 1] - first;
        if (!count)
            continue;
        struct kn_matrix gate = expert_matrix(&part->gate, part->gate_stride, x), up = expert_matrix(&part->up, part->up_stride, x);
        size_t ld = e->expert_inner.f32_ld;
        rt_product(e, worker, &gate, NULL, &e->expert_in, first, count, e->expert_inner.f32 + first * ld, ld);
        rt_product(e, worker, &up, NULL, &e->expert_in, first, count, e->up + first * ld, ld);
        rt_activate(e, worker, part->inner, e->expert_inner.f32, e->up, ld, first, count);
    }
}

static void down_and_sum(const struct rt_engine *e, unsigned worker, const struct rt_moe *part)
{
    size_t left, right, ld = e->widths.hidden;
    rt_own_columns(e, worker, e->model->hidden, &left, &right);
    for (uint32_t row = 0; row < e->row_count && left < right; row++)
        memset(e->mixed + row * ld + left, 0, (right - left) * sizeof(float));
    for (uint32_t x = 0; x < part->experts && left < right; x++) {
        size_t first = e->use_start[x], count = e->use_start[x + 1] - first;
        if (!count)
            continue;
        struct kn_matrix down = expert_matrix(&part->down, part->down_stride, x);
        rt_product(e, worker, &down, NULL, &e->expert_inner, first, count, e->expert_out, ld);
        for (size_t i = 0; i < count; i++)
            kn_axpy(e->kernels, e->mixed + e->uses[first + i].row * ld + left, e->uses[first + i].weight, e->expert_out + i * ld + left,
                    right - left);
    }
}

void rt_block_moe(const struct rt_engine *e, unsigned worker, const struct rt_block *block)
{
    const struct rt_moe *part = &block->moe;
    rt_norm_rows(e, worker, &block->norm_in, &e->in, rt_quantised(&part->gate) || rt_quantised(&part->up));
    route_rows(e, worker, part); /* the same rows that this worker has just normed */
    rt_workers_wait(e->workers, worker);
    if (worker == 0)
        sort_by_expert(e, part);
    rt_workers_wait(e->workers, worker);
    gather(e, worker, part);
    rt_workers_wait(e->workers, worker);
    gate_and_up(e, worker, part);
    rt_workers_wait(e->workers, worker);
    if (rt_quantised(&part->down)) {
        rt_quantize_rows(e, worker, &e->expert_inner, (size_t)e->row_count * part->top_k, part->inner);
        rt_workers_wait(e->workers, worker);
    }
    down_and_sum(e, worker, part);
    rt_add_to_residual(e, worker, block);
}
