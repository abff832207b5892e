/* api_grammar.c: see api_grammar.h. */
#include "runtime/api_grammar.h"

#include <stdlib.h>
#include <string.h>

void rt_api_grammar_close(struct rt_api_grammar *grammar)
{
    rt_grammar_close(&grammar->grammar);
    free((char *)(uintptr_t)grammar->asked.text);
    *grammar = (struct rt_api_grammar){0};
}

/* What a receipt tells: takes the text, which must be there. */
static int remember(struct rt_api_grammar *out, enum rt_grammar_kind kind, char *text, struct rt_api_error *error)
{
    out->asked = (struct rt_receipt_grammar){kind, text};
    return text ? 0 : rt_api_fail(error, 503, NULL, NULL, "no memory for the grammar");
}

int rt_api_grammar_schema(struct rt_api_grammar *out, yyjson_val *schema, const char *param, struct rt_api_error *error)
{
    struct rt_error below;
    if (rt_grammar_open_schema(&out->grammar, schema, &below))
        return rt_api_fail_below(error, param, &below);
    return remember(out, RT_GRAMMAR_SCHEMA, yyjson_val_write(schema, YYJSON_WRITE_NOFLAG, NULL), error);
}

static int read_schema(struct rt_api_grammar *out, yyjson_val *format, struct rt_api_error *error)
{
    yyjson_val *schema = rt_api_get(rt_api_get(format, "json_schema"), "schema");
    if (!yyjson_is_obj(schema) && !yyjson_is_bool(schema))
        return rt_api_fail(error, 400, "invalid_type", "response_format", "response_format.json_schema.schema is not an object");
    return rt_api_grammar_schema(out, schema, "response_format", error);
}

static int read_format(struct rt_api_grammar *out, yyjson_val *format, struct rt_api_error *error)
{
    yyjson_val *type = rt_api_get(format, "type");
    struct rt_error below;
    if (yyjson_equals_str(type, "text"))
        return 0;
    if (yyjson_equals_str(type, "json_schema"))
        return read_schema(out, format, error);
    if (!yyjson_equals_str(type, "json_object"))
        return rt_api_fail(error, 400, "invalid_value", "response_format",
                           "response_format.type is not \"text\", \"json_object\" or \"json_schema\"");
    if (rt_grammar_open_json(&out->grammar, &below))
        return rt_api_fail_below(error, "response_format", &below);
    out->asked.kind = RT_GRAMMAR_JSON;
    return 0;
}

static int read_gbnf(struct rt_api_grammar *out, yyjson_val *grammar, struct rt_api_error *error)
{
    const char *text = yyjson_get_str(grammar);
    struct rt_error below;
    if (out->grammar)
        return rt_api_fail(error, 400, "invalid_value", "grammar", "grammar and response_format exclude each other");
    if (!text || strlen(text) != yyjson_get_len(grammar))
        return rt_api_fail(error, 400, "invalid_type", "grammar", "grammar is not a string without a zero byte");
    if (rt_grammar_open_gbnf(&out->grammar, text, strlen(text), &below))
        return rt_api_fail_below(error, "grammar", &below);
    return remember(out, RT_GRAMMAR_GBNF, strdup(text), error);
}

int rt_api_grammar_read(struct rt_api_grammar *out, yyjson_val *request, struct rt_api_error *error)
{
    yyjson_val *format = rt_api_get(request, "response_format"), *grammar = rt_api_get(request, "grammar");
    *out = (struct rt_api_grammar){0};
    if ((format && read_format(out, format, error)) || (grammar && read_gbnf(out, grammar, error))) {
        rt_api_grammar_close(out);
        return -1;
    }
    return 0;
}
