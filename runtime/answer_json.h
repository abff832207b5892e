/* answer_json.h: answers as the OpenAI API has them: whole, or as the events of a stream
 * (https://platform.openai.com/docs/api-reference/chat, …/completions). The server's thread. */
#ifndef CLOISTER_ANSWER_JSON_H
#define CLOISTER_ANSWER_JSON_H

#include "runtime/answer.h"

/* The whole answer, once every choice is done; free it. NULL without memory. */
char *rt_answer_print(struct rt_answer *answer, size_t *bytes);

/* Appends the events for all that the reader does not have yet, and the last ones when all is done: then answer->ended is set. -1 without memory. */
RT_MUST_CHECK int rt_answer_stream(struct rt_answer *answer, struct rt_bytes *out);

#endif
