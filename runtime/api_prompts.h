/* api_prompts.h: the prompts of a request that has one or several: a text, token ids, or a list of either. The server's thread. */
#ifndef CLOISTER_API_PROMPTS_H
#define CLOISTER_API_PROMPTS_H

#include "runtime/answer.h"

/* param is the member's name. echo: each answer shows its prompt first. */
RT_MUST_CHECK int rt_api_prompts_read(struct rt_answer_terms *terms, const struct rt_site *site, yyjson_val *given, const char *param,
                                      int echo, struct rt_api_error *error);

#endif
