/* server_parts.h: what the parts of the server share: server_open.c, server.c (the loop), server_client.c (connections), server_head.c and
 * server_request.c (requests), server_reply.c (replies) and server_stream.c (streams). All of it is the main thread's. */
#ifndef CLOISTER_SERVER_PARTS_H
#define CLOISTER_SERVER_PARTS_H

#include <microhttpd.h>
#include <pthread.h>
#include <semaphore.h>

#include "runtime/answer_json.h"
#include "runtime/api_call.h"
#include "runtime/api_keys.h"
#include "runtime/server.h"

enum rt_watch_kind { RT_WATCH_LISTENER, RT_WATCH_HTTP, RT_WATCH_WAKE, RT_WATCH_SIGNAL, RT_WATCH_CLIENT };

struct rt_watch { /* what an event of the server's epoll is about */
    enum rt_watch_kind kind;
    int fd;
};

struct rt_exchange;

struct rt_client { /* a connection; lives as long as libmicrohttpd's */
    struct rt_watch watch;
    struct rt_server *server;
    struct MHD_Connection *connection;
    struct rt_owner owner;
    struct rt_exchange *exchange; /* the request under way; NULL: none */
    struct rt_client *before, *after;
    double quiet_since; /* no whole request has come since then; 0: one is being answered, and the client is in no list */
};

struct rt_endpoint {  /* server_request.c has them */
    const char *path; /* with '/' at its end, whatever follows is the call's rest */
    const char *method;
    rt_api_function *function;
    int open; /* also without a key */
};

struct rt_exchange { /* one request and its reply */
    struct rt_client *client;
    struct rt_exchange *before, *after;
    const struct rt_endpoint *endpoint; /* NULL: none has this path */
    struct rt_owner owner;
    struct rt_api_call call;
    struct rt_api_error refusal; /* status 0: none so far */
    struct rt_bytes body;
    struct rt_bytes out; /* streaming: what is formatted, of which `sent` bytes are gone */
    size_t sent;
    char method[16], path[128]; /* as the log shows them */
    double started;
    int status;    /* 0: nothing is queued yet */
    int streaming; /* the head is out */
    int suspended; /* libmicrohttpd waits for us */
};

struct rt_server {
    const struct rt_server_options *options;
    struct rt_server_surroundings *surroundings;
    struct rt_api_site at;
    struct rt_api_keys *keys; /* NULL: none are asked for */
    struct rt_metrics metrics;
    struct MHD_Daemon *daemon;
    int epoll;
    struct rt_watch http, wake, signal, listeners[RT_LISTENERS_MAX];
    int listening;                        /* 0: paused, since all connections are taken */
    struct rt_client *quiet, *quiet_last; /* those without a whole request, the longest first */
    struct rt_exchange *exchanges;
    size_t body_bytes; /* of all requests that are being received */
    pthread_t thread;
    sem_t go; /* posted when the scheduler is there, or is not to be waited for */
    int thread_runs;
    int stopping; /* 1: finishing what runs; 2: failing it */
    double stop_at;
    double moved;   /* when the scheduler was last seen to get on, */
    uint64_t steps; /* and how many steps it had made */
    char model[RT_NAME_MAX];
};

/* ---- server_client.c ---- */

/* All that wait at the listener; 0, or -1 when they have to wait longer: no connection, descriptor or memory is left. */
RT_MUST_CHECK int rt_clients_accept(struct rt_server *server, int listener);
void rt_client_notify(void *server, struct MHD_Connection *connection, void **client, enum MHD_ConnectionNotificationCode code);
void rt_client_hung_up(struct rt_client *client);
void rt_client_is_quiet(struct rt_client *client); /* from now on */
void rt_client_is_busy(struct rt_client *client);
void rt_clients_cut(struct rt_server *server, double before); /* those that are quiet since then or longer */
int rt_clients_evict(struct rt_server *server);               /* an idle one, for another; 0: there is none */

/* ---- server_head.c ---- */

extern const struct rt_endpoint rt_endpoints[];
extern const size_t rt_endpoint_count;

const struct rt_endpoint *rt_endpoint_find(const char *url, const char **rest); /* NULL: there is none */
const char *rt_exchange_header(const struct rt_exchange *exchange, const char *name);
unsigned long long rt_exchange_declared(const struct rt_exchange *exchange);              /* bytes of the body; 0 where that is not said */
int rt_exchange_check(struct rt_exchange *exchange, const char *url, const char *method); /* 0, or -1 with exchange->refusal */
int rt_exchange_refuse_large(struct rt_exchange *exchange);                               /* -1 */

/* ---- server_request.c ---- */

enum MHD_Result rt_exchange_answer(void *server, struct MHD_Connection *connection, const char *url, const char *method,
                                   const char *version, const char *upload, size_t *bytes, void **exchange);
void rt_exchange_completed(void *server, struct MHD_Connection *connection, void **exchange, enum MHD_RequestTerminationCode why);
/* Goes on with those that have waited for the scheduler and have news. all: with every one that waits. */
void rt_exchanges_resume(struct rt_server *server, int all);
void rt_exchange_suspend(struct rt_exchange *exchange);

/* ---- server_reply.c ---- */

enum MHD_Result rt_reply_text(struct rt_exchange *exchange, int status, const char *type, char *text, size_t bytes); /* text is freed */
enum MHD_Result rt_reply_refusal(struct rt_exchange *exchange);                                                      /* exchange->refusal */
enum MHD_Result rt_reply_nothing(struct rt_exchange *exchange);                                                      /* to OPTIONS */
void rt_reply_headers(const struct rt_exchange *exchange, struct MHD_Response *response);
void rt_exchange_log(const struct rt_exchange *exchange);

/* ---- server_stream.c ---- */

enum MHD_Result rt_reply_stream(struct rt_exchange *exchange);

#endif
