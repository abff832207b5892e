/* input.h: what a command takes from the user besides options: texts from files or standard input, and lists of token ids. Before the
 * seal; one thread. */
#ifndef CLOISTER_INPUT_H
#define CLOISTER_INPUT_H

#include "runtime/tokenizer.h"

enum { RT_INPUT_MAX_BYTES = 64 << 20 };

/* Reads a whole file, or standard input for "-". *text is 0-terminated behind *bytes bytes; free it. */
RT_MUST_CHECK int rt_input_read(const char *path, char **text, size_t *bytes, struct rt_error *error);
/* "1,2,3" into ids; `option` is for the message. An empty text is no id. */
RT_MUST_CHECK int rt_input_ids(const char *option, const char *text, struct rt_tokens *out, struct rt_error *error);

#endif
