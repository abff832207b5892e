/* socket_keeper.c: waits for the end of a pipe, then removes the file if it is still the one that was made. See socket_keeper.h. */
#include "runtime/socket_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/scope.h"
#include "runtime/seal.h"

enum { LOCK_TRIES = 50, LOCK_WAIT_US = 20000, FDS_MAX = 1024 };

static const char *name_in(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int lock(int directory)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (!flock(directory, LOCK_EX | LOCK_NB))
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -1;
        usleep(LOCK_WAIT_US);
    }
    return -1;
}

int rt_socket_directory(int *out, const char *path, struct rt_error *error)
{
    const char *name = name_in(path);
    const size_t bytes = (size_t)(name - path);
    RT_FREE char *directory = bytes ? strndup(path, bytes) : strdup(".");
    if (!directory)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory", path);
    RT_CLOSE_FD int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return rt_fail(error, RT_EXIT_FAILED, "%s: its directory cannot be opened: %s", path, strerror(errno));
    if (lock(fd))
        return rt_fail(error, RT_EXIT_FAILED, "%s: its directory is locked by another process; try again", path);
    *out = RT_MOVE_FD(fd);
    return 0;
}

/* ---- the keeper ---- */

/* It must not hold what the server listens on, or what it has inherited. */
static void close_all_but(int a, int b, int c)
{
    for (int fd = STDERR_FILENO + 1; fd < FDS_MAX; fd++)
        if (fd != a && fd != b && fd != c)
            close(fd);
}

/* Signals for the whole group end the server, and that ends the pipe. */
static void ignore_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_IGN);
}

static void remove_ours(int directory, const char *name, const struct stat *ours)
{
    struct stat now;
    if (!lock(directory) && !fstatat(directory, name, &now, AT_SYMLINK_NOFOLLOW) && now.st_dev == ours->st_dev &&
        now.st_ino == ours->st_ino)
        unlinkat(directory, name, 0);
}

/* Its own open directory: a lock belongs to what was opened, and the server's is to be given back. */
static int get_ready(int *own, int directory, const char *name, struct stat *ours)
{
    struct rt_error error;
    *own = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *own < 0 || fstatat(directory, name, ours, AT_SYMLINK_NOFOLLOW) || close(directory) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
                   rt_seal_keeper(*own, &error)
               ? -1
               : 0;
}

static void keep(int from, int to, int directory, const char *name)
{
    struct stat ours;
    char byte = 0;
    int own;
    ignore_signals();
    close_all_but(from, to, directory);
    if (get_ready(&own, directory, name, &ours) || write(to, &byte, 1) != 1)
        return;
    while (read(from, &byte, 1) < 0 && errno == EINTR)
        continue;
    remove_ours(own, name, &ours);
}

/* ---- the server's side ---- */

struct pipe_ends {
    int read, write;
};

static void close_ends(struct pipe_ends *ends)
{
    rt_clean_fd(&ends->read);
    rt_clean_fd(&ends->write);
}

static int open_ends(struct pipe_ends *ends)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC))
        return -1;
    *ends = (struct pipe_ends){fds[0], fds[1]};
    return 0;
}

/* Reads until a byte comes: 1, or until the keeper has ended: 0. */
static int hear(int fd)
{
    char byte;
    ssize_t got;
    while ((got = read(fd, &byte, 1)) < 0 && errno == EINTR)
        continue;
    return got == 1;
}

int rt_socket_keeper_start(int *to, int *from, int directory, const char *path, struct rt_error *error)
{
    RT_CLEAN(close_ends) struct pipe_ends down = {-1, -1};
    RT_CLEAN(close_ends) struct pipe_ends up = {-1, -1};
    const pid_t process = open_ends(&down) || open_ends(&up) ? -1 : fork();
    if (!process) {
        keep(down.read, up.write, directory, name_in(path));
        _exit(0);
    }
    rt_clean_fd(&up.write);
    up.write = -1;
    if (process < 0)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no process to remove it in the end: %s", path, strerror(errno));
    if (!hear(up.read))
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: the process that is to remove it in the end could not be sealed", path);
    *to = RT_MOVE_FD(down.write);
    *from = RT_MOVE_FD(up.read);
    return 0;
}

void rt_socket_keeper_end(int *to, int *from)
{
    rt_clean_fd(to);
    if (*from >= 0)
        (void)hear(*from);
    rt_clean_fd(from);
    *to = *from = -1;
}
