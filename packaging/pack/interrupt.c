/* interrupt.c: the only global state of the packer is this flag: a signal handler can reach nothing else. */
#include "packaging/pack/interrupt.h"

#include <signal.h>
#include <stddef.h>

static _Atomic int interrupted; /* lock-free, so a handler may set it and every thread may read it */

static void note_signal(int number)
{
    (void)number;
    interrupted = 1;
}

void pk_interrupt_watch(void)
{
    struct sigaction action = {.sa_handler = note_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGXFSZ, &action, NULL);
    sigaction(SIGPIPE, &action, NULL);
}

int pk_interrupted(void)
{
    return interrupted != 0;
}

int pk_interrupt_error(struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_FAILED, "interrupted; nothing was left behind");
}
