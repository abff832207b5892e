/* reply_parts.h: what the files of the reply share. reply_form.c: the table, and what of it a bundle uses. reply.c: feeding and giving out.
 * reply_text.c: content and reasoning. reply_channels.c: the same where every message has a header. reply_call.c: from a call's marker to its end.
 * reply_arguments.c, reply_pairs.c: what is between becomes a name and JSON. reply_rule.c, reply_schema.c: the other direction.
 *
 * Inside, a special token is its text behind a byte FF, which UTF-8 never has: so matching is the same for both kinds of marker, and text
 * that spells a special token out matches none. */
#ifndef CLOISTER_REPLY_PARTS_H
#define CLOISTER_REPLY_PARTS_H

#include "runtime/json_scan.h"
#include "runtime/reply.h"

enum { RT_SPECIAL_BYTE = 0xFF, RT_REPLY_PAIRS_MAX = 256, RT_REPLY_HEADER_MAX = 512 };

enum rt_mark {
    RT_MARK_THINK,
    RT_MARK_THINK_END,
    RT_MARK_SECTION, /* around all calls, where there is such a thing */
    RT_MARK_SECTION_END,
    RT_MARK_CALL, /* around one call, or the list of them */
    RT_MARK_CALL_END,
    RT_MARK_NAME_END, /* what comes before is the name, what follows the arguments */
    RT_MARK_NAME_CUT, /* ends the name already; up to NAME_END comes what nobody asks for */
    RT_MARK_KEY,      /* arguments one by one: KEY name KEY_END VALUE value VALUE_END; VALUE may be missing */
    RT_MARK_KEY_END,
    RT_MARK_VALUE,
    RT_MARK_VALUE_END,
    RT_MARK_START, /* channels: START who CHANNEL which MESSAGE text THINK_END */
    RT_MARK_CHANNEL,
    RT_MARK_MESSAGE,
    RT_MARK_RETURN,
    RT_MARKS
};

enum rt_reply_flags {
    RT_REPLY_BARE = 1,      /* a message that is nothing but a call needs no marker */
    RT_REPLY_LISTS = 2,     /* several calls are one JSON array */
    RT_REPLY_KEYED = 4,     /* {"NAME": {arguments}} */
    RT_REPLY_NUMBERED = 8,  /* the name is written "functions.NAME:0" */
    RT_REPLY_LINES = 16,    /* a call, and a value, stands on lines of its own */
    RT_REPLY_LOOSE = 32,    /* a call may come without its section */
    RT_REPLY_CHANNELS = 64, /* harmony */
};

struct rt_mark_text {
    char *text; /* NULL: this form has none */
    size_t bytes;
};

struct rt_reply_form {
    const struct rt_tokenizer *tokenizer;
    const char *reasoning, *calls;
    unsigned flags;
    struct rt_mark_text marks[RT_MARKS];
};

enum rt_reply_state {
    RT_REPLY_IN_BEGIN,  /* nothing but whitespace yet */
    RT_REPLY_IN_HEADER, /* between messages */
    RT_REPLY_IN_HEADER_TEXT,
    RT_REPLY_IN_REASONING,
    RT_REPLY_IN_CONTENT,
    RT_REPLY_IN_SECTION, /* between its calls */
    RT_REPLY_IN_MORE,    /* after a bare call */
    RT_REPLY_IN_CALL,    /* from here on a call is under way */
    RT_REPLY_IN_NAME,
    RT_REPLY_IN_JSON,
    RT_REPLY_IN_PAIRS,
    RT_REPLY_IN_KEY,
    RT_REPLY_IN_VALUE_HEAD,
    RT_REPLY_IN_VALUE,
    RT_REPLY_IN_VALUE_TAIL,
    RT_REPLY_IN_CLOSE, /* the call is out; its end marker may follow */
    RT_REPLY_STATES
};

struct rt_reply_pair { /* places in the text */
    size_t key, key_bytes, value, value_bytes;
};

struct rt_reply {
    struct rt_reply_terms terms;
    enum rt_reply_state state;
    char *text; /* what was fed, from `start` on not yet given out */
    size_t bytes, room;
    size_t start, at; /* before `at` everything is decided, or part of the call under way */
    size_t solid;     /* in text: from here to `at` is whitespace only */
    int ended;        /* no more will come */
    int trims;        /* whitespace at `start` is layout */
    int may_think;    /* reasoning may still open */
    int is_opened;    /* the prompt has done so, and nothing is there yet but whitespace */
    int in_section;
    size_t section_calls, calls;

    /* the call under way */
    int is_bare;  /* of a form that needs no marker */
    int is_whole; /* its JSON is {"name", "arguments"}, or a list of such, not only the arguments */
    size_t part;  /* where the name, JSON, key or value begins */
    char name[RT_REPLY_NAME_MAX + 1];
    struct rt_json_scan scan;
    struct rt_reply_pair pairs[RT_REPLY_PAIRS_MAX];
    size_t pair_count;
};

/* Takes what it can: 1, or 0 when only more bytes help; -1 with *error. */
typedef int rt_reply_step(struct rt_reply *reply, struct rt_error *error);
rt_reply_step rt_reply_step_begin, rt_reply_step_text, rt_reply_step_header, rt_reply_step_header_text, rt_reply_step_section,
    rt_reply_step_more, rt_reply_step_call, rt_reply_step_name, rt_reply_step_json, rt_reply_step_pairs, rt_reply_step_key,
    rt_reply_step_value_head, rt_reply_step_value, rt_reply_step_value_tail, rt_reply_step_close;

enum rt_match { RT_MATCH_NONE, RT_MATCH_PART, RT_MATCH_WHOLE }; /* PART: nothing behind it yet */
enum rt_match rt_reply_compare(const struct rt_reply *reply, size_t at, enum rt_mark mark);
/* The same, but at the end of the answer a part is none. */
enum rt_match rt_reply_match(const struct rt_reply *reply, size_t at, enum rt_mark mark);
void rt_reply_skip_space(struct rt_reply *reply);
int rt_reply_is_space(char c);

/* Text from `start` up to `end` comes out as this, and `start` moves there; whitespace before it is dropped where it is layout. */
RT_MUST_CHECK int rt_reply_emit(struct rt_reply *reply, enum rt_reply_kind kind, size_t end, struct rt_error *error);
/* The call under way is none: up to `at` it is content. 1, or -1. */
RT_MUST_CHECK int rt_reply_give_up(struct rt_reply *reply, struct rt_error *error);
void rt_reply_go(struct rt_reply *reply, enum rt_reply_state state); /* what comes next begins at `at` */

/* Whether the header at `start` begins with a mark, not with words that may have been meant as text. */
int rt_reply_has_marked_header(const struct rt_reply *reply);

/* Of what is between the marks of a call: 0, -1 with *error, or 1: it is no call. */
int rt_reply_read_name(struct rt_reply *reply, size_t from, size_t end);
RT_MUST_CHECK int rt_reply_take_json(struct rt_reply *reply, size_t from, size_t end, struct rt_error *error);
RT_MUST_CHECK int rt_reply_take_pairs(struct rt_reply *reply, struct rt_error *error);

RT_MUST_CHECK int rt_reply_emit_call(struct rt_reply *reply, const char *arguments, size_t bytes, struct rt_error *error);
/* What was fed, without the marks of special tokens; free it. NULL: no memory. */
char *rt_reply_copy(const struct rt_reply *reply, size_t from, size_t end, size_t *bytes);
yyjson_val *rt_reply_first_of(yyjson_val *object, const char *one, const char *other);
int rt_reply_no_memory(struct rt_error *error);
int rt_reply_is_name(const char *name, size_t bytes);
yyjson_val *rt_reply_tool(yyjson_val *tools, const char *name); /* its "function" object; NULL: no such tool */

/* The text with FF before each special token; free it. NULL: no memory. */
char *rt_reply_mark_specials(const struct rt_tokenizer *tokenizer, const char *text, size_t *bytes);

/* What may be called: the arguments of `only`, where they stand apart from its name; a call, of that tool or any; or a list of calls. NULL with the
 * error filled. */
struct rt_schema_making {
    const struct rt_reply_form *form;
    yyjson_mut_doc *doc;
    struct rt_error *error;
};
yyjson_mut_val *rt_schema_of_arguments(const struct rt_schema_making *making, yyjson_val *only);
yyjson_mut_val *rt_schema_of_call(const struct rt_schema_making *making, yyjson_val *tools, yyjson_val *only);
yyjson_mut_val *rt_schema_of_list(const struct rt_schema_making *making, yyjson_val *tools, yyjson_val *only, int parallel);

#endif
