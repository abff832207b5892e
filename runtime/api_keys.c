/* api_keys.c: see api_keys.h. */
#include "runtime/api_keys.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "runtime/input.h"
#include "runtime/scope.h"

struct key {
    char name[RT_API_KEY_NAME_BYTES];
    uint8_t digest[CR_DIGEST_BYTES];
};

struct rt_api_keys {
    size_t count;
    struct key at[RT_API_KEYS_MAX];
};

static int is_name(const char *text)
{
    const size_t bytes = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@");
    return bytes && !text[bytes] && bytes < RT_API_KEY_NAME_BYTES;
}

static int is_there(const struct rt_api_keys *keys, const struct key *key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (!strcmp(keys->at[i].name, key->name) || cr_digest_equal(keys->at[i].digest, key->digest))
            return 1;
    return 0;
}

/* One line, which is changed. */
static int read_line(struct rt_api_keys *keys, char *line, const char *path, size_t number, struct rt_error *error)
{
    struct key *key = &keys->at[keys->count];
    char *rest = NULL;
    line[strcspn(line, "#\r")] = 0;
    const char *name = strtok_r(line, " \t", &rest), *digest = strtok_r(NULL, " \t", &rest);
    if (!name)
        return 0;
    if (keys->count == RT_API_KEYS_MAX)
        return rt_fail(error, RT_EXIT_USAGE, "%s: more than %d keys", path, RT_API_KEYS_MAX);
    if (!is_name(name) || !digest || strtok_r(NULL, " \t", &rest) || cr_digest_parse(key->digest, digest))
        return rt_fail(error, RT_EXIT_USAGE, "%s:%zu: not a name and the BLAKE2b-256 of a key in hex; make it with b2sum -l 256", path,
                       number);
    memcpy(key->name, name, strlen(name) + 1);
    if (is_there(keys, key))
        return rt_fail(error, RT_EXIT_USAGE, "%s:%zu: %s, or its key, is there already", path, number, name);
    keys->count++;
    return 0;
}

int rt_api_keys_open(struct rt_api_keys **out, const char *path, struct rt_error *error)
{
    RT_FREE char *text = NULL;
    RT_CLEAN(rt_api_keys_close) struct rt_api_keys *keys = calloc(1, sizeof *keys);
    size_t bytes, number = 0;
    if (!keys)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for keys");
    if (rt_input_read(path, &text, &bytes, error))
        return -1;
    for (char *line = text, *end; line; line = end ? end + 1 : NULL) {
        end = strchr(line, '\n');
        if (end)
            *end = 0;
        if (read_line(keys, line, path, ++number, error))
            return -1;
    }
    if (!keys->count)
        return rt_fail(error, RT_EXIT_USAGE, "%s: no key in it: nobody could ask", path);
    *out = RT_MOVE(keys);
    return 0;
}

void rt_api_keys_close(struct rt_api_keys **keys)
{
    free(*keys);
    *keys = NULL;
}

const char *rt_api_keys_find(const struct rt_api_keys *keys, const char *key, size_t bytes, uint64_t *owner)
{
    uint8_t digest[CR_DIGEST_BYTES];
    const struct key *found = NULL;
    cr_digest(digest, key, bytes);
    for (size_t i = 0; i < keys->count; i++)
        found = cr_digest_equal(keys->at[i].digest, digest) ? &keys->at[i] : found;
    if (!found)
        return NULL;
    cr_digest(digest, found->name, strlen(found->name));
    memcpy(owner, digest, sizeof *owner);
    return found->name;
}
