/* question.h: the one message that a command is asked: -p TEXT or -f FILE. It is read before the site is opened, since nothing can be opened
 * after, and encoded behind the seal. One thread. */
#ifndef CLOISTER_QUESTION_H
#define CLOISTER_QUESTION_H

#include "runtime/site.h"

struct rt_question {
    const char *text, *file; /* as the command line gives them; at most one */
};

static inline int rt_question_asked(const struct rt_question *question)
{
    return question->text || question->file;
}

/* The text, 0-terminated; free it. */
RT_MUST_CHECK int rt_question_read(const struct rt_question *question, char **text, struct rt_error *error);
/* RT_EXIT_UNSUPPORTED where the site lacks what is needed to encode a message: a tokenizer and, unless it is taken raw, a chat template. */
RT_MUST_CHECK int rt_question_possible(const struct rt_site *site, const char *bundle, int raw, struct rt_error *error);
/* Token ids of the message in the bundle's chat template or, with raw, of the text as it is. Appends to *out. */
RT_MUST_CHECK int rt_question_encode(const struct rt_site *site, const char *text, int raw, struct rt_tokens *out, struct rt_error *error);

#endif
