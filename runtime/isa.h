/* isa.h: which instruction set computes: the best that this processor has, or less where somebody asks for less. The bits of an answer are the
 * same either way (kernels/NUMERICS.md), so a cap is for whoever wants to see that. One thread. */
#ifndef CLOISTER_ISA_H
#define CLOISTER_ISA_H

#include "kernels/kernels.h"
#include "runtime/error.h"

#define RT_ISA_NAMES "portable|avx2|avx512|vnni|amx"
#define RT_ISA_HELP "compute with no more than this instruction set (default: the best here)"

/* What --isa says; NULL is the best. Before any thread is started: it asks the kernel for AMX, which threads inherit. RT_EXIT_USAGE for a name that there is not, RT_EXIT_UNSUPPORTED for more than this processor has. */
RT_MUST_CHECK int rt_isa_choose(enum kn_isa *out, const char *given, struct rt_error *error);
/* kn_context_open, and in words why not. */
RT_MUST_CHECK int rt_isa_open(struct kn_context **out, enum kn_isa isa, const size_t *k, size_t count, struct rt_error *error);

#endif
