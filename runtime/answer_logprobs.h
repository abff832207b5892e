/* answer_logprobs.h: how likely an answer's tokens were, as chat completions and as plain completions say it. The server's thread. */
#ifndef CLOISTER_ANSWER_LOGPROBS_H
#define CLOISTER_ANSWER_LOGPROBS_H

#include <yyjson.h>

#include "runtime/answer.h"

/* Of the tokens [first, last) of the choice's job; null where the request did not ask. */
yyjson_mut_val *rt_answer_logprobs(yyjson_mut_doc *doc, const struct rt_answer *answer, const struct rt_choice *choice, uint32_t first,
                                   uint32_t last);

#endif
