/* server_socket.h: where the server listens. Before the seal. */
#ifndef CLOISTER_SERVER_SOCKET_H
#define CLOISTER_SERVER_SOCKET_H

#include "runtime/error.h"

/* A Unix socket at this path, which the group may use; one that nobody listens at any more is replaced. */
RT_MUST_CHECK int rt_socket_listen(const char *path, int *fd, struct rt_error *error);

#endif
