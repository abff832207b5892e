/* template_ast.h: what the parts of the chat-template engine share, and nobody else sees: tokens, tree, values, built-in names.
 *   template_lex.c      text → tokens, with Jinja's rules on white space
 *   template_parse.c    tokens → statements        template_expression.c   tokens → expressions
 *   template_run.c      statements → output        template_eval.c         expressions → values
 *   template_value.c    what values are            template_operator.c     what operators do to them
 *   template_builtin.c  filters, tests, methods, functions by name
 *   template_text.c     those on text              template_list.c         those on lists and mappings
 *   template.c          opening and rendering
 * The tree lives in the template's arena and is read-only once parsed; values live in the arena of one rendering. */
#ifndef CLOISTER_TEMPLATE_AST_H
#define CLOISTER_TEMPLATE_AST_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/arena.h"
#include "runtime/error.h"

/* Limits: template and messages are hostile. */
enum {
    RT_TEMPLATE_BYTES_MAX = 1 << 20,
    RT_TEMPLATE_DEPTH_MAX = 64, /* statements and expressions inside one another */
    RT_TEMPLATE_EVAL_MAX = 256, /* the same, with chains of operators counted */
    RT_TEMPLATE_ARGUMENTS_MAX = 8,
    RT_TEMPLATE_NAMES_MAX = 64, /* in one map: they are searched one by one */
    RT_TEMPLATE_STEPS_MAX = 1000000,
    RT_TEMPLATE_STEP_BYTES = 1024, /* work on text costs one step for so many bytes */
    RT_TEMPLATE_OUTPUT_MAX = 16 << 20,
    RT_TEMPLATE_ARENA_MAX = 128 << 20,
};

/* ---- values ---- */

struct rt_text { /* UTF-8, not 0-terminated */
    const char *bytes;
    const uint8_t *foreign; /* one mark per byte: 1 where it came from a message; NULL: none did */
    size_t count;
};

enum rt_value_kind {
    RT_VALUE_UNDEFINED, /* text: the name that is not defined */
    RT_VALUE_NONE,
    RT_VALUE_BOOL,
    RT_VALUE_INTEGER,
    RT_VALUE_TEXT,
    RT_VALUE_LIST,
    RT_VALUE_MAP,
};

struct rt_value;
struct rt_map;
struct rt_list {
    const struct rt_value *items;
    size_t count;
};

struct rt_value {
    enum rt_value_kind kind;
    union {
        int64_t integer; /* 0 or 1 for RT_VALUE_BOOL */
        struct rt_text text;
        struct rt_list list;
        struct rt_map *map;
    };
};

struct rt_entry {
    struct rt_text key;
    struct rt_value value;
    struct rt_entry *next;
};

struct rt_map { /* a message, a namespace, a loop's state, the variables of a scope */
    struct rt_entry *first;
    int is_namespace; /* {% set name.attribute = … %} may write it */
};

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
    RT_TOKEN_OPERATOR,
};

struct rt_token {
    enum rt_token_kind kind;
    unsigned line;
    struct rt_text text;
    int64_t integer;
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

/* ---- the tree ---- */

enum rt_node_kind {
    RT_NODE_TEXT,
    RT_NODE_OUTPUT,
    RT_NODE_IF,
    RT_NODE_FOR,
    RT_NODE_SET,
    RT_NODE_CONSTANT,
    RT_NODE_NAME,
    RT_NODE_LIST,
    RT_NODE_INDEX, /* a.b and a['b'] alike */
    RT_NODE_SLICE,
    RT_NODE_NOT,
    RT_NODE_NEGATE,
    RT_NODE_BINARY,
    RT_NODE_CONDITION,
    RT_NODE_CALL, /* filter, test, method, function */
};

enum rt_operator {
    RT_OP_OR,
    RT_OP_AND,
    RT_OP_EQUAL,
    RT_OP_UNEQUAL,
    RT_OP_LESS,
    RT_OP_LESS_EQUAL,
    RT_OP_GREATER,
    RT_OP_GREATER_EQUAL,
    RT_OP_IN,
    RT_OP_NOT_IN,
    RT_OP_ADD,
    RT_OP_SUBTRACT,
    RT_OP_JOIN,
    RT_OP_MULTIPLY,
    RT_OP_FLOOR_DIVIDE,
    RT_OP_REMAINDER,
};

struct rt_node {
    enum rt_node_kind kind;
    unsigned line;
    struct rt_node *next;   /* of statements, of a list's items, of a call's arguments */
    struct rt_text keyword; /* of an argument: its name in `name=value`, else empty */
    union {
        struct rt_value constant; /* TEXT too */
        struct rt_text name;
        struct rt_node *operand; /* OUTPUT, NOT, NEGATE; LIST: its first item */
        struct {                 /* IF: `otherwise` is the next branch, `test` may be NULL in the last; CONDITION: three expressions */
            struct rt_node *test, *body, *otherwise;
        } branch;
        struct {
            struct rt_text name, second; /* second: empty, or of `for name, second in …` */
            struct rt_node *list, *test, *body, *otherwise;
        } loop;
        struct {
            struct rt_text name, attribute; /* attribute: empty, or of a namespace */
            struct rt_node *value;
        } set;
        struct {
            enum rt_operator op;
            struct rt_node *left, *right;
        } binary;
        struct {
            struct rt_node *object, *key;
        } index;
        struct {
            struct rt_node *object, *from, *to, *step; /* NULL where not written */
        } slice;
        struct {
            const struct rt_builtin *builtin;
            struct rt_node *self, *arguments; /* self: NULL for a function */
        } call;
    };
};

struct rt_parser {
    struct rt_lexer lexer;
    struct rt_token token; /* the one to look at */
    struct rt_arena *arena;
    struct rt_error *error;
    unsigned depth;
};

/* "chat template, line N: TEXT"; returns -1. */
int rt_template_fail(struct rt_error *error, enum rt_exit code, unsigned line, const char *format, ...) RT_PRINTF(4, 5);

RT_MUST_CHECK int rt_parse_template(struct rt_parser *parser, struct rt_node **first);
RT_MUST_CHECK int rt_parse_expression(struct rt_parser *parser, struct rt_node **out);
RT_MUST_CHECK int rt_parse_without_if(struct rt_parser *parser, struct rt_node **out); /* `a if b else c` only in parentheses */
/* The next ones are shared by the two halves of the parser. */
RT_MUST_CHECK int rt_parse_next(struct rt_parser *parser);
RT_MUST_CHECK int rt_parse_node(struct rt_parser *parser, enum rt_node_kind kind, struct rt_node **out);
RT_MUST_CHECK int rt_parse_name(struct rt_parser *parser, struct rt_text *out);
RT_MUST_CHECK int rt_parse_expect(struct rt_parser *parser, enum rt_token_kind kind, const char *text);
RT_MUST_CHECK int rt_parse_enter(struct rt_parser *parser); /* one level deeper; the caller takes it off parser->depth */
RT_MUST_CHECK int rt_parse_unexpected(struct rt_parser *parser);
int rt_parse_sees(const struct rt_parser *parser, enum rt_token_kind kind, const char *text);

/* ---- rendering ---- */

struct rt_scope {
    struct rt_map variables;
    struct rt_scope *outer;
};

struct rt_render {
    struct rt_arena arena;
    struct rt_scope *scope;
    struct rt_error *error;
    unsigned line, depth;
    size_t steps;
    char *text; /* the output and its marks, from malloc */
    uint8_t *foreign;
    size_t bytes, room;
};

RT_MUST_CHECK int rt_evaluate(struct rt_render *render, const struct rt_node *node, struct rt_value *out);
const struct rt_value *rt_find_variable(struct rt_render *render, struct rt_text name); /* NULL if it is not set */
/* One node: counts a step, and a level, which the caller takes off render->depth. */
RT_MUST_CHECK int rt_render_enter(struct rt_render *render, const struct rt_node *node);
RT_MUST_CHECK int rt_render_statements(struct rt_render *render, const struct rt_node *first);
/* Counts a step, and those that work on so many bytes costs. The next expression fails when they are spent. */
void rt_render_count(struct rt_render *render, size_t bytes);
RT_MUST_CHECK int rt_render_take(struct rt_render *render, size_t bytes, void *pointer_address);
int rt_render_fail(struct rt_render *render, const char *format, ...) RT_PRINTF(2, 3);

/* ---- values (template_value.c) ---- */

struct rt_text rt_text_of(const char *text);
struct rt_text rt_text_part(struct rt_text text, size_t from, size_t to);
int rt_text_is(struct rt_text text, const char *other);
int rt_text_equal(struct rt_text a, struct rt_text b);
int rt_text_find(struct rt_text text, struct rt_text part, size_t *at); /* 1 if found */
size_t rt_text_step(struct rt_text text, size_t at);                    /* bytes of the character at `at`; never 0 before the end */
size_t rt_text_length(struct rt_text text);                             /* in characters */
size_t rt_text_offset(struct rt_text text, size_t characters);
/* Bytes of the white space character (Python's str.isspace) at `at`, or of the one that ends there; 0 if it is none. */
size_t rt_text_space(struct rt_text text, size_t at);
size_t rt_text_space_before(struct rt_text text, size_t at);

struct rt_value rt_value_text(struct rt_text text);
struct rt_value rt_value_bool(int truth);
const char *rt_value_type(const struct rt_value *value); /* for messages */
int rt_value_true(const struct rt_value *value);
int rt_value_equal(struct rt_render *render, const struct rt_value *a, const struct rt_value *b);
int rt_value_is_number(const struct rt_value *value);
const struct rt_value *rt_map_find(const struct rt_map *map, struct rt_text key);
RT_MUST_CHECK int rt_map_set(struct rt_render *render, struct rt_map *map, struct rt_text key, const struct rt_value *value);
RT_MUST_CHECK int rt_value_contains(struct rt_render *render, const struct rt_value *container, const struct rt_value *value, int *out);
RT_MUST_CHECK int rt_value_apply(struct rt_render *render, enum rt_operator op, const struct rt_value *a, const struct rt_value *b,
                                 struct rt_value *out); /* template_operator.c */
RT_MUST_CHECK int rt_value_print(struct rt_render *render, const struct rt_value *value, struct rt_text *out);
RT_MUST_CHECK int rt_value_index(struct rt_render *render, const struct rt_value *object, const struct rt_value *key, struct rt_value *out);
RT_MUST_CHECK int rt_text_join(struct rt_render *render, const struct rt_text *parts, size_t count, struct rt_value *out);

/* ---- built-in names (template_builtin.c) ---- */

enum rt_builtin_kind { RT_BUILTIN_FILTER, RT_BUILTIN_TEST, RT_BUILTIN_METHOD, RT_BUILTIN_FUNCTION };

struct rt_argument {
    struct rt_text keyword;
    struct rt_value value;
};

struct rt_call {
    const struct rt_value *self; /* what stands before the '|', the '.' or the "is" */
    const struct rt_argument *arguments;
    size_t count;
};

typedef int rt_builtin_function(struct rt_render *render, const struct rt_call *call, struct rt_value *out);

struct rt_builtin {
    const char *name;
    rt_builtin_function *run;
    unsigned kinds;            /* of a test without `run`: which kinds of value pass, a bit each */
    unsigned char least, most; /* arguments */
    unsigned char keywords;    /* they may be named */
    unsigned char undefined;   /* self may be undefined */
};

/* On text (template_text.c) and on lists (template_list.c). */
rt_builtin_function rt_call_trim, rt_call_strip, rt_call_lstrip, rt_call_rstrip, rt_call_upper, rt_call_lower, rt_call_startswith,
    rt_call_endswith, rt_call_split, rt_call_replace, rt_call_tojson;
rt_builtin_function rt_call_length, rt_call_first, rt_call_last, rt_call_list, rt_call_items, rt_call_get, rt_call_selectattr,
    rt_call_rejectattr;

const struct rt_builtin *rt_builtin_find(enum rt_builtin_kind kind, struct rt_text name);

#endif
