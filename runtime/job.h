/* job.h: one answer that somebody waits for: what is asked, and what has come of it so far. The server's thread makes a job, hands it to the
 * scheduler, reads along while the scheduler's thread writes, and lets go of it at any time; the last of the two frees it. What is published
 * never changes any more, so nobody locks and a reader may be as slow as he likes. */
#ifndef CLOISTER_JOB_H
#define CLOISTER_JOB_H

#include <stdatomic.h>

#include "crypto/crypto.h"
#include "runtime/generate.h"

enum { RT_TOP_LOGPROBS_MAX = 20 };

struct rt_grammar;

struct rt_job_terms { /* what is asked */
    struct rt_tokens prompt; /* at least 1 token; becomes the job's */
    uint32_t max_new;        /* at least 1 */
    struct rt_sampling sampling;
    const char *const *stops; /* copied */
    size_t stop_count;
    const struct rt_grammar *grammar; /* the answer follows it; NULL: any text. It must outlive the job */
    int logprobs;                     /* of each token, and of so many of the likeliest beside it; -1: none */
    int receipt;                      /* keep the chain over the logits */
    uint64_t owner;                   /* whose it is: the scheduler shares the machine fairly among owners */
    uint64_t domain;                  /* whose cached beginnings of prompts it may use, and adds to */
    int speculate;                    /* guess tokens from the prompt and the answer so far: the same bits, sooner where the answer repeats them */
};

enum rt_job_state { RT_JOB_WAITING, RT_JOB_PREFILL, RT_JOB_DECODE, RT_JOB_DONE, RT_JOB_FAILED };

struct rt_logprob {
    uint32_t id;
    float logprob; /* natural logarithm, under the model alone: before penalties and temperature */
};

struct rt_job_token {
    uint32_t id;
    size_t text_end; /* the text up to here is complete with this token; later tokens may cut it short at a stop, never what is published */
    float logprob;
    const struct rt_logprob *top; /* [terms.logprobs], likeliest first */
};

struct rt_job; /* opened, and freed, with everything in it, by whoever lets go last */

RT_MUST_CHECK int rt_job_open(struct rt_job **out, struct rt_job_terms *terms, struct rt_error *error);
/* The reader lets go; a job under way is given up within one step. */
void rt_job_close(struct rt_job **job);

/* What has come of it, for the reader's thread. Each of these only grows. */
enum rt_job_state rt_job_state(const struct rt_job *job);
uint32_t rt_job_tokens(const struct rt_job *job);                              /* how many; the end token is not among them */
const struct rt_job_token *rt_job_token(const struct rt_job *job, uint32_t i); /* i below rt_job_tokens */
const char *rt_job_text(const struct rt_job *job, size_t *bytes);              /* what may be shown: stops and halves of characters are held back */

/* Once it is RT_JOB_DONE: how it ended, and the answer as rt_generate gives it. */
const struct rt_result *rt_job_result(const struct rt_job *job);
uint32_t rt_job_cached(const struct rt_job *job);      /* tokens of the prompt that were there already */
const uint8_t *rt_job_logits(const struct rt_job *job); /* [CR_DIGEST_BYTES], where terms.receipt */
/* Once it is RT_JOB_FAILED. */
const struct rt_error *rt_job_error(const struct rt_job *job);

#endif
