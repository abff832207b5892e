/* seal_test.h: whether a seal holds, tried out: a process that is sealed as this one will be tries each thing that must be impossible. One thread,
 * before the seal, since a sealed process cannot start another. */
#ifndef CLOISTER_SEAL_TEST_H
#define CLOISTER_SEAL_TEST_H

#include "runtime/error.h"

enum { RT_SEAL_TRIALS_MAX = 80 };

enum rt_trial_outcome {
    RT_TRIAL_DENIED,  /* by an error that only a refusal gives, or by the end of the process */
    RT_TRIAL_ABSENT,  /* this kernel does not have it */
    RT_TRIAL_ALLOWED, /* NOT DENIED: the call was made, whether or not it came to something */
};

struct rt_trial {
    const char *name; /* "socket AF_INET" */
    enum rt_trial_outcome outcome;
    int reason; /* an errno value; below 0: the signal that ended the process; 0: it succeeded */
};

struct rt_seal_report {
    struct rt_trial trials[RT_SEAL_TRIALS_MAX];
    unsigned count, allowed; /* allowed: how many of them are RT_TRIAL_ALLOWED */
};

/* seal: what the sealed process calls, rt_seal for one, after it has given up its capabilities. -1 where a process cannot be started or cannot be
 * sealed. */
RT_MUST_CHECK int rt_seal_test(struct rt_seal_report *out, int (*seal)(struct rt_error *error), struct rt_error *error);

/* "denied (Operation not permitted)", "NOT DENIED (…)". */
struct rt_trial_text {
    char text[96];
};
struct rt_trial_text rt_trial_text(const struct rt_trial *trial);

#endif
