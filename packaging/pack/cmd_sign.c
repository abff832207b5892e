/* cmd_sign.c: `cloister-pack sign`: signs a bundle's manifest. The signature is made in memory, judged as a site would judge it, and
 * used to look at every byte of the bundle; it reaches the disk only when all is as the manifest says. */
#include <string.h>
#include <time.h>

#include "packaging/pack/pack_commands.h"
#include "runtime/bundle.h"
#include "runtime/folder.h"
#include "runtime/new_file.h"
#include "runtime/options.h"
#include "runtime/progress.h"
#include "runtime/scope.h"
#include "runtime/secret_key_read.h"
#include "runtime/topology.h"
#include "runtime/workers.h"

enum { ENTRIES_MAX = 2 * RT_FILES_MAX };

struct sign_options {
    const char *bundle, *secret, *comment;
};

static int read_manifest(char **out, size_t *bytes, const char *bundle, struct rt_error *error)
{
    RT_CLEAN(rt_folder_close) struct rt_folder folder = {.fd = -1};
    if (rt_folder_open(&folder, bundle, ENTRIES_MAX, RT_EXIT_USAGE, "check the path", error))
        return -1;
    return rt_folder_read(out, bytes, &folder, "manifest.json", RT_LINKS_REFUSED, CR_MANIFEST_MAX_BYTES, error);
}

/* The manifest as a site will see it that trusts this key. */
static int verify_own(struct cr_manifest **out, const struct cr_public_key *pub, const char *manifest, size_t bytes, const char *signature,
                      struct rt_error *error)
{
    RT_CLEAN(cr_trust_close) struct cr_trust *trust = NULL;
    const struct cr_signature_text text = {signature, strlen(signature)};
    if (cr_trust_open(&trust) || cr_trust_add(trust, pub) ||
        cr_manifest_verify(out, trust, (const uint8_t *)manifest, bytes, &text, 1, NULL))
        return rt_fail(error, RT_EXIT_FAILED, "the new signature does not verify; nothing was written");
    return 0;
}

static int check_bundle(struct cr_manifest **verified, const struct sign_options *options, struct rt_error *error)
{
    RT_CLEAN(rt_bundle_close) struct rt_bundle *bundle = NULL;
    RT_FREE struct rt_placement *placement = NULL;
    RT_CLEAN(rt_workers_close) struct rt_workers *workers = NULL;
    struct rt_progress_bar bar;
    const struct rt_progress progress = {rt_progress_bar_report, &bar};
    if (rt_bundle_open_verified(&bundle, options->bundle, verified, error) || rt_placement_open(&placement, 0, error) ||
        rt_workers_open(&workers, placement, error))
        return -1;
    rt_progress_bar_open(&bar, "checking", !isatty(STDERR_FILENO));
    int status = rt_bundle_check(bundle, workers, &progress, error);
    rt_progress_bar_close(&bar);
    return status;
}

static int write_signature(const struct sign_options *options, const struct cr_public_key *pub, const char *text, struct rt_error *error)
{
    RT_FREE char *path = NULL;
    char id[CR_KEY_ID_HEX];
    cr_key_id_hex(id, pub->id);
    if (asprintf(&path, "%s/manifest.json.%s.minisig", options->bundle, id) < 0) {
        path = NULL;
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    }
    if (rt_new_file(path, 0644, text, RT_REPLACE_EXISTING, error))
        return -1;
    printf("signed by %s: %s\n", id, path);
    return 0;
}

static int sign(const struct sign_options *options, struct rt_error *error)
{
    RT_CLEAN(cr_secret_key_close) struct cr_secret_key *secret = NULL;
    RT_CLEAN(cr_manifest_close) struct cr_manifest *verified = NULL;
    RT_FREE char *manifest = NULL, *signature = NULL;
    struct cr_public_key pub;
    char comment[128];
    size_t bytes;
    snprintf(comment, sizeof comment, "timestamp:%lld\tfile:manifest.json\tprehashed", (long long)time(NULL));
    if (cr_init())
        return rt_fail(error, RT_EXIT_FAILED, "the system gives no random numbers, without which no cryptography starts");
    if (read_manifest(&manifest, &bytes, options->bundle, error) || rt_secret_key_read(&secret, options->secret, error))
        return -1;
    int status = cr_sign(&signature, secret, (const uint8_t *)manifest, bytes, options->comment ? options->comment : comment);
    if (status == CR_E_FORMAT)
        return rt_fail(error, RT_EXIT_USAGE, "-t: a comment is one line of UTF-8 without control characters");
    if (status)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to sign");
    cr_secret_key_public(&pub, secret);
    if (verify_own(&verified, &pub, manifest, bytes, signature, error) || check_bundle(&verified, options, error))
        return -1;
    return write_signature(options, &pub, signature, error);
}

int pk_cmd_sign(const struct rt_call *call, struct rt_error *error)
{
    struct sign_options options = {0};
    const struct rt_option table[] = {
        {"-s", RT_OPTION_TEXT, &options.secret, "FILE", "the secret key", 0},
        {"-t", RT_OPTION_TEXT, &options.comment, "COMMENT", "trusted comment (default: the time)", 0},
    };
    size_t count = 1;
    int parsed = rt_options_parse(call, table, sizeof table / sizeof *table, &options.bundle, &count, error);
    if (parsed)
        return parsed < 0 ? -1 : 0;
    if (count != 1 || !options.secret)
        return rt_fail(error, RT_EXIT_USAGE, "sign: give the directory of a bundle, and -s with the secret key");
    return sign(&options, error);
}
