/* seal.c: Landlock and the second seccomp filter. Landlock binds the calling thread and its later children only, and the workers
 * exist by now; the filter is put on every thread at once (TSYNC) and is what seals the workers. Landlock is the second lock on the
 * main thread, the one that handles text from outside. A kernel without Landlock is tolerated: `doctor` reports it. */
#include "runtime/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/* ---- Landlock (https://docs.kernel.org/userspace-api/landlock.html); libc has no wrappers and old headers lack the newer rights ---- */

enum {
    LANDLOCK_CREATE_RULESET_ = 444,
    LANDLOCK_ADD_RULE_ = 445,
    LANDLOCK_RESTRICT_SELF_ = 446,
    LANDLOCK_VERSION_ = 1,
    LANDLOCK_PATH_BENEATH_ = 1,
    REMOVE_FILE_ = 1 << 5,
    MAKE_REGULAR_ = 1 << 8,
};

enum { NO_DIRECTORY = -1 };

struct landlock_beneath {
    uint64_t allowed;
    int32_t directory;
} __attribute__((packed));

struct landlock_ruleset {
    uint64_t handled_fs, handled_net, scoped;
};

int rt_landlock_abi(void)
{
    long abi = syscall(LANDLOCK_CREATE_RULESET_, NULL, 0, LANDLOCK_VERSION_);
    return abi > 0 ? (int)abi : 0;
}

/* Every right that the given version knows: handled and never granted means denied. */
static struct landlock_ruleset everything(int abi, size_t *bytes)
{
    const unsigned fs_rights = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
    struct landlock_ruleset all = {.handled_fs = (UINT64_C(1) << fs_rights) - 1};
    *bytes = 8;
    if (abi >= 4) { /* bind and connect of TCP */
        all.handled_net = 3;
        *bytes = 16;
    }
    if (abi >= 6) { /* abstract sockets and signals of others */
        all.scoped = 3;
        *bytes = 24;
    }
    return all;
}

/* Files of a directory may be renamed, linked and removed. */
static long allow_names(int ruleset, int directory)
{
    const struct landlock_beneath rule = {REMOVE_FILE_ | MAKE_REGULAR_, directory};
    return syscall(LANDLOCK_ADD_RULE_, ruleset, LANDLOCK_PATH_BENEATH_, &rule, 0);
}

static int lock_files(int directory, struct rt_error *error)
{
    int abi = rt_landlock_abi();
    if (!abi)
        return 0;
    size_t bytes;
    struct landlock_ruleset all = everything(abi, &bytes);
    int fd = (int)syscall(LANDLOCK_CREATE_RULESET_, &all, bytes, 0);
    if (fd < 0)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "sealing: Landlock ruleset: %s", strerror(errno));
    long status = directory == NO_DIRECTORY ? 0 : allow_names(fd, directory);
    if (!status)
        status = syscall(LANDLOCK_RESTRICT_SELF_, fd, 0);
    int why = errno;
    close(fd);
    if (status)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "sealing: Landlock: %s", strerror(why));
    return 0;
}

/* ---- the filter: what computing, answering and leaving still need ---- */

static const int allowed_calls[] = {
    SCMP_SYS(read),          SCMP_SYS(readv),           SCMP_SYS(write),        SCMP_SYS(writev),
    SCMP_SYS(lseek),         SCMP_SYS(close),           SCMP_SYS(fstat),        SCMP_SYS(poll),
    SCMP_SYS(ppoll),         SCMP_SYS(munmap),          SCMP_SYS(mremap),       SCMP_SYS(madvise),
    SCMP_SYS(brk),           SCMP_SYS(futex),           SCMP_SYS(sched_yield),  SCMP_SYS(set_robust_list),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),    SCMP_SYS(gettimeofday),
    SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigprocmask),  SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
    SCMP_SYS(getpid),        SCMP_SYS(gettid),          SCMP_SYS(getrandom),    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* What a keeper of new files needs besides. */
static const int keeper_calls[] = {SCMP_SYS(fsync),    SCMP_SYS(renameat),   SCMP_SYS(renameat2), SCMP_SYS(linkat),
                                   SCMP_SYS(unlinkat), SCMP_SYS(newfstatat), SCMP_SYS(flock)};

/* What a server needs besides, for connections at sockets that listen already. */
static const int server_calls[] = {SCMP_SYS(accept4),  SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl),
                                   SCMP_SYS(recvfrom), SCMP_SYS(sendmsg),     SCMP_SYS(shutdown)};

/* What the terminal needs and nothing else: TIOCSTI, for one, would type commands into the user's shell. */
static const unsigned long allowed_ioctls[] = {TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ};

static int allow_list(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int status = 0;
    for (size_t i = 0; !status && i < count; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    return status;
}

/* Sending to nobody but the other end; asking who that is, and nothing else; of the options of sockets, what libmicrohttpd says to TCP. */
static int allow_server(scmp_filter_ctx filter)
{
    static const int tcp_options[] = {TCP_NODELAY, TCP_CORK};
    int status = allow_list(filter, server_calls, sizeof server_calls / sizeof *server_calls);
    if (!status)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1, SCMP_A4(SCMP_CMP_EQ, 0, 0));
    if (!status)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(getsockopt), 2, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET, 0),
                                  SCMP_A2(SCMP_CMP_EQ, SO_PEERCRED, 0));
    if (!status)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GETFL, 0));
    for (size_t i = 0; !status && i < sizeof tcp_options / sizeof *tcp_options; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2, SCMP_A1(SCMP_CMP_EQ, IPPROTO_TCP, 0),
                                  SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)tcp_options[i], 0));
    return status;
}

static int allow(scmp_filter_ctx filter, int directory, int server)
{
    int status = allow_list(filter, allowed_calls, sizeof allowed_calls / sizeof *allowed_calls);
    if (!status && server)
        status = allow_server(filter);
    if (!status && directory != NO_DIRECTORY)
        status = allow_list(filter, keeper_calls, sizeof keeper_calls / sizeof *keeper_calls);
    for (size_t i = 0; !status && i < sizeof allowed_ioctls / sizeof *allowed_ioctls; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, allowed_ioctls[i], 0));
    if (!status)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!status)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!status) /* raise() and abort(), at this process only */
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    return status;
}

/* A refused call fails with EPERM instead of killing the process: libraries have fallbacks, and an answer is worth finishing. */
static int lock_calls(int directory, int server, struct rt_error *error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return rt_fail(error, RT_EXIT_RESOURCES, "sealing: no memory for the filter");
    int status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!status)
        status = allow(filter, directory, server);
    if (!status)
        status = seccomp_load(filter);
    seccomp_release(filter);
    if (status)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "sealing: the kernel refuses the filter: %s", strerror(-status));
    return 0;
}

/* ---- the proof ---- */

static int prove(struct rt_error *error)
{
    if (open("/", O_RDONLY | O_CLOEXEC) >= 0)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "sealing: a file could still be opened");
    if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "sealing: a socket could still be made");
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "sealing: executable memory could still be made");
    char *const nothing[] = {NULL};
    if (!execve("", nothing, nothing) || errno != EPERM)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "sealing: a program could still be started");
    return 0;
}

static int seal(int directory, int server, struct rt_error *error)
{
    if (RT_SANITIZED)
        return 0;
    if (lock_files(directory, error) || lock_calls(directory, server, error))
        return -1;
    return prove(error);
}

int rt_seal(struct rt_error *error)
{
    return seal(NO_DIRECTORY, 0, error);
}

int rt_seal_server(struct rt_error *error)
{
    return seal(NO_DIRECTORY, 1, error);
}

int rt_seal_keeper(int directory, struct rt_error *error)
{
    return seal(directory, 0, error);
}
