/* bench_limits.c: see bench_limits.h. A sample's time runs from the barrier that starts all workers to the end of the last one. */
#include "runtime/bench_limits.h"

#include <stdlib.h>

#include "kernels/peak.h"
#include "runtime/clock.h"
#include "runtime/memory_map.h"
#include "runtime/scope.h"
#include "runtime/synthetic_panel.h"

enum { SAMPLES = 3, ROUNDS_FIRST = 200, HUGE_BYTES = 2 << 20 };
static const size_t PART_BYTES = (size_t)128 << 20; /* of a worker: more than its share of a last-level cache */
static const size_t LEAST_BYTES = (size_t)1 << 30;
static const double SAMPLE_S = 0.05;

struct share { /* one worker's; a cache line of its own */
    _Alignas(64) double start, end, amount;
};

struct rt_limits {
    struct rt_workers *workers;
    enum kn_isa isa;
    struct rt_memory memory;
    size_t part_bytes; /* of each worker */
    uint64_t rounds;   /* of products, for SAMPLE_S */
    uint32_t passes;   /* over the memory, likewise */
    struct share *shares;
};

/* ---- what the workers run ---- */

/* With random numbers: equal pages might be merged behind our back, and then be read from a cache. */
static void fill(void *user, unsigned worker)
{
    const struct rt_limits *limits = user;
    uint64_t *words = (uint64_t *)(void *)(limits->memory.at + worker * limits->part_bytes), state = worker;
    for (size_t i = 0; i < limits->part_bytes / sizeof *words; i++)
        words[i] = rt_random_next(&state);
}

static void multiply(void *user, unsigned worker)
{
    const struct rt_limits *limits = user;
    struct share *share = &limits->shares[worker];
    rt_workers_wait(limits->workers, worker);
    share->start = rt_seconds();
    share->amount = kn_peak_operations(limits->isa, limits->rounds);
    share->end = rt_seconds();
}

static void read_part(void *user, unsigned worker)
{
    const struct rt_limits *limits = user;
    struct share *share = &limits->shares[worker];
    rt_workers_wait(limits->workers, worker);
    share->start = rt_seconds();
    for (uint32_t i = 0; i < limits->passes; i++)
        kn_peak_reading(limits->isa, limits->memory.at + worker * limits->part_bytes, limits->part_bytes);
    share->end = rt_seconds();
    share->amount = (double)limits->passes * (double)limits->part_bytes;
}

/* ---- samples ---- */

struct sample {
    double seconds, amount;
};

static struct sample take_sample(struct rt_limits *limits, void (*run)(void *user, unsigned worker))
{
    double first = 1e300, last = 0, amount = 0;
    rt_workers_run(limits->workers, run, limits);
    for (unsigned i = 0; i < rt_workers_count(limits->workers); i++) {
        const struct share *share = &limits->shares[i];
        first = share->start < first ? share->start : first;
        last = share->end > last ? share->end : last;
        amount += share->amount;
    }
    return (struct sample){last - first, amount};
}

static double best_rate(struct rt_limits *limits, void (*run)(void *user, unsigned worker))
{
    double best = 0;
    for (int i = 0; i < SAMPLES; i++) {
        struct sample sample = take_sample(limits, run);
        double rate = sample.amount / sample.seconds;
        best = rate > best ? rate : best;
    }
    return best;
}

static double times_for(struct sample sample, double count)
{
    double times = count * SAMPLE_S / sample.seconds;
    return times < 1 ? 1 : times > 1e6 ? 1e6 : times;
}

double rt_limits_operations(struct rt_limits *limits)
{
    if (!limits->rounds) {
        limits->rounds = ROUNDS_FIRST;
        limits->rounds = (uint64_t)times_for(take_sample(limits, multiply), ROUNDS_FIRST);
    }
    return best_rate(limits, multiply);
}

double rt_limits_reading(struct rt_limits *limits)
{
    if (!limits->passes) {
        limits->passes = 1;
        limits->passes = (uint32_t)times_for(take_sample(limits, read_part), 1);
    }
    return best_rate(limits, read_part);
}

/* ---- open and close ---- */

static size_t part_bytes(const struct rt_workers *workers)
{
    size_t least = LEAST_BYTES / rt_workers_count(workers), part = least > PART_BYTES ? least : PART_BYTES;
    return part / HUGE_BYTES * HUGE_BYTES;
}

uint64_t rt_limits_bytes(const struct rt_workers *workers)
{
    return (uint64_t)part_bytes(workers) * rt_workers_count(workers);
}

int rt_limits_open(struct rt_limits **out, struct rt_workers *workers, enum kn_isa isa, struct rt_error *error)
{
    *out = NULL;
    RT_CLEAN(rt_limits_close) struct rt_limits *limits = calloc(1, sizeof *limits);
    if (!limits)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to measure with");
    limits->workers = workers;
    limits->isa = isa;
    limits->part_bytes = part_bytes(workers);
    limits->shares = aligned_alloc(64, rt_workers_count(workers) * sizeof *limits->shares);
    if (!limits->shares)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to measure with");
    if (rt_memory_map(&limits->memory, rt_limits_bytes(workers), RT_NODE_ANY, error))
        return -1;
    rt_workers_run(workers, fill, limits);
    *out = RT_MOVE(limits);
    return 0;
}

void rt_limits_close(struct rt_limits **limits)
{
    struct rt_limits *l = *limits;
    *limits = NULL;
    if (!l)
        return;
    rt_memory_unmap(&l->memory);
    free(l->shares);
    free(l);
}
