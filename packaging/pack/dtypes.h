/* dtypes.h: the kinds of number in safetensors files, and the three that weights are read from. Pure functions; any thread. */
#ifndef CLOISTER_PACK_DTYPES_H
#define CLOISTER_PACK_DTYPES_H

#include "packaging/pack/safetensors.h"

const struct pk_dtype *pk_dtype_find(const char *name); /* NULL for an unknown name or NULL */

/* Index of the first value that a bundle cannot hold: NaN, infinite, or so large that bf16 would make it infinite; count if none. */
size_t pk_first_unfit(const float *values, size_t count);
uint16_t pk_bf16_round(float value); /* to nearest, ties to even; value is finite */

#endif
