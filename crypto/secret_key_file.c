/* secret_key_file.c: minisign's secret key files. One line of base64 holds
 *   "Ed" | kdf "Sc" or 0 0 | checksum "B2" | salt[32] | opslimit u64 | memlimit u64 | box[104]
 *   box = key id[8] | Ed25519 secret key[64] | BLAKE2b-256("Ed" | key id | secret key)
 * With a password, the box is XORed with scrypt's output. Without one, minisign leaves the checksum 0. */
#include "crypto/secret_key.h"

#include "crypto/lines.h"

#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_pwhash_scryptsalsa208sha256.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>
#include <stdlib.h>
#include <string.h>

enum {
    AT_KDF = 2,
    AT_CHECKSUM = 4,
    AT_SALT = 6,
    AT_OPSLIMIT = 38,
    AT_MEMLIMIT = 46,
    AT_BOX = 54,
    SALT_BYTES = 32,
    BOX_KEY = CR_KEY_ID_BYTES,
    BOX_SUM = BOX_KEY + 64,
    BOX_BYTES = BOX_SUM + 32,
    BLOB_BYTES = AT_BOX + BOX_BYTES,
};

/* What a file may ask of the machine that reads it; minisign writes 2^25 and 2^30. */
static const uint64_t opslimit_max = UINT64_C(1) << 28, memlimit_max = UINT64_C(1) << 31;

static uint64_t load_u64(const uint8_t *at)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static void store_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static int blob_parse(uint8_t blob[BLOB_BYTES], const char *text, size_t bytes)
{
    struct cr_span rest = {text, bytes}, line;
    if (bytes > CR_SECRET_KEY_MAX_BYTES || cr_line_take(&line, &rest) != CR_OK || cr_prefix_take(&line, CR_UNTRUSTED_PREFIX) != CR_OK)
        return CR_E_FORMAT;
    if (cr_line_take(&line, &rest) != CR_OK || rest.bytes != 0 || cr_base64_line(blob, BLOB_BYTES, &line) != CR_OK)
        return CR_E_FORMAT;
    if (memcmp(blob, "Ed", 2) != 0 || memcmp(blob + AT_CHECKSUM, "B2", 2) != 0)
        return CR_E_FORMAT;
    return memcmp(blob + AT_KDF, "Sc", 2) == 0 || memcmp(blob + AT_KDF, "\0\0", 2) == 0 ? CR_OK : CR_E_FORMAT;
}

/* Locks the open box or opens the locked one: XOR with scrypt(password, the blob's salt and limits). */
static int box_turn(uint8_t blob[BLOB_BYTES], const char *password)
{
    uint8_t stream[BOX_BYTES];
    size_t length = strlen(password);
    uint64_t opslimit = load_u64(blob + AT_OPSLIMIT), memlimit = load_u64(blob + AT_MEMLIMIT);
    if (length > CR_PASSWORD_MAX_BYTES || opslimit > opslimit_max || memlimit > memlimit_max)
        return CR_E_FORMAT;
    int status = crypto_pwhash_scryptsalsa208sha256(stream, sizeof stream, password, length, blob + AT_SALT, opslimit, (size_t)memlimit)
                     ? CR_E_MEMORY
                     : CR_OK;
    for (size_t i = 0; status == CR_OK && i < sizeof stream; i++)
        blob[AT_BOX + i] ^= stream[i];
    sodium_memzero(stream, sizeof stream);
    return status;
}

static void box_sum(uint8_t sum[32], const uint8_t blob[BLOB_BYTES])
{
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, NULL, 0, 32);
    crypto_generichash_blake2b_update(&state, blob, 2);
    crypto_generichash_blake2b_update(&state, blob + AT_BOX, BOX_SUM);
    crypto_generichash_blake2b_final(&state, sum, 32);
    sodium_memzero(&state, sizeof state);
}

/* The box is whole, and its public half belongs to its seed (signing with another one would give the secret away). */
static int box_check(const uint8_t blob[BLOB_BYTES], int wrong)
{
    uint8_t sum[32], pub[32], secret[64];
    const uint8_t *key = blob + AT_BOX + BOX_KEY;
    box_sum(sum, blob);
    crypto_sign_ed25519_seed_keypair(pub, secret, key);
    int unsummed = blob[AT_KDF] == 0 && sodium_is_zero(blob + AT_BOX + BOX_SUM, sizeof sum);
    int status = !unsummed && sodium_memcmp(sum, blob + AT_BOX + BOX_SUM, sizeof sum) != 0 ? wrong : CR_OK;
    if (status == CR_OK && sodium_memcmp(secret, key, sizeof secret) != 0)
        status = CR_E_FORMAT;
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(sum, sizeof sum);
    return status;
}

int cr_secret_key_protected(const char *text, size_t bytes)
{
    uint8_t blob[BLOB_BYTES];
    int status = blob_parse(blob, text, bytes);
    if (status == CR_OK)
        status = blob[AT_KDF] != 0;
    sodium_memzero(blob, sizeof blob);
    return status;
}

int cr_secret_key_parse(struct cr_secret_key **out, const char *text, size_t bytes, const char *password)
{
    uint8_t blob[BLOB_BYTES];
    int status = blob_parse(blob, text, bytes);
    *out = NULL;
    if (status == CR_OK && (blob[AT_KDF] != 0) != (password != NULL))
        status = CR_E_PASSWORD;
    if (status == CR_OK && password)
        status = box_turn(blob, password);
    if (status == CR_OK)
        status = box_check(blob, password ? CR_E_PASSWORD : CR_E_FORMAT);
    if (status == CR_OK) {
        *out = sodium_malloc(sizeof **out);
        status = *out ? CR_OK : CR_E_MEMORY;
    }
    if (status == CR_OK) {
        memcpy((*out)->id, blob + AT_BOX, sizeof(*out)->id);
        memcpy((*out)->ed25519, blob + AT_BOX + BOX_KEY, sizeof(*out)->ed25519);
    }
    sodium_memzero(blob, sizeof blob);
    return status;
}

static void blob_fill(uint8_t blob[BLOB_BYTES], const struct cr_secret_key *secret)
{
    memset(blob, 0, BLOB_BYTES);
    memcpy(blob, "Ed", 2);
    memcpy(blob + AT_CHECKSUM, "B2", 2);
    memcpy(blob + AT_BOX, secret->id, sizeof secret->id);
    memcpy(blob + AT_BOX + BOX_KEY, secret->ed25519, sizeof secret->ed25519);
    box_sum(blob + AT_BOX + BOX_SUM, blob);
}

static int blob_lock(uint8_t blob[BLOB_BYTES], const char *password)
{
    memcpy(blob + AT_KDF, "Sc", 2);
    randombytes_buf(blob + AT_SALT, SALT_BYTES);
    store_u64(blob + AT_OPSLIMIT, crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE);
    store_u64(blob + AT_MEMLIMIT, crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE);
    return box_turn(blob, password);
}

int cr_secret_key_print(char **out, const struct cr_secret_key *secret, const char *password)
{
    static const char plain[] = CR_UNTRUSTED_PREFIX "cloister secret key\n";
    static const char locked[] = CR_UNTRUSTED_PREFIX "cloister encrypted secret key\n";
    enum { BASE64_BYTES = sodium_base64_ENCODED_LEN(BLOB_BYTES, sodium_base64_VARIANT_ORIGINAL) };
    const char *comment = password ? locked : plain;
    size_t head = strlen(comment);
    uint8_t blob[BLOB_BYTES];
    blob_fill(blob, secret);
    int status = password ? blob_lock(blob, password) : CR_OK;
    *out = status == CR_OK ? malloc(head + BASE64_BYTES + 1) : NULL;
    if (*out) {
        memcpy(*out, comment, head);
        sodium_bin2base64(*out + head, BASE64_BYTES, blob, sizeof blob, sodium_base64_VARIANT_ORIGINAL);
        memcpy(*out + head + BASE64_BYTES - 1, "\n", 2);
    } else if (status == CR_OK) {
        status = CR_E_MEMORY;
    }
    sodium_memzero(blob, sizeof blob);
    return status;
}
