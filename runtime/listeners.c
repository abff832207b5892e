/* listeners.c: sockets and their files. See listeners.h for who may call. */
#include "runtime/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/scope.h"
#include "runtime/socket_keeper.h"

static struct rt_listener *next_of(struct rt_listeners *listeners, struct rt_error *error)
{
    if (listeners->count < RT_LISTENERS_MAX)
        return &listeners->items[listeners->count];
    rt_fail(error, RT_EXIT_USAGE, "more than %d sockets to listen on; give fewer", RT_LISTENERS_MAX);
    return NULL;
}

/* ---- a socket file ---- */

struct place {
    const char *path;
    int directory; /* locked, so that nobody else looks for a dead server's file and replaces it meanwhile */
    struct sockaddr_un address;
};

static int fail_at(const struct place *place, const char *what, struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_FAILED, "%s: %s: %s", place->path, what, strerror(errno));
}

static int open_place(struct place *place, const char *path, struct rt_error *error)
{
    const size_t bytes = strlen(path);
    *place = (struct place){.path = path, .directory = -1, .address = {.sun_family = AF_UNIX}};
    if (!bytes || bytes >= sizeof place->address.sun_path)
        return rt_fail(error, RT_EXIT_USAGE, "%s: a socket's path has 1 to %zu bytes, this has %zu; choose a shorter one", path,
                       sizeof place->address.sun_path - 1, bytes);
    memcpy(place->address.sun_path, path, bytes);
    return rt_socket_directory(&place->directory, path, error);
}

/* Whether somebody answers: 1, 0, or -1 with *error. */
static int is_alive(const struct place *place, struct rt_error *error)
{
    RT_CLOSE_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail_at(place, "no socket to look with", error);
    if (!connect(fd, (const struct sockaddr *)&place->address, sizeof place->address) || errno == EAGAIN || errno == EPROTOTYPE)
        return 1;
    return errno == ECONNREFUSED ? 0
                                 : fail_at(place, "it cannot be told whether a server listens there; remove the file if none does", error);
}

static int make_room(const struct place *place, struct rt_error *error)
{
    struct stat status;
    if (lstat(place->path, &status))
        return errno == ENOENT ? 0 : fail_at(place, "cannot be looked at", error);
    if (!S_ISSOCK(status.st_mode))
        return rt_fail(error, RT_EXIT_USAGE, "%s: is there and is no socket; choose another path, or remove it", place->path);
    const int alive = is_alive(place, error);
    if (alive > 0)
        return rt_fail(error, RT_EXIT_FAILED, "%s: another process listens there; stop it, or choose another path", place->path);
    if (alive < 0)
        return -1;
    return unlink(place->path) ? fail_at(place, "a dead server's socket that cannot be removed", error) : 0;
}

/* The mode is right from the first moment. */
static int bind_and_listen(int fd, const struct place *place, unsigned mode, struct rt_error *error)
{
    const mode_t before = umask((mode_t)(~mode & 0777));
    const int failed = bind(fd, (const struct sockaddr *)&place->address, sizeof place->address);
    const int why = errno;
    umask(before);
    errno = why;
    if (failed)
        return fail_at(place, "cannot be made", error);
    if (!listen(fd, SOMAXCONN))
        return 0;
    fail_at(place, "cannot be listened on", error);
    unlink(place->path);
    return -1;
}

static void close_place(struct place *place)
{
    rt_clean_fd(&place->directory);
}

int rt_listeners_bind(struct rt_listeners *listeners, const char *path, unsigned mode, struct rt_error *error)
{
    RT_CLEAN(close_place) struct place place = {.directory = -1};
    struct rt_listener *next = next_of(listeners, error);
    if (!next)
        return -1;
    if (mode > 0777)
        return rt_fail(error, RT_EXIT_USAGE, "%s: a socket's mode is at most 0777", path);
    if (open_place(&place, path, error))
        return -1;
    RT_CLOSE_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail_at(&place, "no socket", error);
    if (make_room(&place, error) || bind_and_listen(fd, &place, mode, error))
        return -1;
    *next = (struct rt_listener){.fd = fd, .family = AF_UNIX};
    if (rt_socket_keeper_start(&next->to_keeper, &next->from_keeper, place.directory, path, error)) {
        unlink(path);
        return -1;
    }
    (void)RT_MOVE_FD(fd);
    listeners->count++;
    return 0;
}

/* ---- inherited ones ---- */

static int has_option(int fd, int option, int wanted)
{
    int value;
    socklen_t bytes = sizeof value;
    return !getsockopt(fd, SOL_SOCKET, option, &value, &bytes) && value == wanted;
}

static int take(struct rt_listener *out, int fd, const char *name, struct rt_error *error)
{
    struct sockaddr_storage address;
    socklen_t bytes = sizeof address;
    if (!has_option(fd, SO_TYPE, SOCK_STREAM) || !has_option(fd, SO_ACCEPTCONN, 1) || getsockname(fd, (struct sockaddr *)&address, &bytes))
        return rt_fail(error, RT_EXIT_USAGE,
                       "descriptor %d (\"%s\") from the service manager is no listening stream socket; use ListenStream= and Accept=no", fd,
                       name);
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
        return rt_fail(error, RT_EXIT_FAILED, "descriptor %d (\"%s\"): %s", fd, name, strerror(errno));
    *out = (struct rt_listener){.fd = fd, .family = address.ss_family, .to_keeper = -1, .from_keeper = -1};
    return 0;
}

int rt_listeners_inherit(struct rt_listeners *listeners, const struct rt_service *service, const char *not_ours, struct rt_error *error)
{
    for (unsigned i = 0; i < service->fd_count; i++) {
        if (not_ours && !strncmp(service->names[i], not_ours, strlen(not_ours)))
            continue;
        struct rt_listener *next = next_of(listeners, error);
        if (!next || take(next, RT_SERVICE_FIRST_FD + (int)i, service->names[i], error))
            return -1;
        listeners->count++;
    }
    return 0;
}

/* Nobody answers any more before the first file goes. */
void rt_listeners_close(struct rt_listeners *listeners)
{
    for (unsigned i = 0; i < listeners->count; i++)
        close(listeners->items[i].fd);
    for (unsigned i = 0; i < listeners->count; i++)
        rt_socket_keeper_end(&listeners->items[i].to_keeper, &listeners->items[i].from_keeper);
    listeners->count = 0;
}
