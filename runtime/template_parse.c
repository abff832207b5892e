/* template_parse.c: tokens → statements: text, output, if, for, set. Anything else is refused by name. */
#include "runtime/template_ast.h"

#include <string.h>

/* ---- what both halves of the parser use ---- */

int rt_parse_next(struct rt_parser *parser)
{
    return rt_lexer_next(&parser->lexer, &parser->token);
}

int rt_parse_sees(const struct rt_parser *parser, enum rt_token_kind kind, const char *text)
{
    return parser->token.kind == kind && (!text || rt_text_is(parser->token.text, text));
}

int rt_parse_unexpected(struct rt_parser *parser)
{
    const struct rt_text text = parser->token.text;
    if (parser->token.kind == RT_TOKEN_END)
        return rt_template_fail(parser->error, RT_EXIT_UNSUPPORTED, parser->token.line, "the template ends too early");
    return rt_template_fail(parser->error, RT_EXIT_UNSUPPORTED, parser->token.line, "\"%.*s\" is not expected here",
                            (int)(text.count > 40 ? 40 : text.count), text.bytes);
}

int rt_parse_expect(struct rt_parser *parser, enum rt_token_kind kind, const char *text)
{
    if (!rt_parse_sees(parser, kind, text))
        return rt_parse_unexpected(parser);
    return rt_parse_next(parser);
}

int rt_parse_name(struct rt_parser *parser, struct rt_text *out)
{
    *out = parser->token.text;
    return rt_parse_expect(parser, RT_TOKEN_NAME, NULL);
}

int rt_parse_enter(struct rt_parser *parser)
{
    if (parser->depth == RT_TEMPLATE_DEPTH_MAX)
        return rt_template_fail(parser->error, RT_EXIT_UNSUPPORTED, parser->token.line, "nested more than %d deep", RT_TEMPLATE_DEPTH_MAX);
    parser->depth++;
    return 0;
}

int rt_parse_node(struct rt_parser *parser, enum rt_node_kind kind, struct rt_node **out)
{
    *out = rt_arena_take(parser->arena, sizeof **out);
    if (!*out)
        return rt_template_fail(parser->error, RT_EXIT_RESOURCES, parser->token.line, "no memory");
    (*out)->kind = kind;
    (*out)->line = parser->token.line;
    return 0;
}

/* ---- statements ---- */

static int parse_body(struct rt_parser *parser, const char *const *ends, struct rt_node **first);

/* The token is the name of one of `ends`, after which the tag must close. */
static int close_statement(struct rt_parser *parser)
{
    if (rt_parse_next(parser))
        return -1;
    return rt_parse_expect(parser, RT_TOKEN_BLOCK_END, NULL);
}

static int parse_if(struct rt_parser *parser, struct rt_node **out)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL}, *const last[] = {"endif", NULL};
    struct rt_node *node;
    if (rt_parse_node(parser, RT_NODE_IF, out))
        return -1;
    for (node = *out;; node = node->branch.otherwise) {
        if (rt_parse_next(parser) || rt_parse_expression(parser, &node->branch.test) || rt_parse_expect(parser, RT_TOKEN_BLOCK_END, NULL) ||
            parse_body(parser, ends, &node->branch.body))
            return -1;
        if (rt_parse_sees(parser, RT_TOKEN_NAME, "endif"))
            return close_statement(parser);
        if (rt_parse_node(parser, RT_NODE_IF, &node->branch.otherwise))
            return -1;
        if (rt_parse_sees(parser, RT_TOKEN_NAME, "else"))
            break;
    }
    if (close_statement(parser) || parse_body(parser, last, &node->branch.otherwise->branch.body))
        return -1;
    return close_statement(parser);
}

static int parse_loop_head(struct rt_parser *parser, struct rt_node *node)
{
    if (rt_parse_next(parser) || rt_parse_name(parser, &node->loop.name))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, ",") && (rt_parse_next(parser) || rt_parse_name(parser, &node->loop.second)))
        return -1;
    if (rt_parse_expect(parser, RT_TOKEN_NAME, "in") || rt_parse_without_if(parser, &node->loop.list))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_NAME, "if") && (rt_parse_next(parser) || rt_parse_expression(parser, &node->loop.test)))
        return -1;
    return rt_parse_expect(parser, RT_TOKEN_BLOCK_END, NULL);
}

static int parse_for(struct rt_parser *parser, struct rt_node **out)
{
    static const char *const ends[] = {"else", "endfor", NULL}, *const last[] = {"endfor", NULL};
    if (rt_parse_node(parser, RT_NODE_FOR, out) || parse_loop_head(parser, *out) || parse_body(parser, ends, &(*out)->loop.body))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_NAME, "else") && (close_statement(parser) || parse_body(parser, last, &(*out)->loop.otherwise)))
        return -1;
    return close_statement(parser);
}

static int parse_set(struct rt_parser *parser, struct rt_node **out)
{
    if (rt_parse_node(parser, RT_NODE_SET, out) || rt_parse_next(parser) || rt_parse_name(parser, &(*out)->set.name))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, ".") && (rt_parse_next(parser) || rt_parse_name(parser, &(*out)->set.attribute)))
        return -1;
    if (!rt_parse_sees(parser, RT_TOKEN_OPERATOR, "="))
        return rt_template_fail(parser->error, RT_EXIT_UNSUPPORTED, parser->token.line, "only {%% set NAME = VALUE %%} is there yet");
    if (rt_parse_next(parser) || rt_parse_expression(parser, &(*out)->set.value))
        return -1;
    return rt_parse_expect(parser, RT_TOKEN_BLOCK_END, NULL);
}

static int parse_output(struct rt_parser *parser, struct rt_node **out)
{
    if (rt_parse_node(parser, RT_NODE_OUTPUT, out) || rt_parse_next(parser) || rt_parse_expression(parser, &(*out)->operand))
        return -1;
    return rt_parse_expect(parser, RT_TOKEN_OUTPUT_END, NULL);
}

static int parse_text(struct rt_parser *parser, struct rt_node **out)
{
    if (rt_parse_node(parser, RT_NODE_TEXT, out))
        return -1;
    (*out)->constant = rt_value_text(parser->token.text);
    return rt_parse_next(parser);
}

/* The token is the name that follows "{%". */
static int parse_block(struct rt_parser *parser, struct rt_node **out)
{
    static const struct {
        const char *name;
        int (*parse)(struct rt_parser *, struct rt_node **);
    } statements[] = {{"if", parse_if}, {"for", parse_for}, {"set", parse_set}};
    if (parser->token.kind != RT_TOKEN_NAME)
        return rt_parse_unexpected(parser);
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        if (!rt_text_is(parser->token.text, statements[i].name))
            continue;
        if (rt_parse_enter(parser) || statements[i].parse(parser, out))
            return -1;
        parser->depth--;
        return 0;
    }
    return rt_template_fail(parser->error, RT_EXIT_UNSUPPORTED, parser->token.line, "the statement \"%.*s\" is not there yet",
                            (int)parser->token.text.count, parser->token.text.bytes);
}

static int sees_one_of(const struct rt_parser *parser, const char *const *names)
{
    for (; *names; names++)
        if (rt_parse_sees(parser, RT_TOKEN_NAME, *names))
            return 1;
    return 0;
}

/* Statements up to "{% END", END being one of `ends` and then the token. */
static int parse_body(struct rt_parser *parser, const char *const *ends, struct rt_node **first)
{
    for (struct rt_node **next = first;; next = &(*next)->next) {
        if (rt_parse_sees(parser, RT_TOKEN_TEXT, NULL)) {
            if (parse_text(parser, next))
                return -1;
        } else if (rt_parse_sees(parser, RT_TOKEN_OUTPUT_BEGIN, NULL)) {
            if (parse_output(parser, next))
                return -1;
        } else {
            if (!*ends && parser->token.kind == RT_TOKEN_END)
                return 0;
            if (rt_parse_expect(parser, RT_TOKEN_BLOCK_BEGIN, NULL))
                return -1;
            if (sees_one_of(parser, ends))
                return 0;
            if (parse_block(parser, next))
                return -1;
        }
    }
}

int rt_parse_template(struct rt_parser *parser, struct rt_node **first)
{
    static const char *const none[] = {NULL};
    if (rt_parse_next(parser))
        return -1;
    return parse_body(parser, none, first);
}
