/* reply.h: what a model says, taken apart while it speaks: content, reasoning, tool calls. What marks them is found once in the bundle's chat
 * template; the models' ways are rows of a table in reply_form.c. Only what the model says passes here, never what people or tools wrote.
 *
 * Markers reach us by two doors, so that neither can be forged by the other. Markers that the tokenizer calls special ("[TOOL_CALLS]") are
 * left out of decoded text; the caller hands them in by rt_reply_special, for each token that is special and adds no text, in order:
 *
 *     for each token i of the job whose text is all published: rt_reply_feed(reply, text + end[i - 1], end[i] - end[i - 1]);
 *                                  rt_reply_special(reply, its text) if it added none and rt_tokenizer_special says so
 *
 * and spelled out in text they are text. Markers that are no special tokens ("<think>" of most models) are found in the text; reasoning opens
 * only at the very beginning, so the same word later on is content.
 *
 * However the text is cut for feeding, the pieces joined are the same, and each byte is looked at a bounded number of times. What may become a
 * marker is held back, and so is a call until it is whole: one that turns out broken, or is cut off, is content as it was written, markers
 * included. So a call comes in one piece at its end, and a stream may be silent for as long as its arguments take. */
#ifndef CLOISTER_REPLY_H
#define CLOISTER_REPLY_H

#include <stddef.h>
#include <yyjson.h>

#include "runtime/error.h"
#include "runtime/tokenizer.h"

/* ---- how a model marks things: made once for a bundle; read-only, any thread; the tokenizer outlives it ---- */

struct rt_reply_form;

RT_MUST_CHECK int rt_reply_form_open(struct rt_reply_form **out, const char *chat_template, size_t bytes,
                                     const struct rt_tokenizer *tokenizer, struct rt_error *error);
void rt_reply_form_close(struct rt_reply_form **form);
const char *rt_reply_form_reasoning(const struct rt_reply_form *form); /* the row's name; NULL: no way of marking it is known */
const char *rt_reply_form_calls(const struct rt_reply_form *form);     /* the same for tool calls: then tools cannot be offered */

/* Whether a rendered prompt (up to where the assistant speaks) has opened the reasoning already. */
int rt_reply_form_opened(const struct rt_reply_form *form, const char *prompt, size_t bytes);

/* ---- one answer; one thread ---- */

enum rt_reply_kind { RT_REPLY_CONTENT, RT_REPLY_REASONING, RT_REPLY_CALL };

struct rt_reply_piece { /* valid until the callback returns */
    enum rt_reply_kind kind;
    const char *text; /* UTF-8; of a call its arguments, a JSON object. Not 0-terminated */
    size_t bytes;
    size_t index;     /* of a call, from 0 */
    const char *name; /* of a call, 0-terminated: letters, digits and "_-.:", 1 to RT_REPLY_NAME_MAX of them */
};

enum {
    RT_REPLY_NAME_MAX = 128,
    RT_REPLY_HELD_MAX = 16 << 20, /* bytes; what would need more is content */
};

struct rt_reply_terms {
    const struct rt_reply_form *form;
    yyjson_val
        *tools; /* as in a request: [{"type":"function","function":{"name","parameters"}}…]; NULL: calls are content. Outlives the reply */
    int opened; /* rt_reply_form_opened */
    /* Gets each piece, in order. Non-zero, with *error filled, ends the feeding. */
    int (*take)(void *user, const struct rt_reply_piece *piece, struct rt_error *error);
    void *user;
};

struct rt_reply;

RT_MUST_CHECK int rt_reply_open(struct rt_reply **out, const struct rt_reply_terms *terms, struct rt_error *error);
void rt_reply_close(struct rt_reply **reply);
/* The next text, cut anywhere. It is UTF-8: bytes FF, which that never has, are dropped. */
RT_MUST_CHECK int rt_reply_feed(struct rt_reply *reply, const char *text, size_t bytes, struct rt_error *error);
/* A special token of this text. One that marks nothing is dropped. */
RT_MUST_CHECK int rt_reply_special(struct rt_reply *reply, const char *text, size_t bytes, struct rt_error *error);
/* The answer is over: what was held back comes out. */
RT_MUST_CHECK int rt_reply_end(struct rt_reply *reply, struct rt_error *error);
size_t rt_reply_calls(const struct rt_reply *reply); /* so far */

/* ---- making the model call: tool_choice "required" or a tool's name ---- */

/* The answer is to be prefix, then JSON that follows schema, then suffix. The prefix goes behind the prompt, encoded with its special tokens,
 * and into rt_reply_feed_prefix; only the JSON is a matter for the grammar (special tokens have no text that it could see), and where that
 * is whole, the answer may end: the suffix is for those who keep the conversation as the model would have written it.
 *
 * One tool in question: the schema is that of its parameters wherever the form writes the name apart. Otherwise it is one of
 * {"name": …, "arguments": …}, also for forms that write arguments as XML, since calls in JSON are understood in every form. */
struct rt_reply_rule {
    char *prefix, *schema, *suffix; /* 0-terminated */
};

/* only: the name of the tool that must be called; NULL: any. parallel: several calls, where the form writes them as a list; else one.
 * RT_EXIT_USAGE: no tool, or none of that name. RT_EXIT_UNSUPPORTED: the form knows no calls. */
RT_MUST_CHECK int rt_reply_rule_open(struct rt_reply_rule *out, const struct rt_reply_form *form, yyjson_val *tools, const char *only,
                                     int parallel, int opened, struct rt_error *error);
void rt_reply_rule_close(struct rt_reply_rule *rule);
/* Feeds a rule's prefix: all markers in it count, special or not. */
RT_MUST_CHECK int rt_reply_feed_prefix(struct rt_reply *reply, const struct rt_reply_rule *rule, struct rt_error *error);

#endif
