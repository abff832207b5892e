/* server.c: the server's loop, behind the seal: one epoll over the listening sockets, libmicrohttpd's own epoll, the scheduler's wake, signals, and
 * clients that hang up. */
#include "runtime/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/server_parts.h"

enum { EVENTS = 256, TICK_MS = 1000 };
static const double LAST_WORDS = 2; /* seconds to tell that an answer fails */

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

/* ---- from beginning to end ---- */

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
