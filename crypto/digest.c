/* digest.c: BLAKE2b-256 of bytes, at once or piece by piece, and its hexadecimal form (as `b2sum -l 256` prints it). */
#include "crypto/digest_lanes.h"

#include <assert.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/utils.h>
#include <string.h>

static_assert(sizeof(struct cr_hash) >= sizeof(crypto_generichash_blake2b_state), "room for libsodium's state");

static crypto_generichash_blake2b_state *state_of(struct cr_hash *hash)
{
    return (crypto_generichash_blake2b_state *)(void *)hash->state;
}

void cr_hash_start(struct cr_hash *hash)
{
    crypto_generichash_blake2b_init(state_of(hash), NULL, 0, CR_DIGEST_BYTES);
}

void cr_hash_feed(struct cr_hash *hash, const void *bytes, size_t count)
{
    crypto_generichash_blake2b_update(state_of(hash), bytes, count);
}

void cr_hash_end(struct cr_hash *hash, uint8_t out[CR_DIGEST_BYTES])
{
    crypto_generichash_blake2b_final(state_of(hash), out, CR_DIGEST_BYTES);
}

void cr_digest(uint8_t out[CR_DIGEST_BYTES], const void *bytes, size_t count)
{
    crypto_generichash_blake2b(out, CR_DIGEST_BYTES, bytes, count, NULL, 0);
}

static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

void cr_digest_lanes(uint8_t out[CR_LANES][CR_DIGEST_BYTES], const uint8_t *const inputs[CR_LANES], size_t count)
{
    if (has_avx512())
        cr_digest_lanes_avx512(out, inputs, count);
    else if (has_avx2())
        cr_digest_lanes_avx2(out, inputs, count);
    else
        for (int lane = 0; lane < CR_LANES; lane++)
            cr_digest(out[lane], inputs[lane], count);
}

int cr_digest_equal(const uint8_t a[CR_DIGEST_BYTES], const uint8_t b[CR_DIGEST_BYTES])
{
    return sodium_memcmp(a, b, CR_DIGEST_BYTES) == 0;
}

void cr_digest_hex(char out[2 * CR_DIGEST_BYTES + 1], const uint8_t digest[CR_DIGEST_BYTES])
{
    sodium_bin2hex(out, 2 * CR_DIGEST_BYTES + 1, digest, CR_DIGEST_BYTES);
}

int cr_digest_parse(uint8_t out[CR_DIGEST_BYTES], const char *hex)
{
    if (strspn(hex, "0123456789abcdef") != 2 * CR_DIGEST_BYTES || hex[2 * CR_DIGEST_BYTES] != '\0')
        return CR_E_FORMAT;
    size_t written;
    if (sodium_hex2bin(out, CR_DIGEST_BYTES, hex, 2 * CR_DIGEST_BYTES, NULL, &written, NULL) != 0 || written != CR_DIGEST_BYTES)
        return CR_E_FORMAT;
    return CR_OK;
}
