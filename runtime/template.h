/* template.h: chat templates, a subset of Jinja2 (https://jinja.palletsprojects.com/templates/) as transformers runs it (trim_blocks and
 * lstrip_blocks on). Parsed once; rendering is bounded in steps, depth and memory, since template and messages are hostile. */
#ifndef CLOISTER_TEMPLATE_H
#define CLOISTER_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

struct rt_template;

struct rt_message {
    const char *role, *content; /* UTF-8, 0-terminated */
};

struct rt_template_input {
    const struct rt_message *messages;
    size_t count;
    int add_generation_prompt;
    const char *bos_token, *eos_token; /* "" where there is none */
};

/* RT_EXIT_UNSUPPORTED names the statement, filter, test or function that is not known, with its line. */
RT_MUST_CHECK int rt_template_open(struct rt_template **out, const char *text, size_t bytes, struct rt_error *error);
void rt_template_close(struct rt_template **chat_template);
/* *out is 0-terminated; free it. */
RT_MUST_CHECK int rt_template_render(const struct rt_template *chat_template, const struct rt_template_input *input, char **out,
                                     size_t *bytes, struct rt_error *error);
/* The same, with a mark per byte: (*foreign)[i] is 1 where byte i came from a message, so that a caller can keep what people write
 * from becoming control tokens. Free both. */
RT_MUST_CHECK int rt_template_render_marked(const struct rt_template *chat_template, const struct rt_template_input *input, char **out,
                                            uint8_t **foreign, size_t *bytes, struct rt_error *error);

#endif
