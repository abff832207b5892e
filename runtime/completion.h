/* completion.h: one answer as it grows: what is chosen from logits, its text, and what ends it. Whoever has logits asks for the next token; where
 * they come from, and for whom, it does not know. One thread at a time; nothing is allocated from token to token, but for unusually long texts.
 * What has been shown never changes or moves, so that another thread can read along (rt_completion_shown). */
#ifndef CLOISTER_COMPLETION_H
#define CLOISTER_COMPLETION_H

#include <stdatomic.h>

#include "runtime/grammar.h"
#include "runtime/site.h"

enum { RT_TOP_LOGPROBS_MAX = 20, RT_STOP_TEXTS_MAX = 16, RT_STOP_BYTES_MAX = 1024 };

struct rt_completion_terms { /* what is asked */
    uint32_t max_new;
    struct rt_sampling sampling;
    const char *const *stops; /* texts that end the answer and are not part of it; copied */
    size_t stop_count;
    struct rt_grammar *grammar; /* the answer follows it; shared; NULL: any text. The site has token_bytes then */
    int logprobs;               /* of each token, and of so many of the likeliest beside it; RT_NO_LOGPROBS: none */
    uint8_t *logits_chain;      /* takes in the logits of every choice (rt_logits_chain); NULL: nobody asks */
    int keep_special;           /* the text shows special tokens too */
};
enum { RT_NO_LOGPROBS = -1 };

enum rt_finish { RT_FINISH_STOP, RT_FINISH_LENGTH, RT_FINISH_CANCELLED };

struct rt_result { /* rt_result_close frees */
    char *text;
    size_t text_bytes, text_room;
    struct rt_tokens tokens; /* generated ones, without the end token */
    uint32_t prompt_tokens;
    enum rt_finish finish;
    int64_t end_token; /* the one that ended it; -1: none did */
    double prefill_s, decode_s;
};
void rt_result_close(struct rt_result *result);

struct rt_logprob {
    uint32_t id;
    float logprob; /* natural logarithm, under the model alone: before penalties and temperature */
};

struct rt_completion;

/* prompt_tokens: how many its sequence holds before the answer. */
RT_MUST_CHECK int rt_completion_open(struct rt_completion **out, const struct rt_site *site, const struct rt_completion_terms *terms,
                                     uint32_t prompt_tokens, struct rt_error *error);
void rt_completion_close(struct rt_completion **completion);

void rt_completion_see(struct rt_completion *completion, const uint32_t *prompt, size_t count); /* tokens of the prompt */
/* The next token, from the logits behind the last one. 0: the answer goes on with *id; 1: it has ended; -1: no memory. */
RT_MUST_CHECK int rt_completion_next(struct rt_completion *completion, struct rt_sampler_space *space, const float *logits, uint32_t *id,
                                     struct rt_error *error);
/* Ends it early; -1: no memory for the last bytes of its text. */
RT_MUST_CHECK int rt_completion_end(struct rt_completion *completion, enum rt_finish finish, struct rt_error *error);

/* Text that may be shown: what could still become a stop, or is half a character, is held back. Any thread, also while the answer grows. */
const char *rt_completion_shown(const struct rt_completion *completion, size_t *bytes);
/* Tokens so far; each has, by its index, what was shown when it had come, its logprob and those of the likeliest. Any thread. */
uint32_t rt_completion_tokens(const struct rt_completion *completion);
struct rt_completion_token {
    uint32_t id;
    size_t text_end; /* bytes of the text with this token, shown or held back */
    float logprob;
    const struct rt_logprob *top; /* [terms.logprobs], likeliest first */
};
struct rt_completion_token rt_completion_token(const struct rt_completion *completion, uint32_t i);
/* After its end. */
struct rt_result *rt_completion_result(struct rt_completion *completion);

#endif
