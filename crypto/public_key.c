/* public_key.c: minisign's public keys, read; and key ids as people see them. */
#include "crypto/crypto.h"

#include "crypto/lines.h"

#include <string.h>

enum { BLOB_ID = 2, BLOB_KEY = BLOB_ID + CR_KEY_ID_BYTES, BLOB_BYTES = BLOB_KEY + 32 }; /* "Ed", id, point */

int cr_public_key_parse(struct cr_public_key *out, const char *text, size_t bytes)
{
    struct cr_span rest = {text, bytes}, comment;
    uint8_t blob[BLOB_BYTES];
    if (bytes > CR_PUBLIC_KEY_MAX_BYTES)
        return CR_E_FORMAT;
    if (cr_prefix_take(&rest, CR_UNTRUSTED_PREFIX) == CR_OK && cr_line_take(&comment, &rest) != CR_OK)
        return CR_E_FORMAT;
    if (rest.bytes && rest.at[rest.bytes - 1] == '\n')
        rest.bytes--;
    if (cr_base64_line(blob, sizeof blob, &rest) != CR_OK || memcmp(blob, "Ed", 2) != 0)
        return CR_E_FORMAT;
    memcpy(out->id, blob + BLOB_ID, sizeof out->id);
    memcpy(out->ed25519, blob + BLOB_KEY, sizeof out->ed25519);
    return CR_OK;
}

void cr_key_id_hex(char out[CR_KEY_ID_HEX], const uint8_t id[CR_KEY_ID_BYTES])
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < CR_KEY_ID_BYTES; i++) {
        uint8_t byte = id[CR_KEY_ID_BYTES - 1 - i];
        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
    out[2 * CR_KEY_ID_BYTES] = '\0';
}
