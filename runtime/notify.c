/* notify.c: datagrams of NAME=VALUE lines. See notify.h for who may call. */
#include "runtime/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "runtime/scope.h"

enum { TRIES = 3, WAIT_MS = 100, LONG_WAIT_MS = 2000, TEXT_BYTES = 512 };

int rt_notify_open(struct rt_notify *out, const struct rt_service *service, struct rt_error *error)
{
    const char *name = service->notify;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    out->fd = -1;
    if (!*name)
        return 0;
    memcpy(address.sun_path, name, strlen(name));
    if (*name == '@')
        address.sun_path[0] = 0;
    RT_CLOSE_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, bytes))
        return rt_fail(error, RT_EXIT_FAILED, "NOTIFY_SOCKET %s: %s; start this from its unit, or unset the variable", name,
                       strerror(errno));
    out->fd = RT_MOVE_FD(fd);
    return 0;
}

void rt_notify_close(struct rt_notify *notify)
{
    rt_clean_fd(&notify->fd);
    notify->fd = -1;
}

/* ---- sending ---- */

/* Whether it is worth trying again. */
static int may_retry(int fd, int wait_ms)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    return errno == EINTR || (errno == EAGAIN && poll(&room, 1, wait_ms) > 0);
}

static void say_within(const struct rt_notify *notify, const char *text, int wait_ms)
{
    const size_t bytes = strlen(text);
    for (int i = 0; notify->fd >= 0 && i < TRIES && write(notify->fd, text, bytes) < 0 && may_retry(notify->fd, wait_ms); i++)
        continue;
}

static void say(const struct rt_notify *notify, const char *text)
{
    say_within(notify, text, WAIT_MS);
}

/* The text and a descriptor. */
static int say_with(const struct rt_notify *notify, const char *text, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec piece = {.iov_base = (char *)text, .iov_len = strlen(text)};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    for (int i = 0; i < TRIES; i++) {
        if (sendmsg(notify->fd, &message, MSG_NOSIGNAL) >= 0)
            return 0;
        if (!may_retry(notify->fd, LONG_WAIT_MS))
            return -1;
    }
    return -1;
}

/* ---- what is said ---- */

void rt_notify_ready(const struct rt_notify *notify)
{
    say(notify, "READY=1");
}

void rt_notify_status(const struct rt_notify *notify, const char *format, ...)
{
    static const char name[] = "STATUS=";
    char text[TEXT_BYTES] = "STATUS=";
    va_list args;
    va_start(args, format);
    vsnprintf(text + sizeof name - 1, sizeof text - (sizeof name - 1), format, args);
    va_end(args);
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f) /* a second line would be another order */
            *at = '?';
    say(notify, text);
}

void rt_notify_reloading(const struct rt_notify *notify)
{
    char text[TEXT_BYTES];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
    say(notify, text);
}

void rt_notify_stopping(const struct rt_notify *notify)
{
    say(notify, "STOPPING=1");
}

void rt_notify_watchdog(const struct rt_notify *notify)
{
    say(notify, "WATCHDOG=1");
}

void rt_notify_extend(const struct rt_notify *notify, uint64_t microseconds)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%llu", (unsigned long long)microseconds);
    say(notify, text);
}

/* ---- the store ---- */

int rt_notify_store(const struct rt_notify *notify, const char *name, int fd, struct rt_error *error)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
    if (notify->fd >= 0 && say_with(notify, text, fd))
        return rt_fail(error, RT_EXIT_FAILED, "the service manager takes no descriptor \"%s\": %s; set FileDescriptorStoreMax= in the unit",
                       name, strerror(errno));
    return 0;
}

void rt_notify_forget(const struct rt_notify *notify, const char *name)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", name);
    say_within(notify, text, LONG_WAIT_MS);
}

/* The manager closes the descriptor that comes with the message, once it has read all messages before. */
int rt_notify_barrier(const struct rt_notify *notify, int milliseconds)
{
    int ends[2];
    if (notify->fd < 0)
        return 0;
    if (pipe2(ends, O_CLOEXEC))
        return -1;
    RT_CLOSE_FD int ours = ends[0];
    const int failed = say_with(notify, "BARRIER=1", ends[1]);
    close(ends[1]);
    struct pollfd closed = {.fd = ours};
    return failed || poll(&closed, 1, milliseconds) <= 0 ? -1 : 0;
}
