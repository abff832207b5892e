/* server.c: opens the server before the seal, and runs its loop: one epoll over the listening sockets, libmicrohttpd's own epoll, the scheduler's
 * wake, signals, and clients that hang up. The scheduler's thread waits from the start until there is a scheduler. */
#include "runtime/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/scope.h"
#include "runtime/server_parts.h"

enum {
    EVENTS = 256,
    TICK_MS = 1000,
    HTTP_MEMORY = 16 << 10, /* of a connection: its head must fit */
    DESCRIPTORS_BESIDE = 64,
    STACK_BYTES = 1 << 20,
    RECEIPTS = 1024,
    RECEIPT_BYTES = 16 << 20,
};
static const double LAST_WORDS = 2; /* seconds to tell that an answer fails */

/* ---- signals: the one thing that a handler can reach is a file descriptor ---- */

static volatile sig_atomic_t signal_fd = -1;

static void note_signal(int signal)
{
    const uint64_t one = 1;
    const int saved = errno;
    (void)signal;
    (void)!write(signal_fd, &one, sizeof one);
    errno = saved;
}

/* SIGHUP is ignored: what it would read again lies behind the seal. A client that goes is no reason to end. */
static int catch_signals(int fd, struct rt_error *error)
{
    struct sigaction stop = {.sa_handler = note_signal, .sa_flags = SA_RESTART}, ignore = {.sa_handler = SIG_IGN};
    signal_fd = fd;
    if (sigaction(SIGTERM, &stop, NULL) || sigaction(SIGINT, &stop, NULL) || sigaction(SIGHUP, &ignore, NULL) ||
        sigaction(SIGPIPE, &ignore, NULL))
        return rt_fail(error, RT_EXIT_FAILED, "catching signals: %s", strerror(errno));
    return 0;
}

/* ---- before the seal ---- */

static int watch(struct rt_server *server, struct rt_watch *watched, enum rt_watch_kind kind, int fd, struct rt_error *error)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watched};
    *watched = (struct rt_watch){kind, fd};
    if (fd >= 0 && !epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event))
        return 0;
    return rt_fail(error, RT_EXIT_RESOURCES, "setting up the server: %s", strerror(errno));
}

/* A connection is a descriptor, so the limit goes as high as it may. */
static int allow_descriptors(uint32_t connections, struct rt_error *error)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return rt_fail(error, RT_EXIT_FAILED, "asking for the limit of open files: %s", strerror(errno));
    if (limit.rlim_max < (rlim_t)connections + DESCRIPTORS_BESIDE)
        return rt_fail(error, RT_EXIT_RESOURCES,
                       "%u connections need %u open files and the limit is %llu; give fewer --connections, or raise it (LimitNOFILE=)",
                       (unsigned)connections, (unsigned)connections + DESCRIPTORS_BESIDE, (unsigned long long)limit.rlim_max);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        return rt_fail(error, RT_EXIT_FAILED, "raising the limit of open files: %s", strerror(errno));
    return 0;
}

static int open_http(struct rt_server *server, struct rt_error *error)
{
    const struct rt_server_options *options = server->options;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_THREAD_SAFETY, 0, NULL, NULL, rt_exchange_answer,
        server, MHD_OPTION_CONNECTION_LIMIT, options->connections + 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY,
        MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)options->timeout, MHD_OPTION_NOTIFY_COMPLETED,
        rt_exchange_completed, server, MHD_OPTION_NOTIFY_CONNECTION, rt_client_notify, server, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = server->daemon ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info)
        return rt_fail(error, RT_EXIT_RESOURCES, "the HTTP library does not start: %s", strerror(errno));
    return watch(server, &server->http, RT_WATCH_HTTP, info->epoll_fd, error);
}

static int watch_listeners(struct rt_server *server, struct rt_error *error)
{
    for (unsigned i = 0; i < server->surroundings->listeners.count; i++)
        if (watch(server, &server->listeners[i], RT_WATCH_LISTENER, server->surroundings->listeners.items[i].fd, error))
            return -1;
    server->listening = 1;
    return 0;
}

static void *run_scheduler(void *user)
{
    struct rt_server *server = user;
    while (sem_wait(&server->go))
        ;
    if (server->at.answerer.scheduler)
        rt_scheduler_run(server->at.answerer.scheduler);
    return NULL;
}

static int start_thread(struct rt_server *server, struct rt_error *error)
{
    pthread_attr_t attributes;
    if (sem_init(&server->go, 0, 0) || pthread_attr_init(&attributes))
        return rt_fail(error, RT_EXIT_RESOURCES, "starting the scheduler's thread: %s", strerror(errno));
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    const int status = pthread_create(&server->thread, &attributes, run_scheduler, server);
    pthread_attr_destroy(&attributes);
    server->thread_runs = !status;
    return status ? rt_fail(error, RT_EXIT_RESOURCES, "starting the scheduler's thread: %s", strerror(status)) : 0;
}

static int open_server(struct rt_server *server, struct rt_error *error)
{
    const struct rt_server_options *options = server->options;
    if (options->api_keys && rt_api_keys_open(&server->keys, options->api_keys, error))
        return -1;
    if (allow_descriptors(options->connections, error) || rt_receipt_ring_open(&server->at.receipts, RECEIPTS, RECEIPT_BYTES, error))
        return -1;
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (watch(server, &server->wake, RT_WATCH_WAKE, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), error) ||
        watch(server, &server->signal, RT_WATCH_SIGNAL, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), error) || open_http(server, error) ||
        watch_listeners(server, error) || start_thread(server, error))
        return -1;
    rt_metrics_open(&server->metrics);
    return catch_signals(server->signal.fd, error);
}

int rt_server_open(struct rt_server **out, const struct rt_server_options *options, struct rt_server_surroundings *surroundings,
                   struct rt_error *error)
{
    RT_CLEAN(rt_server_close) struct rt_server *server = calloc(1, sizeof *server);
    if (!server)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the server");
    server->options = options;
    server->surroundings = surroundings;
    server->epoll = server->wake.fd = server->signal.fd = server->metrics.memory = -1;
    server->at.metrics = &server->metrics;
    server->at.seal = &surroundings->seal;
    server->at.share_prefixes = options->share_prefixes;
    for (size_t i = 0; i < rt_endpoint_count; i++)
        server->metrics.endpoints[i] = rt_endpoints[i].path;
    if (open_server(server, error))
        return -1;
    *out = RT_MOVE(server);
    return 0;
}

/* ---- the loop ---- */

static void drain(int fd)
{
    uint64_t count;
    (void)!read(fd, &count, sizeof count);
}

static void pause_listening(struct rt_server *server, int pause)
{
    if (server->listening != pause)
        return;
    for (unsigned i = 0; i < server->surroundings->listeners.count; i++) {
        struct epoll_event event = {.events = pause ? 0 : EPOLLIN, .data.ptr = &server->listeners[i]};
        (void)epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->listeners[i].fd, &event);
    }
    server->listening = !pause;
}

/* When all connections are taken, one that is idle makes room in the next round; where none is, the rest waits outside until the next tick. */
static void accept_clients(struct rt_server *server)
{
    const int full = server->metrics.connections >= server->options->connections;
    int left = 0;
    for (unsigned i = 0; i < server->surroundings->listeners.count; i++)
        left |= rt_clients_accept(server, server->listeners[i].fd);
    if (left && !(full && rt_clients_evict(server)))
        pause_listening(server, 1);
}

/* The first signal lets what runs come to its end, the second does not. */
static void stop(struct rt_server *server, int signalled)
{
    const double now = rt_seconds();
    if (!server->stopping && signalled) {
        server->stopping = 1;
        server->stop_at = now + server->options->grace;
        rt_notify_stopping(&server->surroundings->notify);
        rt_listeners_close(&server->surroundings->listeners);
        rt_clients_cut(server, now);
        rt_scheduler_stop(server->at.answerer.scheduler, 1);
        fprintf(stderr, "cloister: stopping; %u requests are being answered\n", (unsigned)server->metrics.requests_open);
    } else if (server->stopping == 1 && (signalled || now >= server->stop_at)) {
        server->stopping = 2;
        server->stop_at = now + LAST_WORDS;
        rt_scheduler_stop(server->at.answerer.scheduler, 0);
    }
}

static int has_stopped(const struct rt_server *server)
{
    return server->stopping && (!server->metrics.requests_open || (server->stopping == 2 && rt_seconds() >= server->stop_at));
}

/* Returns 1 where clients wait to be accepted: that, as MHD_run, is for when no event is left that may name a client. */
static int handle(struct rt_server *server, struct rt_watch *watched)
{
    switch (watched->kind) {
    case RT_WATCH_LISTENER: return 1;
    case RT_WATCH_HTTP: break;
    case RT_WATCH_CLIENT: rt_client_hung_up((struct rt_client *)watched); break;
    case RT_WATCH_WAKE:
        drain(watched->fd);
        rt_exchanges_resume(server, 0);
        break;
    case RT_WATCH_SIGNAL:
        drain(watched->fd);
        stop(server, 1);
        break;
    }
    return 0;
}

/* Three times as often as the service manager wants a sign of life. */
static int tick_ms(const struct rt_server *server)
{
    const uint64_t watched = server->surroundings->service.watchdog_us / 3000;
    return watched && watched < TICK_MS ? (int)watched : TICK_MS;
}

static int wait_ms(const struct rt_server *server)
{
    const int64_t wanted = MHD_get_timeout64s(server->daemon);
    const int tick = tick_ms(server);
    return wanted >= 0 && wanted < tick ? (int)wanted : tick;
}

/* A sign of life for both threads: the scheduler's stands still for good reasons only while nothing is asked. */
static void tell_manager(struct rt_server *server)
{
    const double now = rt_seconds(), patience = 1e-6 * (double)server->surroundings->service.watchdog_us;
    struct rt_scheduler_state state;
    rt_scheduler_state(server->at.answerer.scheduler, &state);
    if (state.steps != server->steps || !(state.waiting + state.prefilling + state.decoding))
        server->moved = now;
    server->steps = state.steps;
    if (now - server->moved < patience)
        rt_notify_watchdog(&server->surroundings->notify);
    rt_notify_status(&server->surroundings->notify, "%u answers under way, %u waiting; %llu tokens so far",
                     (unsigned)(state.prefilling + state.decoding), (unsigned)state.waiting, (unsigned long long)state.answer_tokens);
}

static void tick(struct rt_server *server)
{
    tell_manager(server);
    rt_clients_cut(server, rt_seconds() - server->options->timeout);
    stop(server, 0);
    if (!server->stopping)
        pause_listening(server, 0);
}

static int loop(struct rt_server *server, struct rt_error *error)
{
    struct epoll_event events[EVENTS];
    double next_tick = 0;
    while (!has_stopped(server)) {
        const int count = epoll_wait(server->epoll, events, EVENTS, wait_ms(server));
        if (count < 0 && errno != EINTR)
            return rt_fail(error, RT_EXIT_FAILED, "waiting for requests: %s", strerror(errno));
        int knocking = 0;
        for (int i = 0; i < count; i++)
            knocking |= handle(server, events[i].data.ptr);
        if (rt_seconds() >= next_tick) {
            tick(server);
            next_tick = rt_seconds() + 1e-3 * tick_ms(server);
        }
        if (knocking)
            accept_clients(server);
        (void)MHD_run(server->daemon);
    }
    return 0;
}

/* ---- behind the seal ---- */

static void end(struct rt_server *server)
{
    for (struct rt_exchange *exchange = server->exchanges; exchange; exchange = exchange->after)
        if (exchange->call.answer)
            rt_answer_cancel(exchange->call.answer);
    rt_exchanges_resume(server, 1);
    (void)MHD_run(server->daemon);
}

int rt_server_run(struct rt_server *server, struct rt_site *site, struct rt_error *error)
{
    const struct rt_scheduler_options options = {.slots = server->options->slots,
                                                 .queue = server->options->queue,
                                                 .chunk = server->options->chunk,
                                                 .wake = server->wake.fd,
                                                 .keep_prefix = 1};
    if (rt_scheduler_open(&server->at.answerer.scheduler, site, &options, error))
        return -1;
    snprintf(server->model, sizeof server->model, "%s", server->options->name ? server->options->name : site->manifest->name);
    rt_api_site_describe(&server->at, site, server->model);
    server->at.answerer.queue = server->options->queue;
    sem_post(&server->go);
    fprintf(stderr, "cloister: %s is ready after %.1f s%s; %u tokens of context\n", server->model, site->load_s,
            site->is_warm ? " with the weights from before" : "", (unsigned)server->at.limits.context);
    rt_notify_ready(&server->surroundings->notify);
    const int failed = loop(server, error);
    end(server);
    return failed;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void rt_server_close(struct rt_server **out)
{
    struct rt_server *server = *out;
    if (!server)
        return;
    if (server->daemon)
        MHD_stop_daemon(server->daemon); /* connections first: their answers are the scheduler's jobs */
    if (server->thread_runs) {
        if (server->at.answerer.scheduler)
            rt_scheduler_stop(server->at.answerer.scheduler, 0);
        sem_post(&server->go);
        pthread_join(server->thread, NULL);
    }
    if (server->at.answerer.scheduler)
        rt_scheduler_close(&server->at.answerer.scheduler);
    signal_fd = -1;
    close_fd(server->signal.fd);
    close_fd(server->wake.fd);
    close_fd(server->epoll);
    rt_metrics_close(&server->metrics);
    rt_receipt_ring_close(&server->at.receipts);
    rt_api_keys_close(&server->keys);
    free(server);
    *out = NULL;
}
