/* weights_pack.h: makes every tensor of a plan from the checkpoint and writes it into the stream, a panel of 64 rows at a time, on all
 * cores. One thread calls it. */
#ifndef CLOISTER_PACK_WEIGHTS_PACK_H
#define CLOISTER_PACK_WEIGHTS_PACK_H

#include "packaging/pack/stream_writer.h"
#include "packaging/pack/tensor_plan.h"
#include "runtime/progress.h"

RT_MUST_CHECK int pk_weights_pack(const struct pk_plan *plan, const struct pk_weights *weights, const struct pk_stream *stream,
                                  struct rt_progress_bar *bar, struct rt_error *error);

#endif
