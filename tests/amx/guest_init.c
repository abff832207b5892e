/* guest_init.c: the first process of the emulated machine. Runs /program in /data with what /arguments and /environment hold, and tells the world outside through port 0xe9, which Bochs prints: a line "guest is up", then "out N" or "err N" with N bytes of what
 * the program wrote, and at last "exit STATUS". One thread; knows nothing of Cloister. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PORT_PRINT = 0xe9,
    PORT_SHUTDOWN = 0x8900, /* Bochs ends when "Shutdown" is written there */
    MOST_STRINGS = 255,
    MOST_BYTES = 1 << 16,
};

static void print_bytes(const char *bytes, size_t count)
{
    outsb(PORT_PRINT, bytes, count);
}

static void print_line(const char *word, int number)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%s %d\n", word, number);
    print_bytes(line, (size_t)length);
}

_Noreturn static void power_off(int status)
{
    print_line("exit", status);
    outsb(PORT_SHUTDOWN, "Shutdown", 8);
    for (;;)
        pause();
}

_Noreturn static void give_up(const char *what)
{
    char line[256];
    int length = snprintf(line, sizeof line, "guest_init: %s: %m\n", what);
    print_line("err", length);
    print_bytes(line, (size_t)length);
    power_off(125);
}

static void mount_all(void)
{
    static const struct {
        const char *type, *where;
    } systems[] = {{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}};
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
        mkdir(systems[i].where, 0755);
        if (mount(systems[i].type, systems[i].where, systems[i].type, 0, NULL))
            give_up(systems[i].where);
    }
}

/* The kernel has no console to give its first process. */
static void open_nothing(void)
{
    while (1) {
        int fd = open("/dev/null", O_RDWR);
        if (fd < 0)
            give_up("/dev/null");
        if (fd > STDERR_FILENO) {
            close(fd);
            return;
        }
    }
}

/* The strings of a file, each ended by a NUL, behind the `count` that are in `list` already. The file is read once and stays. */
static void read_strings(const char *path, char *list[MOST_STRINGS + 1], size_t count)
{
    char *text = malloc(MOST_BYTES);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = text ? read(fd, text, MOST_BYTES) : -1;
    if (length < 0 || length == MOST_BYTES || (length > 0 && text[length - 1]))
        give_up(path);
    close(fd);
    for (char *p = text; p < text + length; p += strlen(p) + 1) {
        if (count == MOST_STRINGS)
            give_up(path);
        list[count++] = p;
    }
}

static pid_t start_program(int out, int err)
{
    char *arguments[MOST_STRINGS + 1] = {NULL}, *environment[MOST_STRINGS + 1] = {"PATH=/", "HOME=/tmp", "TMPDIR=/tmp"};
    read_strings("/arguments", arguments, 0);
    read_strings("/environment", environment, 3);
    pid_t pid = fork();
    if (pid)
        return pid;
    iopl(0);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (!chdir("/data"))
        execve("/program", arguments, environment);
    perror("/program");
    _exit(127);
}

/* Passes on what comes from the pipe; at its end 0. */
static int pass_on(const char *name, int from)
{
    static char bytes[65536];
    ssize_t count = read(from, bytes, sizeof bytes);
    if (count <= 0)
        return 0;
    print_line(name, (int)count);
    print_bytes(bytes, (size_t)count);
    return 1;
}

static void pass_on_all(int out, int err)
{
    struct pollfd from[] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
    while (from[0].fd >= 0 || from[1].fd >= 0) {
        if (poll(from, 2, -1) < 0)
            give_up("poll");
        if (from[0].revents && !pass_on("out", out))
            from[0].fd = -1;
        if (from[1].revents && !pass_on("err", err))
            from[1].fd = -1;
    }
}

int main(void)
{
    int out[2], err[2], status;
    iopl(3);
    print_bytes("\nguest is up\n", 13);
    mount_all();
    open_nothing();
    if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
        give_up("pipe2");
    pid_t pid = start_program(out[1], err[1]);
    close(out[1]);
    close(err[1]);
    pass_on_all(out[0], err[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        give_up("/program");
    power_off(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
