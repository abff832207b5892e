/* pack_jobs.c: a pool that lives for one list of jobs. As many threads as there are cores, or fewer where their scratch memory
 * would exceed a bound: the packer promises to stay below 1 GiB whatever the model. */
#include "packaging/pack/pack_jobs.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "packaging/pack/interrupt.h"
#include "runtime/clock.h"
#include "runtime/scope.h"

enum {
    THREADS_MAX = 256,
    ROOMS_MAX_BYTES = 512 << 20,
    STACK_BYTES = 1 << 20,
    REPORT_NS = 100000000,
};

struct pool {
    const struct pk_jobs *jobs;
    atomic_size_t next;
    atomic_int stop;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t ended;
    unsigned running;
    size_t failed_job;
    struct rt_error error;
};

static void note_failure(struct pool *pool, size_t job, const struct rt_error *error)
{
    atomic_store(&pool->stop, 1);
    pthread_mutex_lock(&pool->lock);
    if (job < pool->failed_job) {
        pool->failed_job = job;
        pool->error = *error;
    }
    pthread_mutex_unlock(&pool->lock);
}

static void run_jobs(struct pool *pool, void *room)
{
    struct rt_error error;
    while (!atomic_load(&pool->stop)) {
        size_t job = atomic_fetch_add(&pool->next, 1);
        if (job >= pool->jobs->count)
            return;
        if (pk_interrupted()) {
            pk_interrupt_error(&error);
            note_failure(pool, 0, &error);
        } else if (pool->jobs->run(pool->jobs->user, room, job, &error)) {
            note_failure(pool, job, &error);
        }
    }
}

static void *thread_main(void *argument)
{
    struct pool *pool = argument;
    size_t bytes = (pool->jobs->room_bytes + 63) / 64 * 64;
    RT_FREE void *room = bytes ? aligned_alloc(64, bytes) : NULL;
    if (bytes && !room) {
        struct rt_error error;
        rt_fail(&error, RT_EXIT_RESOURCES, "no memory: a thread needs %zu bytes", bytes);
        note_failure(pool, 0, &error);
    } else {
        run_jobs(pool, room);
    }
    pthread_mutex_lock(&pool->lock);
    pool->running--;
    pthread_cond_signal(&pool->ended);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static unsigned thread_count(const struct pk_jobs *jobs)
{
    cpu_set_t set;
    size_t count = sched_getaffinity(0, sizeof set, &set) ? 1 : (size_t)CPU_COUNT(&set);
    size_t affordable = jobs->room_bytes ? ROOMS_MAX_BYTES / jobs->room_bytes : THREADS_MAX;
    if (count > affordable)
        count = affordable;
    if (count > jobs->count)
        count = jobs->count;
    if (count > THREADS_MAX)
        count = THREADS_MAX;
    return count ? (unsigned)count : 1;
}

static void wait_and_report(struct pool *pool)
{
    double start = rt_seconds();
    pthread_mutex_lock(&pool->lock);
    while (pool->running > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += REPORT_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&pool->ended, &pool->lock, &until);
        rt_progress_bar_report(pool->jobs->bar, atomic_load(pool->jobs->done), pool->jobs->total, rt_seconds() - start);
    }
    pthread_mutex_unlock(&pool->lock);
}

static unsigned start_threads(struct pool *pool, pthread_t *threads, unsigned count)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    unsigned started = 0;
    pool->running = count;
    while (started < count && pthread_create(&threads[started], &attributes, thread_main, pool) == 0)
        started++;
    pthread_attr_destroy(&attributes);
    pthread_mutex_lock(&pool->lock);
    pool->running -= count - started;
    pthread_mutex_unlock(&pool->lock);
    return started;
}

int pk_jobs_run(const struct pk_jobs *jobs, struct rt_error *error)
{
    if (jobs->count == 0)
        return 0;
    struct pool pool = {.jobs = jobs, .failed_job = SIZE_MAX};
    pthread_t threads[THREADS_MAX];
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.ended, NULL);
    unsigned started = start_threads(&pool, threads, thread_count(jobs));
    wait_and_report(&pool);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_cond_destroy(&pool.ended);
    pthread_mutex_destroy(&pool.lock);
    if (started == 0)
        return rt_fail(error, RT_EXIT_RESOURCES, "no thread could be started");
    if (pool.failed_job != SIZE_MAX) {
        *error = pool.error;
        return -1;
    }
    return 0;
}
