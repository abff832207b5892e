/* plan_speed.h: how long a step should take on a machine, and what limits it. Work is counted exactly (rt_work of each matrix and cache);
 * how near to the machine's limits it is done comes from plan_constants.h. Pure arithmetic. Any thread. */
#ifndef CLOISTER_PLAN_SPEED_H
#define CLOISTER_PLAN_SPEED_H

#include "runtime/plan_machine.h"
#include "runtime/plan_memory.h"
#include "runtime/plan_model.h"

enum rt_plan_limit {
    RT_PLAN_LIMIT_READ,    /* memory bandwidth */
    RT_PLAN_LIMIT_INT8,    /* integer units */
    RT_PLAN_LIMIT_FLOATS,  /* float units: attention, bf16, what is done to rows */
    RT_PLAN_LIMIT_SPREAD,  /* fewer panels, or rows, than there are workers */
    RT_PLAN_LIMIT_BARRIER, /* workers meeting */
    RT_PLAN_LIMIT_DISK,
    RT_PLAN_LIMIT_HASH,
    RT_PLAN_LIMITS
};
const char *rt_plan_limit_name(enum rt_plan_limit limit); /* "memory bandwidth" */

struct rt_plan_time {
    double seconds; /* the sum of either list */
    double parts[RT_PARTS];
    double limits[RT_PLAN_LIMITS];
};
enum rt_plan_limit rt_plan_time_limit(const struct rt_plan_time *time); /* the largest */

struct rt_plan_step { /* `sequences`, each with `tokens` new ones behind `depth`, and logits of `logits` rows */
    double sequences, tokens, depth, logits;
};
void rt_plan_step_time(struct rt_plan_time *out, const struct rt_plan_model *model, enum kn_format format,
                       const struct rt_plan_machine *machine, const struct rt_plan_step *step);

struct rt_plan_speed {
    struct rt_plan_time decode, batch, prefill, load; /* of a token of one user, of one of every user, of the prompt, of the bundle */
    double decode_tok_s, batch_tok_s, prefill_tok_s;  /* batch: all users together */
};
void rt_plan_speed(struct rt_plan_speed *out, const struct rt_plan_model *model, enum kn_format format,
                   const struct rt_plan_machine *machine, const struct rt_plan_use *use);

/* Counting, for one matrix and for one cache of a step. */
struct rt_plan_work {
    double operations, bytes;
    double rows;     /* that the matrix meets */
    double distinct; /* matrices of the layer that some row uses: experts, or 1 */
};
struct rt_plan_work rt_plan_matrix_work(const struct rt_plan_matrix *matrix, enum kn_format format, const struct rt_plan_step *step);
struct rt_plan_work rt_plan_cache_work(const struct rt_plan_cache *cache, const struct rt_plan_step *step);

#endif
