/* test_listeners.c: socket files are made with their mode, replaced where their server is dead, refused where something else is there, and
 * removed in the end, also by a sealed or killed process, unless they are somebody else's by then. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/listeners.h"
#include "runtime/seal.h"
#include "tests/check.h"

static struct rt_error error;
static char directory[64], path[108];

static void make_directory(void)
{
    snprintf(directory, sizeof directory, "/tmp/cloister-test-listeners.XXXXXX");
    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/socket", directory);
}

static void remove_directory(void)
{
    unlink(path);
    CHECK_THAT(!rmdir(directory), "%s is not empty", directory);
}

static int exists(void)
{
    struct stat status;
    return !lstat(path, &status);
}

/* 0, or why nobody answers. */
static int try_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0), why = connect(fd, (struct sockaddr *)&address, sizeof address) ? errno : 0;
    close(fd);
    return why;
}

static int bind_one(struct rt_listeners *listeners)
{
    error.text[0] = 0;
    return rt_listeners_bind(listeners, path, RT_SOCKET_MODE, &error);
}

/* A socket file that nobody listens on. */
static void leave_dead_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(!bind(fd, (struct sockaddr *)&address, sizeof address));
    close(fd);
    CHECK(exists() && try_connect() == ECONNREFUSED);
}

/* Waits up to five seconds for another process to do it. */
static int is_gone_soon(void)
{
    for (int i = 0; i < 500 && exists(); i++)
        usleep(10000);
    return !exists();
}

static void a_socket_is_made_with_its_mode_and_removed(void)
{
    struct rt_listeners listeners = {.count = 0};
    struct stat status;
    static const unsigned modes[] = {0660, 0600, 0666, 0777};
    make_directory();
    const mode_t before = umask(0077);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        CHECK_THAT(!rt_listeners_bind(&listeners, path, modes[i], &error), "%s", error.text);
        CHECK(!lstat(path, &status) && S_ISSOCK(status.st_mode) && (status.st_mode & 07777) == modes[i]);
        CHECK(listeners.count == 1 && listeners.items[0].family == AF_UNIX);
        CHECK(fcntl(listeners.items[0].fd, F_GETFL) & O_NONBLOCK && fcntl(listeners.items[0].fd, F_GETFD) & FD_CLOEXEC);
        CHECK(try_connect() == 0);
        rt_listeners_close(&listeners);
        CHECK(listeners.count == 0 && !exists());
    }
    CHECK(umask(before) == 0077);
    remove_directory();
}

static void a_dead_servers_socket_is_replaced(void)
{
    struct rt_listeners listeners = {.count = 0};
    make_directory();
    leave_dead_socket();
    CHECK_THAT(!bind_one(&listeners), "%s", error.text);
    CHECK(try_connect() == 0);
    rt_listeners_close(&listeners);
    remove_directory();
}

static void what_else_is_there_is_refused_by_name(void)
{
    struct rt_listeners first = {.count = 0}, second = {.count = 0};
    make_directory();
    CHECK(!bind_one(&first));
    CHECK(bind_one(&second) < 0 && strstr(error.text, path) && strstr(error.text, "another process listens"));
    CHECK(second.count == 0 && try_connect() == 0);
    rt_listeners_close(&first);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    CHECK(bind_one(&second) < 0 && error.code == RT_EXIT_USAGE && strstr(error.text, path) && exists());
    unlink(path);
    CHECK(!symlink("elsewhere", path));
    CHECK(bind_one(&second) < 0 && strstr(error.text, "is no socket"));
    remove_directory();
}

static void a_path_that_cannot_be_is_refused(void)
{
    struct rt_listeners listeners = {.count = 0};
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[108] = 0;
    CHECK(rt_listeners_bind(&listeners, longest, 0660, &error) < 0 && error.code == RT_EXIT_USAGE && strstr(error.text, "107"));
    CHECK(rt_listeners_bind(&listeners, "", 0660, &error) < 0 && error.code == RT_EXIT_USAGE);
    CHECK(rt_listeners_bind(&listeners, "/nowhere/at/all", 0660, &error) < 0 && strstr(error.text, "/nowhere/at/all"));
    CHECK(rt_listeners_bind(&listeners, "x", 01777, &error) < 0 && error.code == RT_EXIT_USAGE);
    CHECK(listeners.count == 0);
}

static void a_socket_that_somebody_replaced_is_left(void)
{
    struct rt_listeners listeners = {.count = 0};
    make_directory();
    CHECK(!bind_one(&listeners));
    unlink(path);
    leave_dead_socket();
    rt_listeners_close(&listeners);
    CHECK(exists());
    remove_directory();
}

/* A process that binds, says so and then does as `end` says. */
static pid_t start_server(void (*end)(struct rt_listeners *))
{
    int ends[2];
    char byte;
    CHECK(!pipe(ends));
    fflush(stdout);
    const pid_t server = fork();
    if (!server) {
        struct rt_listeners listeners = {.count = 0};
        if (bind_one(&listeners) || write(ends[1], "x", 1) != 1)
            _exit(1);
        end(&listeners);
        _exit(0);
    }
    close(ends[1]);
    CHECK(read(ends[0], &byte, 1) == 1);
    close(ends[0]);
    return server;
}

static void end_sealed(struct rt_listeners *listeners)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || rt_seal(&error))
        _exit(2);
    rt_listeners_close(listeners);
    _exit(exists() ? 3 : 0);
}

static void wait_for_ever(struct rt_listeners *listeners)
{
    (void)listeners;
    for (;;)
        pause();
}

static void a_sealed_server_leaves_no_socket(void)
{
    int status;
    make_directory();
    const pid_t server = start_server(end_sealed);
    CHECK(waitpid(server, &status, 0) == server && WIFEXITED(status));
    CHECK(is_gone_soon());
    remove_directory();
}

static void a_killed_server_leaves_no_socket(void)
{
    int status;
    make_directory();
    const pid_t server = start_server(wait_for_ever);
    CHECK(try_connect() == 0);
    CHECK(!kill(server, SIGKILL) && waitpid(server, &status, 0) == server);
    CHECK(is_gone_soon());
    remove_directory();
}

/* ---- inherited ones: at the descriptors that the protocol names ---- */

static void give(int at, int fd)
{
    CHECK(fd >= 0 && dup2(fd, at) == at);
    close(fd);
}

static int listening(int family)
{
    const int fd = socket(family, SOCK_STREAM, 0);
    CHECK(!listen(fd, 1));
    return fd;
}

static void inherited_listeners_are_taken_others_refused(void)
{
    static struct rt_service service;
    struct rt_listeners listeners = {.count = 0};
    enum { AT = RT_SERVICE_FIRST_FD };
    const int high = fcntl(listening(AF_INET), F_DUPFD, 20); /* so that 3 to 5 are free */
    for (int fd = AT; fd < 20; fd++)
        close(fd);
    give(AT, high);
    give(AT + 1, open("/dev/null", O_RDONLY));
    give(AT + 2, listening(AF_INET));
    service.fd_count = 3;
    snprintf(service.names[0], sizeof service.names[0], "%s", "cloister.socket");
    snprintf(service.names[1], sizeof service.names[1], "%s", "cloister-weights");
    snprintf(service.names[2], sizeof service.names[2], "%s", "other");
    CHECK_THAT(!rt_listeners_inherit(&listeners, &service, "cloister-weights", &error), "%s", error.text);
    CHECK(listeners.count == 2 && listeners.items[0].fd == AT && listeners.items[1].fd == AT + 2 && listeners.items[0].family == AF_INET);
    CHECK(fcntl(AT, F_GETFL) & O_NONBLOCK && fcntl(AT, F_GETFD) & FD_CLOEXEC);
    listeners.count = 0;
    CHECK(rt_listeners_inherit(&listeners, &service, NULL, &error) < 0 && strstr(error.text, "descriptor 4 (\"cloister-weights\")"));
    listeners.count = 0;
    give(AT, socket(AF_INET, SOCK_STREAM, 0)); /* does not listen */
    CHECK(rt_listeners_inherit(&listeners, &service, "cloister-weights", &error) < 0 && strstr(error.text, "descriptor 3"));
    give(AT, socket(AF_INET, SOCK_DGRAM, 0));
    CHECK(rt_listeners_inherit(&listeners, &service, "cloister-weights", &error) < 0 && strstr(error.text, "descriptor 3"));
    for (int fd = AT; fd < AT + 3; fd++)
        close(fd);
}

static void more_than_there_is_room_for_are_refused(void)
{
    struct rt_listeners listeners = {.count = RT_LISTENERS_MAX};
    CHECK(rt_listeners_bind(&listeners, "x", 0660, &error) < 0 && error.code == RT_EXIT_USAGE);
}

CHECK_MAIN(CHECK_TEST(a_socket_is_made_with_its_mode_and_removed), CHECK_TEST(a_dead_servers_socket_is_replaced),
           CHECK_TEST(what_else_is_there_is_refused_by_name), CHECK_TEST(a_path_that_cannot_be_is_refused),
           CHECK_TEST(a_socket_that_somebody_replaced_is_left), CHECK_TEST(a_sealed_server_leaves_no_socket),
           CHECK_TEST(a_killed_server_leaves_no_socket), CHECK_TEST(inherited_listeners_are_taken_others_refused),
           CHECK_TEST(more_than_there_is_room_for_are_refused))
