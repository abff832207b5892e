/* seal_test.c: the table of what must be impossible, and the processes that try it. Each call is made by its number, with arguments that do no harm
 * and mostly make no sense: without a seal it fails for another reason, or succeeds at nothing. */
#include "runtime/seal_test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/capabilities.h"
#include "runtime/scope.h"

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif

enum {
    NOBODY = 0x7ffffff0, /* no process has so large a number */
    X32_BIT = 0x40000000,
    CLONE3 = 435,
    OPENAT2 = 437,
    PIDFD_GETFD = 438,
    PROCESS_MADVISE = 440,
    OPEN_TREE = 428,
    FSOPEN = 430,
};

enum entry { ENTRY_OWN, ENTRY_32_BIT, ENTRY_X32 };

static const struct row {
    const char *name;
    long number, arguments[6];
    enum entry entry; /* another one than the ordinary: a filter ends the process then, so it is tried in one of its own */
} rows[] = {
    {"socket AF_UNIX", SYS_socket, {AF_UNIX, SOCK_STREAM}, ENTRY_OWN},
    {"socket AF_INET", SYS_socket, {AF_INET, SOCK_STREAM}, ENTRY_OWN},
    {"socket AF_INET6", SYS_socket, {AF_INET6, SOCK_DGRAM}, ENTRY_OWN},
    {"socket AF_NETLINK", SYS_socket, {AF_NETLINK, SOCK_RAW}, ENTRY_OWN},
    {"socket AF_PACKET", SYS_socket, {AF_PACKET, SOCK_RAW}, ENTRY_OWN},
    {"socket AF_VSOCK", SYS_socket, {AF_VSOCK, SOCK_STREAM}, ENTRY_OWN},
    {"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM}, ENTRY_OWN},
    {"connect", SYS_connect, {-1}, ENTRY_OWN},
    {"bind", SYS_bind, {-1}, ENTRY_OWN},
    {"listen", SYS_listen, {-1}, ENTRY_OWN},
    {"recvmsg", SYS_recvmsg, {-1}, ENTRY_OWN}, /* would take descriptors from strangers */
    {"recvmmsg", SYS_recvmmsg, {-1}, ENTRY_OWN},
    {"open", SYS_open, {0}, ENTRY_OWN},
    {"openat", SYS_openat, {AT_FDCWD}, ENTRY_OWN},
    {"openat2", OPENAT2, {AT_FDCWD}, ENTRY_OWN},
    {"open_by_handle_at", SYS_open_by_handle_at, {AT_FDCWD}, ENTRY_OWN},
    {"creat", SYS_creat, {0}, ENTRY_OWN},
    {"unlink", SYS_unlink, {0}, ENTRY_OWN},
    {"rename", SYS_rename, {0}, ENTRY_OWN},
    {"mkdir", SYS_mkdir, {0}, ENTRY_OWN},
    {"symlink", SYS_symlink, {0}, ENTRY_OWN},
    {"truncate", SYS_truncate, {0}, ENTRY_OWN},
    {"chmod", SYS_chmod, {0}, ENTRY_OWN},
    {"execve", SYS_execve, {0}, ENTRY_OWN},
    {"execveat", SYS_execveat, {-1}, ENTRY_OWN},
    {"fork", SYS_fork, {0}, ENTRY_OWN},
    {"clone", SYS_clone, {SIGCHLD}, ENTRY_OWN},
    {"clone3", CLONE3, {0}, ENTRY_OWN},
    {"mmap PROT_EXEC", SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}, ENTRY_OWN},
    {"mprotect PROT_EXEC", SYS_mprotect, {4096, 4096, PROT_READ | PROT_EXEC}, ENTRY_OWN},
    {"pkey_mprotect PROT_EXEC", SYS_pkey_mprotect, {4096, 4096, PROT_READ | PROT_EXEC, -1}, ENTRY_OWN},
    {"shmget", SYS_shmget, {0, 4096, 0600}, ENTRY_OWN},
    {"memfd_create", SYS_memfd_create, {0}, ENTRY_OWN},
    {"memfd_secret", SYS_memfd_secret, {0}, ENTRY_OWN},
    {"personality READ_IMPLIES_EXEC", SYS_personality, {READ_IMPLIES_EXEC}, ENTRY_OWN},
    {"ptrace", SYS_ptrace, {PTRACE_PEEKDATA, NOBODY}, ENTRY_OWN},
    {"process_vm_readv", SYS_process_vm_readv, {NOBODY}, ENTRY_OWN},
    {"process_vm_writev", SYS_process_vm_writev, {NOBODY}, ENTRY_OWN},
    {"process_madvise", PROCESS_MADVISE, {-1}, ENTRY_OWN},
    {"pidfd_open", SYS_pidfd_open, {NOBODY}, ENTRY_OWN},
    {"pidfd_getfd", PIDFD_GETFD, {-1}, ENTRY_OWN},
    {"kill another process", SYS_kill, {NOBODY, 0}, ENTRY_OWN},
    {"tgkill another process", SYS_tgkill, {NOBODY, NOBODY, 0}, ENTRY_OWN},
    {"prctl PR_SET_DUMPABLE", SYS_prctl, {PR_SET_DUMPABLE, 1}, ENTRY_OWN},
    {"prctl PR_SET_SECCOMP", SYS_prctl, {PR_SET_SECCOMP}, ENTRY_OWN},
    {"prlimit64", SYS_prlimit64, {0}, ENTRY_OWN},
    {"setuid", SYS_setuid, {-1}, ENTRY_OWN},
    {"setgroups", SYS_setgroups, {-1}, ENTRY_OWN},
    {"capset", SYS_capset, {0}, ENTRY_OWN},
    {"io_uring_setup", SYS_io_uring_setup, {0}, ENTRY_OWN},
    {"bpf", SYS_bpf, {-1}, ENTRY_OWN},
    {"perf_event_open", SYS_perf_event_open, {0}, ENTRY_OWN},
    {"userfaultfd", SYS_userfaultfd, {-1}, ENTRY_OWN},
    {"keyctl", SYS_keyctl, {-1}, ENTRY_OWN},
    {"add_key", SYS_add_key, {0}, ENTRY_OWN},
    {"mount", SYS_mount, {0}, ENTRY_OWN},
    {"umount2", SYS_umount2, {0}, ENTRY_OWN},
    {"fsopen", FSOPEN, {0}, ENTRY_OWN},
    {"open_tree", OPEN_TREE, {-1}, ENTRY_OWN},
    {"pivot_root", SYS_pivot_root, {0}, ENTRY_OWN},
    {"chroot", SYS_chroot, {0}, ENTRY_OWN},
    {"unshare", SYS_unshare, {0}, ENTRY_OWN},
    {"setns", SYS_setns, {-1}, ENTRY_OWN},
    {"sched_setaffinity", SYS_sched_setaffinity, {0}, ENTRY_OWN},
    {"mbind", SYS_mbind, {4096, 0, MPOL_DEFAULT}, ENTRY_OWN},
    {"ioctl TIOCSTI", SYS_ioctl, {-1, 0x5412}, ENTRY_OWN},
    {"getpid by the 32-bit entry", 20, {0}, ENTRY_32_BIT},
    {"getpid by the x32 entry", SYS_getpid | X32_BIT, {0}, ENTRY_X32},
};

enum { ROWS = sizeof rows / sizeof *rows };
_Static_assert(ROWS <= RT_SEAL_TRIALS_MAX, "the report has room for every row");

/* ---- the process that tries ---- */

struct tried {
    unsigned row;
    int reason; /* as in struct rt_trial */
};

static long call_32_bit(long number)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number) : "r8", "r9", "r10", "r11", "memory");
    return result;
}

static int try_row(const struct row *row)
{
    const long *a = row->arguments;
    if (row->entry == ENTRY_32_BIT) {
        const long result = call_32_bit(row->number);
        return result < 0 && result > -4096 ? (int)-result : 0;
    }
    const long result = syscall(row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result == 0 && (row->number == SYS_fork || row->number == SYS_clone))
        _exit(0); /* a process too many */
    return result < 0 ? errno : 0;
}

/* Gets as far as it gets: what it has not written, it has died of. */
static void try_rows(int out, unsigned first, unsigned last, int (*seal)(struct rt_error *error))
{
    struct rt_error error;
    if (rt_capabilities_drop(0, &error) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || seal(&error))
        _exit(1);
    for (unsigned row = first; row < last; row++) {
        const struct tried tried = {row, try_row(&rows[row])};
        if (write(out, &tried, sizeof tried) != sizeof tried)
            _exit(1);
    }
    _exit(0);
}

/* ---- this side ---- */

static enum rt_trial_outcome judge(int reason)
{
    if (reason == -SIGSYS || reason == EPERM || reason == EAFNOSUPPORT)
        return RT_TRIAL_DENIED;
    return reason == ENOSYS || reason == -SIGSEGV ? RT_TRIAL_ABSENT : RT_TRIAL_ALLOWED;
}

static void note(struct rt_seal_report *out, unsigned row, int reason)
{
    out->trials[row] = (struct rt_trial){rows[row].name, judge(reason), reason};
}

/* Whether all rows came; where they end early, the process died of the next one. */
static int hear(struct rt_seal_report *out, int from, unsigned first, unsigned last, pid_t process)
{
    struct tried tried;
    unsigned row = first;
    int status;
    for (; row < last && read(from, &tried, sizeof tried) == sizeof tried && tried.row == row; row++)
        note(out, row, tried.reason);
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        continue;
    if (row + 1 == last && first + 1 == last && WIFSIGNALED(status))
        note(out, row++, -WTERMSIG(status));
    return row == last ? 0 : -1;
}

static int try_apart(struct rt_seal_report *out, unsigned first, unsigned last, int (*seal)(struct rt_error *error), struct rt_error *error)
{
    int ends[2];
    if (pipe(ends))
        return rt_fail(error, RT_EXIT_RESOURCES, "seal: no pipe: %s", strerror(errno));
    const pid_t process = fork();
    if (!process)
        try_rows(ends[1], first, last, seal);
    close(ends[1]);
    const int failed = process < 0 || hear(out, ends[0], first, last, process);
    close(ends[0]);
    return failed ? rt_fail(error, RT_EXIT_UNSUPPORTED, "seal: a process that tries it out could not be started, sealed or asked") : 0;
}

int rt_seal_test(struct rt_seal_report *out, int (*seal)(struct rt_error *error), struct rt_error *error)
{
    unsigned ordinary = 0;
    *out = (struct rt_seal_report){.count = ROWS};
    while (ordinary < ROWS && rows[ordinary].entry == ENTRY_OWN)
        ordinary++;
    if (try_apart(out, 0, ordinary, seal, error))
        return -1;
    for (unsigned row = ordinary; row < ROWS; row++)
        if (try_apart(out, row, row + 1, seal, error))
            return -1;
    for (unsigned row = 0; row < ROWS; row++)
        out->allowed += out->trials[row].outcome == RT_TRIAL_ALLOWED;
    return 0;
}

struct rt_trial_text rt_trial_text(const struct rt_trial *trial)
{
    static const char *const outcomes[] = {"denied", "not in this kernel", "NOT DENIED"};
    struct rt_trial_text text;
    const char *why = trial->reason < 0 ? strsignal(-trial->reason) : trial->reason ? strerror(trial->reason) : "it succeeded";
    snprintf(text.text, sizeof text.text, "%s (%s)", outcomes[trial->outcome], why);
    return text;
}
