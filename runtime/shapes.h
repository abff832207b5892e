/* shapes.h: shapes of models known by name, and shapes from files, in the form of the manifest's "model" object. A shape has no weights.
 * Before the seal; one thread. */
#ifndef CLOISTER_SHAPES_H
#define CLOISTER_SHAPES_H

#include "runtime/manifest.h"

/* RT_EXIT_USAGE with the names there are for an unknown one; RT_EXIT_UNSUPPORTED for a known shape that has parts the engine lacks, with
 * what those are. Close with rt_manifest_close. */
RT_MUST_CHECK int rt_shape_open(struct rt_manifest **out, const char *name, struct rt_error *error);
/* RT_EXIT_USAGE for a file that is not a "model" object. */
RT_MUST_CHECK int rt_shape_open_file(struct rt_manifest **out, const char *path, struct rt_error *error);
/* Leaves the first `layers` layers; RT_EXIT_USAGE where there are fewer. */
RT_MUST_CHECK int rt_shape_cut(struct rt_manifest *shape, uint32_t layers, struct rt_error *error);

#endif
