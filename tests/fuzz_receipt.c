/* fuzz_receipt.c: rt_receipt_read on any text. What it takes reads back from what rt_receipt_print makes of it. */
#include <stdlib.h>
#include <string.h>

#include "runtime/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int same(const struct rt_receipt *a, const struct rt_receipt *b)
{
    return a->prompt.count == b->prompt.count && a->output.count == b->output.count && !memcmp(a->terms, b->terms, sizeof a->terms) &&
           !memcmp(a->logits, b->logits, sizeof a->logits) && !memcmp(&a->sampling, &b->sampling, sizeof a->sampling);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_receipt first = {0}, second = {0};
    struct rt_error error;
    if (rt_receipt_read(&first, (const char *)data, size, &error))
        return 0;
    char *text = rt_receipt_print(&first);
    if (!text || rt_receipt_read(&second, text, strlen(text), &error) || !same(&first, &second))
        abort();
    rt_receipt_close(&first);
    rt_receipt_close(&second);
    free(text);
    return 0;
}
