/* manifest_parts.h: the readers that rt_manifest_open is made of, for manifest*.c alone. Each reads one member of the document into
 * *m and checks it against what was read before it; errors name the place below their own member. */
#ifndef CLOISTER_MANIFEST_PARTS_H
#define CLOISTER_MANIFEST_PARTS_H

#include <yyjson.h>

#include "runtime/manifest.h"

RT_MUST_CHECK int rt_manifest_read_files(struct rt_manifest *m, yyjson_val *chunks, yyjson_val *files, struct rt_error *error);
RT_MUST_CHECK int rt_manifest_read_codebooks(struct rt_manifest *m, yyjson_val *codebooks, struct rt_error *error);
RT_MUST_CHECK int rt_manifest_read_model(struct rt_manifest *m, yyjson_val *model, struct rt_error *error);
/* After the files and the codebooks. */
RT_MUST_CHECK int rt_manifest_read_tensors(struct rt_manifest *m, yyjson_val *tensors, struct rt_error *error);

#endif
