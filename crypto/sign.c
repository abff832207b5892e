/* sign.c: writes signatures and public keys, in minisign's format. */
#include "crypto/secret_key.h"
#include "crypto/signature.h"

#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BASE64 = sodium_base64_VARIANT_ORIGINAL, PUBLIC_BLOB_BYTES = 2 + CR_KEY_ID_BYTES + 32 };

int cr_public_key_print(char **out, const struct cr_public_key *pub)
{
    static const char format[] = CR_UNTRUSTED_PREFIX "cloister public key %s\n%s\n";
    uint8_t blob[PUBLIC_BLOB_BYTES];
    char id[CR_KEY_ID_HEX], line[sodium_base64_ENCODED_LEN(PUBLIC_BLOB_BYTES, BASE64)];
    size_t bytes = sizeof format + sizeof id + sizeof line;
    *out = malloc(bytes);
    if (!*out)
        return CR_E_MEMORY;
    memcpy(blob, "Ed", 2);
    memcpy(blob + 2, pub->id, sizeof pub->id);
    memcpy(blob + 2 + sizeof pub->id, pub->ed25519, sizeof pub->ed25519);
    cr_key_id_hex(id, pub->id);
    snprintf(*out, bytes, format, id, sodium_bin2base64(line, sizeof line, blob, sizeof blob, BASE64));
    return CR_OK;
}

/* "ED", key id, signature of the prehash */
static void sign_message(uint8_t blob[CR_SIGNATURE_BLOB_BYTES], const struct cr_secret_key *secret, const uint8_t *bytes, size_t count)
{
    uint8_t prehash[CR_PREHASH_BYTES];
    crypto_generichash_blake2b(prehash, sizeof prehash, bytes, count, NULL, 0);
    memcpy(blob, "ED", 2);
    memcpy(blob + 2, secret->id, sizeof secret->id);
    crypto_sign_ed25519_detached(blob + 2 + CR_KEY_ID_BYTES, NULL, prehash, sizeof prehash, secret->ed25519);
}

static void sign_comment(uint8_t out[CR_ED25519_BYTES], const struct cr_secret_key *secret, const uint8_t of_message[CR_ED25519_BYTES],
                         const struct cr_span *comment)
{
    uint8_t joined[CR_ED25519_BYTES + CR_COMMENT_MAX_BYTES];
    memcpy(joined, of_message, CR_ED25519_BYTES);
    memcpy(joined + CR_ED25519_BYTES, comment->at, comment->bytes);
    crypto_sign_ed25519_detached(out, NULL, joined, CR_ED25519_BYTES + comment->bytes, secret->ed25519);
}

int cr_sign(char **out, const struct cr_secret_key *secret, const uint8_t *bytes, size_t count, const char *comment)
{
    static const char format[] = CR_UNTRUSTED_PREFIX CR_SIGNATURE_COMMENT "\n%s\n" CR_TRUSTED_PREFIX "%s\n%s\n";
    struct cr_span span = {comment, strlen(comment)};
    uint8_t blob[CR_SIGNATURE_BLOB_BYTES], global[CR_ED25519_BYTES];
    char blob_line[sodium_base64_ENCODED_LEN(sizeof blob, BASE64)], global_line[sodium_base64_ENCODED_LEN(sizeof global, BASE64)];
    *out = NULL;
    if (cr_comment_check(&span) != CR_OK)
        return CR_E_FORMAT;
    size_t bytes_out = sizeof format + sizeof blob_line + span.bytes + sizeof global_line;
    *out = malloc(bytes_out);
    if (!*out)
        return CR_E_MEMORY;
    sign_message(blob, secret, bytes, count);
    sign_comment(global, secret, blob + 2 + CR_KEY_ID_BYTES, &span);
    sodium_bin2base64(blob_line, sizeof blob_line, blob, sizeof blob, BASE64);
    sodium_bin2base64(global_line, sizeof global_line, global, sizeof global, BASE64);
    snprintf(*out, bytes_out, format, blob_line, comment, global_line);
    return CR_OK;
}
