/* cmd_verify.c: `cloister verify`: checks every signature and every byte of a bundle, and says who vouches for it. */
#include "runtime/bundle.h"
#include "runtime/commands.h"
#include "runtime/options.h"
#include "runtime/progress.h"
#include "runtime/report.h"
#include "runtime/scope.h"
#include "runtime/topology.h"
#include "runtime/workers.h"

struct verify_options {
    const char *bundle, *trust;
    uint64_t threads;
    int json;
};

struct verdict { /* what a good bundle measured */
    uint64_t files, bytes;
    double seconds;
};

struct watcher {
    struct verdict *verdict;
    struct rt_progress_bar bar;
};

static void watch(void *user, uint64_t done, uint64_t total, double seconds)
{
    struct watcher *watcher = user;
    watcher->verdict->bytes = total;
    watcher->verdict->seconds = seconds;
    rt_progress_bar_report(&watcher->bar, done, total, seconds);
}

static int check(struct verdict *verdict, struct rt_bundle *bundle, const struct verify_options *options, struct rt_error *error)
{
    RT_FREE struct rt_placement *placement = NULL;
    RT_CLEAN(rt_workers_close) struct rt_workers *workers = NULL;
    struct watcher watcher = {.verdict = verdict};
    const struct rt_progress progress = {watch, &watcher};
    if (rt_placement_open(&placement, (unsigned)options->threads, error) || rt_workers_open(&workers, placement, error))
        return -1;
    rt_progress_bar_open(&watcher.bar, "verifying", options->json || !isatty(STDERR_FILENO));
    int status = rt_bundle_check(bundle, workers, &progress, error);
    rt_progress_bar_close(&watcher.bar);
    verdict->files = rt_bundle_manifest(bundle)->file_count + 1;
    return status;
}

static void print_text(struct rt_bundle *bundle, const struct verdict *verdict)
{
    const struct rt_manifest *m = rt_bundle_manifest(bundle);
    double rate = verdict->seconds > 0 ? (double)verdict->bytes / verdict->seconds : 0;
    rt_report_signers(rt_bundle_verified(bundle));
    printf("OK %s version %llu: %llu files, %s, %.2f s (%s/s)\n", m->name, (unsigned long long)m->version,
           (unsigned long long)verdict->files, rt_size_text(verdict->bytes).text, verdict->seconds, rt_size_text((uint64_t)rate).text);
}

static int print_json(struct rt_bundle *bundle, const struct verdict *verdict, struct rt_error *error)
{
    const struct rt_manifest *m = rt_bundle_manifest(bundle);
    const struct cr_manifest *verified = rt_bundle_verified(bundle);
    char digest[2 * CR_DIGEST_BYTES + 1];
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    rt_report_manifest_digest(digest, verified);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_bool(doc, root, "ok", 1);
    yyjson_mut_obj_add_str(doc, root, "name", m->name);
    yyjson_mut_obj_add_uint(doc, root, "version", m->version);
    yyjson_mut_obj_add_val(doc, root, "signers", rt_report_signers_json(doc, verified));
    yyjson_mut_obj_add_uint(doc, root, "files", verdict->files);
    yyjson_mut_obj_add_uint(doc, root, "bytes", verdict->bytes);
    yyjson_mut_obj_add_real(doc, root, "seconds", verdict->seconds);
    yyjson_mut_obj_add_str(doc, root, "manifest_blake2b", digest);
    return rt_report_json(doc, error);
}

static int verify(const struct verify_options *options, struct rt_error *error)
{
    RT_CLEAN(cr_trust_close) struct cr_trust *trust = NULL;
    RT_CLEAN(rt_bundle_close) struct rt_bundle *bundle = NULL;
    struct verdict verdict = {0};
    if (rt_trust_open(&trust, options->trust, error) || rt_bundle_open(&bundle, options->bundle, trust, error) ||
        check(&verdict, bundle, options, error))
        return -1;
    if (options->json)
        return print_json(bundle, &verdict, error);
    print_text(bundle, &verdict);
    return 0;
}

int cmd_verify(const struct rt_call *call, struct rt_error *error)
{
    struct verify_options options = {.trust = RT_TRUST_DIRECTORY};
    const struct rt_option table[] = {
        {"--trust", RT_OPTION_TEXT, &options.trust, "DIR", "directory of trusted public keys", 0},
        {"-t", RT_OPTION_UNSIGNED, &options.threads, "N", "use N physical cores (default all allowed)", 4096},
        {"--json", RT_OPTION_FLAG, &options.json, NULL, "print the verdict as JSON", 0},
    };
    size_t count = 1;
    int parsed = rt_options_parse(call, table, sizeof table / sizeof *table, &options.bundle, &count, error);
    if (parsed)
        return parsed < 0 ? -1 : 0;
    if (count != 1)
        return rt_fail(error, RT_EXIT_USAGE, "verify: give the directory of a bundle; `cloister verify --help` shows how");
    return verify(&options, error);
}
