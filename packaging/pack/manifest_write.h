/* manifest_write.h: manifest.json, format 1, as runtime/manifest.h documents it. Pure: the same input gives the same bytes. Any thread. */
#ifndef CLOISTER_PACK_MANIFEST_WRITE_H
#define CLOISTER_PACK_MANIFEST_WRITE_H

#include "runtime/version.h"
#include "packaging/pack/bundle_files.h"
#include "packaging/pack/tensor_plan.h"

#define PK_PROGRAM "cloister-pack " CLOISTER_VERSION

struct pk_manifest {
    const char *name, *created; /* created may be NULL */
    uint64_t version;
    enum pk_quant quant;
    const struct pk_config *config;
    const struct pk_plan *plan;
    const struct pk_files *files;
};

const char *pk_quant_name(enum pk_quant quant); /* "bf16", "w8", "w4" */

/* *out is the text, 0-terminated, *bytes without that 0; free it. */
RT_MUST_CHECK int pk_manifest_print(char **out, size_t *bytes, const struct pk_manifest *manifest, struct rt_error *error);

#endif
