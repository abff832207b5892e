/* trust_store.c: the administrator's directory of public keys. One thread. */
#include <string.h>

#include "runtime/bundle.h"
#include "runtime/folder.h"
#include "runtime/scope.h"

enum { ENTRIES_MAX = 4096 };

static int is_key_name(const char *name)
{
    size_t length = strlen(name);
    return name[0] != '.' && length > strlen(".pub") && strcmp(name + length - strlen(".pub"), ".pub") == 0;
}

static int add_key(struct cr_trust *trust, const struct rt_folder *folder, const char *name, struct rt_error *error)
{
    RT_FREE char *text = NULL;
    size_t bytes;
    struct cr_public_key key;
    if (rt_folder_read(&text, &bytes, folder, name, RT_LINKS_FOLLOWED, CR_PUBLIC_KEY_MAX_BYTES, error)) {
        error->code = RT_EXIT_TRUST; /* unreadable or not, without this key nobody can say what is trusted */
        return -1;
    }
    if (cr_public_key_parse(&key, text, bytes))
        return rt_fail(error, RT_EXIT_TRUST, "%s/%s: not a minisign public key; replace or remove it", folder->path, name);
    switch (cr_trust_add(trust, &key)) {
    case CR_OK: return 0;
    case CR_E_FULL: return rt_fail(error, RT_EXIT_TRUST, "%s: more than %d keys; remove some", folder->path, CR_KEYS_MAX);
    default:
        return rt_fail(error, RT_EXIT_TRUST, "%s/%s: another key here has the same id; find out which one is the publisher's", folder->path,
                       name);
    }
}

static int add_keys(struct cr_trust *trust, const struct rt_folder *folder, struct rt_error *error)
{
    for (size_t i = 0; i < folder->count; i++)
        if (is_key_name(folder->names[i]) && add_key(trust, folder, folder->names[i], error))
            return -1;
    if (cr_trust_size(trust) == 0)
        return rt_fail(error, RT_EXIT_TRUST,
                       "%s: no public key (*.pub) is there; put the publisher's there, or name its place with --trust", folder->path);
    return 0;
}

int rt_trust_open(struct cr_trust **out, const char *directory, struct rt_error *error)
{
    RT_CLEAN(rt_folder_close) struct rt_folder folder = {.fd = -1};
    RT_CLEAN(cr_trust_close) struct cr_trust *trust = NULL;
    *out = NULL;
    if (cr_init()) /* here, since nothing is verified before there are keys; again is harmless */
        return rt_fail(error, RT_EXIT_FAILED, "the system gives no random numbers, without which no cryptography starts");
    if (rt_folder_open(&folder, directory, ENTRIES_MAX, RT_EXIT_TRUST,
                       "put the publisher's key (*.pub) into it, or name its place with --trust", error))
        return -1;
    if (cr_trust_open(&trust))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    if (add_keys(trust, &folder, error))
        return -1;
    *out = RT_MOVE(trust);
    return 0;
}
