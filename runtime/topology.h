/* topology.h: which physical cores this process may use, and which worker goes where. The plan is a pure function of an hwloc
 * topology and the allowed cpuset. Startup only; one thread. */
#ifndef CLOISTER_TOPOLOGY_H
#define CLOISTER_TOPOLOGY_H

#include <hwloc.h>

#include "runtime/error.h"

struct rt_worker_place {
    int cpu, core, package, node; /* operating-system indices; -1 where the machine does not tell */
};

struct rt_placement {
    unsigned count;
    unsigned cores_allowed; /* physical cores in the allowed cpuset: count without -t */
    unsigned cpus_online, packages, nodes;
    struct rt_worker_place places[]; /* count of them, node by node */
};

/* One worker per physical core inside the allowed cpuset, on its first allowed hardware thread; `threads` > 0 takes that many,
 * spread evenly over nodes (RT_EXIT_USAGE above the number of allowed cores). Free with free(). */
RT_MUST_CHECK int rt_placement_open(struct rt_placement **out, unsigned threads, struct rt_error *error);
/* The same for any topology: `allowed` are the hardware threads that may be used. */
RT_MUST_CHECK int rt_placement_plan(struct rt_placement **out, hwloc_topology_t topology, hwloc_const_cpuset_t allowed, unsigned threads,
                                    struct rt_error *error);
/* Binds the calling thread to a place. -1 where the system refuses; work goes on unpinned then. */
int rt_placement_bind(const struct rt_worker_place *place);

#endif
