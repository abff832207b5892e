/* trust.c: the set of keys whose signatures count. */
#include "crypto/trust.h"

#include <stdlib.h>
#include <string.h>

struct cr_trust {
    size_t count;
    struct cr_public_key keys[CR_KEYS_MAX];
};

int cr_trust_open(struct cr_trust **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? CR_OK : CR_E_MEMORY;
}

const struct cr_public_key *cr_trust_find(const struct cr_trust *trust, const uint8_t id[CR_KEY_ID_BYTES])
{
    for (size_t i = 0; i < trust->count; i++)
        if (memcmp(trust->keys[i].id, id, CR_KEY_ID_BYTES) == 0)
            return &trust->keys[i];
    return NULL;
}

int cr_trust_add(struct cr_trust *trust, const struct cr_public_key *key)
{
    const struct cr_public_key *known = cr_trust_find(trust, key->id);
    if (known) /* ids are random: a second key under one id was made to be mistaken for the first */
        return memcmp(known->ed25519, key->ed25519, sizeof key->ed25519) == 0 ? CR_OK : CR_E_FORGED;
    if (trust->count == CR_KEYS_MAX)
        return CR_E_FULL;
    trust->keys[trust->count++] = *key;
    return CR_OK;
}

size_t cr_trust_size(const struct cr_trust *trust)
{
    return trust->count;
}

int cr_trust_has(const struct cr_trust *trust, const struct cr_public_key *key)
{
    for (size_t i = 0; i < trust->count; i++)
        if (memcmp(trust->keys[i].ed25519, key->ed25519, sizeof key->ed25519) == 0)
            return 1;
    return 0;
}

void cr_trust_close(struct cr_trust **trust)
{
    free(*trust);
    *trust = NULL;
}
