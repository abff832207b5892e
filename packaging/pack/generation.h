/* generation.h: generation.json, our normal form of generation_config.json and of what config.json says about tokens:
 *   {"eos_ids":[…],"bos_id":N,"temperature":X,"top_k":N,"top_p":X,"min_p":X}, only what is given. Any thread. */
#ifndef CLOISTER_PACK_GENERATION_H
#define CLOISTER_PACK_GENERATION_H

#include <yyjson.h>

#include "runtime/error.h"

/* generation is generation_config.json's root or NULL; what it does not say is looked up in config. Token ids must be below vocab.
 * *out is 0-terminated, *bytes without that 0; free it. */
RT_MUST_CHECK int pk_generation_print(char **out, size_t *bytes, yyjson_val *generation, yyjson_val *config, uint32_t vocab,
                                      struct rt_error *error);

#endif
