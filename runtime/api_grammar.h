/* api_grammar.h: what a request says an answer may be: response_format, and `grammar` (GBNF) as other servers have it. Any thread. */
#ifndef CLOISTER_API_GRAMMAR_H
#define CLOISTER_API_GRAMMAR_H

#include "runtime/api_json.h"
#include "runtime/grammar.h"

/* From a schema of the request's; param names it in errors. */
RT_MUST_CHECK int rt_api_grammar_schema(struct rt_grammar **out, yyjson_val *schema, const char *param, struct rt_api_error *error);
/* *out is NULL where any text will do. */
RT_MUST_CHECK int rt_api_grammar_read(struct rt_grammar **out, yyjson_val *request, struct rt_api_error *error);

#endif
