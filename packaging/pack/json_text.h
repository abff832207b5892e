/* json_text.h: the JSON files of a model directory, read whole within limits, and their members, fetched with errors that name file and
 * member. Knows nothing of models. Any thread; a document is read-only once open. */
#ifndef CLOISTER_PACK_JSON_TEXT_H
#define CLOISTER_PACK_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "runtime/error.h"

/* Parses an object, nested at most `depth` levels. `file` is for messages. */
RT_MUST_CHECK int pk_json_parse(yyjson_doc **out, const char *text, size_t bytes, unsigned depth, const char *file, struct rt_error *error);
/* Both at once; a missing file gives *out = NULL and success. */
RT_MUST_CHECK int pk_json_open(yyjson_doc **out, int directory, const char *name, size_t max, struct rt_error *error);
void pk_json_clean(yyjson_doc **doc); /* for RT_CLEAN */

struct pk_json { /* an object and the file it is from */
    yyjson_val *object;
    const char *file;
};

/* NULL where the member is absent or null. */
yyjson_val *pk_json_get(const struct pk_json *json, const char *key);
int pk_json_missing(const struct pk_json *json, const char *key, struct rt_error *error); /* fills the error; returns -1 */

/* Each leaves *out as it was where the member is absent or null, and fails where it is of another type or out of range. */
RT_MUST_CHECK int pk_json_integer(const struct pk_json *json, const char *key, uint64_t min, uint64_t max, uint64_t *out,
                                  struct rt_error *error);
RT_MUST_CHECK int pk_json_number(const struct pk_json *json, const char *key, double min, double max, double *out, struct rt_error *error);
RT_MUST_CHECK int pk_json_flag(const struct pk_json *json, const char *key, int *out, struct rt_error *error);
RT_MUST_CHECK int pk_json_text(const struct pk_json *json, const char *key, const char **out, struct rt_error *error);

#endif
