/* hf_rope.h: config.json's rotary embedding, in transformers 4's spelling (rope_theta, rope_scaling) or 5's (rope_parameters). Any thread. */
#ifndef CLOISTER_PACK_HF_ROPE_H
#define CLOISTER_PACK_HF_ROPE_H

#include "packaging/pack/json_text.h"
#include "packaging/pack/rope_tables.h"

RT_MUST_CHECK int pk_rope_read(struct pk_rope *out, const struct pk_json *config, double default_theta, uint32_t context,
                               struct rt_error *error);

#endif
