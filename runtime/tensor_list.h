/* tensor_list.h: the tensors that a model's parts call for, by the names, in the order and at the places in the stream of weights that a
 * bundle of it would have. Reads and writes no weight. Any thread. */
#ifndef CLOISTER_TENSOR_LIST_H
#define CLOISTER_TENSOR_LIST_H

#include "runtime/manifest.h"

/* Puts a tensor of tensor->size bytes at the first place behind the stream's end that suits it, and moves the end. */
void rt_tensor_place(struct rt_tensor *tensor, uint64_t *stream_bytes);

/* Gives a shape (rt_manifest_open_shape) its tensors, with matrices in `quant`: KN_BF16, KN_W8 or KN_W4 (by the default codebook). A head
 * has at least 8 bits; routers stay bf16. Sets tensors, tensor_count, stream_bytes, the codebook, and quant's name. */
RT_MUST_CHECK int rt_tensor_list(struct rt_manifest *shape, enum kn_format quant, struct rt_error *error);

#endif
