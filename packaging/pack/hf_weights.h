/* hf_weights.h: the weights of a model directory: model.safetensors, or the shards that model.safetensors.index.json names; which tensor
 * lies where. Opened by one thread; pk_weights_read may be called from any. Nothing is mapped, and no tensor is read whole. */
#ifndef CLOISTER_PACK_HF_WEIGHTS_H
#define CLOISTER_PACK_HF_WEIGHTS_H

#include "packaging/pack/safetensors.h"

struct pk_weights;

struct pk_found { /* a tensor of the checkpoint */
    const struct pk_stored *stored;
    const char *file; /* the shard's name */
    uint32_t shard;
    int used; /* some tensor of the bundle is made from it */
};

RT_MUST_CHECK int pk_weights_open(struct pk_weights **out, int directory, struct rt_error *error);
void pk_weights_close(struct pk_weights **weights);
void pk_weights_clean(struct pk_weights **weights); /* for RT_CLEAN */

struct pk_found *pk_weights_find(struct pk_weights *weights, const char *name); /* NULL if there is none */
size_t pk_weights_list(struct pk_weights *weights, struct pk_found **all);      /* all of them, by name */

/* Reads `bytes` from byte `offset` of a tensor. */
RT_MUST_CHECK int pk_weights_read(const struct pk_weights *weights, const struct pk_found *found, uint64_t offset, void *out, size_t bytes,
                                  struct rt_error *error);

#endif
