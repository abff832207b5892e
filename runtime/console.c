/* console.c: what goes to a terminal, and the one signal that comes from it. */
#include "runtime/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void note_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

int rt_console_catch_interrupts(struct rt_error *error)
{
    struct sigaction action = {.sa_handler = note_interrupt}; /* without SA_RESTART: waiting at the prompt must end */
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, NULL))
        return rt_fail(error, RT_EXIT_FAILED, "catching Ctrl-C: %s", strerror(errno));
    return 0;
}

int rt_console_interrupted(void)
{
    const int was = interrupted;
    interrupted = 0;
    return was;
}

int rt_console_wait(void)
{
    sigset_t interrupt, before;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, &before);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = interrupted ? -1 : ppoll(&input, 1, NULL, &before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    rt_console_interrupted();
    return ready < 0 ? -1 : 0;
}

/* Bytes of the control character at text[0]; 0 if it is none. */
static size_t control_bytes(const char *text, size_t bytes)
{
    const unsigned char first = (unsigned char)text[0];
    if ((first < 0x20 && first != '\n' && first != '\t') || first == 0x7f)
        return 1;
    if (first == 0xc2 && bytes > 1 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xa0)
        return 2;
    return 0;
}

void rt_console_put(const char *text, size_t bytes)
{
    if (!isatty(STDOUT_FILENO)) {
        fwrite(text, 1, bytes, stdout);
        return;
    }
    for (size_t at = 0, plain = 0; at <= bytes;) {
        const size_t control = at < bytes ? control_bytes(text + at, bytes - at) : 0;
        if (at < bytes && !control) {
            at++;
            continue;
        }
        fwrite(text + plain, 1, at - plain, stdout);
        if (control)
            fputs("\xef\xbf\xbd", stdout);
        plain = at += control ? control : 1;
    }
}

int rt_console_emit(void *user, const char *text, size_t bytes)
{
    (void)user;
    rt_console_put(text, bytes);
    return fflush(stdout) != 0;
}

int rt_console_cancelled(void *user)
{
    (void)user;
    return interrupted;
}

static double per_second(size_t tokens, double seconds)
{
    return seconds > 0 ? (double)tokens / seconds : 0;
}

void rt_console_timing(const struct rt_result *result)
{
    if (!isatty(STDOUT_FILENO) || !isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "[%zu tokens, %.1f tok/s; prompt %u tokens, %.1f tok/s]\n", result->tokens.count,
            per_second(result->tokens.count, result->decode_s), (unsigned)result->prompt_tokens,
            per_second(result->prompt_tokens, result->prefill_s));
}
