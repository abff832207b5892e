/* secret_key.h: what a secret key is, for the signing files of crypto/ alone. */
#ifndef CLOISTER_SECRET_KEY_H
#define CLOISTER_SECRET_KEY_H

#include "crypto/sign.h"

struct cr_secret_key { /* always in sodium_malloc's memory */
    uint8_t id[CR_KEY_ID_BYTES];
    uint8_t ed25519[64]; /* seed, public key */
};

#endif
