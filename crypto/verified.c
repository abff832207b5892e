/* verified.c: makes struct cr_manifest, the token that whatever parses a bundle asks for. It owns a private copy of the bytes, taken
 * before they are judged, so what was verified is what is read. */
#include "crypto/signature.h"
#include "crypto/trust.h"

#include <sodium/crypto_generichash_blake2b.h>
#include <stdlib.h>
#include <string.h>

struct cr_manifest {
    uint8_t *bytes;
    size_t count;
    struct cr_signer *signers;
    size_t signer_count;
};

static int signed_before(const struct cr_signer *signers, size_t count, const uint8_t id[CR_KEY_ID_BYTES])
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(signers[i].id, id, CR_KEY_ID_BYTES) == 0)
            return 1;
    return 0;
}

/* Judges one signature and appends its signer. An unknown key is no fault and no merit. */
static int add_signer(struct cr_manifest *m, const struct cr_trust *trust, const struct cr_signature_text *text,
                      const uint8_t prehash[CR_PREHASH_BYTES])
{
    struct cr_signature signature;
    int status = cr_signature_parse(&signature, text->text, text->bytes);
    if (status != CR_OK)
        return status;
    if (signed_before(m->signers, m->signer_count, signature.id))
        return CR_E_FORMAT;
    struct cr_signer *signer = &m->signers[m->signer_count];
    memcpy(signer->id, signature.id, sizeof signer->id);
    const struct cr_public_key *key = cr_trust_find(trust, signature.id);
    if (key) {
        status = cr_signature_check(&signature, key, prehash);
        if (status != CR_OK)
            return status;
        signer->trusted = 1;
        memcpy(signer->comment, signature.comment.at, signature.comment.bytes);
    }
    m->signer_count++;
    return CR_OK;
}

static int judge(struct cr_manifest *m, const struct cr_trust *trust, const struct cr_signature_text *signatures, size_t count, size_t *bad)
{
    uint8_t prehash[CR_PREHASH_BYTES];
    int good = 0;
    crypto_generichash_blake2b(prehash, sizeof prehash, m->bytes, m->count, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        int status = add_signer(m, trust, &signatures[i], prehash);
        if (status != CR_OK) {
            *bad = i;
            return status;
        }
        good += m->signers[i].trusted;
    }
    return good ? CR_OK : CR_E_UNTRUSTED;
}

static int copy_in(struct cr_manifest **out, const uint8_t *bytes, size_t count, size_t signatures)
{
    struct cr_manifest *m = calloc(1, sizeof *m);
    *out = m;
    if (!m)
        return CR_E_MEMORY;
    m->bytes = malloc(count + 1);
    m->signers = calloc(signatures + 1, sizeof *m->signers);
    if (!m->bytes || !m->signers)
        return CR_E_MEMORY;
    memcpy(m->bytes, bytes, count);
    m->bytes[count] = '\0';
    m->count = count;
    return CR_OK;
}

int cr_manifest_verify(struct cr_manifest **out, const struct cr_trust *trust, const uint8_t *manifest, size_t bytes,
                       const struct cr_signature_text *signatures, size_t count, size_t *bad)
{
    struct cr_manifest *m = NULL;
    size_t blame = count;
    int status = CR_OK;
    *out = NULL;
    if (bytes == 0 || bytes > CR_MANIFEST_MAX_BYTES)
        status = CR_E_FORMAT;
    else if (count > CR_KEYS_MAX)
        status = CR_E_FULL;
    if (status == CR_OK)
        status = copy_in(&m, manifest, bytes, count);
    if (status == CR_OK)
        status = judge(m, trust, signatures, count, &blame);
    if (status != CR_OK)
        cr_manifest_close(&m);
    if (bad)
        *bad = blame;
    *out = m;
    return status;
}

const uint8_t *cr_manifest_bytes(const struct cr_manifest *manifest, size_t *bytes)
{
    *bytes = manifest->count;
    return manifest->bytes;
}

void cr_manifest_digest(uint8_t out[CR_DIGEST_BYTES], const struct cr_manifest *manifest)
{
    cr_digest(out, manifest->bytes, manifest->count);
}

size_t cr_manifest_signers(const struct cr_manifest *manifest, const struct cr_signer **signers)
{
    *signers = manifest->signers;
    return manifest->signer_count;
}

void cr_manifest_close(struct cr_manifest **manifest)
{
    if (!*manifest)
        return;
    free((*manifest)->bytes);
    free((*manifest)->signers);
    free(*manifest);
    *manifest = NULL;
}
