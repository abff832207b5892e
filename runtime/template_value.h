/* template_value.h: what a template computes with: values as Python has them, the arena of one rendering, and the built-in names.
 *   template_character.c, template_value.c, template_map.c, template_compare.c   what values are
 *   template_builder.c, template_print.c, template_json.c                       values → text
 *   template_format.c, template_percent.c, template_braces.c                    values → text of a given width
 *   template_operator.c, template_number.c                                      what operators do to them
 *   template_builtin.c, template_call.c                                         filters, tests, methods, functions by name
 *   template_filter.c, template_list.c, template_mapping.c, template_select.c, template_sort.c, template_test.c, template_function.c,
 *   template_text.c, template_find.c, template_split.c, template_strip.c, template_case.c   what those do
 * Values are immutable, except namespaces; they live in the arena of one rendering, or point into the template or its input. */
#ifndef CLOISTER_TEMPLATE_VALUE_H
#define CLOISTER_TEMPLATE_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/arena.h"
#include "runtime/error.h"

/* Limits: template and messages are hostile. */
enum {
    RT_TEMPLATE_BYTES_MAX = 1 << 20,
    RT_TEMPLATE_DEPTH_MAX = 64,     /* statements and expressions inside one another, as they are written */
    RT_TEMPLATE_EVAL_MAX = 256,     /* the same as it runs, with chains of operators, macros, values, JSON */
    RT_TEMPLATE_ARGUMENTS_MAX = 64, /* of one call */
    RT_TEMPLATE_NAMES_MAX = 1024,   /* in one map: they are searched one by one */
    RT_TEMPLATE_RANGE_MAX = 100000, /* Jinja's own */
    RT_TEMPLATE_STEPS_MAX = 1000000,
    RT_TEMPLATE_STEP_BYTES = 1024, /* work on text costs one step for so many bytes */
    RT_TEMPLATE_OUTPUT_MAX = 16 << 20,
    RT_TEMPLATE_ARENA_MAX = 128 << 20,
};

/* ---- values ---- */

struct rt_text { /* UTF-8, not 0-terminated */
    const char *bytes;
    const uint8_t *foreign; /* one mark per byte: 1 where it came from outside; NULL: none did */
    size_t count;
    int markup; /* what |safe and |escape return: what is added to it gets escaped */
};

enum rt_value_kind {
    RT_VALUE_UNDEFINED, /* text: the name that is not defined */
    RT_VALUE_NONE,
    RT_VALUE_BOOL,
    RT_VALUE_INTEGER,
    RT_VALUE_FLOAT,
    RT_VALUE_TEXT,
    RT_VALUE_LIST,
    RT_VALUE_MAP,
    RT_VALUE_FUNCTION,
};

enum rt_list_form {
    RT_LIST_PLAIN,
    RT_LIST_TUPLE,
    RT_LIST_RANGE,
    RT_LIST_VIEW,     /* a mapping's keys(), values(), items() */
    RT_LIST_ITERATOR, /* of map, select …: can be gone through once */
};

struct rt_value;
struct rt_map;
struct rt_function;
struct rt_list {
    const struct rt_value *items;
    size_t count;
    enum rt_list_form form;
    size_t *taken; /* of an iterator: how many items are gone; shared by its copies */
};

struct rt_value {
    enum rt_value_kind kind;
    uint8_t foreign; /* a number, list or mapping from outside: what it prints is foreign */
    union {
        int64_t integer; /* 0 or 1 for RT_VALUE_BOOL */
        double number;
        struct rt_text text;
        struct rt_list list;
        struct rt_map *map;
        const struct rt_function *function;
    };
};

struct rt_entry {
    struct rt_value key, value;
    struct rt_entry *next;
};

enum rt_map_kind { RT_MAP_DICT, RT_MAP_NAMESPACE, RT_MAP_LOOP, RT_MAP_CYCLER, RT_MAP_JOINER };

struct rt_map { /* a mapping, the variables of a scope, or one of Jinja's objects */
    struct rt_entry *first, *last;
    size_t count;
    enum rt_map_kind kind;
    struct rt_list items; /* cycler: what it goes through; joiner: the separator */
    size_t at;            /* how often it was called; of a loop: its round */
};

/* ---- rendering ---- */

struct rt_scope {
    struct rt_map variables;
    struct rt_scope *outer;
};

struct rt_builder { /* a text that grows in the arena */
    char *bytes;
    uint8_t *foreign; /* NULL as long as nothing is */
    size_t count, room;
};

enum rt_jump { RT_JUMP_NONE, RT_JUMP_BREAK, RT_JUMP_CONTINUE };

struct rt_render {
    struct rt_arena arena;
    struct rt_scope *scope;
    struct rt_error *error;
    unsigned line, depth;
    enum rt_jump jump;    /* on the way to the end of the round */
    size_t steps, pieces; /* pieces: bytes of them that are not a step yet */
    int64_t now;
    struct rt_builder output;
    struct rt_text body; /* what a filter block filters */
};

/* Counts a step, and those that work on so many bytes costs. The next check fails when they are spent. */
void rt_render_count(struct rt_render *render, size_t bytes);
RT_MUST_CHECK int rt_render_check(struct rt_render *render);
/* One level deeper, and a step; the caller takes it off render->depth, unless it failed. */
RT_MUST_CHECK int rt_render_deeper(struct rt_render *render);
RT_MUST_CHECK int rt_render_take(struct rt_render *render, size_t count, size_t size, void *pointer_address);
int rt_render_fail(struct rt_render *render, const char *format, ...) RT_PRINTF(2, 3);

/* ---- text (template_character.c) ---- */

struct rt_text rt_text_of(const char *text);
struct rt_text rt_text_part(struct rt_text text, size_t from, size_t to);
int rt_text_is(struct rt_text text, const char *other);
int rt_text_equal(struct rt_text a, struct rt_text b);
int rt_text_find(struct rt_text text, struct rt_text part, size_t *at);      /* 1 if found */
int rt_text_find_last(struct rt_text text, struct rt_text part, size_t *at); /* the same, from the end */
/* Looking from the end takes as long as both are, one times the other; counted before it is done. */
RT_MUST_CHECK int rt_text_find_cost(struct rt_render *render, struct rt_text text, struct rt_text part);
size_t rt_text_step(struct rt_text text, size_t at);        /* bytes of the character at `at`; never 0 before the end */
uint32_t rt_text_character(struct rt_text text, size_t at); /* its code point; 0xfffd for a byte that is not UTF-8 */
size_t rt_text_length(struct rt_text text);                 /* in characters */
size_t rt_text_offset(struct rt_text text, size_t characters);
/* Bytes of the white space character (Python's str.isspace) at `at`, or of the one that ends there; 0 if it is none. */
size_t rt_text_space(struct rt_text text, size_t at);
size_t rt_text_space_before(struct rt_text text, size_t at);
int rt_text_shown(struct rt_text text); /* for "%.*s" in messages: its bytes, cut short */

/* ---- building text (template_builder.c) ---- */

RT_MUST_CHECK int rt_builder_put(struct rt_render *render, struct rt_builder *builder, struct rt_text text);
RT_MUST_CHECK int rt_builder_put_bytes(struct rt_render *render, struct rt_builder *builder, const char *bytes, size_t count, int foreign);
RT_MUST_CHECK int rt_builder_fill(struct rt_render *render, struct rt_builder *builder, struct rt_text text, size_t times);
RT_MUST_CHECK int rt_builder_put_character(struct rt_render *render, struct rt_builder *builder, uint32_t c, int foreign);
struct rt_text rt_builder_text(const struct rt_builder *builder);
RT_MUST_CHECK int rt_text_join(struct rt_render *render, const struct rt_text *parts, size_t count, struct rt_value *out);
RT_MUST_CHECK int rt_text_escape(struct rt_render *render, struct rt_text text, struct rt_value *out); /* & < > ' " for HTML */

/* ---- values (template_value.c, template_map.c, template_compare.c) ---- */

struct rt_value rt_value_text(struct rt_text text);
struct rt_value rt_value_bool(int truth);
struct rt_value rt_value_integer(int64_t integer);
struct rt_value rt_value_list(const struct rt_value *items, size_t count, enum rt_list_form form);
struct rt_value rt_value_undefined(struct rt_text name);
RT_MUST_CHECK int rt_value_iterator(struct rt_render *render, const struct rt_value *items, size_t count, struct rt_value *out);
const char *rt_value_type(const struct rt_value *value); /* for messages */
int rt_value_true(const struct rt_value *value);
int rt_value_is_number(const struct rt_value *value);  /* booleans too */
int rt_value_is_integer(const struct rt_value *value); /* booleans too */
double rt_value_double(const struct rt_value *value);  /* of a number */
int rt_value_is_outside(const struct rt_value *value); /* any of its text is foreign */
int rt_value_is_dict(const struct rt_value *value);
/* What a loop goes through; an iterator is used up by it. */
RT_MUST_CHECK int rt_value_iterate(struct rt_render *render, const struct rt_value *value, struct rt_list *out);
RT_MUST_CHECK int rt_value_undefined_fail(struct rt_render *render, const struct rt_value *value);

const struct rt_value *rt_map_find(const struct rt_map *map, struct rt_text key);
RT_MUST_CHECK int rt_map_set(struct rt_render *render, struct rt_map *map, struct rt_text key, const struct rt_value *value);
/* With any key that Python can hash. */
const struct rt_value *rt_map_get(struct rt_render *render, const struct rt_map *map, const struct rt_value *key);
RT_MUST_CHECK int rt_map_put(struct rt_render *render, struct rt_map *map, const struct rt_value *key, const struct rt_value *value);
/* object[key], object.key: Jinja looks for an attribute first where a dot is written, and for an item where brackets are. */
RT_MUST_CHECK int rt_value_index(struct rt_render *render, const struct rt_value *object, const struct rt_value *key, struct rt_value *out);
RT_MUST_CHECK int rt_value_attribute(struct rt_render *render, const struct rt_value *object, struct rt_text name, struct rt_value *out);

int rt_value_equal(struct rt_render *render, const struct rt_value *a, const struct rt_value *b);
RT_MUST_CHECK int rt_value_order(struct rt_render *render, const struct rt_value *a, const struct rt_value *b, int *sign);
RT_MUST_CHECK int rt_value_contains(struct rt_render *render, const struct rt_value *container, const struct rt_value *value, int *out);

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
    RT_OP_DIVIDE,
    RT_OP_FLOOR_DIVIDE,
    RT_OP_REMAINDER,
    RT_OP_POWER,
};

/* Any but `or` and `and`, which look at one value at a time. */
RT_MUST_CHECK int rt_value_apply(struct rt_render *render, enum rt_operator op, const struct rt_value *a, const struct rt_value *b,
                                 struct rt_value *out);
RT_MUST_CHECK int rt_number_apply(struct rt_render *render, enum rt_operator op, const struct rt_value *a, const struct rt_value *b,
                                  struct rt_value *out);
RT_MUST_CHECK int rt_number_parse(struct rt_text text, int base, int64_t *out); /* Python's int(text, base) */
RT_MUST_CHECK int rt_number_parse_float(struct rt_text text, double *out);      /* Python's float(text) */

/* ---- values → text ---- */

enum { RT_FLOAT_BYTES = 32 };

RT_MUST_CHECK int rt_value_print(struct rt_render *render, const struct rt_value *value, struct rt_text *out); /* Python's str() */
RT_MUST_CHECK int rt_value_repr(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value);
void rt_float_print(double number, char out[RT_FLOAT_BYTES]); /* the shortest digits that read back the same, as Python's repr */
double rt_float_round(double number, int precision);          /* half to even, by its exact decimal digits, as Python's round */
RT_MUST_CHECK int rt_format_percent(struct rt_render *render, struct rt_text format, const struct rt_value *values, struct rt_value *out);

/* ---- built-in names (template_builtin.c) ---- */

enum rt_builtin_kind { RT_BUILTIN_FILTER, RT_BUILTIN_TEST, RT_BUILTIN_METHOD, RT_BUILTIN_FUNCTION };

struct rt_argument {
    struct rt_text keyword; /* empty: given by its place */
    struct rt_value value;
    int given;
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
    const char *parameters;  /* their names; a '/' before them: they go by place alone. NULL: run sees the arguments as they are written */
    unsigned kinds;          /* of a test without `run`: which kinds of value pass; of a method: which ones have it; a bit each */
    unsigned char least;     /* how many parameters must be given */
    unsigned char undefined; /* self may be undefined */
};

struct rt_function { /* what a name that can be called stands for */
    const struct rt_builtin *builtin;
    struct rt_value self;        /* of a method */
    const struct rt_node *macro; /* of a macro, with the scope it sees */
    struct rt_scope *scope;
};

const struct rt_builtin *rt_builtin_find(enum rt_builtin_kind kind, struct rt_text name);
const struct rt_builtin *rt_method_find(const struct rt_value *self, struct rt_text name);
/* Puts the arguments where the parameters are, then runs it. */
RT_MUST_CHECK int rt_builtin_run(struct rt_render *render, const struct rt_builtin *builtin, const struct rt_call *call,
                                 struct rt_value *out);
RT_MUST_CHECK int rt_function_call(struct rt_render *render, const struct rt_value *function, const struct rt_argument *arguments,
                                   size_t count, struct rt_value *out); /* template_macro.c */
/* The i-th parameter's value; NULL where it was not given. */
const struct rt_value *rt_call_given(const struct rt_call *call, size_t i);
int rt_call_flag(const struct rt_call *call, size_t i); /* its truth; 0 where it was not given */
RT_MUST_CHECK int rt_call_integer(struct rt_render *render, const struct rt_call *call, size_t i, int64_t otherwise, int64_t *out);
RT_MUST_CHECK int rt_call_text(struct rt_render *render, const struct rt_call *call, size_t i, const char *otherwise, struct rt_text *out);
RT_MUST_CHECK int rt_call_self_text(struct rt_render *render, const struct rt_call *call, struct rt_text *out); /* printed, for a filter */
RT_MUST_CHECK int rt_value_attributes(struct rt_render *render, const struct rt_value *value, const struct rt_value *path,
                                      struct rt_value *out); /* 'a.b.0' of a value */

rt_builtin_function rt_call_strip, rt_call_lstrip, rt_call_rstrip; /* template_strip.c */
rt_builtin_function rt_call_removeprefix, rt_call_removesuffix;
rt_builtin_function rt_call_upper, rt_call_lower, rt_call_title, rt_call_capitalize, rt_call_swapcase, rt_call_title_filter,
    rt_call_isupper, rt_call_islower, rt_call_istitle, rt_call_isdigit, rt_call_isdecimal, rt_call_isnumeric, rt_call_isalpha,
    rt_call_isalnum, rt_call_isspace, rt_call_isascii;                                                        /* template_case.c */
rt_builtin_function rt_call_split, rt_call_rsplit, rt_call_splitlines, rt_call_partition, rt_call_rpartition; /* template_split.c */
rt_builtin_function rt_call_startswith, rt_call_endswith, rt_call_replace, rt_call_replace_filter, rt_call_find, rt_call_rfind,
    rt_call_text_index, rt_call_text_rindex, rt_call_text_count, rt_call_join, rt_call_center, rt_call_ljust, rt_call_rjust, rt_call_zfill,
    rt_call_indent, rt_call_wordcount, rt_call_truncate;   /* template_text.c */
rt_builtin_function rt_call_format, rt_call_format_filter; /* template_format.c */
rt_builtin_function rt_call_tojson;                        /* template_json.c */
rt_builtin_function rt_call_default, rt_call_string, rt_call_int, rt_call_float, rt_call_abs, rt_call_round, rt_call_safe, rt_call_escape,
    rt_call_forceescape, rt_call_attr; /* template_filter.c */
rt_builtin_function rt_call_length, rt_call_first, rt_call_last, rt_call_list, rt_call_items_filter, rt_call_items, rt_call_keys,
    rt_call_values, rt_call_get, rt_call_copy, rt_call_reverse, rt_call_sum, rt_call_batch, rt_call_slice, rt_call_join_filter,
    rt_call_list_count, rt_call_list_index, rt_call_mutation;                                            /* template_list.c */
rt_builtin_function rt_call_map, rt_call_select, rt_call_reject, rt_call_selectattr, rt_call_rejectattr; /* template_select.c */
rt_builtin_function rt_call_sort, rt_call_dictsort, rt_call_unique, rt_call_min, rt_call_max;            /* template_sort.c */
rt_builtin_function rt_test_true, rt_test_false, rt_test_equal, rt_test_unequal, rt_test_less, rt_test_less_equal, rt_test_greater,
    rt_test_greater_equal, rt_test_in, rt_test_odd, rt_test_even, rt_test_divisible, rt_test_same, rt_test_lower, rt_test_upper,
    rt_test_mapping, rt_test_sequence, rt_test_iterable, rt_test_callable, rt_test_escaped, rt_test_filter,
    rt_test_test; /* template_test.c */
rt_builtin_function rt_call_range, rt_call_dict, rt_call_namespace, rt_call_cycler, rt_call_joiner, rt_call_raise_exception,
    rt_call_strftime_now, rt_call_cycle, rt_call_cycler_next, rt_call_cycler_reset; /* template_function.c */

#endif
