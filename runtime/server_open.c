/* server_open.c: opens the server before the seal: sockets to watch, signals, libmicrohttpd, and the scheduler's thread, which waits until there is
 * a scheduler; and closes it. */
#include "runtime/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/scope.h"
#include "runtime/server_parts.h"

enum {
    HTTP_MEMORY = 16 << 10, /* of a connection: its head must fit */
    DESCRIPTORS_BESIDE = 64,
    STACK_BYTES = 1 << 20,
    RECEIPTS = 1024,
    RECEIPT_BYTES = 16 << 20,
};

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

/* ---- opening ---- */

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
    server->at.answerer.plain = options->no_speculation;
    for (size_t i = 0; i < rt_endpoint_count; i++)
        server->metrics.endpoints[i] = rt_endpoints[i].path;
    if (open_server(server, error))
        return -1;
    *out = RT_MOVE(server);
    return 0;
}

/* ---- closing ---- */

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
