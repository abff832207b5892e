/* capabilities.h: the powers of root, given up for good (capabilities(7)). Before any thread, since each thread has its own. */
#ifndef CLOISTER_CAPABILITIES_H
#define CLOISTER_CAPABILITIES_H

#include <stdint.h>

#include "runtime/error.h"

/* Empties the effective, permitted, inheritable and ambient sets but for `keep` (a bit each, 1 << CAP_…), and the bounding set where the
 * kernel lets this process do so. */
RT_MUST_CHECK int rt_capabilities_drop(uint64_t keep, struct rt_error *error);

#endif
