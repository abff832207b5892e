/* fuzz_keys.c: the parsers of minisign's files. The first byte of the input says which: public key, signature, secret key, or a trusted
 * comment to be signed. What is accepted must survive being written and read again, and no changed signature may verify. */
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "tests/minisign_samples.h"

static const uint8_t message[] = "cloister\n";
enum { MESSAGE_BYTES = sizeof message - 1 };

#define MUST(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

static void fuzz_public_key(const char *text, size_t bytes)
{
    struct cr_public_key key, again;
    char *printed;
    if (cr_public_key_parse(&key, text, bytes) != CR_OK)
        return;
    MUST(cr_public_key_print(&printed, &key) == CR_OK);
    MUST(cr_public_key_parse(&again, printed, strlen(printed)) == CR_OK);
    MUST(memcmp(&key, &again, sizeof key) == 0);
    cr_text_wipe(&printed);
}

static void fuzz_signature(const char *text, size_t bytes)
{
    struct cr_public_key key;
    struct cr_trust *trust;
    struct cr_manifest *manifest;
    const struct cr_signature_text signature = {text, bytes};
    MUST(cr_public_key_parse(&key, sample_pub, strlen(sample_pub)) == CR_OK);
    MUST(cr_trust_open(&trust) == CR_OK && cr_trust_add(trust, &key) == CR_OK);
    if (cr_manifest_verify(&manifest, trust, message, MESSAGE_BYTES, &signature, 1, NULL) == CR_OK)
        MUST(bytes == strlen(sample_minisig) && memcmp(text, sample_minisig, bytes) == 0);
    cr_manifest_close(&manifest);
    cr_trust_close(&trust);
}

static void fuzz_secret_key(const char *text, size_t bytes)
{
    struct cr_secret_key *key;
    char *printed;
    if (cr_secret_key_protected(text, bytes) != 0) /* scrypt is slow, and not ours */
        return;
    if (cr_secret_key_parse(&key, text, bytes, NULL) != CR_OK)
        return;
    MUST(cr_secret_key_print(&printed, key, NULL) == CR_OK);
    cr_secret_key_close(&key);
    MUST(cr_secret_key_parse(&key, printed, strlen(printed), NULL) == CR_OK);
    cr_secret_key_close(&key);
    cr_text_wipe(&printed);
}

static void fuzz_comment(const char *text, size_t bytes)
{
    struct cr_secret_key *key;
    struct cr_public_key pub;
    struct cr_trust *trust;
    struct cr_manifest *manifest;
    char *comment = strndup(text, bytes), *signature;
    MUST(comment && cr_secret_key_parse(&key, sample_secret, strlen(sample_secret), NULL) == CR_OK);
    cr_secret_key_public(&pub, key);
    if (cr_sign(&signature, key, message, MESSAGE_BYTES, comment) == CR_OK) {
        const struct cr_signature_text list = {signature, strlen(signature)};
        MUST(cr_trust_open(&trust) == CR_OK && cr_trust_add(trust, &pub) == CR_OK);
        MUST(cr_manifest_verify(&manifest, trust, message, MESSAGE_BYTES, &list, 1, NULL) == CR_OK);
        cr_manifest_close(&manifest);
        cr_trust_close(&trust);
        cr_text_wipe(&signature);
    }
    cr_secret_key_close(&key);
    free(comment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(const char *, size_t) = {fuzz_public_key, fuzz_signature, fuzz_secret_key, fuzz_comment};
    static const char names[] = "psxc";
    const char *which = size ? memchr(names, data[0], sizeof names - 1) : NULL;
    MUST(cr_init() == CR_OK);
    if (which)
        targets[which - names]((const char *)data + 1, size - 1);
    return 0;
}
