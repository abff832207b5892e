/* template_expression.c: tokens → expressions, with the precedence of jinja2.parser:
 * a if b else c · or · and · not · comparison, in · + - · ~ · * / // % · ** · - + · .name [index] (call) |filter `is test`. */
#include "runtime/template_ast.h"

#include <string.h>

int rt_parse_constant(struct rt_parser *parser, struct rt_value value, struct rt_node **out)
{
    if (rt_parse_node(parser, RT_NODE_CONSTANT, out))
        return -1;
    (*out)->constant = value;
    return 0;
}

/* ---- primary expressions ---- */

static int parse_named(struct rt_parser *parser, struct rt_node **out)
{
    const struct rt_text name = parser->token.text;
    const int is_true = rt_text_is(name, "true") || rt_text_is(name, "True"),
              is_false = rt_text_is(name, "false") || rt_text_is(name, "False");
    if (rt_parse_next(parser))
        return -1;
    if (is_true || is_false)
        return rt_parse_constant(parser, rt_value_bool(is_true), out);
    if (rt_text_is(name, "none") || rt_text_is(name, "None"))
        return rt_parse_constant(parser, (struct rt_value){.kind = RT_VALUE_NONE}, out);
    parser->uses |= rt_text_is(name, "caller") ? RT_USES_CALLER : 0;
    parser->uses |= rt_text_is(name, "varargs") ? RT_USES_VARARGS : 0;
    parser->uses |= rt_text_is(name, "kwargs") ? RT_USES_KWARGS : 0;
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
    return rt_parse_constant(parser, rt_value_text(text), out);
}

static int parse_number(struct rt_parser *parser, struct rt_node **out)
{
    const struct rt_value value = parser->token.kind == RT_TOKEN_FLOAT
                                      ? (struct rt_value){.kind = RT_VALUE_FLOAT, .number = parser->token.number}
                                      : rt_value_integer(parser->token.integer);
    if (rt_parse_next(parser))
        return -1;
    return rt_parse_constant(parser, value, out);
}

/* (a) is a, (a,) and () are tuples. */
static int parse_bracketed(struct rt_parser *parser, struct rt_node **out)
{
    if (rt_parse_next(parser) || rt_parse_enter(parser))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, ")") ? rt_parse_node(parser, RT_NODE_TUPLE, out) : rt_parse_tuple(parser, 1, out))
        return -1;
    parser->depth--;
    return rt_parse_expect(parser, RT_TOKEN_OPERATOR, ")");
}

/* Items up to the closing bracket; `pairs`: each is key: value. */
static int parse_items(struct rt_parser *parser, enum rt_node_kind kind, const char *end, struct rt_node **out)
{
    if (rt_parse_node(parser, kind, out) || rt_parse_next(parser) || rt_parse_enter(parser))
        return -1;
    for (struct rt_node **next = &(*out)->operand; !rt_parse_sees(parser, RT_TOKEN_OPERATOR, end); next = &(*next)->next) {
        if (next != &(*out)->operand && rt_parse_expect(parser, RT_TOKEN_OPERATOR, ","))
            return -1;
        if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, end))
            break;
        if (rt_parse_expression(parser, next))
            return -1;
        if (kind != RT_NODE_DICT)
            continue;
        next = &(*next)->next;
        if (rt_parse_expect(parser, RT_TOKEN_OPERATOR, ":") || rt_parse_expression(parser, next))
            return -1;
    }
    parser->depth--;
    return rt_parse_next(parser);
}

int rt_parse_primary(struct rt_parser *parser, struct rt_node **out)
{
    switch (parser->token.kind) {
    case RT_TOKEN_NAME: return parse_named(parser, out);
    case RT_TOKEN_STRING: return parse_string(parser, out);
    case RT_TOKEN_INTEGER:
    case RT_TOKEN_FLOAT: return parse_number(parser, out);
    default: break;
    }
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "("))
        return parse_bracketed(parser, out);
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "["))
        return parse_items(parser, RT_NODE_LIST, "]", out);
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "{"))
        return parse_items(parser, RT_NODE_DICT, "}", out);
    return rt_parse_unexpected(parser);
}

/* ---- operators ---- */

enum { LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_ADD, LEVEL_JOIN, LEVEL_MULTIPLY, LEVEL_POWER, LEVEL_UNARY };

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
    {"/", RT_TOKEN_OPERATOR, LEVEL_MULTIPLY, RT_OP_DIVIDE},
    {"//", RT_TOKEN_OPERATOR, LEVEL_MULTIPLY, RT_OP_FLOOR_DIVIDE},
    {"%", RT_TOKEN_OPERATOR, LEVEL_MULTIPLY, RT_OP_REMAINDER},
    {"**", RT_TOKEN_OPERATOR, LEVEL_POWER, RT_OP_POWER},
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
    return parse_level(parser, binary->level + 1, &(*out)->binary.right);
}

/* a < b < c: b is looked at once. The links hang on one another by next. */
static int parse_comparison(struct rt_parser *parser, struct rt_node **out)
{
    struct rt_node *left, *first = NULL, **next = &first;
    if (parse_level(parser, LEVEL_COMPARE + 1, &left))
        return -1;
    for (const struct binary *binary; (binary = sees_binary(parser, LEVEL_COMPARE)); next = &(*next)->next)
        if (parse_right(parser, binary, left, next))
            return -1;
    *out = first ? first : left;
    if (!first || !first->next)
        return 0;
    if (rt_parse_node(parser, RT_NODE_COMPARE, out))
        return -1;
    (*out)->binary.left = left;
    (*out)->binary.right = first;
    return 0;
}

static int parse_level(struct rt_parser *parser, int level, struct rt_node **out)
{
    if (level == LEVEL_NOT)
        return parse_not(parser, out);
    if (level == LEVEL_COMPARE)
        return parse_comparison(parser, out);
    if (level == LEVEL_UNARY)
        return rt_parse_unary(parser, out);
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

/* Where a tuple without parentheses may end. */
static int sees_tuple_end(const struct rt_parser *parser)
{
    return parser->token.kind == RT_TOKEN_OUTPUT_END || parser->token.kind == RT_TOKEN_BLOCK_END ||
           rt_parse_sees(parser, RT_TOKEN_OPERATOR, ")") || rt_parse_sees(parser, RT_TOKEN_NAME, "recursive");
}

int rt_parse_tuple(struct rt_parser *parser, int with_if, struct rt_node **out)
{
    int (*const parse)(struct rt_parser *, struct rt_node **) = with_if ? rt_parse_expression : rt_parse_without_if;
    if (parse(parser, out))
        return -1;
    if (!rt_parse_sees(parser, RT_TOKEN_OPERATOR, ","))
        return 0;
    struct rt_node *first = *out;
    if (rt_parse_node(parser, RT_NODE_TUPLE, out))
        return -1;
    (*out)->operand = first;
    for (struct rt_node **next = &first->next; rt_parse_sees(parser, RT_TOKEN_OPERATOR, ","); next = &(*next)->next) {
        if (rt_parse_next(parser))
            return -1;
        if (sees_tuple_end(parser))
            break;
        if (parse(parser, next))
            return -1;
    }
    return 0;
}
