/* doctor.h: what `doctor` looks at, one file per subject, and the list of findings they fill. Every probe copes with an empty chroot:
 * what cannot be read is "unknown", never a guess. One thread. */
#ifndef CLOISTER_DOCTOR_H
#define CLOISTER_DOCTOR_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

enum rt_verdict { RT_VERDICT_OK, RT_VERDICT_WARN, RT_VERDICT_BAD, RT_VERDICT_UNKNOWN }; /* bad: cannot run here */

struct rt_finding {
    const char *name; /* "huge pages" */
    enum rt_verdict verdict;
    char what[192];
    const char *advice; /* what to do about it, or NULL */
};

struct rt_findings {
    struct rt_finding items[32];
    size_t count;
};

/* advice may be NULL. */
void rt_finding_add(struct rt_findings *findings, const char *name, enum rt_verdict verdict, const char *advice, const char *format, ...)
    RT_PRINTF(5, 6);

/* The first bytes of a file, without white space at the end; 0, or -1 where it cannot be read. */
RT_MUST_CHECK int rt_doctor_read(const char *path, char *text, size_t room);

void rt_doctor_cpu(struct rt_findings *findings);    /* model, instruction set, AMX, governor, cores and nodes */
void rt_doctor_memory(struct rt_findings *findings); /* amount, huge pages, memlock */
void rt_doctor_kernel(struct rt_findings *findings); /* version, seccomp, Landlock, seal */

#endif
