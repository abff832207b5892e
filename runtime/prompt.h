/* prompt.h: conversations → token ids. Any thread. */
#ifndef CLOISTER_PROMPT_H
#define CLOISTER_PROMPT_H

#include "runtime/template.h"
#include "runtime/tokenizer.h"

/* Renders the conversation and encodes it as transformers' apply_chat_template does, with one difference: the text of a special token
 * inside a message, a tool or whatever else comes from outside stays text. The input's bos_token and eos_token are the tokenizer's,
 * whatever they say. Appends to *out. */
RT_MUST_CHECK int rt_prompt_render(const struct rt_template *chat_template, const struct rt_tokenizer *tokenizer,
                                   const struct rt_template_input *input, struct rt_tokens *out, struct rt_error *error);
/* The same for a conversation of plain texts, up to where the assistant speaks, without a date. */
RT_MUST_CHECK int rt_prompt_render_messages(const struct rt_template *chat_template, const struct rt_tokenizer *tokenizer,
                                            const struct rt_message *messages, size_t count, struct rt_tokens *out, struct rt_error *error);

/* The second half: foreign[i] is 1 where byte i of the text came from outside. */
RT_MUST_CHECK int rt_prompt_encode(const struct rt_tokenizer *tokenizer, const char *text, const uint8_t *foreign, size_t bytes,
                                   struct rt_tokens *out, struct rt_error *error);

#endif
