/* signature.h: one .minisig file, for crypto/ alone. Any thread. */
#ifndef CLOISTER_SIGNATURE_H
#define CLOISTER_SIGNATURE_H

#include "crypto/crypto.h"
#include "crypto/lines.h"

enum {
    CR_PREHASH_BYTES = 64, /* BLAKE2b-512: what a prehashed signature signs */
    CR_ED25519_BYTES = 64,
    CR_SIGNATURE_BLOB_BYTES = 2 + CR_KEY_ID_BYTES + CR_ED25519_BYTES, /* "ED", key id, signature */
};

/* The first line of a .minisig is signed by nothing, so only this text may stand there: with a second one allowed, exchanging them
 * would be a change that nobody notices. */
#define CR_SIGNATURE_COMMENT "signature from minisign secret key"

struct cr_signature {
    uint8_t id[CR_KEY_ID_BYTES];
    uint8_t of_message[CR_ED25519_BYTES]; /* over the message's prehash */
    uint8_t of_comment[CR_ED25519_BYTES]; /* over of_message and the trusted comment */
    struct cr_span comment;               /* inside the parsed text; clean, but trusted only once the signature held */
};

/* CR_E_FORMAT, CR_E_LEGACY, CR_E_COMMENT. */
CR_MUST_CHECK int cr_signature_parse(struct cr_signature *out, const char *text, size_t bytes);
/* Both signatures hold: CR_OK, else CR_E_FORGED. */
CR_MUST_CHECK int cr_signature_check(const struct cr_signature *signature, const struct cr_public_key *key,
                                     const uint8_t prehash[CR_PREHASH_BYTES]);

#endif
