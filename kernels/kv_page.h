/* kv_page.h: where one head's keys and values lie inside a page of the cache. Private to kernels/.
 *
 * Both are slices of 32 columns; a slice is a run of rows of 32 elements, so that what a block of registers reads is contiguous:
 *   keys    [2][k_dim][32]       column: key % 32, row: d
 *   values  [v_dim/32][64][32]   column: d % 32, row: key; columns past v_dim are 0
 * In bf16 the columns c and c+16 lie side by side: one load of 32 halves gives 16 and 16 floats by a shift and a mask. In int8 the slices
 * are followed by a float scale for each of the 64 keys. */
#ifndef CLOISTER_KV_PAGE_H
#define CLOISTER_KV_PAGE_H

#include "kernels/kernels.h"

struct kn_ops;

enum { KN_SLICE = 32 }; /* columns */

static inline size_t kn_slices(size_t columns)
{
    return (columns + KN_SLICE - 1) / KN_SLICE;
}

static inline size_t kn_kv_element_bytes(enum kn_kv kv)
{
    return kv == KN_KV_INT8 ? sizeof(int8_t) : kv == KN_KV_BF16 ? sizeof(uint16_t) : sizeof(float);
}

static inline size_t kn_slice_row_bytes(enum kn_kv kv)
{
    return KN_SLICE * kn_kv_element_bytes(kv);
}

/* Where in its row a column lies, in elements. */
static inline size_t kn_slice_place(enum kn_kv kv, size_t column)
{
    return kv == KN_KV_BF16 ? column % 16 * 2 + column / 16 : column;
}

/* The first element of a slice's row. */
static inline const uint8_t *kn_slice_row(enum kn_kv kv, const uint8_t *slices, size_t rows, size_t slice, size_t row)
{
    return slices + (slice * rows + row) * kn_slice_row_bytes(kv);
}

/* int8: the scales of a page's keys, and of its values. */
static inline const float *kn_key_scales(const uint8_t *keys, size_t k_dim)
{
    return (const float *)(const void *)kn_slice_row(KN_KV_INT8, keys, k_dim, kn_slices(KN_KV_BLOCK), 0);
}

static inline const float *kn_value_scales(const uint8_t *values, size_t v_dim)
{
    return (const float *)(const void *)kn_slice_row(KN_KV_INT8, values, KN_KV_BLOCK, kn_slices(v_dim), 0);
}

void kn_page_store_key(const struct kn_ops *ops, enum kn_kv kv, void *keys, size_t slot, const float *x, size_t k_dim);
void kn_page_store_value(const struct kn_ops *ops, enum kn_kv kv, void *values, size_t slot, const float *x, size_t v_dim);

#endif
