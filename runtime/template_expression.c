/* template_expression.c: tokens → expressions, with the precedence of jinja2.parser:
 * a if b else c · or · and · not · comparison, in · + - · ~ · * // % · - · .name [index] |filter `is test`. */
#include "runtime/template_ast.h"

#include <string.h>

static int not_there(struct rt_parser *parser, const char *what, struct rt_text name)
{
    return rt_template_fail(parser->error, RT_EXIT_UNSUPPORTED, parser->token.line, "the %s \"%.*s\" is not there yet", what,
                            (int)(name.count > 64 ? 64 : name.count), name.bytes);
}

static int parse_constant(struct rt_parser *parser, struct rt_value value, struct rt_node **out)
{
    if (rt_parse_node(parser, RT_NODE_CONSTANT, out))
        return -1;
    (*out)->constant = value;
    return 0;
}

/* ---- arguments and calls ---- */

/* `name=value` begins as the expression `name`. */
static int parse_argument(struct rt_parser *parser, const struct rt_builtin *builtin, struct rt_node **out)
{
    struct rt_text keyword = {0};
    if (rt_parse_expression(parser, out))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "=") && (*out)->kind == RT_NODE_NAME) {
        keyword = (*out)->name;
        if (!builtin->keywords)
            return not_there(parser, "named argument", keyword);
        if (rt_parse_next(parser) || rt_parse_expression(parser, out))
            return -1;
    }
    (*out)->keyword = keyword;
    return 0;
}

/* From behind "(" to behind ")". */
static int parse_arguments(struct rt_parser *parser, const struct rt_builtin *builtin, struct rt_node **first, size_t *count)
{
    for (struct rt_node **next = first; !rt_parse_sees(parser, RT_TOKEN_OPERATOR, ")"); next = &(*next)->next, ++*count) {
        if (*count && rt_parse_expect(parser, RT_TOKEN_OPERATOR, ","))
            return -1;
        if (parse_argument(parser, builtin, next))
            return -1;
    }
    return rt_parse_next(parser);
}

/* The token is behind the name; a filter or a test may go without brackets. */
static int parse_call(struct rt_parser *parser, enum rt_builtin_kind kind, struct rt_text name, struct rt_node *self, struct rt_node **out)
{
    static const char *const kinds[] = {"filter", "test", "method", "function"};
    const struct rt_builtin *builtin = rt_builtin_find(kind, name);
    size_t count = 0;
    if (!builtin)
        return not_there(parser, kinds[kind], name);
    if (rt_parse_node(parser, RT_NODE_CALL, out))
        return -1;
    (*out)->call.builtin = builtin;
    (*out)->call.self = self;
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "(") &&
        (rt_parse_next(parser) || parse_arguments(parser, builtin, &(*out)->call.arguments, &count)))
        return -1;
    if (count < builtin->least || count > builtin->most)
        return rt_template_fail(parser->error, RT_EXIT_UNSUPPORTED, parser->token.line, "%s \"%s\": %zu arguments are not there yet",
                                kinds[kind], builtin->name, count);
    return 0;
}

/* ---- primary expressions ---- */

static int parse_named(struct rt_parser *parser, struct rt_node **out)
{
    const struct rt_text name = parser->token.text;
    struct rt_value value = {.kind = RT_VALUE_NONE};
    const int is_true = rt_text_is(name, "true") || rt_text_is(name, "True"),
              is_false = rt_text_is(name, "false") || rt_text_is(name, "False");
    if (rt_parse_next(parser))
        return -1;
    if (is_true || is_false)
        value = rt_value_bool(is_true);
    if (is_true || is_false || rt_text_is(name, "none") || rt_text_is(name, "None"))
        return parse_constant(parser, value, out);
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "("))
        return parse_call(parser, RT_BUILTIN_FUNCTION, name, NULL, out);
    if (rt_parse_node(parser, RT_NODE_NAME, out))
        return -1;
    (*out)->name = name;
    return 0;
}

/* 'a' 'b' is one string. */
static int parse_string(struct rt_parser *parser, struct rt_node **out)
{
    struct rt_text text = parser->token.text;
    if (rt_parse_next(parser))
        return -1;
    while (rt_parse_sees(parser, RT_TOKEN_STRING, NULL)) {
        const struct rt_text more = parser->token.text;
        char *joined = rt_arena_take(parser->arena, text.count + more.count + 1);
        if (!joined)
            return rt_template_fail(parser->error, RT_EXIT_RESOURCES, parser->token.line, "no memory");
        memcpy(joined, text.bytes, text.count);
        memcpy(joined + text.count, more.bytes, more.count);
        text = (struct rt_text){.bytes = joined, .count = text.count + more.count};
        if (rt_parse_next(parser))
            return -1;
    }
    return parse_constant(parser, rt_value_text(text), out);
}

static int parse_integer(struct rt_parser *parser, struct rt_node **out)
{
    const struct rt_value value = {.kind = RT_VALUE_INTEGER, .integer = parser->token.integer};
    if (rt_parse_next(parser))
        return -1;
    return parse_constant(parser, value, out);
}

static int parse_bracketed(struct rt_parser *parser, struct rt_node **out)
{
    if (rt_parse_next(parser) || rt_parse_enter(parser) || rt_parse_expression(parser, out))
        return -1;
    parser->depth--;
    return rt_parse_expect(parser, RT_TOKEN_OPERATOR, ")");
}

static int parse_list(struct rt_parser *parser, struct rt_node **out)
{
    if (rt_parse_node(parser, RT_NODE_LIST, out) || rt_parse_next(parser) || rt_parse_enter(parser))
        return -1;
    for (struct rt_node **next = &(*out)->operand; !rt_parse_sees(parser, RT_TOKEN_OPERATOR, "]"); next = &(*next)->next) {
        if (next != &(*out)->operand && rt_parse_expect(parser, RT_TOKEN_OPERATOR, ","))
            return -1;
        if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "]"))
            break;
        if (rt_parse_expression(parser, next))
            return -1;
    }
    parser->depth--;
    return rt_parse_next(parser);
}

static int parse_primary(struct rt_parser *parser, struct rt_node **out)
{
    switch (parser->token.kind) {
    case RT_TOKEN_NAME: return parse_named(parser, out);
    case RT_TOKEN_STRING: return parse_string(parser, out);
    case RT_TOKEN_INTEGER: return parse_integer(parser, out);
    default: break;
    }
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "("))
        return parse_bracketed(parser, out);
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "["))
        return parse_list(parser, out);
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "{"))
        return not_there(parser, "expression", parser->token.text);
    return rt_parse_unexpected(parser);
}

/* ---- what follows a primary expression ---- */

static int parse_attribute(struct rt_parser *parser, struct rt_node *object, struct rt_node **out)
{
    struct rt_text name;
    if (rt_parse_next(parser) || rt_parse_name(parser, &name))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "("))
        return parse_call(parser, RT_BUILTIN_METHOD, name, object, out);
    if (rt_parse_node(parser, RT_NODE_INDEX, out))
        return -1;
    (*out)->index.object = object;
    return parse_constant(parser, rt_value_text(name), &(*out)->index.key);
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

static int parse_with_subscripts(struct rt_parser *parser, struct rt_node **out)
{
    if (parse_primary(parser, out))
        return -1;
    for (;;) {
        int status;
        if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "."))
            status = parse_attribute(parser, *out, out);
        else if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "["))
            status = parse_subscript(parser, *out, out);
        else
            return 0;
        if (status)
            return -1;
    }
}

static int parse_filter(struct rt_parser *parser, struct rt_node *self, struct rt_node **out)
{
    struct rt_text name;
    if (rt_parse_next(parser) || rt_parse_name(parser, &name))
        return -1;
    return parse_call(parser, RT_BUILTIN_FILTER, name, self, out);
}

/* A test that needs an argument may have it without brackets: `x is eq y`. */
static int parse_bare_argument(struct rt_parser *parser, const struct rt_builtin *test, struct rt_node *self, struct rt_node **out)
{
    if (rt_parse_node(parser, RT_NODE_CALL, out))
        return -1;
    (*out)->call.builtin = test;
    (*out)->call.self = self;
    return parse_with_subscripts(parser, &(*out)->call.arguments);
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
    if (test && test->least == 1 && !rt_parse_sees(parser, RT_TOKEN_OPERATOR, "("))
        return parse_bare_argument(parser, test, self, out);
    return parse_call(parser, RT_BUILTIN_TEST, name, self, out);
}

static int parse_filters(struct rt_parser *parser, struct rt_node **out)
{
    for (;;) {
        int status;
        if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "|"))
            status = parse_filter(parser, *out, out);
        else if (rt_parse_sees(parser, RT_TOKEN_NAME, "is"))
            status = parse_test(parser, *out, out);
        else
            return 0;
        if (status)
            return -1;
    }
}

/* -x|f is (-x)|f. */
static int parse_unary(struct rt_parser *parser, struct rt_node **out)
{
    struct rt_node **innermost = out;
    while (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "-")) {
        if (rt_parse_node(parser, RT_NODE_NEGATE, innermost) || rt_parse_next(parser))
            return -1;
        innermost = &(*innermost)->operand;
    }
    if (parse_with_subscripts(parser, innermost))
        return -1;
    return parse_filters(parser, out);
}

/* ---- operators ---- */

enum { LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_ADD, LEVEL_JOIN, LEVEL_MULTIPLY, LEVEL_UNARY };

static const struct binary {
    const char *text;
    enum rt_token_kind token;
    int level;
    enum rt_operator op;
} binaries[] = {
    {"or", RT_TOKEN_NAME, LEVEL_OR, RT_OP_OR},
    {"and", RT_TOKEN_NAME, LEVEL_AND, RT_OP_AND},
    {"==", RT_TOKEN_OPERATOR, LEVEL_COMPARE, RT_OP_EQUAL},
    {"!=", RT_TOKEN_OPERATOR, LEVEL_COMPARE, RT_OP_UNEQUAL},
    {"<", RT_TOKEN_OPERATOR, LEVEL_COMPARE, RT_OP_LESS},
    {"<=", RT_TOKEN_OPERATOR, LEVEL_COMPARE, RT_OP_LESS_EQUAL},
    {">", RT_TOKEN_OPERATOR, LEVEL_COMPARE, RT_OP_GREATER},
    {">=", RT_TOKEN_OPERATOR, LEVEL_COMPARE, RT_OP_GREATER_EQUAL},
    {"in", RT_TOKEN_NAME, LEVEL_COMPARE, RT_OP_IN},
    {"not", RT_TOKEN_NAME, LEVEL_COMPARE, RT_OP_NOT_IN},
    {"+", RT_TOKEN_OPERATOR, LEVEL_ADD, RT_OP_ADD},
    {"-", RT_TOKEN_OPERATOR, LEVEL_ADD, RT_OP_SUBTRACT},
    {"~", RT_TOKEN_OPERATOR, LEVEL_JOIN, RT_OP_JOIN},
    {"*", RT_TOKEN_OPERATOR, LEVEL_MULTIPLY, RT_OP_MULTIPLY},
    {"//", RT_TOKEN_OPERATOR, LEVEL_MULTIPLY, RT_OP_FLOOR_DIVIDE},
    {"%", RT_TOKEN_OPERATOR, LEVEL_MULTIPLY, RT_OP_REMAINDER},
};

static const struct binary *sees_binary(const struct rt_parser *parser, int level)
{
    for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++)
        if (binaries[i].level == level && rt_parse_sees(parser, binaries[i].token, binaries[i].text))
            return &binaries[i];
    return NULL;
}

static int parse_level(struct rt_parser *parser, int level, struct rt_node **out);

static int parse_not(struct rt_parser *parser, struct rt_node **out)
{
    while (rt_parse_sees(parser, RT_TOKEN_NAME, "not")) {
        if (rt_parse_node(parser, RT_NODE_NOT, out) || rt_parse_next(parser))
            return -1;
        out = &(*out)->operand;
    }
    return parse_level(parser, LEVEL_COMPARE, out);
}

/* The token is the operator behind `left`. */
static int parse_right(struct rt_parser *parser, const struct binary *binary, struct rt_node *left, struct rt_node **out)
{
    if (rt_parse_node(parser, RT_NODE_BINARY, out) || rt_parse_next(parser))
        return -1;
    (*out)->binary.op = binary->op;
    (*out)->binary.left = left;
    if (binary->op == RT_OP_NOT_IN && rt_parse_expect(parser, RT_TOKEN_NAME, "in"))
        return -1;
    if (parse_level(parser, binary->level + 1, &(*out)->binary.right))
        return -1;
    if (binary->level == LEVEL_COMPARE && sees_binary(parser, LEVEL_COMPARE))
        return not_there(parser, "chained comparison", parser->token.text);
    return 0;
}

static int parse_level(struct rt_parser *parser, int level, struct rt_node **out)
{
    if (level == LEVEL_NOT)
        return parse_not(parser, out);
    if (level == LEVEL_UNARY)
        return parse_unary(parser, out);
    if (parse_level(parser, level + 1, out))
        return -1;
    for (const struct binary *binary; (binary = sees_binary(parser, level));)
        if (parse_right(parser, binary, *out, out))
            return -1;
    return 0;
}

int rt_parse_without_if(struct rt_parser *parser, struct rt_node **out)
{
    return parse_level(parser, LEVEL_OR, out);
}

int rt_parse_expression(struct rt_parser *parser, struct rt_node **out)
{
    if (rt_parse_enter(parser) || rt_parse_without_if(parser, out))
        return -1;
    while (rt_parse_sees(parser, RT_TOKEN_NAME, "if")) {
        struct rt_node *value = *out;
        if (rt_parse_node(parser, RT_NODE_CONDITION, out) || rt_parse_next(parser) || rt_parse_without_if(parser, &(*out)->branch.test))
            return -1;
        (*out)->branch.body = value;
        if (rt_parse_sees(parser, RT_TOKEN_NAME, "else") &&
            (rt_parse_next(parser) || rt_parse_expression(parser, &(*out)->branch.otherwise)))
            return -1;
    }
    parser->depth--;
    return 0;
}
