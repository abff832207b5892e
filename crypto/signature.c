/* signature.c: reads and checks one .minisig file. Verification alone: libsodium's Ed25519 functions are called by the names whose
 * object files hold no signing code, so that the linker leaves it out of the site program.
 *
 * Every bit of the file matters: the four lines have one spelling each, what is signed is checked (libsodium refuses an S beyond the
 * group order and points of small order), and the first line, which nothing signs, may hold only its standard text. */
#include "crypto/signature.h"

#include <sodium/crypto_sign_ed25519.h>
#include <string.h>

static int take_untrusted_comment(struct cr_span *rest)
{
    struct cr_span line;
    if (cr_line_take(&line, rest) != CR_OK || cr_prefix_take(&line, CR_UNTRUSTED_PREFIX) != CR_OK)
        return CR_E_FORMAT;
    return cr_span_is(&line, CR_SIGNATURE_COMMENT) ? CR_OK : CR_E_COMMENT;
}

static int take_message_signature(struct cr_signature *out, struct cr_span *rest)
{
    struct cr_span line;
    uint8_t blob[CR_SIGNATURE_BLOB_BYTES];
    if (cr_line_take(&line, rest) != CR_OK || cr_base64_line(blob, sizeof blob, &line) != CR_OK)
        return CR_E_FORMAT;
    if (memcmp(blob, "Ed", 2) == 0)
        return CR_E_LEGACY;
    if (memcmp(blob, "ED", 2) != 0)
        return CR_E_FORMAT;
    memcpy(out->id, blob + 2, sizeof out->id);
    memcpy(out->of_message, blob + 2 + sizeof out->id, sizeof out->of_message);
    return CR_OK;
}

static int take_comment_signature(struct cr_signature *out, struct cr_span *rest)
{
    struct cr_span line;
    if (cr_line_take(&out->comment, rest) != CR_OK || cr_prefix_take(&out->comment, CR_TRUSTED_PREFIX) != CR_OK)
        return CR_E_FORMAT;
    if (cr_comment_check(&out->comment) != CR_OK)
        return CR_E_FORMAT;
    if (cr_line_take(&line, rest) != CR_OK || cr_base64_line(out->of_comment, sizeof out->of_comment, &line) != CR_OK)
        return CR_E_FORMAT;
    return rest->bytes == 0 ? CR_OK : CR_E_FORMAT;
}

int cr_signature_parse(struct cr_signature *out, const char *text, size_t bytes)
{
    struct cr_span rest = {text, bytes};
    if (bytes > CR_SIGNATURE_MAX_BYTES)
        return CR_E_FORMAT;
    int status = take_untrusted_comment(&rest);
    if (status == CR_OK)
        status = take_message_signature(out, &rest);
    if (status == CR_OK)
        status = take_comment_signature(out, &rest);
    return status;
}

int cr_signature_check(const struct cr_signature *signature, const struct cr_public_key *key, const uint8_t prehash[CR_PREHASH_BYTES])
{
    uint8_t signed_comment[CR_ED25519_BYTES + CR_COMMENT_MAX_BYTES];
    if (crypto_sign_ed25519_verify_detached(signature->of_message, prehash, CR_PREHASH_BYTES, key->ed25519) != 0)
        return CR_E_FORGED;
    memcpy(signed_comment, signature->of_message, CR_ED25519_BYTES);
    memcpy(signed_comment + CR_ED25519_BYTES, signature->comment.at, signature->comment.bytes);
    if (crypto_sign_ed25519_verify_detached(signature->of_comment, signed_comment, CR_ED25519_BYTES + signature->comment.bytes,
                                            key->ed25519) != 0)
        return CR_E_FORGED;
    return CR_OK;
}

int cr_signature_key_id(uint8_t id[CR_KEY_ID_BYTES], const char *text, size_t bytes)
{
    struct cr_signature signature;
    int status = cr_signature_parse(&signature, text, bytes);
    if (status == CR_OK)
        memcpy(id, signature.id, CR_KEY_ID_BYTES);
    return status;
}
