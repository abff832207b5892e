/* secret_key.c: making, keeping and forgetting key pairs. */
#include "crypto/secret_key.h"

#include <sodium/crypto_sign_ed25519.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>
#include <stdlib.h>
#include <string.h>

int cr_secret_key_generate(struct cr_secret_key **secret, struct cr_public_key *pub)
{
    struct cr_secret_key *key = sodium_malloc(sizeof *key);
    *secret = key;
    if (!key)
        return CR_E_MEMORY;
    randombytes_buf(key->id, sizeof key->id);
    crypto_sign_ed25519_keypair(pub->ed25519, key->ed25519);
    memcpy(pub->id, key->id, sizeof pub->id);
    return CR_OK;
}

void cr_secret_key_public(struct cr_public_key *out, const struct cr_secret_key *secret)
{
    memcpy(out->id, secret->id, sizeof out->id);
    memcpy(out->ed25519, secret->ed25519 + 32, sizeof out->ed25519);
}

void cr_secret_key_close(struct cr_secret_key **secret)
{
    sodium_free(*secret); /* wipes; takes NULL */
    *secret = NULL;
}

void cr_text_wipe(char **text)
{
    if (*text)
        sodium_memzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}
