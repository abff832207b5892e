/* make_service.c: a service with everything around it and no server in it: it says what its manager gave it, tries the seal out, opens a bundle with
 * the manager's store, says what came of that and how the model answers, and lives until it is told to stop. For service/cli_service.sh.
 *
 *   make_service … BUNDLE        what stands before the bundle is not looked at */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/listeners.h"
#include "runtime/notify.h"
#include "runtime/seal.h"
#include "runtime/seal_test.h"
#include "runtime/site.h"
#include "runtime/start.h"

enum { LOGITS = 256, SIGN_OF_LIFE_US = 200000 };

struct parts {
    struct rt_service service;
    struct rt_listeners listeners;
    struct rt_notify notify;
    struct rt_seal_report report;
    struct rt_site site;
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    stopped = signal_number;
}

static int open_parts(struct parts *p, const struct rt_service_env *env, const char *bundle, struct rt_error *error)
{
    const struct rt_weights_store store = {&p->service, &p->notify};
    const struct rt_site_options options = {
        .bundle = bundle, .trust = "/etc/cloister/trust", .context = 256, .kv = KN_KV_BF16, .quiet = 1, .store = &store};
    if (rt_service_read(&p->service, env, error) || rt_notify_open(&p->notify, &p->service, error))
        return -1;
    rt_notify_status(&p->notify, "loading");
    if (rt_listeners_inherit(&p->listeners, &p->service, RT_KEPT_NAME, error) || rt_seal_test(&p->report, rt_seal, error))
        return -1;
    return rt_site_open(&p->site, &options, error);
}

/* One line: how it started, and a digest over an answer's logits. */
static int describe(struct parts *p, struct rt_error *error)
{
    static const char *const pages[] = {"small", "transparent", "reserved"};
    static const uint32_t tokens[] = {1, 2, 3, 4, 5};
    uint8_t digest[CR_DIGEST_BYTES];
    char hex[2 * CR_DIGEST_BYTES + 1];
    unsigned nodes;
    struct rt_sequence *sequence = rt_sequence_open(p->site.engine);
    const struct rt_run run = {.sequence = sequence, .tokens = tokens, .count = sizeof tokens / sizeof *tokens};
    if (rt_engine_step(p->site.engine, &run, 1, error))
        return -1;
    cr_digest(digest, rt_engine_logits(p->site.engine, 0), LOGITS * sizeof(float));
    cr_digest_hex(hex, digest);
    const struct rt_memory_report *report = rt_weights_report(p->site.weights, &nodes);
    fprintf(stderr,
            "service: %s, logits %s, %s pages, %llu of %llu bytes on huge ones, %u listeners, %u descriptors, %u of %u not denied\n",
            p->site.is_warm ? "warm" : "cold", hex, pages[report->pages], (unsigned long long)report->huge_bytes,
            (unsigned long long)report->bytes, p->listeners.count, p->service.fd_count, p->report.allowed, p->report.count);
    rt_sequence_close(p->site.engine, &sequence);
    return 0;
}

static int serve(struct parts *p, const struct rt_service_env *env, const char *bundle, struct rt_error *error)
{
    signal(SIGTERM, stop);
    if (open_parts(p, env, bundle, error) || describe(p, error))
        return -1;
    rt_notify_ready(&p->notify);
    rt_notify_status(&p->notify, "serving");
    while (!stopped) {
        rt_notify_watchdog(&p->notify);
        usleep(SIGN_OF_LIFE_US);
    }
    rt_notify_stopping(&p->notify);
    rt_listeners_close(&p->listeners);
    rt_site_close(&p->site);
    return 0;
}

int main(int argc, char **argv)
{
    static struct parts parts;
    struct rt_service_env env;
    struct rt_error error = {0};
    if (rt_start(&env, 0, &error) || serve(&parts, &env, argv[argc - 1], &error))
        return rt_error_print(&error, "make_service", 0);
    return 0;
}
