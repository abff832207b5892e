/* notify.h: what a service tells its manager (sd_notify(3)), without libsystemd. The socket is connected before the seal; behind it only
 * write() on it is needed. Where the manager has no room for a message, that waits for some moments, at most 0.3 s behind the seal and some
 * seconds for what is to be said before. Any one thread at a time. */
#ifndef CLOISTER_NOTIFY_H
#define CLOISTER_NOTIFY_H

#include <stdint.h>

#include "runtime/service_env.h"

struct rt_notify {
    int fd; /* -1: nobody listens, and every function below does nothing and succeeds */
};

/* Before the seal. */
RT_MUST_CHECK int rt_notify_open(struct rt_notify *out, const struct rt_service *service, struct rt_error *error);
void rt_notify_close(struct rt_notify *notify);

/* A message that the manager has no room for is lost: a service does not stop because nobody looks. */
void rt_notify_ready(const struct rt_notify *notify);
void rt_notify_status(const struct rt_notify *notify, const char *format, ...) RT_PRINTF(2, 3); /* for people; one line */
void rt_notify_reloading(const struct rt_notify *notify);                                       /* until the next rt_notify_ready */
void rt_notify_stopping(const struct rt_notify *notify);
void rt_notify_watchdog(const struct rt_notify *notify);
void rt_notify_extend(const struct rt_notify *notify, uint64_t microseconds); /* so much longer for starting or stopping, from now on */

/* Descriptors that the manager keeps over a restart and hands back under their name. Before the seal. */
RT_MUST_CHECK int rt_notify_store(const struct rt_notify *notify, const char *name, int fd, struct rt_error *error);
void rt_notify_forget(const struct rt_notify *notify, const char *name); /* all of the name */
/* Waits until the manager has read everything before it: 0, or -1 where it has not within the time. Before the seal. */
RT_MUST_CHECK int rt_notify_barrier(const struct rt_notify *notify, int milliseconds);

#endif
