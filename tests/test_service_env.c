/* test_service_env.c: what a service manager says is taken, what is meant for others is left out, and what no manager says is refused. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/service_env.h"
#include "tests/check.h"

static struct rt_error error;
static struct rt_service service;
static char own_pid[16];

static int read_env(struct rt_service_env env)
{
    error.text[0] = 0;
    return rt_service_read(&service, &env, &error);
}

static void open_descriptors(void)
{
    snprintf(own_pid, sizeof own_pid, "%d", getpid());
    for (int fd = RT_SERVICE_FIRST_FD; fd < RT_SERVICE_FIRST_FD + 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            CHECK(dup2(STDERR_FILENO, fd) == fd);
}

static void what_a_manager_says_is_taken(void)
{
    open_descriptors();
    CHECK(!read_env((struct rt_service_env){.listen_pid = own_pid,
                                            .listen_fds = "3",
                                            .listen_fdnames = "http::cloister-weights-1",
                                            .notify_socket = "@a/b",
                                            .watchdog_pid = own_pid,
                                            .watchdog_usec = "18446744073709551614"}));
    CHECK(service.fd_count == 3 && !strcmp(service.names[0], "http") && !*service.names[1] &&
          !strcmp(service.names[2], "cloister-weights-1"));
    CHECK(fcntl(RT_SERVICE_FIRST_FD + 2, F_GETFD) & FD_CLOEXEC);
    CHECK(!strcmp(service.notify, "@a/b") && service.watchdog_us == UINT64_MAX - 1);
    CHECK(!read_env((struct rt_service_env){.listen_pid = own_pid, .listen_fds = "1", .watchdog_usec = "1"}));
    CHECK(service.fd_count == 1 && !strcmp(service.names[0], "unknown") && service.watchdog_us == 1 && !*service.notify);
}

static void what_is_for_others_is_left_out(void)
{
    CHECK(!read_env(
        (struct rt_service_env){.listen_pid = "1", .listen_fds = "3", .listen_fdnames = "a", .watchdog_pid = "1", .watchdog_usec = "9"}));
    CHECK(service.fd_count == 0 && service.watchdog_us == 0);
    CHECK(!read_env((struct rt_service_env){.listen_fds = "3"}) && service.fd_count == 0);
    CHECK(!read_env((struct rt_service_env){.listen_fds = NULL}) && service.fd_count == 0);
    CHECK(!rt_service_read(&service, NULL, &error) && service.fd_count == 0);
}

static void what_no_manager_says_is_refused(void)
{
    char long_name[RT_SERVICE_NAME_BYTES + 1], long_path[sizeof service.notify + 1];
    memset(long_name, 'a', sizeof long_name - 1);
    memset(long_path, '/', sizeof long_path - 1);
    long_name[sizeof long_name - 1] = long_path[sizeof long_path - 1] = 0;
    open_descriptors();
    const struct {
        struct rt_service_env env;
        const char *said;
    } cases[] = {
        {{.listen_pid = "x", .listen_fds = "1"}, "LISTEN_PID"},
        {{.listen_pid = own_pid, .listen_fds = "-1"}, "LISTEN_FDS"},
        {{.listen_pid = own_pid, .listen_fds = " 1"}, "LISTEN_FDS"},
        {{.listen_pid = own_pid, .listen_fds = "1x"}, "LISTEN_FDS"},
        {{.listen_pid = own_pid, .listen_fds = ""}, "LISTEN_FDS"},
        {{.listen_pid = own_pid, .listen_fds = "129"}, "LISTEN_FDS"},
        {{.listen_pid = own_pid, .listen_fds = "99999999999999999999999"}, "LISTEN_FDS"},
        {{.listen_pid = own_pid, .listen_fds = "100"}, "is not open"},
        {{.listen_pid = own_pid, .listen_fds = "2", .listen_fdnames = "a"}, "LISTEN_FDNAMES"},
        {{.listen_pid = own_pid, .listen_fds = "1", .listen_fdnames = "a:b"}, "LISTEN_FDNAMES"},
        {{.listen_pid = own_pid, .listen_fds = "1", .listen_fdnames = "a\nb"}, "LISTEN_FDNAMES"},
        {{.listen_pid = own_pid, .listen_fds = "1", .listen_fdnames = long_name}, "LISTEN_FDNAMES"},
        {{.notify_socket = ""}, "NOTIFY_SOCKET"},
        {{.notify_socket = "run/x"}, "NOTIFY_SOCKET"},
        {{.notify_socket = "vsock:2:1"}, "NOTIFY_SOCKET"},
        {{.notify_socket = "/"}, "NOTIFY_SOCKET"},
        {{.notify_socket = long_path}, "NOTIFY_SOCKET"},
        {{.watchdog_usec = "0"}, "WATCHDOG_USEC"},
        {{.watchdog_usec = "1s"}, "WATCHDOG_USEC"},
        {{.watchdog_usec = "1", .watchdog_pid = "-"}, "WATCHDOG_PID"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_THAT(read_env(cases[i].env) < 0 && error.code == RT_EXIT_USAGE, "case %zu", i);
        CHECK_THAT(strstr(error.text, cases[i].said) && strstr(error.text, "; "), "case %zu: %s", i, error.text);
    }
}

CHECK_MAIN(CHECK_TEST(what_a_manager_says_is_taken), CHECK_TEST(what_is_for_others_is_left_out),
           CHECK_TEST(what_no_manager_says_is_refused))
