/* kv_page.c: puts keys and values into a page of the cache. Knows the layout of kv_page.h and no arithmetic but the rounding it calls.
 * Any thread. */
#include "kernels/kv_page.h"

#include "kernels/ops.h"

#include <string.h>

const char *kn_kv_name(enum kn_kv kv)
{
    static const char *const names[] = {"f32", "bf16", "int8"};
    return names[kv];
}

static size_t scale_bytes(enum kn_kv kv)
{
    return kv == KN_KV_INT8 ? KN_KV_BLOCK * sizeof(float) : 0;
}

size_t kn_kv_key_bytes(enum kn_kv kv, size_t k_dim)
{
    return kn_slices(KN_KV_BLOCK) * k_dim * kn_slice_row_bytes(kv) + scale_bytes(kv);
}

size_t kn_kv_value_bytes(enum kn_kv kv, size_t v_dim)
{
    return kn_slices(v_dim) * KN_KV_BLOCK * kn_slice_row_bytes(kv) + scale_bytes(kv);
}

union row { /* as the cache keeps it, in order */
    float floats[KN_HEAD_DIM_MAX];
    uint16_t halves[KN_HEAD_DIM_MAX];
    int8_t bytes[KN_HEAD_DIM_MAX];
};

/* Rounds `dim` elements, followed by 0 up to whole slices; an int8 row's scale goes to *scale. */
static void round_row(const struct kn_ops *ops, enum kn_kv kv, union row *row, float *scale, const float *x, size_t dim)
{
    size_t size = kn_kv_element_bytes(kv), padded = kn_slices(dim) * KN_SLICE;
    if (kv == KN_KV_INT8)
        ops->quantize(row->bytes, scale, x, dim);
    else if (kv == KN_KV_BF16)
        ops->bf16_from_f32(row->halves, x, dim);
    else
        memcpy(row->floats, x, dim * size);
    memset((uint8_t *)row + dim * size, 0, (padded - dim) * size);
}

void kn_page_store_key(const struct kn_ops *ops, enum kn_kv kv, void *keys, size_t slot, const float *x, size_t k_dim)
{
    union row row;
    size_t at = slot / KN_SLICE * k_dim * KN_SLICE + kn_slice_place(kv, slot % KN_SLICE);
    round_row(ops, kv, &row, (float *)(uintptr_t)kn_key_scales(keys, k_dim) + slot, x, k_dim);
    for (size_t d = 0; d < k_dim; d++, at += KN_SLICE)
        if (kv == KN_KV_INT8)
            ((int8_t *)keys)[at] = row.bytes[d];
        else if (kv == KN_KV_BF16)
            ((uint16_t *)keys)[at] = row.halves[d];
        else
            ((float *)keys)[at] = row.floats[d];
}

void kn_page_store_value(const struct kn_ops *ops, enum kn_kv kv, void *values, size_t slot, const float *x, size_t v_dim)
{
    union row row;
    round_row(ops, kv, &row, (float *)(uintptr_t)kn_value_scales(values, v_dim) + slot, x, v_dim);
    for (size_t d = 0; d < kn_slices(v_dim) * KN_SLICE; d++) {
        size_t at = (d / KN_SLICE * KN_KV_BLOCK + slot) * KN_SLICE + kn_slice_place(kv, d % KN_SLICE);
        if (kv == KN_KV_INT8)
            ((int8_t *)values)[at] = row.bytes[d];
        else if (kv == KN_KV_BF16)
            ((uint16_t *)values)[at] = row.halves[d];
        else
            ((float *)values)[at] = row.floats[d];
    }
}
