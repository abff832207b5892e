/* pack_jobs.h: many small jobs on all cores. Jobs start in order, so the error that comes back is the same whatever the timing: that of
 * the lowest job that failed. Knows nothing of what a job does. One thread calls it; it watches for signals and shows progress meanwhile. */
#ifndef CLOISTER_PACK_JOBS_H
#define CLOISTER_PACK_JOBS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"
#include "runtime/progress.h"

struct pk_jobs {
    size_t count;
    int (*run)(void *user, void *room, size_t job, struct rt_error *error); /* from any thread */
    void *user;
    size_t room_bytes;      /* scratch memory of each thread, 64-byte aligned */
    _Atomic uint64_t *done; /* bytes, which the jobs count up */
    uint64_t total;
    struct rt_progress_bar *bar;
};

RT_MUST_CHECK int pk_jobs_run(const struct pk_jobs *jobs, struct rt_error *error);

#endif
