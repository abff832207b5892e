/* template_parse.c: tokens → statements: text, output, if, for, set; template_block.c has the others. Anything else is refused by name. */
#include "runtime/template_ast.h"

#include <string.h>

/* ---- what all parts of the parser use ---- */

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

int rt_parse_missing(struct rt_parser *parser, const char *what, struct rt_text name)
{
    return rt_template_fail(parser->error, RT_EXIT_UNSUPPORTED, parser->token.line, "the %s \"%.*s\" is not there yet", what,
                            rt_text_shown(name), name.bytes);
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

int rt_parse_close(struct rt_parser *parser)
{
    if (rt_parse_next(parser))
        return -1;
    return rt_parse_expect(parser, RT_TOKEN_BLOCK_END, NULL);
}

/* ---- if ---- */

static int parse_if(struct rt_parser *parser, struct rt_node **out)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL}, *const last[] = {"endif", NULL};
    struct rt_node *node;
    if (rt_parse_node(parser, RT_NODE_IF, out))
        return -1;
    for (node = *out;; node = node->branch.otherwise) {
        if (rt_parse_next(parser) || rt_parse_tuple(parser, 0, &node->branch.test) || rt_parse_expect(parser, RT_TOKEN_BLOCK_END, NULL) ||
            rt_parse_body(parser, ends, &node->branch.body))
            return -1;
        if (rt_parse_sees(parser, RT_TOKEN_NAME, "endif"))
            return rt_parse_close(parser);
        if (rt_parse_node(parser, RT_NODE_IF, &node->branch.otherwise))
            return -1;
        if (rt_parse_sees(parser, RT_TOKEN_NAME, "else"))
            break;
    }
    if (rt_parse_close(parser) || rt_parse_body(parser, last, &node->branch.otherwise->branch.body))
        return -1;
    return rt_parse_close(parser);
}

/* ---- for and set ---- */

static int parse_target_item(struct rt_parser *parser, int with_namespace, struct rt_node **out)
{
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "(")) {
        if (rt_parse_enter(parser) || rt_parse_next(parser) || rt_parse_target(parser, 0, out))
            return -1;
        parser->depth--;
        return rt_parse_expect(parser, RT_TOKEN_OPERATOR, ")");
    }
    if (rt_parse_node(parser, RT_NODE_NAME, out) || rt_parse_name(parser, &(*out)->name))
        return -1;
    if (!with_namespace || !rt_parse_sees(parser, RT_TOKEN_OPERATOR, "."))
        return 0;
    struct rt_node *object = *out;
    struct rt_text name;
    if (rt_parse_node(parser, RT_NODE_INDEX, out) || rt_parse_next(parser) || rt_parse_name(parser, &name))
        return -1;
    (*out)->index.object = object;
    return rt_parse_constant(parser, rt_value_text(name), &(*out)->index.key);
}

int rt_parse_target(struct rt_parser *parser, int with_namespace, struct rt_node **out)
{
    if (parse_target_item(parser, with_namespace, out))
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
        if (parser->token.kind != RT_TOKEN_NAME && !rt_parse_sees(parser, RT_TOKEN_OPERATOR, "("))
            break;
        if (rt_parse_sees(parser, RT_TOKEN_NAME, "in"))
            break;
        if (parse_target_item(parser, with_namespace, next))
            return -1;
    }
    return 0;
}

static int parse_loop_head(struct rt_parser *parser, struct rt_node *node)
{
    if (rt_parse_next(parser) || rt_parse_target(parser, 0, &node->loop.target) || rt_parse_expect(parser, RT_TOKEN_NAME, "in") ||
        rt_parse_tuple(parser, 0, &node->loop.list))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_NAME, "if") && (rt_parse_next(parser) || rt_parse_expression(parser, &node->loop.test)))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_NAME, "recursive"))
        return rt_parse_missing(parser, "statement", parser->token.text);
    return rt_parse_expect(parser, RT_TOKEN_BLOCK_END, NULL);
}

static int parse_for(struct rt_parser *parser, struct rt_node **out)
{
    static const char *const ends[] = {"else", "endfor", NULL}, *const last[] = {"endfor", NULL};
    if (rt_parse_node(parser, RT_NODE_FOR, out) || parse_loop_head(parser, *out))
        return -1;
    parser->loops++;
    if (rt_parse_body(parser, ends, &(*out)->loop.body))
        return -1;
    parser->loops--;
    if (rt_parse_sees(parser, RT_TOKEN_NAME, "else") && (rt_parse_close(parser) || rt_parse_body(parser, last, &(*out)->loop.otherwise)))
        return -1;
    return rt_parse_close(parser);
}

static int parse_set(struct rt_parser *parser, struct rt_node **out)
{
    static const char *const ends[] = {"endset", NULL};
    if (rt_parse_node(parser, RT_NODE_SET, out) || rt_parse_next(parser) || rt_parse_target(parser, 1, &(*out)->set.target))
        return -1;
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "=")) {
        if (rt_parse_next(parser) || rt_parse_tuple(parser, 1, &(*out)->set.value))
            return -1;
        return rt_parse_expect(parser, RT_TOKEN_BLOCK_END, NULL);
    }
    (*out)->kind = RT_NODE_SET_BLOCK;
    if (rt_parse_node(parser, RT_NODE_BODY, &(*out)->set.value) || rt_parse_filters(parser, &(*out)->set.value) ||
        rt_parse_expect(parser, RT_TOKEN_BLOCK_END, NULL) || rt_parse_body(parser, ends, &(*out)->set.body))
        return -1;
    return rt_parse_close(parser);
}

/* ---- statements ---- */

static int parse_jump(struct rt_parser *parser, struct rt_node **out)
{
    const int is_break = rt_parse_sees(parser, RT_TOKEN_NAME, "break");
    if (!parser->loops)
        return rt_parse_unexpected(parser);
    if (rt_parse_node(parser, is_break ? RT_NODE_BREAK : RT_NODE_CONTINUE, out))
        return -1;
    return rt_parse_close(parser);
}

static int parse_output(struct rt_parser *parser, struct rt_node **out)
{
    if (rt_parse_node(parser, RT_NODE_OUTPUT, out) || rt_parse_next(parser) || rt_parse_tuple(parser, 1, &(*out)->operand))
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
    } statements[] = {
        {"if", parse_if},
        {"for", parse_for},
        {"set", parse_set},
        {"break", parse_jump},
        {"continue", parse_jump},
        {"macro", rt_parse_macro},
        {"call", rt_parse_call_block},
        {"filter", rt_parse_filter_block},
        {"with", rt_parse_with},
        {"generation", rt_parse_generation},
    };
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
    return rt_parse_missing(parser, "statement", parser->token.text);
}

static int sees_one_of(const struct rt_parser *parser, const char *const *names)
{
    for (; *names; names++)
        if (rt_parse_sees(parser, RT_TOKEN_NAME, *names))
            return 1;
    return 0;
}

/* Statements up to "{% END", END being one of `ends` and then the token. */
int rt_parse_body(struct rt_parser *parser, const char *const *ends, struct rt_node **first)
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
    return rt_parse_body(parser, none, first);
}
