/* receipt_of.h: the receipt of an answer of this site. One thread. */
#ifndef CLOISTER_RECEIPT_OF_H
#define CLOISTER_RECEIPT_OF_H

#include "runtime/generate.h"
#include "runtime/receipt.h"

/* Before the answer: fills in all but the output. receipt->logits is where the answer's chain begins (rt_request.logits_chain). keep_prompt: the
 * prompt's token ids go into the receipt. grammar may be NULL. */
RT_MUST_CHECK int rt_receipt_begin(struct rt_receipt *receipt, const struct rt_site *site, const struct rt_sampling *sampling,
                                   const struct rt_grammar *grammar, const struct rt_tokens *prompt, enum rt_prompt_form form,
                                   int keep_prompt, struct rt_error *error);
/* After it: the output. */
RT_MUST_CHECK int rt_receipt_end(struct rt_receipt *receipt, const struct rt_result *result, struct rt_error *error);

#endif
