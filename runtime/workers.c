/* workers.c: pinned threads that run one function together and meet at barriers. Waiting spins for some microseconds, then sleeps in
 * the kernel (futex), so that an idle program burns no processor. Knows nothing of the work. See workers.h for who may call. */
#include "runtime/workers.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/scope.h"
#include "runtime/topology.h"

enum {
    STACK_BYTES = 1 << 20, /* musl's default of 128 KiB is too little for generated kernels */
    SPINS = 2000,          /* about 20 microseconds */
    CACHE_LINE = 64,
};

struct gate { /* a counter that threads wait on */
    _Alignas(CACHE_LINE) _Atomic uint32_t value;
    _Atomic uint32_t sleepers;
};

struct worker {
    struct rt_workers *workers;
    pthread_t thread;
    unsigned index;
    struct rt_worker_place place;
};

struct rt_workers {
    unsigned count, started;
    int quit;
    void (*function)(void *user, unsigned worker);
    void *user;
    struct gate job;                               /* counts jobs: a change starts one */
    struct gate done;                              /* counts finished jobs */
    struct gate phase;                             /* counts barriers passed */
    _Alignas(CACHE_LINE) _Atomic uint32_t arrived; /* at the barrier */
    _Alignas(CACHE_LINE) _Atomic uint32_t left;    /* workers still in the job */
    struct worker list[];
};

static void gate_open(struct gate *gate)
{
    atomic_fetch_add(&gate->value, 1);
    if (atomic_load(&gate->sleepers))
        syscall(SYS_futex, &gate->value, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Waits until the gate's value is no longer `seen`. */
static void gate_wait(struct gate *gate, uint32_t seen, int spins)
{
    for (int i = 0; i < spins; i++) {
        if (atomic_load_explicit(&gate->value, memory_order_acquire) != seen)
            return;
        __builtin_ia32_pause();
    }
    atomic_fetch_add(&gate->sleepers, 1);
    while (atomic_load(&gate->value) == seen)
        syscall(SYS_futex, &gate->value, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    atomic_fetch_sub(&gate->sleepers, 1);
}

static void *worker_main(void *argument)
{
    struct worker *self = argument;
    struct rt_workers *workers = self->workers;
    (void)rt_placement_bind(&self->place); /* unpinned is slower, not wrong */
    for (uint32_t seen = 0;; seen++) {
        gate_wait(&workers->job, seen, SPINS);
        if (workers->quit)
            return NULL;
        workers->function(workers->user, self->index);
        if (atomic_fetch_sub(&workers->left, 1) == 1)
            gate_open(&workers->done);
    }
}

static int start(struct rt_workers *workers, const struct rt_placement *placement, struct rt_error *error)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for threads");
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited: signals are the main thread's */
    int failed = 0;
    for (unsigned i = 0; i < workers->count && !failed; i++) {
        workers->list[i] = (struct worker){.workers = workers, .index = i, .place = placement->places[i]};
        failed = pthread_create(&workers->list[i].thread, &attributes, worker_main, &workers->list[i]);
        workers->started += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failed)
        return rt_fail(error, RT_EXIT_RESOURCES, "thread %u of %u does not start: %s; raise the limit of tasks or give a smaller -t",
                       workers->started + 1, workers->count, strerror(failed));
    return 0;
}

int rt_workers_open(struct rt_workers **out, const struct rt_placement *placement, struct rt_error *error)
{
    *out = NULL;
    size_t bytes = sizeof(struct rt_workers) + placement->count * sizeof(struct worker);
    RT_CLEAN(rt_workers_close) struct rt_workers *workers = aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    if (!workers)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %u workers", placement->count);
    memset(workers, 0, bytes);
    workers->count = placement->count;
    if (start(workers, placement, error))
        return -1;
    *out = RT_MOVE(workers);
    return 0;
}

void rt_workers_close(struct rt_workers **workers)
{
    struct rt_workers *w = *workers;
    *workers = NULL;
    if (!w)
        return;
    w->quit = 1;
    gate_open(&w->job);
    for (unsigned i = 0; i < w->started; i++)
        pthread_join(w->list[i].thread, NULL);
    free(w);
}

unsigned rt_workers_count(const struct rt_workers *workers)
{
    return workers->count;
}

void rt_workers_run(struct rt_workers *workers, void (*function)(void *user, unsigned worker), void *user)
{
    uint32_t done = atomic_load(&workers->done.value);
    workers->function = function;
    workers->user = user;
    atomic_store(&workers->left, workers->count);
    gate_open(&workers->job);
    gate_wait(&workers->done, done, 0); /* the caller has no core of its own: it must not spin on a worker's */
}

void rt_workers_wait(struct rt_workers *workers, unsigned worker)
{
    (void)worker;
    if (workers->count == 1)
        return;
    uint32_t seen = atomic_load(&workers->phase.value);
    if (atomic_fetch_add(&workers->arrived, 1) + 1 < workers->count) {
        gate_wait(&workers->phase, seen, SPINS);
        return;
    }
    atomic_store(&workers->arrived, 0);
    gate_open(&workers->phase);
}

void rt_workers_share(const struct rt_workers *workers, unsigned worker, size_t n, size_t *first, size_t *last)
{
    size_t each = n / workers->count, rest = n % workers->count;
    *first = worker * each + (worker < rest ? worker : rest);
    *last = *first + each + (worker < rest);
}
