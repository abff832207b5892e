/* rope_tables.h: the inverse frequencies of rotary embeddings, computed once here so that the engine need not know how they were scaled.
 * Follows transformers' modeling_rope_utils.py operation by operation, in float32 where it uses float32. Pure functions; any thread. */
#ifndef CLOISTER_PACK_ROPE_TABLES_H
#define CLOISTER_PACK_ROPE_TABLES_H

#include <stdint.h>

enum pk_rope_scaling { PK_ROPE_DEFAULT, PK_ROPE_LINEAR, PK_ROPE_LLAMA3, PK_ROPE_YARN };

struct pk_rope {
    enum pk_rope_scaling scaling;
    double theta, factor;
    double original_context;                  /* llama3, yarn: tokens the model was first trained on */
    double low_freq_factor, high_freq_factor; /* llama3 */
    double beta_fast, beta_slow;              /* yarn */
    double mscale, mscale_all_dim;            /* yarn; 0: not given */
    double attention_factor;                  /* yarn; 0: to be computed */
    int truncate;                             /* yarn: the ramp's ends are whole numbers */
};

/* "default", "linear", "llama3", "yarn"; -1 for another name. */
int pk_rope_scaling_find(const char *name);
const char *pk_rope_scaling_name(enum pk_rope_scaling scaling);

void pk_rope_table(float *inv_freq, const struct pk_rope *rope, uint32_t dim); /* dim/2 values */
double pk_rope_attention_factor(const struct pk_rope *rope);

#endif
