/* tensor_plan.h: which tensors the bundle will hold, where each lies in the stream of weights, and from which rows of which checkpoint
 * tensors it is made. Made once from configuration and checkpoint, before a byte is written; then read-only, any thread. */
#ifndef CLOISTER_PACK_TENSOR_PLAN_H
#define CLOISTER_PACK_TENSOR_PLAN_H

#include "packaging/pack/hf_config.h"
#include "packaging/pack/hf_weights.h"
#include "runtime/manifest.h"

enum pk_quant { PK_QUANT_BF16, PK_QUANT_W8, PK_QUANT_W4 };

struct pk_source { /* a matrix or vector in the checkpoint */
    const struct pk_found *found;
    uint64_t first; /* element at which it begins there */
};

struct pk_tensor {
    struct rt_tensor as; /* as the manifest will say */
    uint64_t rows, cols; /* of one matrix; a vector is one row, without padding */
    uint64_t matrices;   /* experts; else 1 */
    size_t first_source; /* one source per matrix, in pk_plan.sources */
    const float *values; /* instead of sources: computed here */
};

struct pk_plan {
    struct pk_tensor *tensors;
    size_t count;
    struct pk_source *sources;
    size_t source_count;
    float *inv_freq;
    uint64_t stream_bytes;
    uint64_t source_bytes; /* what will be read */
    uint64_t parameters;   /* elements of the checkpoint's tensors that are used, each once */
};

enum kn_format pk_panel_format(enum rt_tensor_format format); /* of a matrix */

/* Every tensor that the parts call for must be in the checkpoint with the right shape and type, and none besides, but for buffers known to
 * be harmless: RT_EXIT_FAILED with the tensor's name otherwise. Marks the checkpoint's tensors as used. */
RT_MUST_CHECK int pk_plan_open(struct pk_plan *out, const struct pk_config *config, struct pk_weights *weights, enum pk_quant quant,
                               struct rt_error *error);
void pk_plan_close(struct pk_plan *plan); /* takes a zeroed plan */

#endif
