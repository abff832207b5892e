/* api_grammar.h: what a request says an answer may be: response_format, and `grammar` (GBNF) as other servers have it. Any thread. */
#ifndef CLOISTER_API_GRAMMAR_H
#define CLOISTER_API_GRAMMAR_H

#include "runtime/api_json.h"
#include "runtime/grammar.h"
#include "runtime/receipt_of.h"

struct rt_api_grammar {              /* rt_api_grammar_close frees */
    struct rt_grammar *grammar;      /* NULL: any text will do */
    struct rt_receipt_grammar asked; /* for receipts; its text is freed, too */
};

RT_MUST_CHECK int rt_api_grammar_read(struct rt_api_grammar *out, yyjson_val *request, struct rt_api_error *error);
/* A schema by itself; param names it in messages. */
RT_MUST_CHECK int rt_api_grammar_schema(struct rt_api_grammar *out, yyjson_val *schema, const char *param, struct rt_api_error *error);
void rt_api_grammar_close(struct rt_api_grammar *grammar);

#endif
