/* template_ast.h: what the parser and the interpreter of chat templates share, and nobody else sees: tokens and tree.
 *   template_lex.c, template_string.c               text → tokens, with Jinja's rules on white space
 *   template_parse.c, template_block.c              tokens → statements
 *   template_expression.c, template_postfix.c       tokens → expressions
 *   template_run.c, template_loop.c, template_macro.c   statements → output
 *   template_eval.c, template_slice.c               expressions → values
 *   template_input.c, template.c                    JSON → values; opening and rendering
 * The tree lives in the template's arena and is read-only once parsed. */
#ifndef CLOISTER_TEMPLATE_AST_H
#define CLOISTER_TEMPLATE_AST_H

#include "runtime/template.h"
#include "runtime/template_value.h"

/* ---- tokens ---- */

enum rt_token_kind {
    RT_TOKEN_END,
    RT_TOKEN_TEXT,
    RT_TOKEN_OUTPUT_BEGIN,
    RT_TOKEN_OUTPUT_END,
    RT_TOKEN_BLOCK_BEGIN,
    RT_TOKEN_BLOCK_END,
    RT_TOKEN_NAME,
    RT_TOKEN_STRING, /* text: without quotes, escapes resolved */
    RT_TOKEN_INTEGER,
    RT_TOKEN_FLOAT,
    RT_TOKEN_OPERATOR,
};

struct rt_token {
    enum rt_token_kind kind;
    unsigned line;
    struct rt_text text;
    int64_t integer;
    double number;
};

struct rt_lexer {
    const char *source; /* newlines normalised */
    size_t bytes, at;
    unsigned line;
    enum rt_token_kind inside; /* RT_TOKEN_TEXT, RT_TOKEN_OUTPUT_BEGIN or RT_TOKEN_BLOCK_BEGIN: what `at` is in */
    unsigned brackets;         /* open ( [ { in the tag */
    int line_starts;           /* the last tag took the newline behind it along */
    struct rt_arena *arena;
    struct rt_error *error;
};

RT_MUST_CHECK int rt_lexer_next(struct rt_lexer *lexer, struct rt_token *token);
/* For template_string.c, which reads literals: the token of so many bytes at `at`, which are behind the lexer then. */
void rt_lexer_take(struct rt_lexer *lexer, struct rt_token *token, enum rt_token_kind kind, size_t count);
RT_MUST_CHECK int rt_lexer_string(struct rt_lexer *lexer, struct rt_token *token);
RT_MUST_CHECK int rt_lexer_number(struct rt_lexer *lexer, struct rt_token *token);

/* ---- the tree ---- */

enum rt_node_kind {
    RT_NODE_TEXT,
    RT_NODE_OUTPUT,
    RT_NODE_IF,
    RT_NODE_FOR,
    RT_NODE_SET,
    RT_NODE_SET_BLOCK,
    RT_NODE_MACRO,
    RT_NODE_CALL_BLOCK,
    RT_NODE_FILTER_BLOCK,
    RT_NODE_WITH,
    RT_NODE_SCOPE, /* a generation block */
    RT_NODE_BREAK,
    RT_NODE_CONTINUE,
    RT_NODE_CONSTANT,
    RT_NODE_NAME,
    RT_NODE_LIST,
    RT_NODE_TUPLE,
    RT_NODE_DICT,
    RT_NODE_INDEX,
    RT_NODE_SLICE,
    RT_NODE_NOT,
    RT_NODE_NEGATE,
    RT_NODE_POSITIVE,
    RT_NODE_BINARY,
    RT_NODE_COMPARE, /* a chain: a < b < c */
    RT_NODE_CONDITION,
    RT_NODE_FILTER,
    RT_NODE_TEST,
    RT_NODE_METHOD,
    RT_NODE_CALL,
    RT_NODE_BODY, /* what a filter block filters */
};

enum { RT_USES_CALLER = 1, RT_USES_VARARGS = 2, RT_USES_KWARGS = 4 }; /* names that make a macro take more */

struct rt_node {
    enum rt_node_kind kind;
    unsigned line;
    struct rt_node *next;   /* of statements, of a list's items, of a call's arguments, of parameters */
    struct rt_text keyword; /* of an argument: its name in `name=value`; of a parameter: its name */
    union {
        struct rt_value constant; /* TEXT too */
        struct rt_text name;
        struct rt_node *operand; /* OUTPUT, NOT, NEGATE, POSITIVE, SCOPE; LIST, TUPLE: the first item; DICT: key, value, key, value … */
        struct {                 /* IF: `otherwise` is the next branch, `test` may be NULL in the last; CONDITION: three expressions */
            struct rt_node *test, *body, *otherwise;
        } branch;
        struct {
            struct rt_node *target; /* NAME, TUPLE of targets, or INDEX: a namespace's attribute */
            struct rt_node *list, *test, *body, *otherwise;
        } loop;
        struct { /* SET: `target` = `value`; SET_BLOCK: `value` filters the body; WITH: targets and values, linked by next */
            struct rt_node *target, *value, *body;
        } set;
        struct { /* MACRO, and the caller of CALL_BLOCK: a parameter is its default, or a CONSTANT that is undefined */
            struct rt_text name;
            struct rt_node *parameters, *body;
            struct rt_node *call; /* of CALL_BLOCK */
            unsigned uses;
        } macro;
        struct { /* COMPARE: left, then those linked from right by next */
            enum rt_operator op;
            struct rt_node *left, *right;
        } binary;
        struct {
            struct rt_node *object, *key;
            int dotted;
        } index;
        struct {
            struct rt_node *object, *from, *to, *step; /* NULL where not written */
        } slice;
        struct {
            const struct rt_builtin *builtin; /* FILTER, TEST */
            struct rt_text name;              /* METHOD */
            struct rt_node *self, *arguments; /* CALL: self is what is called */
        } call;
    };
};

struct rt_parser {
    struct rt_lexer lexer;
    struct rt_token token; /* the one to look at */
    struct rt_arena *arena;
    struct rt_error *error;
    unsigned depth, loops;
    unsigned uses; /* RT_USES_… seen so far in this macro */
};

/* "chat template, line N: TEXT"; returns -1. */
int rt_template_fail(struct rt_error *error, enum rt_exit code, unsigned line, const char *format, ...) RT_PRINTF(4, 5);

RT_MUST_CHECK int rt_parse_template(struct rt_parser *parser, struct rt_node **first);
RT_MUST_CHECK int rt_parse_expression(struct rt_parser *parser, struct rt_node **out);
RT_MUST_CHECK int rt_parse_without_if(struct rt_parser *parser, struct rt_node **out);         /* `a if b else c` only in parentheses */
RT_MUST_CHECK int rt_parse_tuple(struct rt_parser *parser, int with_if, struct rt_node **out); /* a, b: a tuple without parentheses */
RT_MUST_CHECK int rt_parse_target(struct rt_parser *parser, int with_namespace, struct rt_node **out);
/* template_postfix.c, and what template_expression.c gives it. */
RT_MUST_CHECK int rt_parse_unary(struct rt_parser *parser, struct rt_node **out);
RT_MUST_CHECK int rt_parse_primary(struct rt_parser *parser, struct rt_node **out);
RT_MUST_CHECK int rt_parse_constant(struct rt_parser *parser, struct rt_value value, struct rt_node **out);
RT_MUST_CHECK int rt_parse_filters(struct rt_parser *parser, struct rt_node **out); /* |a|b behind *out, which it replaces */
RT_MUST_CHECK int rt_parse_filter(struct rt_parser *parser, struct rt_node *self, struct rt_node **out); /* the token is its name */
/* template_block.c: the statements that are not if, for and set; the token is their name. */
RT_MUST_CHECK int rt_parse_macro(struct rt_parser *parser, struct rt_node **out);
RT_MUST_CHECK int rt_parse_call_block(struct rt_parser *parser, struct rt_node **out);
RT_MUST_CHECK int rt_parse_filter_block(struct rt_parser *parser, struct rt_node **out);
RT_MUST_CHECK int rt_parse_with(struct rt_parser *parser, struct rt_node **out);
RT_MUST_CHECK int rt_parse_generation(struct rt_parser *parser, struct rt_node **out);
/* Shared by all of them. */
RT_MUST_CHECK int rt_parse_body(struct rt_parser *parser, const char *const *ends, struct rt_node **first);
RT_MUST_CHECK int rt_parse_close(struct rt_parser *parser); /* the token is the name of an end, after which the tag must close */
RT_MUST_CHECK int rt_parse_next(struct rt_parser *parser);
RT_MUST_CHECK int rt_parse_node(struct rt_parser *parser, enum rt_node_kind kind, struct rt_node **out);
RT_MUST_CHECK int rt_parse_name(struct rt_parser *parser, struct rt_text *out);
RT_MUST_CHECK int rt_parse_expect(struct rt_parser *parser, enum rt_token_kind kind, const char *text);
RT_MUST_CHECK int rt_parse_enter(struct rt_parser *parser); /* one level deeper; the caller takes it off parser->depth */
RT_MUST_CHECK int rt_parse_unexpected(struct rt_parser *parser);
RT_MUST_CHECK int rt_parse_missing(struct rt_parser *parser, const char *what, struct rt_text name); /* "… is not there yet" */
int rt_parse_sees(const struct rt_parser *parser, enum rt_token_kind kind, const char *text);

/* ---- rendering ---- */

RT_MUST_CHECK int rt_evaluate(struct rt_render *render, const struct rt_node *node, struct rt_value *out);
RT_MUST_CHECK int rt_evaluate_slice(struct rt_render *render, const struct rt_node *node, struct rt_value *out);
RT_MUST_CHECK int rt_evaluate_arguments(struct rt_render *render, const struct rt_node *first, size_t spare, struct rt_argument **out,
                                        size_t *count);                                 /* with room for `spare` more behind them */
const struct rt_value *rt_find_variable(struct rt_render *render, struct rt_text name); /* NULL if it is not set */
/* One node: counts a step, and a level, which the caller takes off render->depth. */
RT_MUST_CHECK int rt_render_enter(struct rt_render *render, const struct rt_node *node);
RT_MUST_CHECK int rt_render_statements(struct rt_render *render, const struct rt_node *first);
RT_MUST_CHECK int rt_scope_open(struct rt_render *render, struct rt_scope *outer, struct rt_scope **out);
/* The same in a scope of their own. */
RT_MUST_CHECK int rt_render_scoped(struct rt_render *render, const struct rt_node *first, struct rt_scope *scope);
/* The same, and what they write goes to *out. */
RT_MUST_CHECK int rt_render_captured(struct rt_render *render, const struct rt_node *first, struct rt_scope *scope, struct rt_text *out);
RT_MUST_CHECK int rt_render_assign(struct rt_render *render, const struct rt_node *target, const struct rt_value *value);
RT_MUST_CHECK int rt_render_for(struct rt_render *render, const struct rt_node *node);
RT_MUST_CHECK int rt_render_macro(struct rt_render *render, const struct rt_node *node);
RT_MUST_CHECK int rt_render_call_block(struct rt_render *render, const struct rt_node *node);
/* All that a conversation brings along, as foreign values. */
RT_MUST_CHECK int rt_input_variables(struct rt_render *render, struct rt_map *variables, const struct rt_template_input *input);

#endif
