/* sampler.h: from logits to the next token. A function of the logits, the parameters, the tokens so far, the seed and the position,
 * and of nothing else (n1 §10). No allocation after open; one sampler per sequence, one thread at a time. */
#ifndef CLOISTER_SAMPLER_H
#define CLOISTER_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"
#include "runtime/error.h"

struct rt_bias { /* added to a token's logit */
    uint32_t id;
    float amount;
};

enum { RT_BIASES_MAX = 1024 };

struct rt_sampling {
    float temperature;       /* 0: the largest logit, a tie to the lower id */
    uint32_t top_k;          /* 0: off */
    float top_p;             /* 1: off */
    float min_p;             /* 0: off */
    float repeat_penalty;    /* 1: off; over all tokens of the sequence, prompt included, as transformers does */
    float frequency_penalty; /* 0: off; subtracted for each time that the answer has the token already, as OpenAI's interface says */
    float presence_penalty;  /* 0: off; subtracted if the answer has it */
    uint64_t seed;
    const struct rt_bias *biases; /* [bias_count], at most RT_BIASES_MAX, in the order they are added; not owned */
    uint32_t bias_count;
};
struct rt_sampler;
struct rt_sampler_space; /* what one thread needs while it picks, for any sampler of the same vocabulary */

/* The context stays the caller's and must outlive the sampler; the sampling's biases are copied. */
RT_MUST_CHECK int rt_sampler_open(struct rt_sampler **out, const struct kn_context *kernels, uint32_t vocab,
                                  const struct rt_sampling *sampling, struct rt_error *error);
void rt_sampler_close(struct rt_sampler **sampler);
RT_MUST_CHECK int rt_sampler_space_open(struct rt_sampler_space **out, uint32_t vocab, struct rt_error *error);
void rt_sampler_space_close(struct rt_sampler_space **space);
/* The sum of exp(logit - top). */
double rt_sampler_space_sum(struct rt_sampler_space *space, const struct kn_context *kernels, const float *logits, uint32_t vocab,
                            float top);

void rt_sampler_see(struct rt_sampler *sampler, uint32_t id);    /* a token of the prompt */
void rt_sampler_answer(struct rt_sampler *sampler, uint32_t id); /* a token of the answer */
/* position is the index of the token being chosen. allowed: bit id is 1 where a token may be chosen, and at least one is; NULL: any may. */
uint32_t rt_sampler_pick(const struct rt_sampler *sampler, struct rt_sampler_space *space, const float *logits, const uint32_t *allowed,
                         uint64_t position);

#endif
