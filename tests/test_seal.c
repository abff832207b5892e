/* test_seal.c: what the process cannot do any more after rt_start, and after rt_seal, on the main thread and on a thread that was there
 * before. Each case runs in a child of its own, since nothing of it can be undone. */
#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/seal.h"
#include "runtime/start.h"

extern char **environ;

/* Runs `body` in a child; its result is 0, or the line that did not hold. */
static int in_child(int (*body)(void))
{
    int status;
    fflush(stdout);
    const pid_t child = fork();
    if (!child)
        _exit(body() & 0xff);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#define NEED(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "  not so: %s (line %d, %s)\n", #condition, __LINE__, strerror(errno)); \
            return 1; \
        } \
    } while (0)

/* ---- rt_start ---- */

/* Of the sets of this process: effective, permitted and inheritable together; UINT64_MAX where the kernel does not say. */
static uint64_t capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    uint64_t all = 0;
    if (syscall(SYS_capget, &header, sets))
        return UINT64_MAX;
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        all |= (uint64_t)(sets[i].effective | sets[i].permitted | sets[i].inheritable) << 32 * i;
    return all;
}

static int start_body(void)
{
    struct rt_error error;
    struct rt_service_env service;
    struct rlimit core;
    struct io_uring_params ring = {0};
    NEED(environ && *environ);
    const int could_bound = (capabilities() >> CAP_SETPCAP & 1) != 0;
    (void)!personality(READ_IMPLIES_EXEC); /* a container may forbid it */
    NEED(!rt_start(&service, 0, &error));
    NEED(!*environ);
    NEED(service.notify_socket && !strcmp(service.notify_socket, "/run/x") && !service.listen_fds);
    NEED(!strcmp(service.listen_pid, "1") && !strcmp(service.listen_fdnames, "a:b"));
    NEED(!strcmp(service.watchdog_pid, "2") && !strcmp(service.watchdog_usec, "3"));
    NEED(personality(0xffffffff) == PER_LINUX);
    NEED(capabilities() == 0);
    NEED(!could_bound || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0);
    NEED(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    NEED(RT_SANITIZED || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
    NEED(!getrlimit(RLIMIT_CORE, &core) && core.rlim_max == 0);
    static const int families[] = {AF_INET, AF_INET6, AF_PACKET, AF_NETLINK, AF_VSOCK, AF_ALG, AF_BLUETOOTH, 0};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        NEED(socket(families[i], SOCK_STREAM, 0) < 0 && errno == EAFNOSUPPORT);
    NEED(syscall(SYS_socket, (1UL << 32) | AF_UNIX, SOCK_STREAM, 0) < 0); /* the kernel looks at 32 bits, the filter at 64 */
    NEED(syscall(SYS_io_uring_setup, 1, &ring) < 0 && errno == ENOSYS);
    NEED(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    NEED(open("/", O_RDONLY | O_CLOEXEC) >= 0);
    return 0;
}

static void start_leaves_no_network_and_no_environment(void)
{
    setenv("CLOISTER_TEST", "x", 1);
    setenv("NOTIFY_SOCKET", "/run/x", 1);
    setenv("LISTEN_PID", "1", 1);
    setenv("LISTEN_FDNAMES", "a:b", 1);
    setenv("WATCHDOG_PID", "2", 1);
    setenv("WATCHDOG_USEC", "3", 1);
    unsetenv("LISTEN_FDS");
    CHECK(in_child(start_body) == 0);
}

/* ---- rt_seal ---- */

static void *do_nothing(void *unused)
{
    return unused;
}

static int is_sealed(void)
{
    char *const arguments[] = {"/bin/true", NULL};
    char *const nothing[] = {NULL};
    pthread_t thread;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(page != MAP_FAILED);
    NEED(open("/", O_RDONLY | O_CLOEXEC) < 0);
    NEED(open("/proc/self/maps", O_RDONLY | O_CLOEXEC) < 0);
    NEED(open("cloister-test-seal", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0);
    NEED(syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0) < 0);
    NEED(unlink("cloister-test-seal") < 0 && errno == EPERM);
    NEED(socket(AF_UNIX, SOCK_STREAM, 0) < 0);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0, 0}) < 0);
    NEED(execve(arguments[0], arguments, nothing) < 0 && errno == EPERM);
    NEED(mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0);
    NEED(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    NEED(fork() < 0);
    NEED(pthread_create(&thread, NULL, do_nothing, NULL));
    NEED(kill(getppid(), 0) < 0);
    NEED(ioctl(STDIN_FILENO, TIOCSTI, "x") < 0 && errno == EPERM);
    NEED(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0);
    NEED(!mprotect(page, 4096, PROT_READ));
    NEED(!munmap(page, 4096));
    return 0;
}

/* What answering needs. */
static int still_works(int reader, int writer)
{
    char byte = 0;
    struct timespec now;
    void *memory = malloc(64 << 20);
    NEED(memory);
    free(memory);
    NEED(write(writer, "x", 1) == 1 && read(reader, &byte, 1) == 1 && byte == 'x');
    NEED(!clock_gettime(CLOCK_MONOTONIC, &now));
    NEED(!usleep(1));
    NEED(signal(SIGINT, SIG_IGN) != SIG_ERR);
    NEED(isatty(reader) == 0);
    return 0;
}

struct other {
    pthread_barrier_t barrier;
    int result;
};

static void *other_thread(void *user)
{
    struct other *other = user;
    pthread_barrier_wait(&other->barrier);
    other->result = is_sealed();
    return NULL;
}

static int seal_body(void)
{
    struct rt_error error = {0};
    struct rt_service_env service;
    struct other other = {.result = -1};
    pthread_t thread;
    int ends[2];
    NEED(!pipe2(ends, O_CLOEXEC));
    NEED(!pthread_barrier_init(&other.barrier, NULL, 2) && !pthread_create(&thread, NULL, other_thread, &other));
    NEED(!rt_start(&service, 0, &error));
    NEED(!rt_seal(&error));
    if (is_sealed() || still_works(ends[0], ends[1]))
        return 1;
    pthread_barrier_wait(&other.barrier);
    NEED(!pthread_join(thread, NULL));
    NEED(other.result == 0);
    return 0;
}

/* What a server keeps: connections at a socket that listens already. */
static int server_body(void)
{
    struct rt_error error = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX}; /* the kernel chooses an abstract name */
    socklen_t bytes = sizeof(sa_family_t), size = sizeof address;
    struct ucred peer;
    struct epoll_event event = {.events = EPOLLIN};
    int one = 1;
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int spare = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), epoll = epoll_create1(EPOLL_CLOEXEC);
    NEED(!bind(listener, (struct sockaddr *)&address, bytes) && !listen(listener, 1));
    NEED(!getsockname(listener, (struct sockaddr *)&address, &size) && !connect(client, (struct sockaddr *)&address, size));
    NEED(!rt_start(&(struct rt_service_env){0}, 0, &error));
    NEED(!rt_seal_server(&error));
    const int server = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    bytes = sizeof peer;
    NEED(server >= 0 && !getsockopt(server, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) && peer.pid == getpid());
    NEED(!epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event) && epoll_wait(epoll, &event, 1, 0) == 0);
    NEED(send(client, "x", 1, MSG_NOSIGNAL) == 1 && epoll_wait(epoll, &event, 1, 0) == 1 && recv(server, &one, 1, 0) == 1);
    NEED(fcntl(server, F_GETFL) >= 0 && !shutdown(server, SHUT_RDWR));
    NEED(connect(spare, (struct sockaddr *)&address, size) < 0 && errno == EPERM);
    NEED(bind(spare, (struct sockaddr *)&(struct sockaddr_un){.sun_family = AF_UNIX}, sizeof(sa_family_t)) < 0 && errno == EPERM);
    NEED(listen(spare, 1) < 0 && errno == EPERM);
    NEED(sendto(spare, "x", 1, 0, (struct sockaddr *)&address, size) < 0 && errno == EPERM);
    NEED(setsockopt(spare, SOL_SOCKET, SO_PASSCRED, &one, sizeof one) < 0 && errno == EPERM);
    NEED(getsockopt(spare, SOL_SOCKET, SO_TYPE, &one, &bytes) < 0 && errno == EPERM);
    NEED(fcntl(server, F_SETFL, 0) < 0 && fcntl(server, F_DUPFD, 0) < 0);
    return is_sealed();
}

static void server_keeps_its_connections_alone(void)
{
    if (RT_SANITIZED)
        CHECK_SKIP("a build with a sanitizer runs unsealed");
    CHECK(in_child(server_body) == 0);
}

static void seal_holds_on_every_thread(void)
{
    if (RT_SANITIZED)
        CHECK_SKIP("a build with a sanitizer runs unsealed");
    CHECK(in_child(seal_body) == 0);
}

CHECK_MAIN(CHECK_TEST(start_leaves_no_network_and_no_environment), CHECK_TEST(seal_holds_on_every_thread),
           CHECK_TEST(server_keeps_its_connections_alone))
