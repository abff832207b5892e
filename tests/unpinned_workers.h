/* unpinned_workers.h: a pool of as many workers on as many nodes as a test wants, whatever the machine has. */
#ifndef CLOISTER_UNPINNED_WORKERS_H
#define CLOISTER_UNPINNED_WORKERS_H

#include "runtime/workers.h"

/* Bound to no processor: more workers than cores is a fine test. NULL, with a message, where there are none to be had. */
struct rt_workers *unpinned_workers(unsigned threads, unsigned nodes);

#endif
