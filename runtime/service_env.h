/* service_env.h: what the service manager tells a service in its environment (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)). The
 * words are captured by rt_start, which then forgets the environment, and judged by the command that is a service. One thread, before any other. */
#ifndef CLOISTER_SERVICE_ENV_H
#define CLOISTER_SERVICE_ENV_H

#include <stdint.h>
#include <sys/un.h>

#include "runtime/error.h"

struct rt_service_env { /* values in the environment's own memory; NULL where it lacks one */
    const char *listen_pid, *listen_fds, *listen_fdnames, *notify_socket, *watchdog_pid, *watchdog_usec;
};

enum {
    RT_SERVICE_FIRST_FD = 3,
    RT_SERVICE_FDS_MAX = 128,
    RT_SERVICE_NAME_BYTES = 64,
};

struct rt_service {
    unsigned fd_count; /* descriptors RT_SERVICE_FIRST_FD and following: open, and not for other programs */
    char names[RT_SERVICE_FDS_MAX][RT_SERVICE_NAME_BYTES];  /* "unknown" where the manager names none */
    char notify[sizeof((struct sockaddr_un *)0)->sun_path]; /* a path, or a name behind '@'; "": nobody listens */
    uint64_t watchdog_us;                                   /* the longest that the manager waits for a sign of life; 0: for ever */
};

/* What is meant for another process is left out. A value that no service manager writes is refused (RT_EXIT_USAGE). env may be NULL. */
RT_MUST_CHECK int rt_service_read(struct rt_service *out, const struct rt_service_env *env, struct rt_error *error);

#endif
