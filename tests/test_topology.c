/* test_topology.c: which worker goes where, on synthetic and on saved machines, and which panels of a matrix lie on which node then. */
#include <stdlib.h>

#include "runtime/topology.h"
#include "runtime/workers.h"
#include "tests/check.h"

static struct rt_error error;

/* A synthetic machine, or a saved one. */
static hwloc_topology_t open_machine(const char *machine)
{
    hwloc_topology_t topology;
    CHECK(!hwloc_topology_init(&topology));
    int failed = strstr(machine, ".xml") ? hwloc_topology_set_xml(topology, machine) : hwloc_topology_set_synthetic(topology, machine);
    CHECK_THAT(!failed && !hwloc_topology_load(topology), "%s", machine);
    return topology;
}

/* The plan for a machine of which `cpus` ("0-3,8") are allowed, or NULL: all. */
static struct rt_placement *plan_on(const char *machine, const char *cpus, unsigned threads)
{
    hwloc_topology_t topology = open_machine(machine);
    hwloc_bitmap_t allowed = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology));
    struct rt_placement *out = NULL;
    if (cpus)
        CHECK(!hwloc_bitmap_list_sscanf(allowed, cpus));
    int failed = rt_placement_plan(&out, topology, allowed, threads, &error);
    CHECK(failed == (out ? 0 : -1));
    hwloc_bitmap_free(allowed);
    hwloc_topology_destroy(topology);
    return out;
}

static struct rt_placement *plan(const char *machine, unsigned threads)
{
    return plan_on(machine, NULL, threads);
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
    struct rt_placement *p = plan_on("pack:2 numa:1 core:4 pu:2", "3,4-5,15", 0);
    CHECK(p && p->count == 3 && p->places[0].cpu == 3 && p->places[1].cpu == 4 && p->places[2].cpu == 15);
    free(p);
    CHECK(!plan_on("pack:2 numa:1 core:4 pu:2", "", 0) && error.code == RT_EXIT_RESOURCES);
}

static void uneven_threads_leave_no_node_out(void)
{
    struct rt_placement *p = plan("pack:2 numa:1 core:4 pu:1", 5);
    CHECK(p && p->count == 5 && p->places[2].node == 0 && p->places[3].node == 1);
    free(p);
    p = plan("pack:4 numa:1 core:4 pu:1", 3);
    CHECK(p && p->count == 3 && p->places[0].node == 0 && p->places[1].node == 1 && p->places[2].node == 2);
    free(p);
    p = plan_on("pack:2 numa:1 core:4 pu:1", "0,4-7", 4); /* a node with one core gives that one */
    CHECK(p && p->count == 4 && p->places[0].node == 0 && p->places[1].node == 1 && p->places[3].node == 1);
    free(p);
}

/* ---- what every plan must keep ---- */

static const struct machine {
    const char *name, *cpus;
    unsigned threads, workers, nodes; /* asked for; expected */
} machines[] = {
    {"pack:2 numa:1 core:56 pu:2", NULL, 0, 112, 2},
    {"pack:2 numa:1 core:56 pu:2", NULL, 100, 100, 2},
    {"pack:4 numa:1 core:28 pu:2", NULL, 0, 112, 4},
    {"pack:8 numa:1 core:24 pu:1", NULL, 0, 192, 8},
    {"pack:2 numa:4 core:12 pu:2", NULL, 0, 96, 8},                        /* sub-NUMA clusters */
    {"pack:2 numa:2 core:14 pu:1", NULL, 55, 55, 4},                       /* no siblings, one core left out */
    {"pack:2 numa:1 core:4 pu:1(indexes=0,2,4,6,1,3,5,7)", NULL, 0, 8, 2}, /* even numbers here, odd ones there */
    {"pack:2 numa:1 core:4 pu:2(indexes=2*4:4*2)", NULL, 0, 8, 2},         /* siblings far apart */
    {"pack:2 numa:1 core:56 pu:2", "0-19,112-223", 0, 66, 2},              /* ten cores of one node, all of the other */
    {"pack:2 numa:1 core:56 pu:2", "1,3,5", 0, 3, 1},                      /* second threads of three cores */
    {"tests/topologies/16em64t-4s2c2t-offlines.xml", NULL, 0, 6, 1},
    {"tests/topologies/16amd64-8n2c-cpusets.xml", NULL, 0, 10, 4}, /* three, and cores whose memory is not allowed */
    {"tests/topologies/28intel64-2p2g7c-CoDgroups.xml", NULL, 0, 28, 4},
    {"tests/topologies/64intel64-fakeKNL-SNC4-hybrid.xml", NULL, 0, 16, 4}, /* the memory with the lower number */
    {"tests/topologies/8intel64-4n2t-memattrs.xml", NULL, 0, 8, 4},
};

/* Places come node by node, on different processors and, where the machine shows cores, on different ones. */
static void judge_places(const struct machine *machine, const struct rt_placement *p)
{
    unsigned nodes = 0;
    for (unsigned i = 0; i < p->count; i++) {
        nodes += i == 0 || p->places[i].node != p->places[i - 1].node;
        CHECK_THAT(i == 0 || p->places[i].node >= p->places[i - 1].node, "%s: worker %u", machine->name, i);
        for (unsigned j = 0; j < i; j++) {
            CHECK(p->places[i].cpu != p->places[j].cpu);
            CHECK_THAT(p->places[i].core < 0 || p->places[i].core != p->places[j].core || p->places[i].package != p->places[j].package ||
                           p->places[i].node != p->places[j].node,
                       "%s: workers %u and %u", machine->name, j, i);
        }
    }
    CHECK_THAT(p->count == machine->workers && nodes == machine->nodes, "%s: %u workers, %u nodes", machine->name, p->count, nodes);
}

/* A matrix of n panels: every panel on one node, a node's panels those of its workers, no worker with two more than another. */
static void judge_shares(const char *name, const struct rt_workers *workers, size_t n)
{
    size_t end = 0, least = n / rt_workers_count(workers), next = 0;
    for (unsigned node = 0; node < rt_workers_nodes(workers); node++) {
        size_t first, last;
        unsigned first_worker, last_worker;
        rt_workers_node_share(workers, node, n, &first, &last);
        rt_workers_of_node(workers, node, &first_worker, &last_worker);
        CHECK_THAT(first == end && first_worker == next && last_worker > first_worker, "%s: node %u of %zu panels", name, node, n);
        end = last;
        next = last_worker;
        for (unsigned w = first_worker; w < last_worker; w++) {
            size_t own_first, own_last;
            rt_workers_share(workers, w, n, &own_first, &own_last);
            CHECK(rt_workers_node(workers, w) == node && own_first >= first && own_last <= last);
            CHECK_THAT(own_last - own_first - least <= 1, "%s: worker %u has %zu of %zu", name, w, own_last - own_first, n);
        }
    }
    CHECK(end == n && next == rt_workers_count(workers));
}

static void panels_are_balanced_to_one(void)
{
    static const size_t panels[] = {0, 1, 7, 12, 32, 64, 100, 112, 113, 288, 2374};
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        struct rt_placement *p = plan_on(machines[i].name, machines[i].cpus, machines[i].threads);
        struct rt_workers *workers = NULL;
        CHECK_THAT(p, "%s: %s", machines[i].name, error.text);
        if (!p)
            continue;
        judge_places(&machines[i], p);
        for (unsigned w = 0; w < p->count; w++)
            p->places[w].cpu = -1; /* not here */
        CHECK_THAT(!rt_workers_open(&workers, p, &error), "%s", error.text);
        CHECK(rt_workers_nodes(workers) == machines[i].nodes);
        CHECK(rt_workers_node_number(workers, machines[i].nodes - 1) == p->places[p->count - 1].node);
        for (size_t n = 0; n < sizeof panels / sizeof *panels; n++)
            judge_shares(machines[i].name, workers, panels[n]);
        rt_workers_close(&workers);
        free(p);
    }
}

CHECK_MAIN(CHECK_TEST(one_worker_per_core_without_siblings), CHECK_TEST(fewer_threads_spread_over_nodes), CHECK_TEST(cpusets_are_respected),
           CHECK_TEST(uneven_threads_leave_no_node_out), CHECK_TEST(panels_are_balanced_to_one))
