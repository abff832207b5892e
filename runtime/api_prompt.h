/* api_prompt.h: from what a request says to the tokens of its prompts. Any thread. */
#ifndef CLOISTER_API_PROMPT_H
#define CLOISTER_API_PROMPT_H

#include "runtime/api_error.h"
#include "runtime/site.h"

#include <yyjson.h>

/* conversation: what rt_api_messages_read made. Appends to *out. */
RT_MUST_CHECK int rt_api_prompt_chat(const struct rt_site *site, yyjson_val *conversation, struct rt_tokens *out,
                                     struct rt_api_error *error);
/* A text as it is, with the special tokens written out in it, and with bare == 0 what the tokenizer adds of itself. param names it. */
RT_MUST_CHECK int rt_api_prompt_text(const struct rt_site *site, yyjson_val *text, int bare, const char *param, struct rt_tokens *out,
                                     struct rt_api_error *error);
/* A list of token ids. */
RT_MUST_CHECK int rt_api_prompt_ids(const struct rt_site *site, yyjson_val *ids, const char *param, struct rt_tokens *out,
                                    struct rt_api_error *error);

#endif
