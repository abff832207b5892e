/* server.h: the HTTP server: sockets, connections and requests on the main thread, the scheduler on a thread of its own. Opened before the seal,
 * where sockets are bound and the thread is started; run behind it, where the first byte from outside is read. */
#ifndef CLOISTER_SERVER_H
#define CLOISTER_SERVER_H

#include "runtime/listeners.h"
#include "runtime/notify.h"
#include "runtime/seal_test.h"
#include "runtime/site.h"

struct rt_server;

struct rt_server_options {
    const char *api_keys;         /* a file; NULL: a Unix socket's peers are who they are */
    const char *name;             /* of the model, as it is shown; NULL: the bundle's */
    uint32_t slots, queue, chunk; /* as the scheduler has them */
    uint32_t connections;         /* at most so many at a time */
    size_t max_body;              /* bytes */
    double grace;                 /* seconds that answers under way have when the server is to stop */
    double timeout;               /* seconds for a request to arrive, for a reader to read on, and that an idle connection is kept */
    int share_prefixes, log_prompts;
    int no_speculation; /* tokens come one by one */
};

/* What is made before any thread is; outlives the server. */
struct rt_server_surroundings {
    struct rt_service service;
    struct rt_notify notify;
    struct rt_listeners listeners;
    struct rt_seal_report seal; /* what a process that is sealed as the server is has tried */
};

/* The options must outlive the server. */
RT_MUST_CHECK int rt_server_open(struct rt_server **out, const struct rt_server_options *options,
                                 struct rt_server_surroundings *surroundings, struct rt_error *error);
/* Answers until SIGTERM or SIGINT. The site must outlive the server. */
RT_MUST_CHECK int rt_server_run(struct rt_server *server, struct rt_site *site, struct rt_error *error);
void rt_server_close(struct rt_server **server);

#endif
