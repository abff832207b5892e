/* crypto.h: trust in bytes. Keys and signatures in minisign's format, digests of chunks, and the one token that lets a
 * manifest be parsed. Knows libsodium and nothing else: no files, no tensors, no logging. Every function may be called from
 * any thread after cr_init(); none keeps a reference to its input.
 *
 * Formats: minisign (https://jedisct1.github.io/minisign/#signature-format), prehashed signatures ("ED": Ed25519 over the
 * BLAKE2b-512 of the message). Legacy signatures ("Ed", over the message itself) are refused.
 *
 * Signing and secret keys are in sign.h. */
#ifndef CLOISTER_CRYPTO_H
#define CLOISTER_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#define CR_MUST_CHECK __attribute__((warn_unused_result))

enum cr_status {
    CR_OK = 0,
    CR_E_MEMORY = -1,    /* no memory */
    CR_E_FORMAT = -2,    /* not a key or signature of this format */
    CR_E_LEGACY = -3,    /* a signature that is not prehashed */
    CR_E_UNTRUSTED = -4, /* no signature by a trusted key */
    CR_E_FORGED = -5,    /* a signature by a trusted key that does not hold */
    CR_E_COMMENT = -6,   /* an untrusted comment other than the standard one: it is not signed, so it may say nothing */
    CR_E_PASSWORD = -7,  /* wrong password (sign.h) */
    CR_E_RANDOM = -8,    /* the system has no randomness or libsodium did not start */
    CR_E_FULL = -9,      /* more keys or signatures than CR_KEYS_MAX */
};

enum {
    CR_DIGEST_BYTES = 32,             /* BLAKE2b-256 */
    CR_CHUNK_BYTES = 1 << 20,         /* each payload file is hashed in chunks of 1 MiB; the last one may be shorter */
    CR_MANIFEST_MAX_BYTES = 16 << 20, /* a larger manifest is refused unread */
    CR_SIGNATURE_MAX_BYTES = 16384,   /* of a .minisig file */
    CR_PUBLIC_KEY_MAX_BYTES = 4096,   /* of a .pub file */
    CR_KEY_ID_BYTES = 8,
    CR_KEY_ID_HEX = 2 * CR_KEY_ID_BYTES + 1, /* with the final 0 */
    CR_COMMENT_MAX_BYTES = 8192,
    CR_KEYS_MAX = 64,
};

/* Starts libsodium; before any other call, and harmless again. CR_E_RANDOM where there is no randomness. */
CR_MUST_CHECK int cr_init(void);

/* ---- public keys ---- */

struct cr_public_key {
    uint8_t id[CR_KEY_ID_BYTES]; /* as stored in the key; shown in hex the other way round, as minisign does */
    uint8_t ed25519[32];
};

/* Reads the text of a .pub file: two lines, or the bare base64. CR_E_FORMAT otherwise. */
CR_MUST_CHECK int cr_public_key_parse(struct cr_public_key *out, const char *text, size_t bytes);

/* Writes the key id as minisign shows it: 16 capital hex digits. */
void cr_key_id_hex(char out[CR_KEY_ID_HEX], const uint8_t id[CR_KEY_ID_BYTES]);

/* ---- trust: which keys may sign, and how many must ---- */

struct cr_trust; /* grows thresholds, roots and revocations later; today one good signature suffices */

CR_MUST_CHECK int cr_trust_open(struct cr_trust **out); /* empty: nothing is trusted */
/* A key added twice counts once; another key under an id that is there is CR_E_FORGED. */
CR_MUST_CHECK int cr_trust_add(struct cr_trust *trust, const struct cr_public_key *key);
size_t cr_trust_size(const struct cr_trust *trust);
/* Whether this key is among them, under whatever id. */
int cr_trust_has(const struct cr_trust *trust, const struct cr_public_key *key);
void cr_trust_close(struct cr_trust **trust);

/* ---- the manifest: bytes that somebody trusted has signed ---- */

struct cr_manifest; /* only cr_manifest_verify makes one; whatever parses a bundle asks for one */

struct cr_signature_text { /* one manifest.json.<keyid>.minisig file */
    const char *text;
    size_t bytes;
};

struct cr_signer {
    uint8_t id[CR_KEY_ID_BYTES];
    int trusted;                            /* in the trust store, and the signature holds */
    char comment[CR_COMMENT_MAX_BYTES + 1]; /* trusted comment, 0-terminated; empty unless trusted */
};

/* Verifies the signatures over manifest[0..bytes). Every signature must parse; each one whose key is trusted must hold (both
 * over the manifest and over its trusted comment); at least one must be by a trusted key; no key signs twice. On success *out owns a private
 * copy of the bytes. On failure *out is NULL and, where bad is not NULL, *bad is the index of the signature at fault (or
 * count when none is to blame). */
CR_MUST_CHECK int cr_manifest_verify(struct cr_manifest **out, const struct cr_trust *trust, const uint8_t *manifest, size_t bytes,
                                     const struct cr_signature_text *signatures, size_t count, size_t *bad);
const uint8_t *cr_manifest_bytes(const struct cr_manifest *manifest, size_t *bytes); /* lives as long as the manifest */
void cr_manifest_digest(uint8_t out[CR_DIGEST_BYTES], const struct cr_manifest *manifest);
size_t cr_manifest_signers(const struct cr_manifest *manifest, const struct cr_signer **signers);
void cr_manifest_close(struct cr_manifest **manifest);

/* Key id a signature names, without verifying anything: for messages and to match it with its file name. */
CR_MUST_CHECK int cr_signature_key_id(uint8_t id[CR_KEY_ID_BYTES], const char *text, size_t bytes);

/* ---- digests ---- */

void cr_digest(uint8_t out[CR_DIGEST_BYTES], const void *bytes, size_t count);
/* The digests of CR_LANES inputs of the same length. A processor with AVX2 makes them in twice the time of one. */
enum { CR_LANES = 4 };
void cr_digest_lanes(uint8_t out[CR_LANES][CR_DIGEST_BYTES], const uint8_t *const inputs[CR_LANES], size_t count);
int cr_digest_equal(const uint8_t a[CR_DIGEST_BYTES], const uint8_t b[CR_DIGEST_BYTES]); /* 1 equal, 0 not */
void cr_digest_hex(char out[2 * CR_DIGEST_BYTES + 1], const uint8_t digest[CR_DIGEST_BYTES]);
CR_MUST_CHECK int cr_digest_parse(uint8_t out[CR_DIGEST_BYTES], const char *hex); /* 64 lower-case digits, else CR_E_FORMAT */

struct cr_hash { /* a digest made piece by piece; plain memory, nothing to close */
    _Alignas(64) unsigned char state[384];
};
void cr_hash_start(struct cr_hash *hash);
void cr_hash_feed(struct cr_hash *hash, const void *bytes, size_t count);
void cr_hash_end(struct cr_hash *hash, uint8_t out[CR_DIGEST_BYTES]);

#endif
