/* weights_parts.h: what open weights are, for weights*.c alone. */
#ifndef CLOISTER_WEIGHTS_PARTS_H
#define CLOISTER_WEIGHTS_PARTS_H

#include "runtime/memory_map.h"
#include "runtime/weights.h"

struct rt_weights_node {
    struct rt_memory memory;
    struct rt_model model;
    struct rt_tensor_place *places; /* of manifest->tensors */
};

struct rt_weights {
    const struct rt_manifest *manifest;
    struct rt_memory once;          /* with several nodes: the tensors that lie in one place */
    const struct rt_model **models; /* of each node */
    struct rt_memory_report *reports;
    unsigned count;
    int in_files;    /* weights_files.h */
    const int *kept; /* while they are opened: files to take instead of new ones */
    struct rt_weights_node nodes[];
};

/* As rt_weights_open, in files: new ones, or those that are kept. */
RT_MUST_CHECK int rt_weights_open_in(struct rt_weights **out, const struct rt_manifest *manifest, struct rt_workers *workers, int in_files,
                                     const int *kept, struct rt_error *error);

#endif
