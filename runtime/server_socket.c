/* server_socket.c: see server_socket.h. */
#include "runtime/server_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "runtime/scope.h"

enum { BACKLOG = 4096 };

static int is_in_use(const struct sockaddr_un *address)
{
    RT_CLOSE_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && !connect(fd, (const struct sockaddr *)address, sizeof *address);
}

int rt_socket_listen(const char *path, int *out, struct rt_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat there;
    if (strlen(path) >= sizeof address.sun_path)
        return rt_fail(error, RT_EXIT_USAGE, "%s: a socket's path has at most %zu bytes", path, sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (!lstat(path, &there) && (!S_ISSOCK(there.st_mode) || is_in_use(&address)))
        return rt_fail(error, RT_EXIT_FAILED, "%s: is there, and %s; give another --socket", path,
                       S_ISSOCK(there.st_mode) ? "somebody listens at it" : "no socket");
    (void)unlink(path);
    RT_CLOSE_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) || chmod(path, 0660) || listen(fd, BACKLOG))
        return rt_fail(error, RT_EXIT_FAILED, "%s: %s; does its directory exist, and may you write there?", path, strerror(errno));
    *out = RT_MOVE_FD(fd);
    return 0;
}
