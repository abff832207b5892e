/* site_weights.h: the part of opening a site that is large: its weights, and the bundle's small texts. For site.c; before the seal, one thread. */
#ifndef CLOISTER_SITE_WEIGHTS_H
#define CLOISTER_SITE_WEIGHTS_H

#include "runtime/site.h"

/* Sets site->weights and site->is_warm, and reads the texts. Refuses before anything large is read where memory will not do, for an engine with
 * these options beside. With options->store the weights come from there, or go there; that something does not fit there is said on stderr and is
 * no error. site has its bundle, manifest, workers and kernels. */
RT_MUST_CHECK int rt_site_weights_open(struct rt_site *site, const struct rt_site_options *options, const struct rt_engine_options *engine,
                                       struct rt_texts *texts, struct rt_error *error);

#endif
