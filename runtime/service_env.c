/* service_env.c: six variables, read as if a stranger had written them. */
#include "runtime/service_env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_number(uint64_t *out, const char *name, const char *text, uint64_t max, struct rt_error *error)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value > max)
        return rt_fail(error, RT_EXIT_USAGE, "environment: %s is \"%.40s\" and not a number up to %llu; unset it", name, text,
                       (unsigned long long)max);
    *out = value;
    return 0;
}

/* Whether it names this process; a service manager that names none means it. */
static int is_for_us(int *out, const char *name, const char *text, int without, struct rt_error *error)
{
    uint64_t process = 0;
    if (text && read_number(&process, name, text, INT32_MAX, error))
        return -1;
    *out = text ? process == (uint64_t)getpid() : without;
    return 0;
}

/* ---- descriptors ---- */

/* The next name up to a colon, as systemd allows them. */
static int read_name(char *out, const char **at, struct rt_error *error)
{
    const size_t length = strcspn(*at, ":");
    for (size_t i = 0; i < length; i++)
        if ((*at)[i] <= ' ' || (*at)[i] > '~')
            return rt_fail(error, RT_EXIT_USAGE, "environment: LISTEN_FDNAMES holds a character that no name has; unset it");
    if (length >= RT_SERVICE_NAME_BYTES)
        return rt_fail(error, RT_EXIT_USAGE,
                       "environment: LISTEN_FDNAMES: a name is longer than %d characters; choose a shorter FileDescriptorName=",
                       RT_SERVICE_NAME_BYTES - 1);
    memcpy(out, *at, length);
    out[length] = 0;
    *at += length + ((*at)[length] == ':');
    return 0;
}

static int read_names(struct rt_service *service, const char *names, struct rt_error *error)
{
    size_t count = 1;
    for (const char *at = names; at && *at; at++)
        count += *at == ':';
    if (names && count != service->fd_count)
        return rt_fail(error, RT_EXIT_USAGE, "environment: LISTEN_FDS counts %u descriptors and LISTEN_FDNAMES names %zu; unset both",
                       service->fd_count, count);
    for (unsigned i = 0; i < service->fd_count; i++)
        if (!names)
            snprintf(service->names[i], RT_SERVICE_NAME_BYTES, "unknown");
        else if (read_name(service->names[i], &names, error))
            return -1;
    return 0;
}

static int keep_to_ourselves(const struct rt_service *service, struct rt_error *error)
{
    for (unsigned i = 0; i < service->fd_count; i++) {
        const int fd = RT_SERVICE_FIRST_FD + (int)i, flags = fcntl(fd, F_GETFD);
        if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC))
            return rt_fail(error, RT_EXIT_USAGE, "environment: LISTEN_FDS counts %u descriptors, but %d is not open; unset it",
                           service->fd_count, fd);
    }
    return 0;
}

static int read_descriptors(struct rt_service *out, const struct rt_service_env *env, struct rt_error *error)
{
    int ours;
    uint64_t count;
    if (!env->listen_fds)
        return 0;
    if (is_for_us(&ours, "LISTEN_PID", env->listen_pid, 0, error) ||
        read_number(&count, "LISTEN_FDS", env->listen_fds, RT_SERVICE_FDS_MAX, error))
        return -1;
    out->fd_count = ours ? (unsigned)count : 0;
    if (!out->fd_count)
        return 0;
    return read_names(out, env->listen_fdnames, error) ? -1 : keep_to_ourselves(out, error);
}

/* ---- notification and watchdog ---- */

static int read_notify(struct rt_service *out, const char *name, struct rt_error *error)
{
    if (!name)
        return 0;
    const size_t length = strlen(name);
    if ((*name != '/' && *name != '@') || length < 2 || length >= sizeof out->notify)
        return rt_fail(error, RT_EXIT_USAGE,
                       "environment: NOTIFY_SOCKET is \"%.40s\" and not the absolute path of a local socket, nor a name behind @; unset it",
                       name);
    memcpy(out->notify, name, length + 1);
    return 0;
}

static int read_watchdog(struct rt_service *out, const struct rt_service_env *env, struct rt_error *error)
{
    int ours;
    uint64_t wait;
    if (!env->watchdog_usec)
        return 0;
    if (is_for_us(&ours, "WATCHDOG_PID", env->watchdog_pid, 1, error) ||
        read_number(&wait, "WATCHDOG_USEC", env->watchdog_usec, UINT64_MAX - 1, error))
        return -1;
    if (!wait)
        return rt_fail(error, RT_EXIT_USAGE, "environment: WATCHDOG_USEC is 0, which nobody can keep; unset it");
    out->watchdog_us = ours ? wait : 0;
    return 0;
}

int rt_service_read(struct rt_service *out, const struct rt_service_env *env, struct rt_error *error)
{
    *out = (struct rt_service){.fd_count = 0};
    if (!env)
        return 0;
    return read_descriptors(out, env, error) || read_notify(out, env->notify_socket, error) || read_watchdog(out, env, error) ? -1 : 0;
}
