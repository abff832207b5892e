/* start.h: what the site program gives up before it does anything else. Called once, first thing in main, before any thread. */
#ifndef CLOISTER_START_H
#define CLOISTER_START_H

#include "runtime/error.h"

/* Forgets the environment, gives up new privileges and core dumps, and from here on makes every socket but a local one
 * impossible. RT_EXIT_UNSUPPORTED where the kernel cannot. Threads that start later inherit all of it. */
RT_MUST_CHECK int rt_start(struct rt_error *error);

#endif
