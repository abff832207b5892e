/* listeners.h: the sockets that a server listens on: made here under a path, or inherited from the service manager. All are bound before the
 * seal. One thread, before any other: each socket file gets a process that removes it in the end, since a sealed one cannot. */
#ifndef CLOISTER_LISTENERS_H
#define CLOISTER_LISTENERS_H

#include <sys/types.h>

#include "runtime/service_env.h"

enum { RT_LISTENERS_MAX = 16, RT_SOCKET_MODE = 0660 };

struct rt_listener {
    int fd;                     /* non-blocking, closed by exec */
    int family;                 /* AF_UNIX where it was made here */
    int to_keeper, from_keeper; /* see listeners.c; -1 where inherited */
};

struct rt_listeners { /* {.count = 0} is an empty one */
    struct rt_listener items[RT_LISTENERS_MAX];
    unsigned count;
};

/* Binds and listens on a socket file with this mode, a combination of 0777. The socket file of a server that is gone is replaced; one that
 * somebody answers on, or what is no socket, is refused. */
RT_MUST_CHECK int rt_listeners_bind(struct rt_listeners *listeners, const char *path, unsigned mode, struct rt_error *error);
/* Takes every inherited descriptor whose name does not begin with `not_ours` (NULL: every one). Each must be a listening stream socket, of any
 * family. */
RT_MUST_CHECK int rt_listeners_inherit(struct rt_listeners *listeners, const struct rt_service *service, const char *not_ours,
                                       struct rt_error *error);
/* Closes them, and returns when the socket files are removed that are still ours. Also behind the seal. The files are removed when this process
 * is killed, too. */
void rt_listeners_close(struct rt_listeners *listeners);

#endif
