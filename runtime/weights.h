/* weights.h: the memory that weights live in. Every NUMA node that has workers has an arena of its own: the panels of each matrix that its
 * workers own (rt_workers_node_share) and a copy of each vector; the embedding lies in one place, spread over the nodes. With one node the
 * arena is the stream as it stands in the files. Opening and closing: one thread; placing: any thread, on ranges that do not overlap. */
#ifndef CLOISTER_WEIGHTS_H
#define CLOISTER_WEIGHTS_H

#include "runtime/manifest.h"
#include "runtime/memory_report.h"
#include "runtime/workers.h"

struct rt_weights;

/* Bytes that rt_weights_open will take for this manifest: at least its stream, with several nodes also the copies. */
uint64_t rt_weights_bytes(const struct rt_manifest *manifest, const struct rt_workers *workers);
/* Reserves memory (hugetlb pages where the administrator has set enough aside, else transparent huge pages), bound to the nodes, and points
 * one model per node into it (rt_model_bind: whatever does not fit together is refused here). Touches memory only where a later touch by another
 * thread would put it on another node. The manifest must outlive the weights. */
RT_MUST_CHECK int rt_weights_open(struct rt_weights **out, const struct rt_manifest *manifest, struct rt_workers *workers,
                                  struct rt_error *error);
void rt_weights_close(struct rt_weights **weights);

const struct rt_manifest *rt_weights_manifest(const struct rt_weights *weights);
/* The model as the workers of a node read it: the same shapes everywhere, and in each matrix only the node's own panels. */
const struct rt_model *rt_weights_model(const struct rt_weights *weights, unsigned node);
const struct rt_model *const *rt_weights_models(const struct rt_weights *weights); /* of all nodes */

/* Where the stream's bytes [offset, offset+bytes) go if that is one piece of memory, so that they can be read straight into it; NULL if
 * they are spread: then the caller reads them elsewhere and has them placed. */
uint8_t *rt_weights_direct(const struct rt_weights *weights, uint64_t offset, size_t bytes);
void rt_weights_place(struct rt_weights *weights, uint64_t offset, const uint8_t *from, size_t bytes);

/* Nobody writes any more: the memory becomes read-only. Before the seal. */
void rt_weights_protect(struct rt_weights *weights);
/* What the kernel gave for it, node by node; from then on. */
const struct rt_memory_report *rt_weights_report(const struct rt_weights *weights, unsigned *count);

#endif
