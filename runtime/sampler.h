/* sampler.h: from logits to the next token. A function of the logits, the parameters, the tokens so far, the seed and the position,
 * and of nothing else (n1 §10). No allocation after open; one sampler per sequence, one thread at a time. */
#ifndef CLOISTER_SAMPLER_H
#define CLOISTER_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"
#include "runtime/error.h"

struct rt_sampling {
    float temperature;    /* 0: the largest logit, a tie to the lower id */
    uint32_t top_k;       /* 0: off */
    float top_p;          /* 1: off */
    float min_p;          /* 0: off */
    float repeat_penalty; /* 1: off; over all tokens of the sequence, prompt included, as transformers does */
    uint64_t seed;
};
struct rt_sampler;

/* The context stays the caller's and must outlive the sampler. */
RT_MUST_CHECK int rt_sampler_open(struct rt_sampler **out, const struct kn_context *kernels, uint32_t vocab,
                                  const struct rt_sampling *sampling, struct rt_error *error);
void rt_sampler_close(struct rt_sampler **sampler);
void rt_sampler_see(struct rt_sampler *sampler, uint32_t id); /* a token of the sequence, for the repeat penalty */
/* logits[vocab] are changed. position is the index of the token being chosen. */
uint32_t rt_sampler_pick(struct rt_sampler *sampler, float *logits, uint64_t position);

#endif
