/* token_text.h: the text of one token as it stands in the middle of an answer, for lists of likely tokens. Any thread. */
#ifndef CLOISTER_TOKEN_TEXT_H
#define CLOISTER_TOKEN_TEXT_H

#include "runtime/tokenizer.h"

/* 0-terminated; free it. NULL without memory. Half a character is U+FFFD. */
char *rt_token_text(const struct rt_tokenizer *tokenizer, uint32_t id, size_t *bytes);

#endif
