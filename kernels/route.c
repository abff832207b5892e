/* route.c: which experts a token goes to (n1 §8). Knows nothing of what experts compute. Any thread. */
#include "kernels/kernels.h"

/* Puts expert e among the best so far, kept by falling weight; an equal weight stays behind the lower index. */
static size_t insert(uint16_t *ids, float *weights, size_t held, size_t top_k, uint16_t e, float weight)
{
    size_t i = held < top_k ? held : top_k - 1;
    if (held == top_k && !(weight > weights[i]))
        return held;
    for (; i > 0 && weight > weights[i - 1]; i--) {
        ids[i] = ids[i - 1];
        weights[i] = weights[i - 1];
    }
    ids[i] = e;
    weights[i] = weight;
    return held < top_k ? held + 1 : held;
}

static void sort_by_id(uint16_t *ids, float *weights, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint16_t id = ids[i];
        float weight = weights[i];
        size_t j = i;
        for (; j > 0 && ids[j - 1] > id; j--) {
            ids[j] = ids[j - 1];
            weights[j] = weights[j - 1];
        }
        ids[j] = id;
        weights[j] = weight;
    }
}

void kn_route_softmax(const struct kn_context *c, uint16_t *ids, float *weights, float *logits, size_t n, size_t top_k, int renormalise)
{
    kn_softmax(c, logits, n);
    size_t held = 0;
    for (size_t e = 0; e < n; e++)
        held = insert(ids, weights, held, top_k, (uint16_t)e, logits[e]);
    sort_by_id(ids, weights, held);
    float sum = 0;
    for (size_t i = 0; i < held; i++)
        sum += weights[i];
    for (size_t i = 0; i < held && renormalise; i++)
        weights[i] /= sum;
}
