/* plan_memory.h: how many bytes a model takes in a format, and where they lie: panels go to NUMA nodes by the rule that the engine follows.
 * Pure arithmetic. Any thread. */
#ifndef CLOISTER_PLAN_MEMORY_H
#define CLOISTER_PLAN_MEMORY_H

#include "runtime/plan_machine.h"
#include "runtime/plan_model.h"

struct rt_plan_use {              /* what the server is for */
    uint32_t context;             /* tokens a user's conversation may grow to */
    uint32_t users;               /* at once */
    uint32_t prompt;              /* tokens of the prompt that is timed */
    uint32_t prompt_depth, depth; /* tokens in the cache before the prompt, and while decoding is timed */
};

enum rt_plan_fit { RT_PLAN_FITS, RT_PLAN_TOO_LARGE, RT_PLAN_FIT_UNKNOWN };

struct rt_plan_bytes {
    uint64_t weights, cache, buffers;
};

struct rt_plan_memory {
    struct rt_plan_bytes sum, nodes[RT_PLAN_NODES_MAX];
    uint64_t total;
    enum rt_plan_fit fit;
};

/* `format` is KN_BF16, KN_W8 or KN_W4. */
void rt_plan_memory(struct rt_plan_memory *out, const struct rt_plan_model *model, enum kn_format format,
                    const struct rt_plan_machine *machine, const struct rt_plan_use *use);

/* Panels of a matrix of n that belong to the workers before `worker`, of `workers`: the rule of rt_workers_share. */
uint64_t rt_plan_panels_before(unsigned worker, unsigned workers, uint64_t n);
/* The same for a node: how many of n are its workers'. */
uint64_t rt_plan_node_panels(const struct rt_plan_machine *machine, unsigned node, uint64_t n);

/* Bytes of all weights in a format. */
uint64_t rt_plan_weight_bytes(const struct rt_plan_model *model, enum kn_format format);

#endif
