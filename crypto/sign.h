/* sign.h: secret keys and signing: of bundles by the publisher's program, and of receipts by the site program's keeper, which is a process
 * apart. Same rules as crypto.h; secrets are wiped before any function returns. */
#ifndef CLOISTER_SIGN_H
#define CLOISTER_SIGN_H

#include "crypto/crypto.h"

enum {
    CR_SECRET_KEY_MAX_BYTES = 4096, /* of a secret key file */
    CR_PASSWORD_MAX_BYTES = 1024,
};

struct cr_secret_key; /* in guarded memory; opaque */

/* Makes a key pair. */
CR_MUST_CHECK int cr_secret_key_generate(struct cr_secret_key **secret, struct cr_public_key *pub);
/* Is the secret key file protected by a password? 1 yes, 0 no, CR_E_FORMAT. */
CR_MUST_CHECK int cr_secret_key_protected(const char *text, size_t bytes);
/* Reads minisign's secret key file; password is NULL for one made with -W. CR_E_PASSWORD where it does not open it. */
CR_MUST_CHECK int cr_secret_key_parse(struct cr_secret_key **out, const char *text, size_t bytes, const char *password);
/* Writes minisign's file (0-terminated; free with cr_text_wipe); password NULL means unprotected. */
CR_MUST_CHECK int cr_secret_key_print(char **out, const struct cr_secret_key *secret, const char *password);
CR_MUST_CHECK int cr_public_key_print(char **out, const struct cr_public_key *pub);
void cr_secret_key_public(struct cr_public_key *out, const struct cr_secret_key *secret);
void cr_secret_key_close(struct cr_secret_key **secret);
void cr_text_wipe(char **text); /* wipes, frees, leaves NULL */

/* Signs bytes (prehashed) with a trusted comment (one line, UTF-8, no control characters: CR_E_FORMAT otherwise); *out is the
 * text of the .minisig file. */
CR_MUST_CHECK int cr_sign(char **out, const struct cr_secret_key *secret, const uint8_t *bytes, size_t count, const char *comment);

#endif
