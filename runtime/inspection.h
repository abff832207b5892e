/* inspection.h: what `inspect` has to tell, as text or JSON. Reads a manifest, no payload. One thread. */
#ifndef CLOISTER_INSPECTION_H
#define CLOISTER_INSPECTION_H

#include "runtime/manifest.h"

struct rt_block_text {
    const char *kind;
    char parts[160]; /* "64 experts, 8 at a time, inner 768, silu" */
};

struct rt_layer_run { /* layers first … last are alike */
    uint32_t first, last, blocks;
    struct rt_block_text text[RT_BLOCKS_MAX];
};

struct rt_format_sum { /* all tensors of one format */
    const char *name;
    uint64_t count, bytes;
};

struct rt_inspection {
    const struct rt_manifest *m;
    const struct cr_manifest *verified;
    uint64_t parameters; /* without rotation tables; a tied head counts once */
    struct rt_format_sum formats[RT_TENSOR_W4 + 1];
    uint32_t run_count;
    struct rt_layer_run *runs;
};

/* manifest and verified must outlive it. RT_EXIT_RESOURCES. */
RT_MUST_CHECK int rt_inspection_open(struct rt_inspection *out, const struct rt_manifest *m, const struct cr_manifest *verified,
                                     struct rt_error *error);
void rt_inspection_close(struct rt_inspection *inspection);

const char *rt_role_name(enum rt_role role);

#endif
