/* receipt_ring.h: the receipts of the last answers, for whoever asked for them. Bounded in number and bytes: the oldest go first. One thread. */
#ifndef CLOISTER_RECEIPT_RING_H
#define CLOISTER_RECEIPT_RING_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

struct rt_receipt_ring;

RT_MUST_CHECK int rt_receipt_ring_open(struct rt_receipt_ring **out, uint32_t count, size_t bytes, struct rt_error *error);
void rt_receipt_ring_close(struct rt_receipt_ring **ring);
/* Takes the text, which free() frees; one that is too large by itself is not kept. */
void rt_receipt_ring_add(struct rt_receipt_ring *ring, uint64_t owner, const char *id, char *text);
/* NULL where there is none, or it is another's. Valid until the next call. */
const char *rt_receipt_ring_find(const struct rt_receipt_ring *ring, uint64_t owner, const char *id);

#endif
