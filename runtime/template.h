/* template.h: chat templates, Jinja2 (https://jinja.palletsprojects.com/templates/) as transformers runs it: sandboxed, trim_blocks and
 * lstrip_blocks on, with loop controls and generation blocks. Parsed once; rendering is bounded in steps, depth and memory, since template
 * and messages are hostile; it takes up to 192 KiB of stack. A template is read-only once it is open: any thread may render it. */
#ifndef CLOISTER_TEMPLATE_H
#define CLOISTER_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "runtime/error.h"

struct rt_template;

#define RT_NO_DATE INT64_MIN

struct rt_template_input {
    yyjson_val *messages;          /* array, as the API gives it: content is a string, null or an array of parts; NULL: none */
    yyjson_val *tools, *documents; /* arrays, or NULL */
    yyjson_val *variables;         /* object of further variables (enable_thinking …), or NULL; none of them stands in for the others */
    int add_generation_prompt;
    const char *bos_token, *eos_token; /* "" where there is none */
    int64_t now; /* seconds since 1970, UTC, for strftime_now; RT_NO_DATE: that is undefined, since an answer does not depend on the date */
};

struct rt_message {
    const char *role, *content; /* UTF-8, 0-terminated */
};

/* RT_EXIT_UNSUPPORTED names the statement, filter, test or method that is not known, with its line. */
RT_MUST_CHECK int rt_template_open(struct rt_template **out, const char *text, size_t bytes, struct rt_error *error);
void rt_template_close(struct rt_template **chat_template);
/* *out is 0-terminated; free it. */
RT_MUST_CHECK int rt_template_render(const struct rt_template *chat_template, const struct rt_template_input *input, char **out,
                                     size_t *bytes, struct rt_error *error);
/* The same, with a mark per byte: (*foreign)[i] is 1 where byte i came from messages, tools, documents or variables, so that a caller
 * can keep what people write from becoming control tokens. Free both. */
RT_MUST_CHECK int rt_template_render_marked(const struct rt_template *chat_template, const struct rt_template_input *input, char **out,
                                            uint8_t **foreign, size_t *bytes, struct rt_error *error);
/* A conversation of plain texts as the array that `messages` wants: the document's root. NULL without memory; yyjson_doc_free it. */
yyjson_doc *rt_template_messages(const struct rt_message *messages, size_t count);

#endif
