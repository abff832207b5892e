/* isa.c: see isa.h. */
#include "runtime/isa.h"

#include <string.h>

int rt_isa_choose(enum kn_isa *out, const char *given, struct rt_error *error)
{
    const enum kn_isa best = kn_isa_best(kn_cpu());
    *out = best;
    if (!given)
        return 0;
    for (int isa = KN_PORTABLE; isa <= KN_AMX; isa++)
        if (!strcmp(given, kn_isa_name((enum kn_isa)isa))) {
            *out = (enum kn_isa)isa;
            return isa <= (int)best
                       ? 0
                       : rt_fail(error, RT_EXIT_UNSUPPORTED, "--isa %s: this processor has %s at most; `cloister doctor` says why", given,
                                 kn_isa_name(best));
        }
    return rt_fail(error, RT_EXIT_USAGE, "--isa %.20s: it is one of " RT_ISA_NAMES, given);
}

int rt_isa_open(struct kn_context **out, enum kn_isa isa, const size_t *k, size_t count, struct rt_error *error)
{
    const int status = kn_context_open(out, isa, k, count);
    if (status == KN_E_UNSUPPORTED)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "kernels for %s cannot be generated on this processor; run `cloister doctor`",
                       kn_isa_name(isa));
    return status ? rt_fail(error, RT_EXIT_RESOURCES, "no memory for %s kernels", kn_isa_name(isa)) : 0;
}
