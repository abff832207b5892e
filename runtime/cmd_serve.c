/* cmd_serve.c: `cloister serve`: the OpenAI API on a Unix socket. */
#include <string.h>

#include "runtime/cache.h"
#include "runtime/commands.h"
#include "runtime/isa.h"
#include "runtime/kept_weights.h"
#include "runtime/scope.h"
#include "runtime/seal.h"
#include "runtime/server.h"

struct serve_options {
    struct rt_site_options site;
    struct rt_server_options server;
    struct rt_text_list sockets;
    const char *kv;
    int keep_weights;
    uint64_t threads, context, slots, queue, chunk, connections, max_body;
};

static int is_name(const char *text)
{
    size_t bytes = 0;
    while (text[bytes] > ' ' && text[bytes] < 0x7f)
        bytes++;
    return bytes && !text[bytes] && bytes < RT_NAME_MAX;
}

static int check_options(const struct serve_options *options, struct rt_error *error)
{
    if (!options->slots || !options->chunk || !options->connections || !options->max_body)
        return rt_fail(error, RT_EXIT_USAGE, "--slots, --chunk, --connections and --max-body are at least 1");
    if (options->server.name && !is_name(options->server.name))
        return rt_fail(error, RT_EXIT_USAGE, "--name: give 1 to %d letters, digits and signs of ASCII, without spaces", RT_NAME_MAX - 1);
    if (!(options->server.grace >= 0 && options->server.grace <= 86400))
        return rt_fail(error, RT_EXIT_USAGE, "--grace %g is not between 0 and 86400 seconds", options->server.grace);
    if (!(options->server.timeout >= 1 && options->server.timeout <= 86400))
        return rt_fail(error, RT_EXIT_USAGE, "--timeout %g is not between 1 and 86400 seconds", options->server.timeout);
    return 0;
}

/* 0, 1 after --help, or -1. */
static int parse(const struct rt_call *call, struct serve_options *options, struct rt_error *error)
{
    struct rt_server_options *server = &options->server;
    const struct rt_option table[] = {
        {"--socket", RT_OPTION_LIST, &options->sockets, "PATH",
         "listen at this Unix socket; may be repeated (without: at the sockets that the service manager hands over)", 0},
        {"--trust", RT_OPTION_TEXT, &options->site.trust, "DIR", "directory of trusted public keys", 0},
        {"--name", RT_OPTION_TEXT, &server->name, "NAME", "what the model is called (default: the bundle's name)", 0},
        {"--api-keys", RT_OPTION_TEXT, &server->api_keys, "FILE", "ask for an API key; FILE has names and keys' BLAKE2b-256", 0},
        {"--slots", RT_OPTION_UNSIGNED, &options->slots, "N", "answers that are computed at the same time (default 16)", 4096},
        {"--queue", RT_OPTION_UNSIGNED, &options->queue, "N", "answers that may wait for a slot (default 256)", 65536},
        {"--ctx", RT_OPTION_UNSIGNED, &options->context, "N", "tokens of cache, over all answers (default: 4096 for each slot)",
         UINT32_MAX},
        {"--chunk", RT_OPTION_UNSIGNED, &options->chunk, "N", "tokens of prompts in a step that also decodes (default 128)", 65536},
        {"-t", RT_OPTION_UNSIGNED, &options->threads, "N", "use N physical cores (default: all allowed)", 4096},
        {"--kv", RT_OPTION_TEXT, &options->kv, "f32|bf16|int8", "how keys and values are cached (default bf16)", 0},
        {"--isa", RT_OPTION_TEXT, &options->site.isa, RT_ISA_NAMES, RT_ISA_HELP, 0},
        {"--share-prefixes", RT_OPTION_FLAG, &server->share_prefixes, NULL, "use one user's cached beginnings of prompts for others, too",
         0},
        {"--max-body", RT_OPTION_UNSIGNED, &options->max_body, "BYTES", "longest request (default 8388608)", 1u << 30},
        {"--connections", RT_OPTION_UNSIGNED, &options->connections, "N", "connections at the same time (default 4096)", 1000000},
        {"--timeout", RT_OPTION_FLOAT, &server->timeout, "S", "seconds for a request to arrive, and to keep idle connections (default 60)",
         0},
        {"--grace", RT_OPTION_FLOAT, &server->grace, "S", "seconds that answers have after SIGTERM (default 30)", 0},
        {"--no-speculation", RT_OPTION_FLAG, &server->no_speculation, NULL,
         "do not guess tokens from what stands in the prompt: the same answers", 0},
        {"--keep-weights", RT_OPTION_FLAG, &options->keep_weights, NULL,
         "have the service manager keep the loaded weights over a restart (FileDescriptorStoreMax=)", 0},
        {"--log-prompts", RT_OPTION_FLAG, &server->log_prompts, NULL, "write what is asked into the log", 0},
    };
    size_t count = 1;
    const int status = rt_options_parse(call, table, sizeof table / sizeof *table, &options->site.bundle, &count, error);
    if (status)
        return status;
    if (!count)
        return rt_fail(error, RT_EXIT_USAGE, "which bundle?");
    options->site.threads = (unsigned)options->threads;
    options->site.context = (uint32_t)options->context;
    options->site.slots = server->slots = (uint32_t)options->slots;
    server->queue = (uint32_t)options->queue;
    server->chunk = (uint32_t)options->chunk;
    server->connections = (uint32_t)options->connections;
    server->max_body = options->max_body;
    return rt_cache_kind(&options->site.kv, options->kv, error) ? -1 : check_options(options, error);
}

/* What has to be there before the first thread: sockets, the manager's ear, and the proof that the seal holds. */
static int open_surroundings(struct rt_server_surroundings *around, const struct rt_call *call, const struct serve_options *options,
                             struct rt_error *error)
{
    if (rt_service_read(&around->service, call->service, error) || rt_notify_open(&around->notify, &around->service, error))
        return -1;
    if (!RT_SANITIZED && rt_seal_test(&around->seal, rt_seal_server, error))
        return -1;
    if (around->seal.allowed)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "a sealed process can still do what it must not; `%s doctor --self-test` says what",
                       call->program);
    for (size_t i = 0; i < options->sockets.count; i++)
        if (rt_listeners_bind(&around->listeners, options->sockets.items[i], RT_SOCKET_MODE, error))
            return -1;
    if (rt_listeners_inherit(&around->listeners, &around->service, RT_KEPT_NAME, error))
        return -1;
    return around->listeners.count ? 0 : rt_fail(error, RT_EXIT_USAGE, "where to listen? Give --socket PATH");
}

static void close_surroundings(struct rt_server_surroundings *around)
{
    rt_listeners_close(&around->listeners);
    rt_notify_close(&around->notify);
}

struct opening { /* of the server, from inside that of the site */
    struct rt_server *server;
    const struct rt_server_options *options;
    struct rt_server_surroundings *surroundings;
};

static int open_server(void *user, struct rt_site *site, struct rt_error *error)
{
    struct opening *opening = user;
    (void)site;
    return rt_server_open(&opening->server, opening->options, opening->surroundings, error);
}

int cmd_serve(const struct rt_call *call, struct rt_error *error)
{
    struct serve_options options = {
        .site = {.trust = RT_TRUST_DIRECTORY, .vectors = 1, .seal = rt_seal_server},
        .server = {.grace = 30, .timeout = 60},
        .kv = "bf16",
        .slots = 16,
        .queue = 256,
        .chunk = 128,
        .connections = 4096,
        .max_body = 8 << 20,
    };
    RT_CLEAN(close_surroundings) struct rt_server_surroundings around = {.notify.fd = -1};
    RT_CLEAN(rt_site_close) struct rt_site site = {0};
    RT_CLEAN(rt_server_close) struct rt_server *server = NULL;
    const int status = parse(call, &options, error);
    if (status)
        return status < 0 ? -1 : 0;
    if (open_surroundings(&around, call, &options, error))
        return -1;
    const struct rt_weights_store store = {&around.service, &around.notify};
    struct opening opening = {.options = &options.server, .surroundings = &around};
    options.site.store = options.keep_weights ? &store : NULL;
    options.site.before_seal = open_server;
    options.site.user = &opening;
    const int failed = rt_site_open(&site, &options.site, error);
    server = opening.server;
    return failed ? -1 : rt_server_run(server, &site, error);
}
