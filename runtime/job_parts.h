/* job_parts.h: a job's inside, shared by job.c and the scheduler. */
#ifndef CLOISTER_JOB_PARTS_H
#define CLOISTER_JOB_PARTS_H

#include "runtime/job.h"

struct rt_job {
    struct rt_job_terms terms;
    struct rt_completion *completion;
    uint8_t chain[CR_DIGEST_BYTES];
    uint32_t cached;
    double *sum;   /* [hidden] of the hidden states so far, or the last one; NULL: an answer is asked for */
    float *vector; /* [hidden] */
    struct rt_job_times times;
    struct rt_error error;
    _Atomic int state;
    _Atomic int abandoned; /* by its reader */
    _Atomic int holders;
    struct rt_job *next; /* in the scheduler's line */
};

/* The scheduler's hold. */
void rt_job_hold(struct rt_job *job);
void rt_job_drop(struct rt_job **job);

#endif
