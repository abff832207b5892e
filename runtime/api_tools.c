/* api_tools.c: see api_tools.h. */
#include "runtime/api_tools.h"

#include <string.h>

#include "runtime/api_grammar.h"
#include "runtime/scope.h"

enum { TAIL = 32 }; /* tokens of a prompt's end, in which reasoning may be begun */

struct choice {       /* what tool_choice says */
    int must;         /* a tool has to be called */
    const char *only; /* this one; NULL: any */
};

static int wrong_choice(struct rt_api_error *error)
{
    return rt_api_fail(error, 400, "invalid_value", "tool_choice",
                       "tool_choice is not \"none\", \"auto\", \"required\" or {\"type\": \"function\", \"function\": {\"name\"}}");
}

static int read_choice(struct choice *out, yyjson_val *request, struct rt_api_error *error)
{
    yyjson_val *choice = rt_api_get(request, "tool_choice");
    *out = (struct choice){.must = yyjson_equals_str(choice, "required")};
    if (!choice || out->must || yyjson_equals_str(choice, "none") || yyjson_equals_str(choice, "auto"))
        return 0;
    out->must = 1;
    out->only = yyjson_get_str(rt_api_get(rt_api_get(choice, "function"), "name"));
    return out->only && yyjson_equals_str(rt_api_get(choice, "type"), "function") ? 0 : wrong_choice(error);
}

static int has_opened(const struct rt_site *site, const struct rt_tokens *prompt)
{
    const size_t count = prompt->count < TAIL ? prompt->count : TAIL;
    RT_FREE char *text = NULL;
    size_t bytes;
    struct rt_error ignored;
    if (rt_tokenizer_decode(site->tokenizer, prompt->ids + prompt->count - count, count, 1, &text, &bytes, &ignored))
        return 0;
    return rt_reply_form_opened(site->reply_form, text, bytes);
}

static int follow_schema(struct rt_answer_terms *terms, const char *text, struct rt_api_error *error)
{
    yyjson_doc *schema = yyjson_read(text, strlen(text), YYJSON_READ_NOFLAG);
    if (!schema)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for the tools");
    const int failed = rt_api_grammar_schema(&terms->grammar, yyjson_doc_get_root(schema), "tools", error);
    yyjson_doc_free(schema);
    return failed;
}

static int must_call(struct rt_answer_terms *terms, const struct rt_site *site, const char *only, int parallel, struct rt_api_error *error)
{
    struct rt_error below;
    if (terms->grammar)
        return rt_api_fail(error, 400, "invalid_value", "tool_choice",
                           "a tool that must be called, and response_format or grammar, exclude each other");
    if (rt_reply_rule_open(&terms->rule, site->reply_form, terms->speech.tools, only, parallel, terms->speech.opened, &below))
        return rt_api_fail_below(error, "tool_choice", &below);
    if (rt_tokenizer_encode(site->tokenizer, terms->rule.prefix, strlen(terms->rule.prefix), RT_ENCODE_SPECIAL, &terms->prompts[0].tokens,
                            &below))
        return rt_api_fail_below(error, "tools", &below);
    return follow_schema(terms, terms->rule.schema, error);
}

int rt_api_tools_read(struct rt_answer_terms *terms, const struct rt_site *site, yyjson_val *request, struct rt_api_error *error)
{
    struct choice choice;
    int parallel = 1;
    terms->speech.tools = yyjson_obj_get(yyjson_doc_get_root(terms->conversation), "tools");
    terms->speech.opened = has_opened(site, &terms->prompts[0].tokens);
    if (read_choice(&choice, request, error) || rt_api_flag(request, "parallel_tool_calls", &parallel, error))
        return -1;
    if (terms->speech.tools && !rt_reply_form_calls(site->reply_form))
        return rt_api_fail(error, 400, "unsupported_parameter", "tools",
                           "%s: its chat template has no way of calling tools that is known here", site->manifest->name);
    if (!choice.must)
        return 0;
    if (!terms->speech.tools)
        return rt_api_fail(error, 400, "invalid_value", "tool_choice", "tool_choice needs tools");
    return must_call(terms, site, choice.only, parallel, error);
}
