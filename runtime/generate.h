/* generate.h: prompts in, text out, on a loaded site. One thread. */
#ifndef CLOISTER_GENERATE_H
#define CLOISTER_GENERATE_H

#include "runtime/completion.h"

struct rt_request {
    const uint32_t *prompt; /* tokens to append to the sequence before generating; at least 1 */
    uint32_t prompt_count;
    uint32_t max_new;
    struct rt_sampling sampling;
    const char *const *stops; /* texts that end the answer and are not part of it */
    size_t stop_count;
    /* Called with each new piece of text; returns non-zero to stop. */
    int (*emit)(void *user, const char *text, size_t bytes);
    /* Asked between steps, prefill included; returns non-zero to stop. May be NULL. */
    int (*cancelled)(void *user);
    void *user;
    uint8_t *logits_chain; /* takes in the logits of every choice (rt_logits_chain); NULL: nobody asks */
};

/* Appends the prompt to the sequence, then one token after another. Of the generated tokens the last may not be in the sequence's cache yet:
 * rt_sequence_length tells. */
RT_MUST_CHECK int rt_generate(struct rt_site *site, struct rt_sequence *sequence, const struct rt_request *request, struct rt_result *out,
                              struct rt_error *error);
#endif
