/* engine.h: runs a bound model over many sequences at once. Tokens of one step, from any sequences, form one matrix; each sequence
 * holds its own blocks of a paged cache. Results do not depend on who else is in the step. One thread calls; the workers compute. */
#ifndef CLOISTER_ENGINE_H
#define CLOISTER_ENGINE_H

#include "kernels/kernels.h"
#include "runtime/error.h"
#include "runtime/model.h"
#include "runtime/workers.h"

struct rt_engine;
struct rt_sequence;

struct rt_engine_options {
    enum kn_kv kv;
    uint32_t max_tokens; /* tokens that the cache can hold over all sequences (rounded up to whole pages) */
    uint32_t max_sequences;
    uint32_t max_rows;   /* tokens in one step */
    uint32_t max_logits; /* rows of a step that logits are wanted for */
    uint32_t max_hidden; /* rows of a step that hidden states are wanted of; 0: none ever */
    int touch;           /* take all memory at once, not where it is needed first: whoever serves must not be ended for it later */
    int keep_prefixes;   /* the beginnings of sequences stay in the cache while nobody needs their pages */
};

/* Bytes of memory that an engine with these options takes, cache and buffers apart. */
void rt_engine_size(const struct rt_model *model, const struct kn_context *kernels, const struct rt_engine_options *options,
                    unsigned workers, uint64_t *cache, uint64_t *buffers);
/* models: one for each of the workers' nodes (rt_weights_model), alike but for where their panels lie. Models, context and workers stay the
 * caller's and must outlive the engine. */
RT_MUST_CHECK int rt_engine_open(struct rt_engine **out, const struct rt_model *const *models, const struct kn_context *kernels,
                                 struct rt_workers *workers, const struct rt_engine_options *options, struct rt_error *error);
void rt_engine_close(struct rt_engine **engine);

/* A sequence starts empty. NULL when max_sequences are open. */
struct rt_sequence *rt_sequence_open(struct rt_engine *engine);
void rt_sequence_close(struct rt_engine *engine, struct rt_sequence **sequence); /* gives its pages back */
uint32_t rt_sequence_length(const struct rt_sequence *sequence);                 /* tokens in its cache */
/* Forgets the tokens from `length` on, as if they had never come. Not below what was adopted or kept. */
void rt_sequence_shorten(struct rt_engine *engine, struct rt_sequence *sequence, uint32_t length);

/* With keep_prefixes. An empty sequence takes over the longest beginning of tokens[0..count) that is in the cache, in whole pages and less than
 * all of it: its new length. What it keeps is found under the same domain only. */
uint32_t rt_sequence_adopt(struct rt_engine *engine, struct rt_sequence *sequence, uint64_t domain, const uint32_t *tokens, uint32_t count);
/* tokens[0..count) are those of the sequence so far, and count at most its length: its whole pages stay for others. */
void rt_sequence_keep(struct rt_engine *engine, struct rt_sequence *sequence, uint64_t domain, const uint32_t *tokens, uint32_t count);

struct rt_engine_pages { /* of the cache, of KN_KV_BLOCK tokens each */
    uint32_t all, free;
    uint32_t idle; /* kept, and held by no sequence: as good as free */
};
struct rt_engine_pages rt_engine_pages(const struct rt_engine *engine);
/* Pages that a sequence of so many tokens takes, of which it has some already. */
uint32_t rt_sequence_lacks(const struct rt_sequence *sequence, uint64_t tokens);

/* One step: the given runs of tokens, each appended to its sequence. A sequence appears at most once. */
struct rt_run {
    struct rt_sequence *sequence;
    const uint32_t *tokens;
    uint32_t count;
    int all_logits; /* logits of each of its tokens instead of the last only */
    int hidden;     /* instead of logits the hidden state of each of its tokens */
};
/* -1 (RT_EXIT_RESOURCES) when the cache is full or the context is reached; the sequences are as before then. No allocation. */
RT_MUST_CHECK int rt_engine_step(struct rt_engine *engine, const struct rt_run *runs, uint32_t count, struct rt_error *error);
/* After a step: row i (in order of runs and tokens) of the logits, vocab floats; may be changed by the caller until the next step. */
float *rt_engine_logits(struct rt_engine *engine, uint32_t row);
/* The same of the hidden states, behind the last norm: as many floats as the model is wide. */
const float *rt_engine_hidden(const struct rt_engine *engine, uint32_t row);

/* Where the workers' time has gone since the engine was opened, in seconds, the mean over all workers. Between steps only. */
enum rt_part {
    RT_PART_ROWS,        /* embedding, norms, quantisation, residual sums */
    RT_PART_PROJECTIONS, /* q, k, v and o */
    RT_PART_ATTENTION,   /* rotation, cache, scores and values */
    RT_PART_ROUTER,
    RT_PART_EXPERTS, /* or the mlp */
    RT_PART_HEAD,
    RT_PART_WAITING, /* at barriers */
    RT_PARTS
};
struct rt_engine_times {
    double seconds[RT_PARTS];
    uint64_t experts; /* that mixture blocks ran: distinct ones in each block of each step */
};
void rt_engine_times(const struct rt_engine *engine, struct rt_engine_times *out);

#endif
