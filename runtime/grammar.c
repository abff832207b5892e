/* grammar.c: grammars as a whole: from what text they are made, and who holds them. */
#include "runtime/grammar.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/grammar_parts.h"

static int open_schema(struct rt_grammar **out, const char *text, size_t bytes, struct rt_error *error)
{
    yyjson_doc *doc = yyjson_read(text, bytes, 0);
    if (!doc)
        return rt_fail(error, RT_EXIT_USAGE, "the schema is no JSON");
    const int failed = rt_grammar_open_schema(out, yyjson_doc_get_root(doc), error);
    yyjson_doc_free(doc);
    return failed;
}

static int open_kind(struct rt_grammar **out, enum rt_grammar_kind kind, const char *text, size_t bytes, struct rt_error *error)
{
    switch (kind) {
    case RT_GRAMMAR_SCHEMA: return open_schema(out, text, bytes, error);
    case RT_GRAMMAR_GBNF: return rt_grammar_open_gbnf(out, text, bytes, error);
    case RT_GRAMMAR_JSON: return rt_grammar_open_json(out, error);
    case RT_GRAMMAR_NONE: break;
    }
    return rt_fail(error, RT_EXIT_USAGE, "no grammar");
}

int rt_grammar_open(struct rt_grammar **out, enum rt_grammar_kind kind, const char *text, size_t bytes, struct rt_error *error)
{
    *out = NULL;
    if (open_kind(out, kind, text, bytes, error))
        return -1;
    (*out)->kind = kind;
    (*out)->text = strndup(text, bytes);
    if ((*out)->text)
        return 0;
    rt_grammar_close(out);
    return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the grammar");
}

enum rt_grammar_kind rt_grammar_kind(const struct rt_grammar *grammar)
{
    return grammar->kind;
}

const char *rt_grammar_text(const struct rt_grammar *grammar)
{
    return grammar->text ? grammar->text : "";
}

struct rt_grammar *rt_grammar_share(struct rt_grammar *grammar)
{
    atomic_fetch_add(&grammar->holders, 1);
    return grammar;
}

void rt_grammar_close(struct rt_grammar **address)
{
    struct rt_grammar *grammar = *address;
    *address = NULL;
    if (!grammar || atomic_fetch_sub(&grammar->holders, 1) > 0)
        return;
    free(grammar->nodes);
    free(grammar->edges);
    free(grammar->counts);
    free(grammar->sets);
    free(grammar->text);
    free(grammar);
}
