/* tiny_bundle.h: a whole bundle in miniature, made here and not by the packer, for tests of what reads bundles. Its weights are a
 * pattern of bytes in two files of five chunks together; its model has every kind of part. */
#ifndef CLOISTER_TESTS_TINY_BUNDLE_H
#define CLOISTER_TESTS_TINY_BUNDLE_H

#include "crypto/sign.h"
#include "runtime/manifest.h"

struct tiny_key {
    struct cr_secret_key *secret;
    struct cr_public_key pub;
    struct cr_trust *trust; /* the key alone */
};

void tiny_key_open(struct tiny_key *key);
void tiny_key_close(struct tiny_key *key);

char *tiny_manifest(void);           /* a manifest that holds together; free() */
uint8_t *tiny_stream(size_t *bytes); /* its weights; free() */
/* `text` with the first `from` become `to`; dies where there is none. Frees text. */
char *tiny_replace(char *text, const char *from, const char *to);
/* Binds the manifest's own model to a stream as it stands in the files. */
int tiny_bind(struct rt_manifest *manifest, uint8_t *stream, struct rt_error *error);
/* The token for a text, signed by key. */
struct cr_manifest *tiny_verified(const struct tiny_key *key, const char *text);

/* Writes the bundle into a fresh directory and returns its path (free()); `manifest` NULL: tiny_manifest(). */
char *tiny_bundle(const struct tiny_key *key, const char *manifest);
void tiny_write(const char *directory, const char *name, const void *bytes, size_t count);
void tiny_sign(const struct tiny_key *key, const char *directory, const char *manifest);
void tiny_remove(char *directory); /* with all in it; frees the path */

#endif
