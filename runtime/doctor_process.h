/* doctor_process.h: a running process as the kernel describes it in /proc: what it can do, and whether it is sealed. One thread. */
#ifndef CLOISTER_DOCTOR_PROCESS_H
#define CLOISTER_DOCTOR_PROCESS_H

#include "runtime/doctor.h"

/* A finding is bad where a sealed `cloister` would be otherwise, and unknown where only root may look. Fails where there is no such process. */
RT_MUST_CHECK int rt_doctor_process(struct rt_findings *findings, uint64_t pid, struct rt_error *error);

#endif
