/* api_json.h: bodies of requests as JSON, and their fields by type and range. Lenient where json_fields.h is strict: what is not known is
 * nobody's fault, and null is as good as absent. A field of the wrong type or out of range is refused by its name. Any thread. */
#ifndef CLOISTER_API_JSON_H
#define CLOISTER_API_JSON_H

#include <stdint.h>
#include <yyjson.h>

#include "runtime/api_error.h"

enum { RT_API_DEPTH_MAX = 64 }; /* arrays and objects in each other: whoever walks a body by recursion may rely on it */

/* The body's object; 400 names the byte where it stops being JSON in UTF-8. Free with yyjson_doc_free. */
RT_MUST_CHECK int rt_api_parse(yyjson_doc **out, const char *body, size_t bytes, struct rt_api_error *error);

/* The member, or NULL where it is absent or null. */
yyjson_val *rt_api_get(yyjson_val *object, const char *key);

/* Each leaves *out as it was where the member is absent. */
RT_MUST_CHECK int rt_api_number(yyjson_val *object, const char *key, double low, double high, double *out, struct rt_api_error *error);
RT_MUST_CHECK int rt_api_float(yyjson_val *object, const char *key, double low, double high, float *out, struct rt_api_error *error);
RT_MUST_CHECK int rt_api_unsigned(yyjson_val *object, const char *key, uint64_t low, uint64_t high, uint64_t *out,
                                  struct rt_api_error *error);
RT_MUST_CHECK int rt_api_flag(yyjson_val *object, const char *key, int *out, struct rt_api_error *error);
RT_MUST_CHECK int rt_api_text(yyjson_val *object, const char *key, const char **out, struct rt_api_error *error);

#endif
