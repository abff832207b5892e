/* contexts.c: see contexts.h. */
#include "tests/contexts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const size_t context_inputs[CONTEXT_INPUTS] = {1, 32, 64, 65, 200, 512, 1088};
struct kn_context *contexts[KN_AMX + 1];

void open_contexts(void)
{
    for (int isa = KN_PORTABLE; isa <= (int)kn_isa_best(kn_cpu()); isa++)
        if (kn_context_open(&contexts[isa], (enum kn_isa)isa, context_inputs, CONTEXT_INPUTS) < 0) {
            fprintf(stderr, "cannot open %s\n", kn_isa_name((enum kn_isa)isa));
            exit(1);
        }
}

void close_contexts(void)
{
    for (int isa = KN_PORTABLE; isa <= KN_AMX; isa++)
        kn_context_close(&contexts[isa]);
}

size_t thinned(void)
{
    const char *every = getenv("CLOISTER_THIN");
    long n = every ? strtol(every, NULL, 10) : 1;
    return n > 1 ? (size_t)n : 1;
}

size_t differing(const float *a, const float *b, size_t count)
{
    size_t differ = 0;
    for (size_t i = 0; i < count; i++)
        differ += memcmp(a + i, b + i, sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]));
    return differ;
}
