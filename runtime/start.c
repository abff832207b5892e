/* start.c: the first steps of the site program. What is given up here is given up for every thread and for good. */
#include "runtime/start.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "runtime/capabilities.h"
#include "runtime/seal.h"

extern char **environ;

static int system_refuses(struct rt_error *error, const char *what)
{
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "the kernel refuses %s: %s; Linux 5.13 or newer with seccomp filters is needed", what,
                   strerror(errno));
}

static void capture(struct rt_service_env *out)
{
    *out = (struct rt_service_env){
        .listen_pid = getenv("LISTEN_PID"),
        .listen_fds = getenv("LISTEN_FDS"),
        .listen_fdnames = getenv("LISTEN_FDNAMES"),
        .notify_socket = getenv("NOTIFY_SOCKET"),
        .watchdog_pid = getenv("WATCHDOG_PID"),
        .watchdog_usec = getenv("WATCHDOG_USEC"),
    };
}

/* oneDNN, hwloc and libc take orders from environment variables; some of them write files. */
static void forget_environment(void)
{
    static char *nothing[] = {NULL};
    environ = nothing;
}

/* Under READ_IMPLIES_EXEC, which whoever starts a program may hand it, all memory would be executable, whatever the seal's filter sees. */
static int forget_personality(struct rt_error *error)
{
    return personality(PER_LINUX) < 0 ? system_refuses(error, "the ordinary personality") : 0;
}

/* Weights and conversations must not end up in a core file, nor be read by another process of the same user. */
static int forbid_dumps(struct rt_error *error)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none))
        return system_refuses(error, "to forbid core dumps");
    if (!RT_SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) /* LeakSanitizer traces its own process */
        return system_refuses(error, "to forbid tracing");
    return 0;
}

/* Every address family but AF_UNIX; io_uring too, since it opens sockets that no filter sees. libseccomp kills calls made through
 * the 32-bit or x32 entry. */
static int add_rules(scmp_filter_ctx filter)
{
    int status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
    if (!status)
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socketpair), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
    if (!status)
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup), 0);
    return status;
}

static int forbid_networks(struct rt_error *error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the network filter");
    int status = add_rules(filter);
    if (!status)
        status = seccomp_load(filter);
    seccomp_release(filter);
    if (!status)
        return 0;
    errno = -status;
    return system_refuses(error, "the filter against networks");
}

int rt_start(struct rt_service_env *service, uint64_t keep, struct rt_error *error)
{
    capture(service);
    forget_environment();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return system_refuses(error, "to give up new privileges");
    if (rt_capabilities_drop(keep, error) || forget_personality(error) || forbid_dumps(error))
        return -1;
    return forbid_networks(error);
}
