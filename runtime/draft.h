/* draft.h: guesses the next tokens of a text from the text itself: where its last tokens stood before, what followed them then (prompt lookup
 * decoding, https://github.com/apoorvumang/prompt-lookup-decoding). How far a guess reaches follows how good the last ones were. One thread. */
#ifndef CLOISTER_DRAFT_H
#define CLOISTER_DRAFT_H

#include <stdint.h>

enum { RT_DRAFT_MAX = 15 };

struct rt_draft {   /* of one text; all 0 at its beginning */
    uint32_t reach; /* tokens of the next guess, at most; 0: not begun */
    uint32_t rest;  /* choices to come without a guess, since guesses have failed */
    uint32_t misses;
};

/* Guesses what follows text[0..count): writes up to `room` tokens to guess[] and returns how many. */
uint32_t rt_draft_guess(struct rt_draft *draft, const uint32_t *text, uint32_t count, uint32_t *guess, uint32_t room);
/* Of `guessed` tokens (more than 0) the first `right` were right. */
void rt_draft_judge(struct rt_draft *draft, uint32_t guessed, uint32_t right);

#endif
