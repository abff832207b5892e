/* topology.c: asks hwloc for the machine and chooses a hardware thread for each worker. SMT siblings stay idle: two workers on one
 * core share its vector units and gain nothing. Knows nothing of the work. Startup only; one thread. */
#include "runtime/topology.h"

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"

static void close_topology(hwloc_topology_t *topology)
{
    if (*topology)
        hwloc_topology_destroy(*topology);
}

static void close_bitmap(hwloc_bitmap_t *bitmap)
{
    hwloc_bitmap_free(*bitmap);
}

static int index_or_unknown(hwloc_obj_t object)
{
    return object && object->os_index != HWLOC_UNKNOWN_INDEX ? (int)object->os_index : -1;
}

static struct rt_worker_place place_of(hwloc_topology_t topology, int cpu)
{
    hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(topology, (unsigned)cpu);
    hwloc_obj_t node = NULL;
    if (pu && pu->nodeset && !hwloc_bitmap_iszero(pu->nodeset))
        node = hwloc_get_numanode_obj_by_os_index(topology, (unsigned)hwloc_bitmap_first(pu->nodeset));
    return (struct rt_worker_place){
        .cpu = cpu,
        .core = index_or_unknown(pu ? hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu) : NULL),
        .package = index_or_unknown(pu ? hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, pu) : NULL),
        .node = index_or_unknown(node),
    };
}

static int by_node_then_cpu(const void *left, const void *right)
{
    const struct rt_worker_place *a = left, *b = right;
    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    if (a->package != b->package)
        return a->package < b->package ? -1 : 1;
    return a->cpu < b->cpu ? -1 : a->cpu > b->cpu;
}

/* One place per core that has an allowed hardware thread; where the machine shows no cores, one per hardware thread. */
static unsigned list_cores(hwloc_topology_t topology, hwloc_const_cpuset_t allowed, struct rt_worker_place *places)
{
    int cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
    hwloc_obj_type_t type = cores > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
    unsigned count = 0;
    RT_CLEAN(close_bitmap) hwloc_bitmap_t usable = hwloc_bitmap_alloc();
    for (hwloc_obj_t core = NULL; usable && (core = hwloc_get_next_obj_by_type(topology, type, core));) {
        hwloc_bitmap_and(usable, core->cpuset, allowed);
        int cpu = hwloc_bitmap_first(usable);
        if (cpu >= 0)
            places[count++] = place_of(topology, cpu);
    }
    qsort(places, count, sizeof *places, by_node_then_cpu);
    return count;
}

/* How many cores of the same node come before core i. */
static unsigned rank_in_node(const struct rt_placement *plan, unsigned i)
{
    unsigned rank = 0;
    for (unsigned j = 0; j < i; j++)
        rank += plan->places[j].node == plan->places[i].node;
    return rank;
}

/* Keeps `threads` of the places: the first core of each node, then the second, so that every node's memory is used. */
static int keep_spread(struct rt_placement *plan, unsigned threads)
{
    RT_FREE uint8_t *keep = calloc(plan->count, 1);
    if (!keep)
        return -1;
    unsigned kept = 0;
    for (unsigned rank = 0; kept < threads; rank++)
        for (unsigned i = 0; i < plan->count && kept < threads; i++)
            if (rank_in_node(plan, i) == rank)
                kept += keep[i] = 1;
    unsigned to = 0;
    for (unsigned i = 0; i < plan->count; i++)
        if (keep[i])
            plan->places[to++] = plan->places[i];
    plan->count = threads;
    return 0;
}

int rt_placement_plan(struct rt_placement **out, hwloc_topology_t topology, hwloc_const_cpuset_t allowed, unsigned threads,
                      struct rt_error *error)
{
    *out = NULL;
    int cpus = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
    RT_FREE struct rt_placement *plan = calloc(1, sizeof *plan + (size_t)(cpus > 0 ? cpus : 1) * sizeof *plan->places);
    if (!plan)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the list of processors");
    plan->cpus_online = cpus > 0 ? (unsigned)cpus : 1;
    plan->packages = (unsigned)hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PACKAGE);
    plan->nodes = (unsigned)hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE);
    plan->count = plan->cores_allowed = list_cores(topology, allowed, plan->places);
    if (!plan->count)
        return rt_fail(error, RT_EXIT_RESOURCES, "no processor is allowed to this process; check its cpuset and affinity");
    if (threads > plan->count)
        return rt_fail(error, RT_EXIT_USAGE, "-t %u: this process may use %u physical cores; give at most that many", threads, plan->count);
    if (threads && keep_spread(plan, threads))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the list of processors");
    *out = RT_MOVE(plan);
    return 0;
}

int rt_placement_open(struct rt_placement **out, unsigned threads, struct rt_error *error)
{
    *out = NULL;
    RT_CLEAN(close_topology) hwloc_topology_t topology = NULL;
    RT_CLEAN(close_bitmap) hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
    if (!allowed || hwloc_topology_init(&topology) || hwloc_topology_load(topology))
        return rt_fail(error, RT_EXIT_RESOURCES, "the machine's topology cannot be read (hwloc)");
    if (hwloc_get_cpubind(topology, allowed, HWLOC_CPUBIND_PROCESS))
        hwloc_bitmap_copy(allowed, hwloc_topology_get_allowed_cpuset(topology));
    hwloc_bitmap_and(allowed, allowed, hwloc_topology_get_allowed_cpuset(topology));
    return rt_placement_plan(out, topology, allowed, threads, error);
}

/* Plain sched_setaffinity: hwloc's own binding needs the topology, which is gone by the time threads start. */
int rt_placement_bind(const struct rt_worker_place *place)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (place->cpu < 0 || place->cpu >= CPU_SETSIZE)
        return -1;
    CPU_SET(place->cpu, &set);
    return sched_setaffinity(0, sizeof set, &set);
}
