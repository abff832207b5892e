/* test_workers.c: shares cover everything once, barriers hold back, jobs follow one another, and nobody spins who has nothing to do. */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/scope.h"
#include "runtime/topology.h"
#include "runtime/workers.h"
#include "tests/check.h"

enum { ROUNDS = 300, ITEMS = 1000 };

struct job {
    struct rt_workers *workers;
    _Atomic int arrived[ROUNDS];
    _Atomic int early;
    int items[ITEMS];
};

static struct rt_error error;

static struct rt_workers *open_workers(unsigned count)
{
    struct rt_placement *placement = calloc(1, sizeof *placement + count * sizeof *placement->places);
    struct rt_workers *workers = NULL;
    placement->count = count;
    for (unsigned i = 0; i < count; i++)
        placement->places[i].cpu = -1;
    CHECK_THAT(!rt_workers_open(&workers, placement, &error), "%s", error.text);
    free(placement);
    return workers;
}

static void meet_often(void *user, unsigned worker)
{
    struct job *job = user;
    for (int round = 0; round < ROUNDS; round++) {
        atomic_fetch_add(&job->arrived[round], 1);
        rt_workers_wait(job->workers, worker);
        if (atomic_load(&job->arrived[round]) != (int)rt_workers_count(job->workers))
            atomic_fetch_add(&job->early, 1);
        rt_workers_wait(job->workers, worker);
    }
}

static void barrier_holds_everyone(void)
{
    static struct job job;
    for (unsigned count = 1; count <= 5; count++) {
        memset(&job, 0, sizeof job);
        job.workers = open_workers(count);
        rt_workers_run(job.workers, meet_often, &job);
        CHECK_THAT(job.early == 0, "%d of %u workers passed too early", job.early, count);
        rt_workers_close(&job.workers);
        CHECK(job.workers == NULL);
    }
}

static void mark_share(void *user, unsigned worker)
{
    struct job *job = user;
    size_t first, last;
    rt_workers_share(job->workers, worker, ITEMS, &first, &last);
    for (size_t i = first; i < last; i++)
        job->items[i]++;
}

static void every_item_is_done_once_per_job(void)
{
    static struct job job;
    memset(&job, 0, sizeof job);
    job.workers = open_workers(3);
    for (int i = 0; i < 200; i++)
        rt_workers_run(job.workers, mark_share, &job);
    for (int i = 0; i < ITEMS; i++)
        CHECK_THAT(job.items[i] == 200, "item %d: %d", i, job.items[i]);
    rt_workers_close(&job.workers);
}

static void shares_are_balanced_to_one(void)
{
    struct rt_workers *workers = open_workers(4);
    for (size_t n = 0; n < 40; n++) {
        size_t end = 0, least = SIZE_MAX, most = 0;
        for (unsigned w = 0; w < 4; w++) {
            size_t first, last;
            rt_workers_share(workers, w, n, &first, &last);
            CHECK(first == end);
            end = last;
            least = last - first < least ? last - first : least;
            most = last - first > most ? last - first : most;
        }
        CHECK(end == n && most - least <= 1);
    }
    rt_workers_close(&workers);
}

static void do_nothing(void *user, unsigned worker)
{
    (void)user;
    (void)worker;
}

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* What is measured is processor time, not how long something takes: a pool that spins would take half a second of it for each worker. */
static void an_idle_pool_takes_no_processor(void)
{
    struct rt_workers *workers = open_workers(4);
    rt_workers_run(workers, do_nothing, NULL);
    double before = processor_seconds();
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    double taken = processor_seconds() - before;
    CHECK_THAT(taken < 0.05, "%.3f s of processor time in half a second of nothing", taken);
    rt_workers_close(&workers);
}

static void where_i_am(void *user, unsigned worker)
{
    cpu_set_t *sets = user;
    CHECK(sched_getaffinity(0, sizeof *sets, &sets[worker]) == 0);
}

static void a_pool_beside_another_is_on_its_cores(void)
{
    RT_FREE struct rt_placement *placement = NULL;
    struct rt_workers *workers, *beside;
    cpu_set_t sets[5];
    CHECK(!rt_placement_open(&placement, 0, &error) && !rt_workers_open(&workers, placement, &error));
    CHECK(!rt_workers_open_beside(&beside, workers, 5, &error) && rt_workers_count(beside) == 5);
    rt_workers_run(beside, where_i_am, sets);
    for (unsigned i = 0; i < 5; i++)
        CHECK(CPU_COUNT(&sets[i]) == 1 && CPU_ISSET(placement->places[i * placement->count / 5].cpu, &sets[i]));
    rt_workers_close(&beside);
    rt_workers_close(&workers);
}

CHECK_MAIN(CHECK_TEST(barrier_holds_everyone), CHECK_TEST(every_item_is_done_once_per_job), CHECK_TEST(shares_are_balanced_to_one),
           CHECK_TEST(an_idle_pool_takes_no_processor), CHECK_TEST(a_pool_beside_another_is_on_its_cores))
