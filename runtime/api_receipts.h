/* api_receipts.h: an answer's receipts, kept for GET /v1/receipts/ID. The server's thread. */
#ifndef CLOISTER_API_RECEIPTS_H
#define CLOISTER_API_RECEIPTS_H

#include "runtime/answer.h"
#include "runtime/receipt_ring.h"

/* Once every choice is done. The first choice's has the answer's id, choice 1 has ID-1 and so on. Without memory, none is kept. */
void rt_api_receipts_keep(struct rt_receipt_ring *ring, struct rt_answer *answer);

#endif
