/* chat.h: a conversation in the terminal, or line by line from a pipe. Main thread. */
#ifndef CLOISTER_CHAT_H
#define CLOISTER_CHAT_H

#include "runtime/options.h"
#include "runtime/site.h"
#include "runtime/sampler.h"

struct rt_chat_settings {
    struct rt_sampling sampling;
    uint32_t max_new; /* tokens of one answer, at most; the context is the other limit */
    struct rt_text_list stops;
};

/* Reads lines until Ctrl-D, /quit or two Ctrl-C at the prompt. The site has a chat template. */
RT_MUST_CHECK int rt_chat(struct rt_site *site, const struct rt_chat_settings *settings, struct rt_error *error);

#endif
