/* engine_step.h: the function that all workers run for one step of an engine. */
#ifndef CLOISTER_ENGINE_STEP_H
#define CLOISTER_ENGINE_STEP_H

#include "runtime/engine_parts.h"

/* rows, row_count, live_rows, logit_count and hidden_count of the engine are set. */
void rt_step_worker(void *engine, unsigned worker);

#endif
