/* template_postfix.c: tokens → what follows a primary expression: .name, [index], calls, |filter and `is test`. */
#include "runtime/template_ast.h"

/* ---- arguments and calls ---- */

/* `name=value` begins as the expression `name`. */
static int parse_argument(struct rt_parser *parser, struct rt_node **out)
{
    struct rt_text keyword = {0};
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "*") || rt_parse_sees(parser, RT_TOKEN_OPERATOR, "**"))
        return rt_parse_missing(parser, "argument", parser->token.text);
    if (rt_parse_expression(parser, out))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "=") && (*out)->kind == RT_NODE_NAME) {
        keyword = (*out)->name;
        if (rt_parse_next(parser) || rt_parse_expression(parser, out))
            return -1;
    }
    (*out)->keyword = keyword;
    return 0;
}

/* From "(" to behind ")"; names come last. */
static int parse_arguments(struct rt_parser *parser, struct rt_node **first)
{
    size_t count = 0;
    int named = 0;
    if (rt_parse_next(parser))
        return -1;
    for (struct rt_node **next = first; !rt_parse_sees(parser, RT_TOKEN_OPERATOR, ")"); next = &(*next)->next) {
        if (count && rt_parse_expect(parser, RT_TOKEN_OPERATOR, ","))
            return -1;
        if (count && rt_parse_sees(parser, RT_TOKEN_OPERATOR, ")"))
            break;
        if (parse_argument(parser, next))
            return -1;
        if (named && !(*next)->keyword.count)
            return rt_parse_unexpected(parser);
        named = (*next)->keyword.count != 0;
        if (++count > RT_TEMPLATE_ARGUMENTS_MAX)
            return rt_template_fail(parser->error, RT_EXIT_UNSUPPORTED, parser->token.line, "more than %d arguments",
                                    RT_TEMPLATE_ARGUMENTS_MAX);
    }
    return rt_parse_next(parser);
}

static int parse_call(struct rt_parser *parser, enum rt_node_kind kind, struct rt_node *self, struct rt_node **out)
{
    if (rt_parse_node(parser, kind, out))
        return -1;
    (*out)->call.self = self;
    return rt_parse_sees(parser, RT_TOKEN_OPERATOR, "(") ? parse_arguments(parser, &(*out)->call.arguments) : 0;
}

/* ---- .name, [index], (arguments) ---- */

static int parse_attribute(struct rt_parser *parser, struct rt_node *object, struct rt_node **out)
{
    struct rt_value key;
    if (rt_parse_next(parser))
        return -1;
    if (parser->token.kind == RT_TOKEN_INTEGER)
        key = rt_value_integer(parser->token.integer);
    else if (parser->token.kind == RT_TOKEN_NAME)
        key = rt_value_text(parser->token.text);
    else
        return rt_parse_unexpected(parser);
    if (rt_parse_next(parser))
        return -1;
    if (key.kind == RT_VALUE_TEXT && rt_parse_sees(parser, RT_TOKEN_OPERATOR, "(")) {
        if (!rt_builtin_find(RT_BUILTIN_METHOD, key.text))
            return rt_parse_missing(parser, "method", key.text);
        if (parse_call(parser, RT_NODE_METHOD, object, out))
            return -1;
        (*out)->call.name = key.text;
        return 0;
    }
    if (rt_parse_node(parser, RT_NODE_INDEX, out))
        return -1;
    (*out)->index.object = object;
    (*out)->index.dotted = key.kind == RT_VALUE_TEXT;
    return rt_parse_constant(parser, key, &(*out)->index.key);
}

static int sees_slice_part(const struct rt_parser *parser)
{
    return !rt_parse_sees(parser, RT_TOKEN_OPERATOR, ":") && !rt_parse_sees(parser, RT_TOKEN_OPERATOR, "]");
}

/* The token is the first ":"; `from` has been read. */
static int parse_slice(struct rt_parser *parser, struct rt_node *object, struct rt_node *from, struct rt_node **out)
{
    if (rt_parse_node(parser, RT_NODE_SLICE, out) || rt_parse_next(parser))
        return -1;
    (*out)->slice.object = object;
    (*out)->slice.from = from;
    if (sees_slice_part(parser) && rt_parse_expression(parser, &(*out)->slice.to))
        return -1;
    if (!rt_parse_sees(parser, RT_TOKEN_OPERATOR, ":"))
        return 0;
    if (rt_parse_next(parser))
        return -1;
    return sees_slice_part(parser) ? rt_parse_expression(parser, &(*out)->slice.step) : 0;
}

static int parse_subscript(struct rt_parser *parser, struct rt_node *object, struct rt_node **out)
{
    struct rt_node *key = NULL;
    if (rt_parse_next(parser) || rt_parse_enter(parser) || (sees_slice_part(parser) && rt_parse_expression(parser, &key)))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, ":")) {
        if (parse_slice(parser, object, key, out))
            return -1;
    } else {
        if (!key)
            return rt_parse_unexpected(parser);
        if (rt_parse_node(parser, RT_NODE_INDEX, out))
            return -1;
        (*out)->index.object = object;
        (*out)->index.key = key;
    }
    parser->depth--;
    return rt_parse_expect(parser, RT_TOKEN_OPERATOR, "]");
}

static int parse_subscripts(struct rt_parser *parser, struct rt_node **out)
{
    for (;;) {
        int status;
        if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "."))
            status = parse_attribute(parser, *out, out);
        else if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "["))
            status = parse_subscript(parser, *out, out);
        else if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "("))
            status = parse_call(parser, RT_NODE_CALL, *out, out);
        else
            return 0;
        if (status)
            return -1;
    }
}

/* ---- filters and tests ---- */

int rt_parse_filter(struct rt_parser *parser, struct rt_node *self, struct rt_node **out)
{
    struct rt_text name;
    if (rt_parse_name(parser, &name))
        return -1;
    const struct rt_builtin *filter = rt_builtin_find(RT_BUILTIN_FILTER, name);
    if (!filter)
        return rt_parse_missing(parser, "filter", name);
    if (parse_call(parser, RT_NODE_FILTER, self, out))
        return -1;
    (*out)->call.builtin = filter;
    return 0;
}

int rt_parse_filters(struct rt_parser *parser, struct rt_node **out)
{
    while (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "|"))
        if (rt_parse_next(parser) || rt_parse_filter(parser, *out, out))
            return -1;
    return 0;
}

/* The token is behind the name; a test that needs an argument may have it without brackets: `x is eq y`. */
static int parse_test_arguments(struct rt_parser *parser, const struct rt_builtin *test, struct rt_node *self, struct rt_node **out)
{
    if (parse_call(parser, RT_NODE_TEST, self, out))
        return -1;
    (*out)->call.builtin = test;
    if (!test->least || (*out)->call.arguments)
        return 0;
    if (rt_parse_primary(parser, &(*out)->call.arguments))
        return -1;
    return parse_subscripts(parser, &(*out)->call.arguments);
}

static int parse_test(struct rt_parser *parser, struct rt_node *self, struct rt_node **out)
{
    struct rt_text name;
    if (rt_parse_next(parser))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_NAME, "not")) {
        if (rt_parse_node(parser, RT_NODE_NOT, out) || rt_parse_next(parser))
            return -1;
        out = &(*out)->operand;
    }
    if (rt_parse_name(parser, &name))
        return -1;
    const struct rt_builtin *test = rt_builtin_find(RT_BUILTIN_TEST, name);
    if (!test)
        return rt_parse_missing(parser, "test", name);
    return parse_test_arguments(parser, test, self, out);
}

static int parse_filters_and_tests(struct rt_parser *parser, struct rt_node **out)
{
    for (;;) {
        int status;
        if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "|"))
            status = rt_parse_filters(parser, out);
        else if (rt_parse_sees(parser, RT_TOKEN_NAME, "is"))
            status = parse_test(parser, *out, out);
        else if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "("))
            status = parse_call(parser, RT_NODE_CALL, *out, out);
        else
            return 0;
        if (status)
            return -1;
    }
}

/* -x|f is (-x)|f. */
int rt_parse_unary(struct rt_parser *parser, struct rt_node **out)
{
    struct rt_node **innermost = out;
    while (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "-") || rt_parse_sees(parser, RT_TOKEN_OPERATOR, "+")) {
        const int is_minus = rt_parse_sees(parser, RT_TOKEN_OPERATOR, "-");
        if (rt_parse_node(parser, is_minus ? RT_NODE_NEGATE : RT_NODE_POSITIVE, innermost) || rt_parse_next(parser))
            return -1;
        innermost = &(*innermost)->operand;
    }
    if (rt_parse_primary(parser, innermost) || parse_subscripts(parser, innermost))
        return -1;
    return parse_filters_and_tests(parser, out);
}
