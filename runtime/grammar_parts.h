/* grammar_parts.h: what the files of grammars and schemas share; private to them. A notation (grammar_gbnf.c, schema_*.c, grammar_regex.c) is
 * read into rules of expressions, the rules are measured and judged (grammar_check.c), and lowered to a graph over bytes (grammar_lower.c) that
 * a constraint walks (constraint_*.c). A build is one thread's; whatever goes wrong in one is kept in it, so that its makers need no checks. */
#ifndef CLOISTER_GRAMMAR_PARTS_H
#define CLOISTER_GRAMMAR_PARTS_H

#include <stdatomic.h>
#include "runtime/grammar.h"

enum {
    RT_EXPRS_MAX = 1 << 18,
    RT_RULES_MAX = 1 << 14,
    RT_NODES_MAX = 1 << 18,
    RT_CHARS_MAX = 256,         /* ranges in a character class */
    RT_NEST_MAX = 512,          /* expressions in expressions, and in the rules that they begin with */
    RT_ALTERNATIVES_MAX = 1000, /* a set of configurations (constraint_parts.h) must hold them */
    RT_CHAIN_MAX = 1024,        /* rules that call rules before the first byte */
    RT_FRAMES_DEEP = 512,       /* calls and counted repetitions that an answer may be inside of */
    RT_EMPTY_TIMES = 8,         /* a repetition with a limit, of what may be empty */
    RT_SHORTEST_MAX = 1 << 20,  /* bytes: a grammar whose shortest text is longer is refused */
    RT_TIMES_MAX = 1 << 20,     /* of a repetition that is written out as a number */
    RT_GRAMMAR_BYTES = 1 << 20, /* of GBNF */
};
#define RT_NO_LIMIT UINT32_MAX /* of a repetition; also the length of what no text can match */

/* --- expressions and rules (grammar_build.c) --- */

enum rt_expr_kind { RT_EXPR_BYTES, RT_EXPR_CHARS, RT_EXPR_SEQ, RT_EXPR_ALT, RT_EXPR_REPEAT, RT_EXPR_RULE };

struct rt_expr { /* of which each is used in one place */
    enum rt_expr_kind kind;
    uint32_t first;        /* BYTES, CHARS: where in bytes, ranges; SEQ, ALT: first child; REPEAT: its body; RULE: which */
    uint32_t last;         /* BYTES, CHARS: how many; SEQ, ALT: last child */
    uint32_t before, next; /* siblings; 0: none */
    uint32_t min, max;     /* REPEAT */
};

struct rt_char_range {
    uint32_t low, high;
};

struct rt_chars {
    uint32_t count;
    struct rt_char_range at[RT_CHARS_MAX];
};

struct rt_rule {
    uint32_t name;     /* in bytes, 0-terminated */
    uint32_t expr;     /* 0: not defined */
    uint32_t line;     /* of its first mention; 0: none */
    uint32_t shortest; /* bytes; RT_NO_LIMIT: no text ends */
};

struct rt_build {
    struct rt_expr *exprs; /* [0] stands for what could not be made */
    struct rt_rule *rules;
    struct rt_char_range *ranges;
    char *bytes;
    size_t expr_count, expr_room, rule_count, rule_room, range_count, range_room, byte_count, byte_room;
    char place[256]; /* where the maker is, "" where that is nowhere; errors begin with it */
    struct rt_error *error;
    int failed; /* *error says why; from here on nothing is made */
};

void rt_build_free(struct rt_build *build);
/* Both keep the first error only. */
void rt_build_fail(struct rt_build *build, const char *format, ...) RT_PRINTF(2, 3);
void rt_build_no_memory(struct rt_build *build, const char *what);

uint32_t rt_expr_bytes(struct rt_build *build, const char *bytes, size_t count);
uint32_t rt_expr_text(struct rt_build *build, const char *text);
/* One character of the class; puts the ranges in order. An empty class matches nothing. */
uint32_t rt_expr_chars(struct rt_build *build, struct rt_chars *chars);
/* SEQ: without children the empty text. ALT: without children what never matches. */
uint32_t rt_expr_list(struct rt_build *build, enum rt_expr_kind kind);
void rt_expr_add(struct rt_build *build, uint32_t list, uint32_t child);
uint32_t rt_expr_of(struct rt_build *build, enum rt_expr_kind kind, const uint32_t *children, size_t count);
#define RT_EXPR_OF(build, kind, ...) \
    rt_expr_of((build), (kind), (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
uint32_t rt_expr_repeat(struct rt_build *build, uint32_t body, uint32_t min, uint32_t max);
uint32_t rt_expr_optional(struct rt_build *build, uint32_t body);
uint32_t rt_expr_rule(struct rt_build *build, uint32_t rule);
uint32_t rt_rule_new(struct rt_build *build, const char *name, size_t bytes, uint32_t line);
const char *rt_rule_name(const struct rt_build *build, uint32_t rule);

void rt_chars_add(struct rt_build *build, struct rt_chars *chars, uint32_t low, uint32_t high);
void rt_chars_sort(struct rt_chars *chars);
void rt_chars_negate(struct rt_build *build, struct rt_chars *chars);
int rt_chars_has(const struct rt_chars *chars, uint32_t character); /* sorted */

/* --- reading (grammar_read.c) --- */

struct rt_reader {
    struct rt_build *build;
    const char *begin, *at, *end;
    uint32_t line;     /* of `at` */
    const char *where; /* how messages name a place: "line" or "pattern, byte" */
};

void rt_reader_fail(struct rt_reader *reader, const char *what);
int rt_reader_sees(const struct rt_reader *reader, const char *text);
int rt_reader_takes(struct rt_reader *reader, const char *text);
int rt_reader_sees_one(const struct rt_reader *reader, const char *characters);
uint32_t rt_reader_hex(struct rt_reader *reader, int digits);
uint32_t rt_reader_character(struct rt_reader *reader); /* of UTF-8 */
/* Decimal, up to RT_TIMES_MAX; returns whether there was one. */
int rt_reader_number(struct rt_reader *reader, uint32_t *value);
void rt_reader_check_character(struct rt_reader *reader, uint32_t character); /* no surrogate, and no more than U+10FFFF */

/* --- judging (grammar_check.c) --- */

/* Fills in the rules' shortest lengths. Refuses what calls itself before its first byte, or has no text from `root` on; strict: or any rule
 * without one. */
RT_MUST_CHECK int rt_build_check(struct rt_build *build, uint32_t root, int strict);
uint32_t rt_expr_shortest(const struct rt_build *build, uint32_t expr);

/* --- what a constraint walks (grammar_lower.c) --- */

enum rt_node_kind {
    RT_NODE_SET,    /* a byte of set a, then b */
    RT_NODE_ALT,    /* edges[a … a + b) */
    RT_NODE_CALL,   /* a, and when that pops, b */
    RT_NODE_REPEAT, /* a between counts[c].min and .max times, then b */
    RT_NODE_POP,
};

/* Plain: every character from the space on but '"', '\' and DEL. Texts are full of them, and most tokens hold nothing else. A class that has them
 * all is lowered to a set of its ASCII characters and sets of first bytes of longer ones, all of which lead to the same node. */
enum rt_plain { RT_PLAIN_NONE, RT_PLAIN_ASCII, RT_PLAIN_LEAD };

struct rt_node {
    uint8_t kind;
    uint8_t plain;   /* SET: of such a class, and which part; c: where its characters lead */
    uint16_t height; /* frames that are needed at least to get to the end of its rule */
    uint32_t a, b, c;
};

struct rt_counts {
    uint32_t min, max;
};

struct rt_grammar {
    _Atomic unsigned holders; /* beside the first */
    enum rt_grammar_kind kind;
    char *text; /* NULL: it was not made by rt_grammar_open */
    struct rt_node *nodes;
    uint32_t *edges;
    struct rt_counts *counts;
    uint64_t (*sets)[4]; /* 256 bits */
    size_t node_count, node_room, edge_count, edge_room, count_count, count_room, set_count, set_room;
    uint32_t root;
    uint32_t class_count; /* bytes that no set tells apart are of one class */
    uint8_t class_of[256];
};

static inline int rt_is_plain(uint32_t character)
{
    return character >= 0x20 && character != '"' && character != '\\' && character != 0x7f;
}

static inline int rt_set_has(const uint64_t set[4], uint8_t byte)
{
    return set[byte >> 6] >> (byte & 63) & 1;
}

/* Checks and lowers; the build may go afterwards. */
RT_MUST_CHECK int rt_grammar_make(struct rt_grammar **out, struct rt_build *build, uint32_t root, int strict);

struct rt_lowering {
    struct rt_build *build;
    struct rt_grammar *grammar;
    uint32_t *entries;                /* of each rule; RT_NO_LIMIT: not yet lowered */
    uint32_t *starts;                 /* of the nodes of the rules in the queue, and their end */
    uint32_t *queue;                  /* rules that are called */
    uint32_t *set_slots, *node_slots; /* hash tables: 1 + index */
    uint32_t queued;
};
/* Of equal sets with equal continuations there is one node. */
uint32_t rt_lower_set(struct rt_lowering *lowering, const uint64_t set[4], uint32_t next, enum rt_plain plain, uint32_t after);
uint32_t rt_lower_alt(struct rt_lowering *lowering, const uint32_t *nodes, uint32_t count);
/* Heights of the nodes and classes of bytes (grammar_measure.c). */
void rt_lower_measure(struct rt_lowering *lowering);
/* Characters as sequences of bytes (grammar_utf8.c), each followed by `next`. */
uint32_t rt_lower_chars(struct rt_lowering *lowering, const struct rt_char_range *ranges, uint32_t count, uint32_t next);
void *rt_build_grow(struct rt_build *build, void *array, size_t *room, size_t want, size_t element, size_t most, const char *what);

/* --- JSON (grammar_json.c, grammar_number.c, grammar_regex.c) --- */

enum rt_json_rule {
    RT_JSON_SPACE,
    RT_JSON_ANY,
    RT_JSON_OBJECT,
    RT_JSON_ARRAY,
    RT_JSON_STRING,
    RT_JSON_NUMBER,
    RT_JSON_INTEGER,
    RT_JSON_TAIL,
    RT_JSON_RULES
};

struct rt_json_rules {
    struct rt_build *build;
    uint32_t made[RT_JSON_RULES]; /* 1 + rule; 0: not yet asked for */
};

uint32_t rt_expr_json(struct rt_json_rules *rules, enum rt_json_rule rule);
uint32_t rt_expr_json_separator(struct rt_json_rules *rules); /* "," between elements */
uint32_t rt_expr_json_colon(struct rt_json_rules *rules);
/* "{" body "}" and the like, with white space. The body is optional where it may be left out. */
uint32_t rt_expr_json_brackets(struct rt_json_rules *rules, const char *open, uint32_t body, int optional, const char *close);
uint32_t rt_expr_json_character(struct rt_build *build); /* of a string, escaped or not */
/* A character of the class as it stands in a string: with the shortest escape where it needs one. */
uint32_t rt_expr_json_chars(struct rt_build *build, const struct rt_chars *chars);
/* A value's own text. */
uint32_t rt_expr_json_literal(struct rt_build *build, yyjson_val *value);
struct rt_name {
    const char *text;
    size_t bytes;
};
/* Any one of the texts; sorts them. */
uint32_t rt_expr_choice(struct rt_build *build, struct rt_name *texts, size_t count);
/* A member's key: any but these; sorts them. None is written with escapes as far as one of them is alike. */
uint32_t rt_expr_json_other_key(struct rt_json_rules *rules, struct rt_name *names, size_t count);

struct rt_bound {
    int there, exclusive;
    yyjson_val *value; /* a number */
};
uint32_t rt_expr_json_number_between(struct rt_build *build, struct rt_bound low, struct rt_bound high, int integer);

/* What ECMA's regular expression finds a match in, as the inside of a JSON string. least, most: characters, where the expression is one class
 * repeated; else they must be 0 and RT_NO_LIMIT. Fails with the place in the pattern; the caller says which pattern. */
uint32_t rt_expr_json_pattern(struct rt_json_rules *rules, const char *pattern, size_t bytes, uint32_t least, uint32_t most);

#endif
