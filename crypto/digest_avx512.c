/* digest_avx512.c: BLAKE2b-256 of several inputs at once with AVX-512, which rotates in one instruction and has registers for the whole state. */
#include "crypto/blake2b_lanes.h"

void cr_digest_lanes_avx512(uint8_t out[CR_LANES][CR_DIGEST_BYTES], const uint8_t *const inputs[CR_LANES], size_t count)
{
    digest_lanes(out, inputs, count);
}
