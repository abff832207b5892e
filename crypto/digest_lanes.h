/* digest_lanes.h: BLAKE2b-256 of several inputs at once, for the instruction sets that have a way to do so. For digest.c alone. */
#ifndef CLOISTER_DIGEST_LANES_H
#define CLOISTER_DIGEST_LANES_H

#include "crypto/crypto.h"

/* RFC 7693, unkeyed, 32 bytes out. The first needs AVX2, the second AVX-512 F, BW, DQ and VL besides. */
void cr_digest_lanes_avx2(uint8_t out[CR_LANES][CR_DIGEST_BYTES], const uint8_t *const inputs[CR_LANES], size_t count);
void cr_digest_lanes_avx512(uint8_t out[CR_LANES][CR_DIGEST_BYTES], const uint8_t *const inputs[CR_LANES], size_t count);

#endif
