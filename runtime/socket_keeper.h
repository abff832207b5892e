/* socket_keeper.h: a process that removes a server's socket file when the server has ended, however it ended: the server is sealed by then and
 * could not. It sees nothing but the file's directory. For listeners.c. */
#ifndef CLOISTER_SOCKET_KEEPER_H
#define CLOISTER_SOCKET_KEEPER_H

#include "runtime/error.h"

/* Opens the directory that a path lies in and locks it against others who make or remove sockets there, for as long as it is open; gives up
 * after a second. */
RT_MUST_CHECK int rt_socket_directory(int *out, const char *path, struct rt_error *error);

/* Before any thread. Starts the process for the socket file at `path`, which lies in `directory`. The two ends of its pipes are for
 * rt_socket_keeper_end alone; it acts when the first is closed. */
RT_MUST_CHECK int rt_socket_keeper_start(int *to, int *from, int directory, const char *path, struct rt_error *error);
/* Has it remove the file and returns when that is done. Also behind the seal. Descriptors of -1 are no keeper. */
void rt_socket_keeper_end(int *to, int *from);

#endif
