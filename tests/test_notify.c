/* test_notify.c: the datagrams that a service manager gets, word for word, with a socket of this test in its place. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/notify.h"
#include "tests/check.h"

static struct rt_error error;

struct manager {
    int fd, received; /* its socket; the descriptor that came with the last message, or -1 */
    char text[1024];
    struct rt_service service;
    struct rt_notify notify;
};

/* An abstract name, or a path. */
static void open_manager(struct manager *m, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *m = (struct manager){.received = -1};
    snprintf(m->service.notify, sizeof m->service.notify, "%s", name);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
    if (*name == '@')
        address.sun_path[0] = 0;
    m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK(!bind(m->fd, (struct sockaddr *)&address, (socklen_t)(sizeof address.sun_family + strlen(name))));
    CHECK_THAT(!rt_notify_open(&m->notify, &m->service, &error), "%s", error.text);
}

static void close_manager(struct manager *m)
{
    rt_notify_close(&m->notify);
    CHECK(m->notify.fd == -1);
    close(m->fd);
    if (m->received >= 0)
        close(m->received);
    if (m->service.notify[0] == '/')
        unlink(m->service.notify);
}

/* The next message; "" where there is none. */
static const char *hear(struct manager *m)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec piece = {m->text, sizeof m->text - 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    const ssize_t got = recvmsg(m->fd, &message, MSG_CMSG_CLOEXEC);
    m->text[got < 0 ? 0 : got] = 0;
    m->received = -1;
    if (got >= 0 && CMSG_FIRSTHDR(&message))
        memcpy(&m->received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof m->received);
    return m->text;
}

static int said(struct manager *m, const char *text)
{
    return !strcmp(hear(m), text) && m->received < 0;
}

static const char *abstract_name(void)
{
    static char name[64];
    snprintf(name, sizeof name, "@cloister-test-notify-%d", getpid());
    return name;
}

static void each_message_is_what_the_protocol_says(void)
{
    struct manager m;
    open_manager(&m, abstract_name());
    rt_notify_ready(&m.notify);
    CHECK(said(&m, "READY=1"));
    rt_notify_status(&m.notify, "loading %d%%", 40);
    CHECK(said(&m, "STATUS=loading 40%"));
    rt_notify_stopping(&m.notify);
    CHECK(said(&m, "STOPPING=1"));
    rt_notify_watchdog(&m.notify);
    CHECK(said(&m, "WATCHDOG=1"));
    rt_notify_extend(&m.notify, 90000000);
    CHECK(said(&m, "EXTEND_TIMEOUT_USEC=90000000"));
    rt_notify_forget(&m.notify, "cloister-weights");
    CHECK(said(&m, "FDSTOREREMOVE=1\nFDNAME=cloister-weights"));
    close_manager(&m);
}

static void a_path_does_as_well(void)
{
    struct manager m;
    char path[64];
    snprintf(path, sizeof path, "/tmp/cloister-test-notify-%d", getpid());
    open_manager(&m, path);
    rt_notify_ready(&m.notify);
    CHECK(said(&m, "READY=1"));
    close_manager(&m);
}

static void reloading_says_when(void)
{
    struct manager m;
    struct timespec now;
    open_manager(&m, abstract_name());
    clock_gettime(CLOCK_MONOTONIC, &now);
    rt_notify_reloading(&m.notify);
    static const char begin[] = "RELOADING=1\nMONOTONIC_USEC=";
    CHECK(!strncmp(hear(&m), begin, sizeof begin - 1));
    const unsigned long long when = strtoull(m.text + sizeof begin - 1, NULL, 10), before = (unsigned long long)now.tv_sec * 1000000;
    CHECK_THAT(when >= before && when < before + 60000000, "%s", m.text);
    close_manager(&m);
}

static void a_status_is_one_line(void)
{
    struct manager m;
    char longest[2000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    open_manager(&m, abstract_name());
    rt_notify_status(&m.notify, "a\nREADY=1\x7f");
    CHECK_THAT(said(&m, "STATUS=a?READY=1?"), "%s", m.text);
    rt_notify_status(&m.notify, "%s", longest);
    CHECK(!strncmp(hear(&m), "STATUS=xxx", 10) && strlen(m.text) < 600);
    close_manager(&m);
}

static void a_descriptor_is_stored(void)
{
    struct manager m;
    struct stat sent, got;
    const int fd = memfd_create("test", MFD_CLOEXEC);
    open_manager(&m, abstract_name());
    CHECK_THAT(!rt_notify_store(&m.notify, "cloister-weights-1", fd, &error), "%s", error.text);
    CHECK(!strcmp(hear(&m), "FDSTORE=1\nFDPOLL=0\nFDNAME=cloister-weights-1"));
    CHECK(m.received >= 0 && !fstat(fd, &sent) && !fstat(m.received, &got) && sent.st_ino == got.st_ino);
    CHECK(rt_notify_store(&m.notify, "x", -1, &error) < 0 && strstr(error.text, "\"x\""));
    close(fd);
    close_manager(&m);
}

static void a_barrier_waits_for_the_manager(void)
{
    struct manager m;
    open_manager(&m, abstract_name());
    CHECK(rt_notify_barrier(&m.notify, 20) < 0); /* nobody reads */
    CHECK(!strcmp(hear(&m), "BARRIER=1") && m.received >= 0);
    close(m.received);
    fflush(stdout);
    const pid_t reader = fork();
    if (!reader) {
        struct pollfd come = {.fd = m.fd, .events = POLLIN};
        _exit(poll(&come, 1, 5000) == 1 && !strcmp(hear(&m), "BARRIER=1") ? 0 : 1);
    }
    CHECK(rt_notify_barrier(&m.notify, 5000) == 0);
    m.received = -1;
    close_manager(&m);
}

/* A manager that does not read costs nothing but its messages. */
static void nobody_waits_for_a_manager_that_does_not_read(void)
{
    struct manager m;
    struct timespec before, after;
    open_manager(&m, abstract_name());
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < 20; i++)
        rt_notify_watchdog(&m.notify);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK(after.tv_sec - before.tv_sec < 10);
    int heard = 0;
    while (!strcmp(hear(&m), "WATCHDOG=1"))
        heard++;
    CHECK(heard >= 1);
    close_manager(&m);
}

static void without_a_manager_all_succeeds(void)
{
    const struct rt_service none = {.fd_count = 0};
    struct rt_service gone = {.fd_count = 0};
    struct rt_notify notify;
    CHECK(!rt_notify_open(&notify, &none, &error) && notify.fd == -1);
    rt_notify_ready(&notify);
    CHECK(!rt_notify_store(&notify, "x", STDERR_FILENO, &error));
    CHECK(!rt_notify_barrier(&notify, 1));
    snprintf(gone.notify, sizeof gone.notify, "%s", "@cloister-test-nobody");
    CHECK(rt_notify_open(&notify, &gone, &error) < 0 && notify.fd == -1 && strstr(error.text, "NOTIFY_SOCKET @cloister-test-nobody"));
}

CHECK_MAIN(CHECK_TEST(each_message_is_what_the_protocol_says), CHECK_TEST(a_path_does_as_well), CHECK_TEST(reloading_says_when),
           CHECK_TEST(a_status_is_one_line), CHECK_TEST(a_descriptor_is_stored), CHECK_TEST(a_barrier_waits_for_the_manager),
           CHECK_TEST(nobody_waits_for_a_manager_that_does_not_read), CHECK_TEST(without_a_manager_all_succeeds))
