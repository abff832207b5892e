/* server_client.c: connections: who they are, how long they may be quiet, and when they are gone. */
#include "runtime/server_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/clock.h"

static const double EVICT_AFTER = 1; /* seconds that a connection may be idle before another may take its place */

/* ---- the list of the quiet ones ---- */

void rt_client_is_busy(struct rt_client *client)
{
    struct rt_server *server = client->server;
    if (client->quiet_since <= 0)
        return;
    *(client->before ? &client->before->after : &server->quiet) = client->after;
    *(client->after ? &client->after->before : &server->quiet_last) = client->before;
    client->before = client->after = NULL;
    client->quiet_since = 0;
}

void rt_client_is_quiet(struct rt_client *client)
{
    struct rt_server *server = client->server;
    rt_client_is_busy(client);
    client->quiet_since = rt_seconds();
    client->before = server->quiet_last;
    *(client->before ? &client->before->after : &server->quiet) = client;
    server->quiet_last = client;
}

/* libmicrohttpd sees the end and lets go of it in its turn. */
static void cut(struct rt_client *client)
{
    client->server->metrics.connections_cut++;
    shutdown(client->watch.fd, SHUT_RDWR);
    rt_client_is_busy(client);
}

void rt_clients_cut(struct rt_server *server, double before)
{
    while (server->quiet && server->quiet->quiet_since <= before)
        cut(server->quiet);
}

int rt_clients_evict(struct rt_server *server)
{
    struct rt_client *client = server->quiet;
    while (client && client->exchange)
        client = client->after;
    if (!client || client->quiet_since > rt_seconds() - EVICT_AFTER)
        return 0;
    cut(client);
    return 1;
}

/* ---- who it is ---- */

static struct rt_owner owner_of(int fd)
{
    struct rt_owner owner = {.name = "unknown"};
    struct ucred peer;
    socklen_t bytes = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) || peer.uid == (uid_t)-1)
        return owner;
    owner.id = UINT64_C(1) << 32 | peer.uid;
    snprintf(owner.name, sizeof owner.name, "uid:%u", (unsigned)peer.uid);
    return owner;
}

/* ---- from first to last ---- */

int rt_clients_accept(struct rt_server *server, int listener)
{
    for (;;) {
        if (server->metrics.connections >= server->options->connections)
            return -1;
        const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0)
            return errno == EAGAIN ? 0 : -1;
        const struct sockaddr peer = {.sa_family = AF_UNIX};
        (void)MHD_add_connection(server->daemon, fd, &peer, sizeof peer); /* closes what it does not take */
    }
}

static struct rt_client *client_open(struct rt_server *server, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct rt_client *client = info ? calloc(1, sizeof *client) : NULL;
    if (!client)
        return NULL;
    client->watch = (struct rt_watch){RT_WATCH_CLIENT, info->connect_fd};
    client->server = server;
    client->connection = connection;
    client->owner = owner_of(info->connect_fd);
    /* Only that it hangs up; and only once. */
    struct epoll_event event = {.events = EPOLLET, .data.ptr = &client->watch};
    (void)epoll_ctl(server->epoll, EPOLL_CTL_ADD, info->connect_fd, &event);
    server->metrics.connections++;
    server->metrics.connections_opened++;
    rt_client_is_quiet(client);
    return client;
}

static void client_close(struct rt_client *client)
{
    (void)epoll_ctl(client->server->epoll, EPOLL_CTL_DEL, client->watch.fd, NULL);
    rt_client_is_busy(client);
    client->server->metrics.connections--;
    free(client);
}

void rt_client_notify(void *server, struct MHD_Connection *connection, void **client, enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *client = client_open(server, connection);
    } else if (*client) {
        client_close(*client);
        *client = NULL;
    }
}

/* Whatever is computed for it is given up; libmicrohttpd finds out when it goes on. */
void rt_client_hung_up(struct rt_client *client)
{
    struct rt_exchange *exchange = client->exchange;
    const int is_told = exchange && exchange->call.answer && (exchange->streaming ? exchange->call.answer->ended : exchange->status);
    if (!exchange || !exchange->call.answer || is_told)
        return;
    rt_answer_cancel(exchange->call.answer);
    if (!exchange->suspended)
        return;
    exchange->suspended = 0;
    MHD_resume_connection(client->connection);
}
