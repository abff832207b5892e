/* draft.c: see draft.h. */
#include "runtime/draft.h"

#include <string.h>

enum {
    LONGEST = 4,  /* last tokens that must have stood before: so many, */
    SHORTEST = 2, /* or fewer down to these */
    FIRST_REACH = 3,
    REST_MAX = 64,
};

/* Where the last n tokens stand before the end, the latest place: the index behind them; 0: nowhere. */
static uint32_t find_before(const uint32_t *text, uint32_t count, uint32_t n)
{
    const uint32_t *last = text + count - n;
    for (uint32_t at = count - n; at-- > 0;)
        if (text[at] == last[0] && !memcmp(text + at, last, n * sizeof *text))
            return at + n;
    return 0;
}

uint32_t rt_draft_guess(struct rt_draft *draft, const uint32_t *text, uint32_t count, uint32_t *guess, uint32_t room)
{
    if (!draft->reach)
        draft->reach = FIRST_REACH;
    if (draft->rest) {
        draft->rest--;
        return 0;
    }
    uint32_t from = 0;
    for (uint32_t n = LONGEST; n >= SHORTEST && !from; n--)
        from = count > n ? find_before(text, count, n) : 0;
    uint32_t most = from ? count - from : 0;
    most = most < draft->reach ? most : draft->reach;
    most = most < room ? most : room;
    memcpy(guess, text + from, most * sizeof *guess);
    return most;
}

void rt_draft_judge(struct rt_draft *draft, uint32_t guessed, uint32_t right)
{
    if (right == guessed) {
        draft->reach = draft->reach * 2 < RT_DRAFT_MAX ? draft->reach * 2 : RT_DRAFT_MAX;
        draft->misses = 0;
        return;
    }
    draft->reach = right + 1;
    draft->misses = right ? 0 : draft->misses + 1;
    if (draft->misses > 1) /* after the second miss in a row ever longer */
        draft->rest = draft->misses < 6 ? 1u << draft->misses : REST_MAX;
}
