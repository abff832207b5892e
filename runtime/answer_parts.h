/* answer_parts.h: what whole answers (answer_json.c) and the events of a stream (answer_stream.c) are both made of. */
#ifndef CLOISTER_ANSWER_PARTS_H
#define CLOISTER_ANSWER_PARTS_H

#include "runtime/answer.h"

yyjson_mut_val *rt_answer_head(yyjson_mut_doc *doc, const struct rt_answer *answer, const char *object); /* the document's root */
yyjson_mut_val *rt_answer_usage_json(yyjson_mut_doc *doc, const struct rt_answer *answer);
const char *rt_answer_finish(const struct rt_choice *choice); /* why it ended */
yyjson_mut_val *rt_answer_add_choice(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rt_answer *answer,
                                     const struct rt_choice *choice);
void rt_answer_add_end(yyjson_mut_doc *doc, yyjson_mut_val *choice, yyjson_mut_val *logprobs, const char *reason); /* reason may be NULL */
void rt_answer_add_call(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct rt_said_call *call);
/* The text of a plain completion, behind what is echoed of the prompt. */
yyjson_mut_val *rt_answer_echoed(yyjson_mut_doc *doc, const struct rt_answer *answer, const struct rt_choice *choice, const char *text,
                                 size_t bytes);

#endif
