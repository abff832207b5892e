/* reference_attention.c: the definition of correct for attention over a paged cache (n1 §9). Plain C. Knows no instruction set.
 * Any thread. */
#include "kernels/numerics.h"
#include "kernels/ops.h"
#include "kernels/reference.h"

#include <math.h>

/* Element d of row `slot`. */
static float kv_element(enum kn_kv kv, const uint8_t *rows, size_t slot, size_t dim, size_t d)
{
    if (kv == KN_KV_BF16)
        return kn_bf16_value(((const uint16_t *)(const void *)rows)[slot * dim + d]);
    return ((const float *)(const void *)rows)[slot * dim + d];
}

static float kv_dot(const struct kn_attention *a, const float *q, const uint8_t *keys, size_t slot)
{
    float lane[KN_LANES] = {0};
    for (size_t d = 0; d < (a->k_dim + KN_LANES - 1) / KN_LANES * KN_LANES; d++) {
        int inside = d < a->k_dim;
        float x = inside ? q[d] : 0.0f, y = inside ? kv_element(a->kv, keys, slot, a->k_dim, d) : 0.0f;
        lane[d % KN_LANES] = fmaf(x, y, lane[d % KN_LANES]);
    }
    return kn_lanes_sum(lane);
}

struct running { /* the blocks merged so far */
    float maximum, sum;
};

/* p[0..count) = exp(score - maximum) of one block; returns its maximum and sum. */
static struct running block_weights(const struct kn_attention *a, const float *q, const uint8_t *keys, size_t count, float *p)
{
    struct running block = {.maximum = -INFINITY};
    for (size_t j = 0; j < count; j++) {
        p[j] = kv_dot(a, q, keys, j) * a->scale;
        block.maximum = p[j] > block.maximum ? p[j] : block.maximum;
    }
    float lane[KN_LANES] = {0};
    for (size_t j = 0; j < count; j++) {
        p[j] = kn_reference_exp(p[j] - block.maximum);
        lane[j % KN_LANES] += p[j];
    }
    block.sum = kn_lanes_sum(lane);
    return block;
}

static void one_query(const struct kn_attention *a, const float *q, float *out)
{
    struct running run = {.maximum = -INFINITY};
    for (size_t first = 0; first < a->keys; first += KN_KV_BLOCK) {
        const uint8_t *page = a->pages[first / KN_KV_BLOCK];
        size_t count = a->keys - first < KN_KV_BLOCK ? a->keys - first : KN_KV_BLOCK;
        float p[KN_KV_BLOCK];
        struct running block = block_weights(a, q, page + a->k_offset, count, p);
        float maximum = block.maximum > run.maximum ? block.maximum : run.maximum;
        float old = first ? kn_reference_exp(run.maximum - maximum) : 0.0f, new = kn_reference_exp(block.maximum - maximum);
        run.sum = fmaf(run.sum, old, block.sum * new);
        run.maximum = maximum;
        for (size_t d = 0; d < a->v_dim; d++) {
            float value = 0;
            for (size_t j = 0; j < count; j++)
                value = fmaf(p[j], kv_element(a->kv, page + a->v_offset, j, a->v_dim, d), value);
            out[d] = fmaf(first ? out[d] : 0.0f, old, value * new);
        }
    }
    for (size_t d = 0; d < a->v_dim; d++)
        out[d] = out[d] / run.sum;
}

static void attention(const struct kn_attention *a)
{
    for (size_t h = 0; h < a->group; h++)
        one_query(a, a->q + h * a->ldq, a->out + h * a->ldo);
}

void kn_reference_attention(struct kn_ops *ops)
{
    ops->attention = attention;
}
