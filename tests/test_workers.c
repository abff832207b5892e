/* test_workers.c: shares cover everything once, barriers hold back, jobs follow one another; and the plan of places on synthetic machines. */
#include <stdatomic.h>
#include <stdlib.h>

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

/* The plan for a synthetic machine, all of it allowed. */
static struct rt_placement *plan(const char *machine, unsigned threads)
{
    hwloc_topology_t topology;
    struct rt_placement *out = NULL;
    CHECK(!hwloc_topology_init(&topology) && !hwloc_topology_set_synthetic(topology, machine) && !hwloc_topology_load(topology));
    int failed = rt_placement_plan(&out, topology, hwloc_topology_get_allowed_cpuset(topology), threads, &error);
    CHECK(failed == (out ? 0 : -1));
    hwloc_topology_destroy(topology);
    return out;
}

static void one_worker_per_core_without_siblings(void)
{
    struct rt_placement *p = plan("pack:2 numa:1 core:4 pu:2", 0);
    CHECK(p && p->count == 8 && p->packages == 2 && p->nodes == 2 && p->cpus_online == 16);
    for (unsigned i = 0; p && i < p->count; i++)
        CHECK_THAT(p->places[i].cpu == (int)(2 * i) && p->places[i].node == (int)(i / 4), "worker %u on cpu %d, node %d", i,
                   p->places[i].cpu, p->places[i].node);
    free(p);
}

static void fewer_threads_spread_over_nodes(void)
{
    struct rt_placement *p = plan("pack:4 numa:1 core:14 pu:2", 8);
    CHECK(p && p->count == 8 && p->cores_allowed == 56);
    for (unsigned i = 0; p && i < p->count; i++)
        CHECK_THAT(p->places[i].node == (int)(i / 2), "worker %u on node %d", i, p->places[i].node);
    free(p);
    CHECK(!plan("pack:1 core:2 pu:1", 3) && error.code == RT_EXIT_USAGE);
}

static void cpusets_are_respected(void)
{
    hwloc_topology_t topology;
    hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
    struct rt_placement *p = NULL;
    CHECK(!hwloc_topology_init(&topology) && !hwloc_topology_set_synthetic(topology, "pack:2 numa:1 core:4 pu:2") &&
          !hwloc_topology_load(topology));
    hwloc_bitmap_list_sscanf(allowed, "3,4-5,15");
    CHECK(!rt_placement_plan(&p, topology, allowed, 0, &error));
    CHECK(p && p->count == 3 && p->places[0].cpu == 3 && p->places[1].cpu == 4 && p->places[2].cpu == 15);
    free(p);
    p = NULL;
    hwloc_bitmap_zero(allowed);
    CHECK(rt_placement_plan(&p, topology, allowed, 0, &error) == -1 && !p && error.code == RT_EXIT_RESOURCES);
    hwloc_bitmap_free(allowed);
    hwloc_topology_destroy(topology);
}

CHECK_MAIN(CHECK_TEST(barrier_holds_everyone), CHECK_TEST(every_item_is_done_once_per_job), CHECK_TEST(shares_are_balanced_to_one),
           CHECK_TEST(one_worker_per_core_without_siblings), CHECK_TEST(fewer_threads_spread_over_nodes), CHECK_TEST(cpusets_are_respected))
