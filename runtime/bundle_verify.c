/* bundle_verify.c: the signatures of a bundle. Reads manifest.json and manifest.json.*.minisig and hands the bytes to crypto/; nothing
 * is parsed here but the names. Says what is wrong with a signature, and what to do. One thread. */
#include "runtime/bundle_parts.h"

#include <string.h>

#include "runtime/scope.h"

static const char name_head[] = RT_MANIFEST_NAME ".", name_tail[] = ".minisig";

enum { NAME_HEAD = sizeof name_head - 1, NAME_ID = CR_KEY_ID_HEX - 1 };

struct signatures { /* parallel arrays: what crypto/ wants, and whose memory it is */
    size_t count;
    struct cr_signature_text list[CR_KEYS_MAX];
    char *texts[CR_KEYS_MAX];
    const char *names[CR_KEYS_MAX];
};

static void clean_signatures(struct signatures *signatures)
{
    for (size_t i = 0; i < signatures->count; i++)
        free(signatures->texts[i]);
}

/* Digits of the key id in a signature's name: 1 to 16, since minisign shows an id without its leading zeros. 0: not such a name. */
static size_t name_digits(const char *name)
{
    if (strncmp(name, name_head, NAME_HEAD) != 0)
        return 0;
    size_t digits = strspn(name + NAME_HEAD, "0123456789ABCDEF");
    return digits <= NAME_ID && strcmp(name + NAME_HEAD + digits, name_tail) == 0 ? digits : 0;
}

int rt_is_signature_name(const char *name)
{
    return name_digits(name) > 0;
}

/* The error of a cr_ status on account of one signature file. */
static int fail_signature(int status, const struct rt_bundle *bundle, const char *name, struct rt_error *error)
{
    static const char *const why[] = {
        [-CR_E_MEMORY] = "no memory to check it",
        [-CR_E_FORMAT] = "not a signature, or a damaged one; copy the bundle again",
        [-CR_E_LEGACY] = "a legacy signature, which is not prehashed; have it signed anew without minisign's -l",
        [-CR_E_FORGED] = "the signature of a trusted key does not hold: it or the manifest was changed; do not use this copy",
        [-CR_E_COMMENT] = "its untrusted comment is not the standard text, and nothing signs that line; copy the bundle again",
    };
    size_t i = (size_t)-status;
    const char *text = i < sizeof why / sizeof *why && why[i] ? why[i] : "refused";
    return rt_fail(error, status == CR_E_MEMORY ? RT_EXIT_RESOURCES : RT_EXIT_TRUST, "%s/%s: %s", bundle->path, name, text);
}

static int check_name(const struct rt_bundle *bundle, const char *name, const struct cr_signature_text *text, struct rt_error *error)
{
    uint8_t id[CR_KEY_ID_BYTES];
    char hex[CR_KEY_ID_HEX];
    int status = cr_signature_key_id(id, text->text, text->bytes);
    if (status != CR_OK)
        return fail_signature(status, bundle, name, error);
    cr_key_id_hex(hex, id);
    size_t digits = name_digits(name), dropped = NAME_ID - digits;
    if (strspn(hex, "0") < dropped || strncmp(name + NAME_HEAD, hex + dropped, digits) != 0)
        return rt_fail(error, RT_EXIT_TRUST, "%s/%s: a signature by key %s under another name; copy the bundle again", bundle->path, name,
                       hex);
    return 0;
}

static int read_signatures(struct signatures *out, const struct rt_bundle *bundle, struct rt_error *error)
{
    for (size_t i = 0; i < bundle->folder.count; i++) {
        const char *name = bundle->folder.names[i];
        struct cr_signature_text *text = &out->list[out->count];
        if (!rt_is_signature_name(name))
            continue;
        if (out->count == CR_KEYS_MAX)
            return rt_fail(error, RT_EXIT_TRUST, "%s: more than %d signatures; remove those not needed", bundle->path, CR_KEYS_MAX);
        if (rt_folder_read(&out->texts[out->count], &text->bytes, &bundle->folder, name, RT_LINKS_REFUSED, CR_SIGNATURE_MAX_BYTES, error))
            return -1;
        text->text = out->texts[out->count];
        out->names[out->count++] = name;
        if (check_name(bundle, name, text, error))
            return -1;
    }
    return 0;
}

static int fail_untrusted(const struct rt_bundle *bundle, const struct signatures *signatures, struct rt_error *error)
{
    char ids[256];
    size_t used = 0;
    if (signatures->count == 0)
        return rt_fail(error, RT_EXIT_TRUST, "%s: not signed; the publisher signs it with `cloister-pack sign %s -s SECRET_KEY`",
                       bundle->path, bundle->path);
    for (size_t i = 0; i < signatures->count && used + NAME_ID + 2 < sizeof ids; i++)
        used += (size_t)snprintf(ids + used, sizeof ids - used, " %.*s", (int)name_digits(signatures->names[i]),
                                 signatures->names[i] + NAME_HEAD);
    return rt_fail(error, RT_EXIT_TRUST,
                   "%s/" RT_MANIFEST_NAME ": signed by no trusted key, only by%s; if that is the publisher, add its public key",
                   bundle->path, ids);
}

int rt_bundle_verify(struct rt_bundle *bundle, const struct cr_trust *trust, struct rt_error *error)
{
    RT_CLEAN(clean_signatures) struct signatures signatures = {0};
    RT_FREE char *manifest = NULL;
    size_t bytes, bad;
    if (!rt_folder_has(&bundle->folder, RT_MANIFEST_NAME))
        return rt_fail(error, RT_EXIT_TRUST, "%s: not a bundle: it has no " RT_MANIFEST_NAME "; check the path", bundle->path);
    if (read_signatures(&signatures, bundle, error))
        return -1;
    if (signatures.count == 0)
        return fail_untrusted(bundle, &signatures, error);
    if (rt_folder_read(&manifest, &bytes, &bundle->folder, RT_MANIFEST_NAME, RT_LINKS_REFUSED, CR_MANIFEST_MAX_BYTES, error))
        return -1;
    int status = cr_manifest_verify(&bundle->verified, trust, (const uint8_t *)manifest, bytes, signatures.list, signatures.count, &bad);
    if (status == CR_E_UNTRUSTED)
        return fail_untrusted(bundle, &signatures, error);
    if (status != CR_OK)
        return fail_signature(status, bundle, bad < signatures.count ? signatures.names[bad] : RT_MANIFEST_NAME, error);
    return 0;
}
