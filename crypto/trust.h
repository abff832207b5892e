/* trust.h: looking a key up among the trusted ones, for crypto/ alone. */
#ifndef CLOISTER_TRUST_H
#define CLOISTER_TRUST_H

#include "crypto/crypto.h"

/* The trusted key with this id, or NULL. It lives as long as the trust. */
const struct cr_public_key *cr_trust_find(const struct cr_trust *trust, const uint8_t id[CR_KEY_ID_BYTES]);

#endif
