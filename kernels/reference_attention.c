/* reference_attention.c: the definition of correct for attention over a paged cache (n1 §9). Plain C. Knows no instruction set.
 * Any thread. */
#include "kernels/numerics.h"
#include "kernels/ops.h"
#include "kernels/reference.h"

#include <math.h>

/* The element in column `column` and row `row` of a head's keys or values, `rows` rows a slice. */
static float element(enum kn_kv kv, const uint8_t *slices, size_t rows, size_t column, size_t row)
{
    const void *at = kn_slice_row(kv, slices, rows, column / KN_SLICE, row);
    size_t place = kn_slice_place(kv, column % KN_SLICE);
    if (kv == KN_KV_INT8)
        return (float)((const int8_t *)at)[place];
    return kv == KN_KV_BF16 ? kn_bf16_value(((const uint16_t *)at)[place]) : ((const float *)at)[place];
}

static float score(const struct kn_attention *a, const float *q, size_t key)
{
    const uint8_t *keys = a->pages[key / KN_KV_BLOCK] + a->k_offset;
    float sum = 0;
    for (size_t d = 0; d < a->k_dim; d++)
        sum = fmaf(q[d], element(a->kv, keys, a->k_dim, key % KN_KV_BLOCK, d), sum);
    return sum * (a->kv == KN_KV_INT8 ? kn_key_scales(keys, a->k_dim)[key % KN_KV_BLOCK] * a->scale : a->scale);
}

/* p[j] = exp(score - maximum) for the `count` keys from `first` on. */
static void weights(const struct kn_attention *a, const float *q, size_t first, size_t count, float *p, float *maximum, float *sum)
{
    *maximum = -INFINITY;
    for (size_t j = 0; j < count; j++) {
        p[j] = score(a, q, first + j);
        *maximum = p[j] > *maximum ? p[j] : *maximum;
    }
    float lane[KN_LANES] = {0};
    for (size_t j = 0; j < count; j++) {
        p[j] = kn_reference_exp(p[j] - *maximum);
        lane[j % KN_LANES] += p[j];
    }
    *sum = kn_lanes_sum(lane);
}

static float weighted_value(const struct kn_attention *a, const float *p, size_t first, size_t count, size_t d)
{
    float sum = 0;
    for (size_t j = 0; j < count; j++) {
        const uint8_t *values = a->pages[(first + j) / KN_KV_BLOCK] + a->v_offset;
        float weight = a->kv == KN_KV_INT8 ? p[j] * kn_value_scales(values, a->v_dim)[(first + j) % KN_KV_BLOCK] : p[j];
        sum = fmaf(weight, element(a->kv, values, KN_KV_BLOCK, d, (first + j) % KN_KV_BLOCK), sum);
    }
    return sum + 0.0f;
}

static void begin(const struct kn_attention *a)
{
    (void)a;
}

static void block(const struct kn_attention *a, size_t index, const struct kn_part *part)
{
    for (size_t row = 0; row < kn_tile_rows(a); row++) {
        size_t first = index * KN_ATTENTION_BLOCK, count = kn_tile_keys(a, index, row);
        float p[KN_ATTENTION_BLOCK], *out = part->out + row * part->ld;
        weights(a, kn_tile_q(a, row), first, count, p, part->maximum + row, part->sum + row);
        for (size_t d = 0; d < part->ld; d++)
            out[d] = d < a->v_dim ? weighted_value(a, p, first, count, d) : 0.0f;
    }
}

static void merge(const struct kn_part *run, const struct kn_part *part, size_t row)
{
    if (part->sum[row] == 0)
        return;
    float before = run->maximum[row], after = part->maximum[row] > before ? part->maximum[row] : before;
    float old = kn_reference_exp(before - after), new = kn_reference_exp(part->maximum[row] - after);
    run->maximum[row] = after;
    run->sum[row] = fmaf(run->sum[row], old, part->sum[row] * new);
    for (size_t i = row * run->ld; i < (row + 1) * run->ld; i++)
        run->out[i] = fmaf(run->out[i], old, part->out[i] * new);
}

static void end(const struct kn_attention *a, const struct kn_part *run, size_t row)
{
    float *out = kn_tile_out(a, row);
    for (size_t d = 0; d < a->v_dim; d++)
        out[d] = run->out[row * run->ld + d] / run->sum[row];
}

void kn_reference_attention(struct kn_ops *ops)
{
    ops->attention_begin = begin;
    ops->attention_block = block;
    ops->attention_merge = merge;
    ops->attention_end = end;
}
