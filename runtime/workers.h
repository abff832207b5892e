/* workers.h: one pinned thread per allowed physical core, which run one function together (every worker the same function, each
 * with its own index) and meet at barriers. No lock and no allocation once open. rt_workers_run is called from one thread at a
 * time; a worker function may call rt_workers_wait and rt_workers_share but not rt_workers_run. */
#ifndef CLOISTER_WORKERS_H
#define CLOISTER_WORKERS_H

#include <stddef.h>

#include "runtime/error.h"

struct rt_workers;
struct rt_placement; /* topology.h: which CPU each worker gets */

RT_MUST_CHECK int rt_workers_open(struct rt_workers **out, const struct rt_placement *placement, struct rt_error *error);
/* Another pool of `count` threads on the same cores, evenly: for work that waits for a disk. */
RT_MUST_CHECK int rt_workers_open_beside(struct rt_workers **out, const struct rt_workers *beside, unsigned count, struct rt_error *error);
void rt_workers_close(struct rt_workers **workers);
unsigned rt_workers_count(const struct rt_workers *workers);

/* Runs function(user, worker) on every worker and returns when all have returned. */
void rt_workers_run(struct rt_workers *workers, void (*function)(void *user, unsigned worker), void *user);
/* Inside such a function: waits until every worker has called it as often. What was written before is visible after. */
void rt_workers_wait(struct rt_workers *workers, unsigned worker);
/* The part [*first, *last) of n items that is `worker`'s: contiguous, balanced to one item, the same for the same n. */
void rt_workers_share(const struct rt_workers *workers, unsigned worker, size_t n, size_t *first, size_t *last);

/* NUMA nodes that have workers, counted from 0; a node's workers are consecutive. */
unsigned rt_workers_nodes(const struct rt_workers *workers);
unsigned rt_workers_node(const struct rt_workers *workers, unsigned worker);
/* The operating system's number of a node; -1 where the machine does not tell. */
int rt_workers_node_number(const struct rt_workers *workers, unsigned node);
/* The workers [*first, *last) of a node. */
void rt_workers_of_node(const struct rt_workers *workers, unsigned node, unsigned *first, unsigned *last);
/* The panels [*first, *last) of a matrix of n panels that lie in a node's memory: the shares of its workers together. */
void rt_workers_node_share(const struct rt_workers *workers, unsigned node, size_t n, size_t *first, size_t *last);

#endif
