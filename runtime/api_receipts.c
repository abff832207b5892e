/* api_receipts.c: see api_receipts.h; and GET /v1/receipts/ID itself. */
#include "runtime/api_receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/api_call.h"

static void keep(struct rt_receipt_ring *ring, const struct rt_answer *answer, struct rt_choice *choice, size_t index)
{
    char id[RT_ANSWER_ID_BYTES + 16], suffix[16] = "";
    struct rt_error ignored;
    if (rt_receipt_end(&choice->receipt, rt_job_result(choice->job), &ignored))
        return;
    memcpy(choice->receipt.logits, rt_job_logits(choice->job), sizeof choice->receipt.logits);
    if (index)
        snprintf(suffix, sizeof suffix, "-%zu", index);
    snprintf(id, sizeof id, "%s%s", answer->id, suffix);
    char *text = rt_receipt_print(&choice->receipt);
    if (text)
        rt_receipt_ring_add(ring, answer->terms.owner, id, text);
}

void rt_api_receipts_keep(struct rt_receipt_ring *ring, struct rt_answer *answer)
{
    for (size_t i = 0; i < answer->choice_count; i++)
        if (answer->choices[i].job && rt_job_state(answer->choices[i].job) == RT_JOB_DONE)
            keep(ring, answer, &answer->choices[i], i);
}

int rt_api_receipt(struct rt_api_call *call, struct rt_api_error *error)
{
    const char *text = rt_receipt_ring_find(call->at->receipts, call->owner->id, call->rest);
    if (!text)
        return rt_api_fail(error, 404, "not_found", NULL, "no receipt of yours with this id; only those of the last answers are kept");
    call->bytes = strlen(text);
    call->text = strdup(text);
    return call->text ? 0 : rt_api_fail(error, 503, NULL, NULL, "no memory for the receipt");
}
