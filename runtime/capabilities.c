/* capabilities.c: capset(2), which libc has no wrapper for, and the sets beside it. */
#include "runtime/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WORDS = _LINUX_CAPABILITY_U32S_3, WORD_BITS = 32 };

/* Without CAP_SETPCAP it stays as it is, which is no harm: only a program that is started could take from it, and none can. */
static void empty_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

/* Whether there was anything to take away. */
static int reduce(struct __user_cap_data_struct sets[WORDS], uint64_t keep)
{
    struct __user_cap_data_struct before[WORDS];
    memcpy(before, sets, sizeof before);
    for (unsigned word = 0; word < WORDS; word++) {
        sets[word].permitted &= (uint32_t)(keep >> word * WORD_BITS);
        sets[word].effective &= sets[word].permitted;
        sets[word].inheritable = 0;
    }
    return memcmp(before, sets, sizeof before) != 0;
}

/* A service manager that has taken all away already may forbid capset, too. */
int rt_capabilities_drop(uint64_t keep, struct rt_error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[WORDS];
    empty_bounding_set();
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (!syscall(SYS_capget, &header, sets) && (!reduce(sets, keep) || !syscall(SYS_capset, &header, sets)))
        return 0;
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "the kernel refuses to take this process's capabilities away: %s", strerror(errno));
}
