/* api_grammar.c: see api_grammar.h. */
#include "runtime/api_grammar.h"

#include "runtime/scope.h"

int rt_api_grammar_schema(struct rt_grammar **out, yyjson_val *schema, const char *param, struct rt_api_error *error)
{
    size_t bytes;
    struct rt_error below;
    RT_FREE char *text = yyjson_val_write(schema, 0, &bytes);
    if (!text)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for the schema");
    return rt_grammar_open(out, RT_GRAMMAR_SCHEMA, text, bytes, &below) ? rt_api_fail_below(error, param, &below) : 0;
}

static int read_schema(struct rt_grammar **out, yyjson_val *format, struct rt_api_error *error)
{
    yyjson_val *schema = rt_api_get(rt_api_get(format, "json_schema"), "schema");
    if (!yyjson_is_obj(schema))
        return rt_api_fail(error, 400, "invalid_type", "response_format", "response_format.json_schema.schema is not an object");
    return rt_api_grammar_schema(out, schema, "response_format", error);
}

static int read_format(struct rt_grammar **out, yyjson_val *format, struct rt_api_error *error)
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
    return rt_grammar_open(out, RT_GRAMMAR_JSON, "", 0, &below) ? rt_api_fail_below(error, "response_format", &below) : 0;
}

int rt_api_grammar_read(struct rt_grammar **out, yyjson_val *request, struct rt_api_error *error)
{
    yyjson_val *format = rt_api_get(request, "response_format"), *grammar = rt_api_get(request, "grammar");
    struct rt_error below;
    *out = NULL;
    if (format && read_format(out, format, error))
        return -1;
    if (!grammar)
        return 0;
    if (*out) {
        rt_grammar_close(out);
        return rt_api_fail(error, 400, "invalid_value", "grammar", "grammar and response_format exclude each other");
    }
    if (!yyjson_is_str(grammar))
        return rt_api_fail(error, 400, "invalid_type", "grammar", "grammar is not a string");
    if (rt_grammar_open(out, RT_GRAMMAR_GBNF, yyjson_get_str(grammar), yyjson_get_len(grammar), &below))
        return rt_api_fail_below(error, "grammar", &below);
    return 0;
}
