/* replay.h: computes an answer again that a receipt tells of. All its tokens are known, so they are read like a prompt, many in a step: a bundle's
 * bits do not depend on that. One thread. */
#ifndef CLOISTER_REPLAY_H
#define CLOISTER_REPLAY_H

#include "runtime/receipt.h"
#include "runtime/site.h"

/* The site holds the receipt's bundle, an engine with logits for every row of a step, and room for the prompt and the output; `prompt` is what
 * the receipt was made with. 0: every token is what the receipt says, and so are the logits. RT_EXIT_TRUST names the first token that differs,
 * or says that only the logits do. `path` is for messages. */
RT_MUST_CHECK int rt_replay(struct rt_site *site, const struct rt_receipt *receipt, const struct rt_tokens *prompt, const char *path,
                            struct rt_error *error);

#endif
