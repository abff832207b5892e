/* api_keys.h: who may ask, by the key that he sends. The file holds a line per key: a name, and the BLAKE2b-256 of the key in hex, so that who
 * reads it has no key; '#' begins a comment. Keys are random and long, so their digests need no salt.
 *
 *   key=$(openssl rand -hex 32); echo "archive $(printf %s "$key" | b2sum -l 256 | cut -d' ' -f1)" >> api-keys
 *
 * Read once, before the seal: another file means another start. One thread. */
#ifndef CLOISTER_API_KEYS_H
#define CLOISTER_API_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

enum { RT_API_KEYS_MAX = 4096, RT_API_KEY_NAME_BYTES = 64 };

struct rt_api_keys;

RT_MUST_CHECK int rt_api_keys_open(struct rt_api_keys **out, const char *path, struct rt_error *error);
void rt_api_keys_close(struct rt_api_keys **keys);
/* The name of the key's owner, and a number that is the same at every start; NULL for a key that is not there. Takes the same time for each. */
const char *rt_api_keys_find(const struct rt_api_keys *keys, const char *key, size_t bytes, uint64_t *owner);

#endif
