/* grammar_standin.c: no grammars yet. */
#include "runtime/grammar.h"

int rt_grammar_open_gbnf(struct rt_grammar **out, const char *text, size_t bytes, struct rt_error *error)
{
    (void)text, (void)bytes;
    *out = NULL;
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "grammars are not supported yet");
}

int rt_grammar_open_schema(struct rt_grammar **out, yyjson_val *schema, struct rt_error *error)
{
    (void)schema;
    *out = NULL;
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "JSON schemas are not supported yet");
}

int rt_grammar_open_json(struct rt_grammar **out, struct rt_error *error)
{
    *out = NULL;
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "JSON objects are not supported yet");
}

void rt_grammar_close(struct rt_grammar **grammar)
{
    *grammar = NULL;
}

struct rt_grammar *rt_grammar_share(struct rt_grammar *grammar)
{
    return grammar;
}
