/* start.h: what the site program gives up before it does anything else. Called once, first thing in main, before any thread. */
#ifndef CLOISTER_START_H
#define CLOISTER_START_H

#include <stdint.h>

#include "runtime/error.h"
#include "runtime/service_env.h"

/* Forgets the environment, but for what *service captures of it; gives up new privileges, core dumps, odd personalities and all capabilities but
 * `keep` (capabilities.h); and from here on makes every socket but a local one impossible. RT_EXIT_UNSUPPORTED where the kernel cannot. Threads
 * that start later inherit all of it. */
RT_MUST_CHECK int rt_start(struct rt_service_env *service, uint64_t keep, struct rt_error *error);

#endif
