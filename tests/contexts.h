/* contexts.h: a context for every instruction set of this processor, and the comparison that holds them against the reference. */
#ifndef CLOISTER_CONTEXTS_H
#define CLOISTER_CONTEXTS_H

#include "kernels/kernels.h"

enum { CONTEXT_INPUTS = 7 };
extern const size_t context_inputs[CONTEXT_INPUTS]; /* the K that kernels were generated for */
extern struct kn_context *contexts[KN_AMX + 1];     /* [KN_PORTABLE] is the reference; NULL where the processor lacks it */

void open_contexts(void); /* ends the program where that fails */
void close_contexts(void);
/* How many floats differ in their bits; any NaN equals any other. */
size_t differing(const float *a, const float *b, size_t count);

#endif
