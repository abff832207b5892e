/* clock.h: seconds that only go forward, for rates and durations. Any thread. */
#ifndef CLOISTER_CLOCK_H
#define CLOISTER_CLOCK_H

#include <time.h>

static inline double rt_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
