/* engine_clock.h: where each worker's time goes. A worker reads the processor's counter where one part of a step ends and the next
 * begins; what the counter's ticks are in seconds is found when somebody asks. Each worker writes its own clock only. */
#ifndef CLOISTER_ENGINE_CLOCK_H
#define CLOISTER_ENGINE_CLOCK_H

#include <stdint.h>

#include "runtime/engine.h"

struct rt_clock {
    _Alignas(64) uint64_t at; /* when the running part began; a cache line of its own, since its worker writes it all the time */
    enum rt_part part;
    uint64_t ticks[RT_PARTS]; /* of waiting only what lies between two parts */
    uint64_t experts;         /* that mixture blocks ran, each block of each step by itself */
};

static inline uint64_t rt_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

static inline void rt_clock_start(struct rt_clock *clock, enum rt_part part)
{
    clock->at = rt_ticks();
    clock->part = part;
}

/* The time since the last call belongs to the part entered then. */
static inline void rt_clock_enter(struct rt_clock *clock, enum rt_part part)
{
    uint64_t now = rt_ticks();
    clock->ticks[clock->part] += now - clock->at;
    clock->at = now;
    clock->part = part;
}

#endif
