/* hf_config.h: config.json of a Hugging Face model, in transformers 4's spelling or 5's, read once into sizes and features.
 * Knows no tensors. Any thread. */
#ifndef CLOISTER_PACK_HF_CONFIG_H
#define CLOISTER_PACK_HF_CONFIG_H

#include <yyjson.h>

#include "packaging/pack/architectures.h"
#include "packaging/pack/rope_tables.h"
#include "runtime/error.h"
#include "runtime/model.h"

struct pk_config {
    const struct pk_architecture *architecture;
    uint32_t sizes[PK_SIZES]; /* as config.json or transformers' default says; [PK_CONTEXT] already cut to the window */
    uint32_t uncut_context;   /* before that; the same where no window cuts it */
    unsigned features;        /* enum pk_feature */
    double eps;
    struct pk_rope rope;
    uint8_t mixture[RT_LAYERS_MAX]; /* 1: the layer has experts instead of one mlp */
};

/* RT_EXIT_UNSUPPORTED for a model_type, activation, scaling or quantisation that is not known; RT_EXIT_FAILED for a broken file. */
RT_MUST_CHECK int pk_config_read(struct pk_config *out, yyjson_val *root, const char *file, struct rt_error *error);

#endif
