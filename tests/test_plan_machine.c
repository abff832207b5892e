/* test_plan_machine.c: the servers that `cloister plan` is asked about: synthetic, saved by hwloc, and hostile; and that panels are spread over
 * each of them to one panel, as the engine spreads them. Nothing is timed or measured. */
#include <stdlib.h>

#include "runtime/plan_constants.h"
#include "runtime/plan_memory.h"
#include "runtime/topology.h"
#include "runtime/workers.h"
#include "tests/check.h"

#define GOLDEN "tests/golden/topologies/"

static struct rt_error error;

static int open_with(struct rt_plan_machine *out, const char *named, const struct rt_plan_machine_options *options)
{
    struct rt_plan_topology topology;
    int failed = rt_plan_topology_read(&topology, named, &error) || rt_plan_machine_open(out, &topology, options, &error);
    free(topology.xml);
    return failed ? -1 : 0;
}

static int open_machine(struct rt_plan_machine *out, const char *named)
{
    return open_with(out, named, &(struct rt_plan_machine_options){0});
}

struct expected {
    const char *topology;
    unsigned packages, workers, nodes;
    unsigned first_workers, last_workers; /* of the first and the last node */
};
static const struct expected machines[] = {
    {"pack:2 numa:1 core:56 pu:2", 2, 112, 2, 56, 56},
    {"pack:2 numa:1 core:56 pu:1", 2, 112, 2, 56, 56},     /* no SMT */
    {"pack:2 numa:2 core:28 pu:2", 2, 112, 4, 28, 28},     /* sub-NUMA clustering */
    {"pack:1 numa:4 core:16 pu:2", 1, 64, 4, 16, 16},      /* four nodes in a socket */
    {"pack:4 numa:1 core:56 pu:2", 4, 224, 4, 56, 56},     /* four sockets */
    {"pack:2 numa:4 l3:4 core:8 pu:2", 2, 256, 8, 32, 32}, /* eight nodes */
    {"pack:8 numa:1 core:28 pu:2", 8, 224, 8, 28, 28},
    {GOLDEN "interleaved-offline.xml", 2, 10, 2, 6, 4},   /* CPU numbers in turns, two cores of the second socket offline */
    {GOLDEN "one-socket-four-nodes.xml", 1, 24, 4, 6, 6}, /* and a last-level cache for each three cores */
};
enum { MACHINES = sizeof machines / sizeof *machines };

static void servers_are_understood(void)
{
    static struct rt_plan_machine machine;
    for (size_t i = 0; i < MACHINES; i++) {
        const struct expected *is = &machines[i];
        CHECK_THAT(!open_machine(&machine, is->topology), "%s: %s", is->topology, error.text);
        CHECK_THAT(machine.packages == is->packages && machine.workers == is->workers && machine.node_count == is->nodes,
                   "%s: %u packages, %u workers, %u nodes", is->topology, machine.packages, machine.workers, machine.node_count);
        CHECK(machine.nodes[0].workers == is->first_workers && machine.nodes[is->nodes - 1].workers == is->last_workers);
        for (unsigned n = 0, first = 0; n < machine.node_count; first += machine.nodes[n++].workers)
            CHECK_THAT(machine.nodes[n].first == first && machine.nodes[n].index == (int)n, "%s: node %u", is->topology, n);
    }
}

static void memory_is_the_topologys_or_what_is_given(void)
{
    static struct rt_plan_machine machine;
    CHECK(!open_machine(&machine, GOLDEN "interleaved-offline.xml"));
    CHECK(machine.nodes[0].memory == UINT64_C(96000000000) && machine.nodes[1].memory == UINT64_C(48000000000));
    CHECK(!open_machine(&machine, "pack:2 numa:1(memory=256GB) core:4 pu:1"));
    CHECK(rt_plan_machine_memory(&machine) == UINT64_C(512000000000));
    CHECK(!open_machine(&machine, "pack:2 numa:1 core:4 pu:1"));
    CHECK(rt_plan_machine_memory(&machine) == 0 && strstr(machine.memory_source, "--memory"));
    CHECK(!open_with(&machine, "pack:2 numa:1 core:4 pu:1", &(struct rt_plan_machine_options){.memory_gb = 100}));
    CHECK(machine.nodes[1].memory == UINT64_C(50000000000));
}

static void figures_are_given_or_assumed_aloud(void)
{
    static struct rt_plan_machine machine;
    CHECK(!open_machine(&machine, "pack:4 numa:1 core:8 pu:2"));
    CHECK(machine.read.value == 4 * RT_PLAN_CHANNELS * RT_PLAN_CHANNEL_BYTES * RT_PLAN_CHANNEL_SHARE);
    CHECK(machine.int8.value == 32 * RT_PLAN_CORE_INT8 && strstr(machine.int8.source, "assumed"));
    CHECK(strstr(machine.read.source, "assumed: 8 channels of DDR5-5600") && strstr(machine.disk.source, "assumed"));
    const struct rt_plan_machine_options given = {.read_gb_s = 200, .int8_gops = 100000, .disk_gb_s = 5, .threads = 4};
    CHECK_THAT(!open_with(&machine, "pack:1 numa:1 core:8 pu:1", &given), "%s", error.text);
    CHECK(machine.workers == 4 && machine.read.value == 200e9 && machine.int8.value == 1e14 && machine.disk.value == 5e9);
    CHECK(machine.floats.value == 4 * RT_PLAN_CORE_FLOATS); /* AMX multiplies integers only */
    CHECK(!strcmp(machine.read.source, "given"));
}

static void hostile_topologies_are_refused(void)
{
    static const char *const bad[] = {"",
                                      "nonsense",
                                      "pack:",
                                      "pack:0 core:1 pu:1",
                                      "pack:-1 core:-1 pu:1",
                                      "pack:2 core:4",
                                      "pack:1000 core:1000 pu:1000",
                                      "pack:99999999999999999999 pu:1",
                                      "pack:1 core:1e300 pu:1",
                                      "tests/golden/models",
                                      "tests/check.h"};
    static struct rt_plan_machine machine;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error.text[0] = 0;
        CHECK_THAT(open_machine(&machine, bad[i]) == -1 && error.text[0], "taken: \"%s\"", bad[i]);
    }
}

/* ---- panels ---- */

static uint64_t worker_panels(const struct rt_plan_machine *machine, unsigned worker, uint64_t n)
{
    return rt_plan_panels_before(worker + 1, machine->workers, n) - rt_plan_panels_before(worker, machine->workers, n);
}

/* What a node has more or less than its workers' part of n panels. */
static double node_error(const struct rt_plan_machine *machine, unsigned node, uint64_t n)
{
    const struct rt_plan_node *at = &machine->nodes[node];
    return (double)rt_plan_node_panels(machine, node, n) - (double)n * at->workers / machine->workers;
}

/* Over workers and, what matters for memory, over nodes: a matrix with fewer panels than there are workers must not fill one node. */
static void panels_are_balanced_to_one(void)
{
    static const uint64_t counts[] = {1, 2, 8, 12, 24, 32, 42, 64, 96, 112, 113, 224, 500, 2374, 4096};
    static struct rt_plan_machine machine;
    for (size_t i = 0; i < MACHINES; i++) {
        CHECK(!open_machine(&machine, machines[i].topology));
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            uint64_t sum = 0, least = UINT64_MAX, most = 0;
            for (unsigned w = 0; w < machine.workers; w++) {
                const uint64_t panels = worker_panels(&machine, w, counts[c]);
                sum += panels;
                least = panels < least ? panels : least;
                most = panels > most ? panels : most;
            }
            CHECK(sum == counts[c] && most - least <= 1);
            for (unsigned n = 0; n < machine.node_count; n++)
                CHECK_THAT(node_error(&machine, n, counts[c]) < 1 && node_error(&machine, n, counts[c]) > -1,
                           "%s: %llu panels, node %u: off by %g", machines[i].topology, (unsigned long long)counts[c], n,
                           node_error(&machine, n, counts[c]));
        }
    }
}

/* The rule is the engine's. */
static void the_engine_spreads_alike(void)
{
    enum { WORKERS = 6 };
    struct rt_placement *placement = calloc(1, sizeof *placement + WORKERS * sizeof *placement->places);
    struct rt_workers *workers = NULL;
    placement->count = WORKERS;
    for (unsigned i = 0; i < WORKERS; i++)
        placement->places[i] = (struct rt_worker_place){.cpu = -1, .node = (int)i / 2};
    CHECK_THAT(!rt_workers_open(&workers, placement, &error), "%s", error.text);
    for (size_t n = 0; n < 50; n++)
        for (unsigned w = 0; w < WORKERS; w++) {
            size_t first, last;
            rt_workers_share(workers, w, n, &first, &last);
            CHECK_THAT(first == rt_plan_panels_before(w, WORKERS, n) && last == rt_plan_panels_before(w + 1, WORKERS, n),
                       "worker %u of %zu panels: %zu to %zu", w, n, first, last);
        }
    rt_workers_close(&workers);
    free(placement);
}

CHECK_MAIN(CHECK_TEST(servers_are_understood), CHECK_TEST(memory_is_the_topologys_or_what_is_given),
           CHECK_TEST(figures_are_given_or_assumed_aloud), CHECK_TEST(hostile_topologies_are_refused),
           CHECK_TEST(panels_are_balanced_to_one), CHECK_TEST(the_engine_spreads_alike))
