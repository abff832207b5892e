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

#include "runtime/clock.h"
#include "runtime/scope.h"
#include "runtime/topology.h"

enum {
    STACK_BYTES = 1 << 20, /* musl's default of 128 KiB is too little for generated kernels */
    LOOKS = 16,            /* between two looks at the clock */
    CACHE_LINE = 64,
};
/* As long as a thread waits before it sleeps: longer than most waits within a step and than a wake-up takes, short beside a step. */
static const double spin_s = 50e-6;

struct gate { /* a counter that threads wait on */
    _Alignas(CACHE_LINE) _Atomic uint32_t value;
    _Atomic uint32_t sleepers;
};

struct worker {
    struct rt_workers *workers;
    pthread_t thread;
    unsigned index, node; /* node: counted from 0 over those that have workers */
    struct rt_worker_place place;
};

struct rt_workers {
    unsigned count, nodes, started;
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

/* Whether the gate's value has changed from `seen` within so many seconds. */
static int spin(const struct gate *gate, uint32_t seen, double seconds)
{
    double end = rt_seconds() + seconds;
    do {
        for (int i = 0; i < LOOKS; i++) {
            if (atomic_load_explicit(&gate->value, memory_order_acquire) != seen)
                return 1;
            __builtin_ia32_pause();
        }
    } while (rt_seconds() < end);
    return 0;
}

/* Waits until the gate's value is no longer `seen`: asleep, and before that awake for so many seconds. */
static void gate_wait(struct gate *gate, uint32_t seen, double seconds)
{
    if (seconds > 0 && spin(gate, seen, seconds))
        return;
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
        gate_wait(&workers->job, seen, spin_s);
        if (workers->quit)
            return NULL;
        workers->function(workers->user, self->index);
        if (atomic_fetch_sub(&workers->left, 1) == 1)
            gate_open(&workers->done);
    }
}

/* Gives every worker its place; places come node by node. */
static void take_places(struct rt_workers *workers, const struct rt_placement *placement)
{
    for (unsigned i = 0; i < workers->count; i++) {
        workers->nodes += i == 0 || placement->places[i].node != placement->places[i - 1].node;
        workers->list[i] = (struct worker){.workers = workers, .index = i, .node = workers->nodes - 1, .place = placement->places[i]};
    }
}

static int start(struct rt_workers *workers, struct rt_error *error)
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
    take_places(workers, placement);
    if (start(workers, error))
        return -1;
    *out = RT_MOVE(workers);
    return 0;
}

int rt_workers_open_beside(struct rt_workers **out, const struct rt_workers *beside, unsigned count, struct rt_error *error)
{
    *out = NULL;
    RT_FREE struct rt_placement *placement = calloc(1, sizeof *placement + count * sizeof *placement->places);
    if (!placement)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %u threads", count);
    placement->count = count;
    for (unsigned i = 0; i < count; i++)
        placement->places[i] = beside->list[(uint64_t)i * beside->count / count].place;
    return rt_workers_open(out, placement, error);
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
        gate_wait(&workers->phase, seen, spin_s);
        return;
    }
    atomic_store(&workers->arrived, 0);
    gate_open(&workers->phase);
}

void rt_workers_share(const struct rt_workers *workers, unsigned worker, size_t n, size_t *first, size_t *last)
{
    *first = n * worker / workers->count; /* the larger shares lie evenly among the workers, and so among the nodes */
    *last = n * (worker + 1) / workers->count;
}

unsigned rt_workers_nodes(const struct rt_workers *workers)
{
    return workers->nodes;
}

unsigned rt_workers_node(const struct rt_workers *workers, unsigned worker)
{
    return workers->list[worker].node;
}

int rt_workers_node_number(const struct rt_workers *workers, unsigned node)
{
    unsigned first, last;
    rt_workers_of_node(workers, node, &first, &last);
    return workers->list[first].place.node;
}

void rt_workers_of_node(const struct rt_workers *workers, unsigned node, unsigned *first, unsigned *last)
{
    for (*first = 0; workers->list[*first].node != node;)
        ++*first;
    for (*last = *first; *last < workers->count && workers->list[*last].node == node;)
        ++*last;
}

void rt_workers_node_share(const struct rt_workers *workers, unsigned node, size_t n, size_t *first, size_t *last)
{
    unsigned first_worker, last_worker;
    size_t unused;
    rt_workers_of_node(workers, node, &first_worker, &last_worker);
    rt_workers_share(workers, first_worker, n, first, &unused);
    rt_workers_share(workers, last_worker - 1, n, &unused, last);
}
