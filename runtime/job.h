/* job.h: one answer that somebody waits for. The server's thread makes a job, hands it to the scheduler and reads along while the scheduler's threads
 * write; either lets go at any time, and the last of the two frees it. What has been shown never changes any more, so nobody locks, and a reader
 * may be as slow as he likes. */
#ifndef CLOISTER_JOB_H
#define CLOISTER_JOB_H

#include <stdatomic.h>

#include "crypto/crypto.h"
#include "runtime/completion.h"

enum rt_pool { RT_POOL_NONE, RT_POOL_MEAN, RT_POOL_LAST };

struct rt_job_terms {        /* what is asked */
    struct rt_tokens prompt; /* at least 1 token; becomes the job's, also where opening fails */
    enum rt_pool pool;       /* instead of an answer one vector for the prompt: the mean of its hidden states, or the last one */
    struct rt_completion_terms completion; /* its logits_chain is the job's affair */
    int receipt;                           /* keep the chain over the logits, which begins with `chain` */
    uint8_t chain[CR_DIGEST_BYTES];
    uint64_t owner;  /* whose it is: the scheduler shares the machine fairly among owners */
    uint64_t domain; /* whose kept beginnings of prompts it may use, and adds to */
    int speculate;   /* guess tokens from the prompt and the answer so far: the same bits, sooner where the answer repeats them */
};

enum rt_job_state { RT_JOB_WAITING, RT_JOB_PREFILL, RT_JOB_DECODE, RT_JOB_DONE, RT_JOB_FAILED };

struct rt_job;

RT_MUST_CHECK int rt_job_open(struct rt_job **out, const struct rt_site *site, struct rt_job_terms *terms, struct rt_error *error);
/* The reader lets go; a job under way is given up within one step. */
void rt_job_close(struct rt_job **job);

/* ---- for the reader's thread ---- */

enum rt_job_state rt_job_state(const struct rt_job *job);
/* The answer so far, as completion.h has it; and how it ended, once it is RT_JOB_DONE. */
uint32_t rt_job_tokens(const struct rt_job *job);
struct rt_completion_token rt_job_token(const struct rt_job *job, uint32_t i);
const char *rt_job_text(const struct rt_job *job, size_t *bytes);
const struct rt_result *rt_job_result(const struct rt_job *job);
const struct rt_tokens *rt_job_prompt(const struct rt_job *job);
uint32_t rt_job_cached(const struct rt_job *job);       /* tokens of the prompt that were there already; once it decodes */
const uint8_t *rt_job_logits(const struct rt_job *job); /* [CR_DIGEST_BYTES]; once it is done */
/* The vector that was asked for instead of an answer, of length 1, as many floats as the model is wide; once it is done. */
const float *rt_job_vector(const struct rt_job *job);
struct rt_job_times { /* seconds on rt_seconds' clock; 0: not yet */
    double opened, started, first_token, done;
};
struct rt_job_times rt_job_times(const struct rt_job *job);    /* once it is done */
const struct rt_error *rt_job_error(const struct rt_job *job); /* once it is RT_JOB_FAILED */

#endif
