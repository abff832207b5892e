/* engine_pretend.h: a sequence that looks as if it had been fed, for measuring at a depth without computing up to it. */
#ifndef CLOISTER_ENGINE_PRETEND_H
#define CLOISTER_ENGINE_PRETEND_H

#include "runtime/engine.h"

/* Makes an empty sequence `tokens` long: takes its pages, and the workers fill them with random keys and values of deviation about 1, as
 * normed heads have. RT_EXIT_RESOURCES where the cache is too small; the sequence is empty then. Between steps only. */
RT_MUST_CHECK int rt_sequence_pretend(struct rt_engine *engine, struct rt_sequence *sequence, uint32_t tokens, struct rt_error *error);

#endif
