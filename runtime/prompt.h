/* prompt.h: conversations → token ids. Any thread. */
#ifndef CLOISTER_PROMPT_H
#define CLOISTER_PROMPT_H

#include "runtime/template.h"
#include "runtime/tokenizer.h"

/* Renders the conversation, up to where the assistant speaks, and encodes it as transformers' apply_chat_template does, with one
 * difference: the text of a special token inside a message stays text. Appends to *out. */
RT_MUST_CHECK int rt_prompt_render(const struct rt_template *chat_template, const struct rt_tokenizer *tokenizer,
                                   const struct rt_message *messages, size_t count, struct rt_tokens *out, struct rt_error *error);

/* The second half: foreign[i] is 1 where byte i of the text came from a message. */
RT_MUST_CHECK int rt_prompt_encode(const struct rt_tokenizer *tokenizer, const char *text, const uint8_t *foreign, size_t bytes,
                                   struct rt_tokens *out, struct rt_error *error);

#endif
