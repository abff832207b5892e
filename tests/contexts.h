/* contexts.h: a context for every instruction set of this processor, the comparison that holds them against the reference, and how many
 * trials there are. */
#ifndef CLOISTER_CONTEXTS_H
#define CLOISTER_CONTEXTS_H

#include "kernels/kernels.h"

enum { CONTEXT_INPUTS = 7 };
extern const size_t context_inputs[CONTEXT_INPUTS]; /* the K that kernels were generated for */
extern struct kn_context *contexts[KN_AMX + 1];     /* [KN_PORTABLE] is the reference; NULL where the processor lacks it */

void open_contexts(void); /* ends the program where that fails */
void close_contexts(void);
/* Of many trials that are alike, every how many-th is to be run: 1, or what CLOISTER_THIN says. On an emulated processor each takes a
 * hundred times longer, and most of that is the reference. */
size_t thinned(void);
/* How many floats differ in their bits; any NaN equals any other. */
size_t differing(const float *a, const float *b, size_t count);

#endif
