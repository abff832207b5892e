/* answer_vectors.h: vectors of texts as the OpenAI API has them (https://platform.openai.com/docs/api-reference/embeddings). The server's thread. */
#ifndef CLOISTER_ANSWER_VECTORS_H
#define CLOISTER_ANSWER_VECTORS_H

#include "runtime/answer.h"

/* As rt_answer_print. */
char *rt_answer_print_vectors(const struct rt_answer *answer, size_t *bytes);

#endif
