/* synthetic.h: random weights for a shape, so that speed can be measured without a bundle. Deviations are such that activations neither vanish
 * nor overflow and experts are chosen about evenly; the model says nothing sensible. */
#ifndef CLOISTER_SYNTHETIC_H
#define CLOISTER_SYNTHETIC_H

#include "runtime/weights.h"

/* Fills the memory of a manifest's tensors (rt_tensor_list). All workers write, each the panels it will read: on a machine with several
 * nodes this also brings the pages to the right one. The bytes depend on the manifest and the seed alone. One thread calls. */
RT_MUST_CHECK int rt_synthetic_fill(struct rt_weights *weights, const struct rt_manifest *manifest, struct rt_workers *workers,
                                    uint64_t seed, struct rt_error *error);

#endif
