/* password.c: reading a password from a terminal or a pipe. */
#include "runtime/password.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/scope.h"

enum { CONTROL_C = 3 };

void rt_password_wipe(struct rt_password *password)
{
    explicit_bzero(password, sizeof *password);
}

/* One line, byte by byte, since what follows it belongs to somebody else. */
static int read_line(struct rt_password *out, int fd, struct rt_error *error)
{
    size_t bytes = 0;
    for (;;) {
        char c;
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || (got == 0 && bytes == 0))
            return rt_fail(error, RT_EXIT_FAILED, "no password could be read; give it on the terminal or as a line of standard input");
        if (c == CONTROL_C)
            return rt_fail(error, RT_EXIT_FAILED, "no password was given");
        if (got == 0 || c == '\n')
            break;
        if (bytes == CR_PASSWORD_MAX_BYTES || c == '\0')
            return rt_fail(error, RT_EXIT_USAGE, "the password is longer than %d bytes or holds a zero byte", CR_PASSWORD_MAX_BYTES);
        out->text[bytes++] = c;
    }
    out->text[bytes] = '\0';
    return bytes ? 0 : rt_fail(error, RT_EXIT_USAGE, "the password is empty; a key without one is made with -W");
}

/* Signals are off while echo is, so that no interrupt leaves the terminal mute; control-C ends the line instead. */
static int read_unseen(struct rt_password *out, int terminal, struct rt_error *error)
{
    struct termios before, mute;
    if (tcgetattr(terminal, &before))
        return rt_fail(error, RT_EXIT_FAILED, "the terminal cannot be silenced for a password: %s", strerror(errno));
    mute = before;
    mute.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    mute.c_cc[VEOL] = CONTROL_C;
    if (tcsetattr(terminal, TCSAFLUSH, &mute))
        return rt_fail(error, RT_EXIT_FAILED, "the terminal cannot be silenced for a password: %s", strerror(errno));
    int status = read_line(out, terminal, error);
    tcsetattr(terminal, TCSAFLUSH, &before);
    dprintf(terminal, "\n");
    return status;
}

int rt_password_ask(struct rt_password *out, const char *prompt, struct rt_error *error)
{
    *out = (struct rt_password){0};
    if (!isatty(STDIN_FILENO))
        return read_line(out, STDIN_FILENO, error);
    RT_CLOSE_FD int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        return rt_fail(error, RT_EXIT_FAILED, "no terminal to ask for the password: %s", strerror(errno));
    dprintf(terminal, "%s: ", prompt);
    return read_unseen(out, terminal, error);
}

int rt_password_choose(struct rt_password *out, struct rt_error *error)
{
    RT_CLEAN(rt_password_wipe) struct rt_password again;
    if (rt_password_ask(out, "Password for the new secret key", error) || rt_password_ask(&again, "The same once more", error))
        return -1;
    if (strcmp(out->text, again.text) != 0)
        return rt_fail(error, RT_EXIT_USAGE, "the two passwords differ; nothing was written");
    return 0;
}
