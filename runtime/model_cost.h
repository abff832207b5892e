/* model_cost.h: what a step of a model costs, by counting: operations, and bytes that have to come from memory. A pure function of shapes and
 * formats; whether the machine does it in time is for others to measure or to predict. Knows no thread, no node and no cache of a processor.
 * Any thread. */
#ifndef CLOISTER_MODEL_COST_H
#define CLOISTER_MODEL_COST_H

#include "runtime/engine.h"

/* How weights are stored. Routers and the embedding are always bf16, norms and biases f32. */
struct rt_formats {
    enum kn_format matrices; /* projections, mlps, experts */
    enum kn_format head;
    enum kn_kv kv;
};
/* Those of a bound model: of its first quantised matrix, and of its head. */
struct rt_formats rt_formats_of(const struct rt_model *model, enum kn_kv kv);

struct rt_work {
    double int8_operations;  /* of w8 and w4 products: two for each weight and row, without padding */
    double float_operations; /* of bf16 products, and of attention's scores and values */
    double weight_bytes; /* that a step reads at least once: of experts, those that some row has chosen; panels as stored, with scales */
    double cache_bytes;  /* keys and values, each read once for each sequence that sees them */
};

struct rt_cost {
    struct rt_work parts[RT_PARTS]; /* nothing for RT_PART_WAITING */
    struct rt_work sum;
};

/* One step: `sequences`, each with `tokens` new ones behind `depth` tokens in its cache. */
struct rt_step_shape {
    uint32_t sequences, tokens, depth;
    uint32_t logits; /* rows that logits are wanted for, over all sequences */
    double
        experts; /* distinct experts that a mixture block runs, the mean over blocks; 0: as many as even routing gives (exact for one row) */
};
void rt_cost_of_step(struct rt_cost *out, const struct rt_model *model, const struct rt_formats *formats, const struct rt_step_shape *step);
/* += , for phases of many steps. */
void rt_cost_add(struct rt_cost *sum, const struct rt_cost *step);

/* From this block on only the rows that logits are wanted of go on: no other row asks for the rest. NULL in a model without attention. */
const struct rt_block *rt_cost_last_attention(const struct rt_model *model);

/* Distinct ones among `experts` when `rows` rows choose `top_k` each, evenly and independently: the expectation. */
double rt_cost_distinct_experts(uint32_t experts, uint32_t top_k, double rows);

/* Bytes that the weights take in memory, by part (the embedding and norms are RT_PART_ROWS's); returns their sum. */
uint64_t rt_cost_stored(uint64_t parts[RT_PARTS], const struct rt_model *model, const struct rt_formats *formats);
/* Bytes of cache that one token takes over all layers. */
uint64_t rt_cost_cache_token(const struct rt_model *model, enum kn_kv kv);

#endif
