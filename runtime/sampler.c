/* sampler.c: penalties, truncation and the draw, in this order: repeat, frequency and presence penalty, biases, what is allowed, temperature,
 * top_k, top_p, min_p, as transformers applies them. Sums are in double over candidates in a written order, so that the draw is the same
 * everywhere. */
#include "runtime/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"

struct candidate {
    float logit;
    uint32_t id;
};

struct rt_sampler {
    const struct kn_context *kernels;
    struct rt_sampling sampling; /* its biases are the sampler's */
    uint32_t vocab;
    uint8_t *seen;    /* [vocab] */
    uint32_t *counts; /* [vocab], how often the answer has a token; NULL: nobody asks */
};

struct rt_sampler_space {
    struct candidate *candidates; /* [vocab] */
    float *by_id;                 /* [vocab], what each token weighs */
    double *weights;              /* [vocab], of candidates */
    float *logits;                /* [vocab], changed ones */
};

static int copy_biases(struct rt_sampler *sampler)
{
    const struct rt_sampling *given = &sampler->sampling;
    if (!given->bias_count)
        return 0;
    struct rt_bias *biases = malloc(given->bias_count * sizeof *biases);
    if (biases)
        memcpy(biases, given->biases, given->bias_count * sizeof *biases);
    sampler->sampling.biases = biases;
    return biases ? 0 : -1;
}

int rt_sampler_open(struct rt_sampler **out, const struct kn_context *kernels, uint32_t vocab, const struct rt_sampling *sampling,
                    struct rt_error *error)
{
    *out = NULL;
    const int counted = sampling->frequency_penalty != 0 || sampling->presence_penalty != 0;
    struct rt_sampler *sampler = calloc(1, sizeof *sampler);
    if (!sampler)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to sample from %u tokens", vocab);
    sampler->kernels = kernels;
    sampler->sampling = *sampling;
    sampler->vocab = vocab;
    sampler->seen = calloc(vocab, 1);
    sampler->counts = counted ? calloc(vocab, sizeof *sampler->counts) : NULL;
    if (copy_biases(sampler) || !sampler->seen || (counted && !sampler->counts)) {
        rt_sampler_close(&sampler);
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to sample from %u tokens", vocab);
    }
    *out = sampler;
    return 0;
}

void rt_sampler_close(struct rt_sampler **sampler)
{
    if (!*sampler)
        return;
    if ((*sampler)->sampling.bias_count)
        free((void *)(*sampler)->sampling.biases);
    free((*sampler)->seen);
    free((*sampler)->counts);
    free(*sampler);
    *sampler = NULL;
}

int rt_sampler_space_open(struct rt_sampler_space **out, uint32_t vocab, struct rt_error *error)
{
    *out = NULL;
    RT_CLEAN(rt_sampler_space_close) struct rt_sampler_space *space = calloc(1, sizeof *space);
    if (space) {
        space->candidates = calloc(vocab, sizeof *space->candidates);
        space->weights = calloc(vocab, sizeof *space->weights);
        space->logits = calloc(vocab, sizeof *space->logits);
        space->by_id = calloc(vocab, sizeof *space->by_id);
    }
    if (!space || !space->candidates || !space->by_id || !space->weights || !space->logits)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to sample from %u tokens", vocab);
    *out = RT_MOVE(space);
    return 0;
}

void rt_sampler_space_close(struct rt_sampler_space **space)
{
    if (!*space)
        return;
    free((*space)->candidates);
    free((*space)->weights);
    free((*space)->logits);
    free((*space)->by_id);
    free(*space);
    *space = NULL;
}

void rt_sampler_see(struct rt_sampler *sampler, uint32_t id)
{
    if (id < sampler->vocab)
        sampler->seen[id] = 1;
}

void rt_sampler_answer(struct rt_sampler *sampler, uint32_t id)
{
    rt_sampler_see(sampler, id);
    if (id < sampler->vocab && sampler->counts)
        sampler->counts[id]++;
}

static void penalise_repeats(const struct rt_sampler *sampler, float *logits)
{
    float penalty = sampler->sampling.repeat_penalty;
    if (penalty == 1)
        return;
    for (uint32_t i = 0; i < sampler->vocab; i++)
        if (sampler->seen[i])
            logits[i] = logits[i] < 0 ? logits[i] * penalty : logits[i] / penalty;
}

static void penalise_counts(const struct rt_sampler *sampler, float *logits)
{
    if (!sampler->counts)
        return;
    for (uint32_t i = 0; i < sampler->vocab; i++)
        if (sampler->counts[i]) {
            logits[i] -= (float)sampler->counts[i] * sampler->sampling.frequency_penalty;
            logits[i] -= sampler->sampling.presence_penalty;
        }
}

static void add_biases(const struct rt_sampler *sampler, float *logits)
{
    for (uint32_t i = 0; i < sampler->sampling.bias_count; i++)
        if (sampler->sampling.biases[i].id < sampler->vocab)
            logits[sampler->sampling.biases[i].id] += sampler->sampling.biases[i].amount;
}

static void forbid(const struct rt_sampler *sampler, float *logits, const uint32_t *allowed)
{
    for (uint32_t i = 0; allowed && i < sampler->vocab; i++)
        if (!(allowed[i / 32] >> i % 32 & 1))
            logits[i] = -INFINITY;
}

static uint32_t largest(const float *logits, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* ---- a heap whose first element comes first: the larger logit, then the lower id ---- */

static int comes_first(struct candidate a, struct candidate b)
{
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

static void sift_down(struct candidate *heap, size_t count, size_t at)
{
    struct candidate moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && comes_first(heap[child + 1], heap[child]))
            child++;
        if (!comes_first(heap[child], moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* Takes the first element out and puts it behind the shrunken heap. */
static struct candidate pop(struct candidate *heap, size_t *count)
{
    struct candidate first = heap[0];
    heap[0] = heap[--*count];
    heap[*count] = first;
    sift_down(heap, *count, 0);
    return first;
}

/* ---- the draw ---- */

/* What is not allowed weighs nothing: exp(-infinity) is 0. */
static void weigh(const struct rt_sampler *sampler, struct rt_sampler_space *space, const float *logits)
{
    kn_weigh(sampler->kernels, space->by_id, logits, sampler->vocab, logits[largest(logits, sampler->vocab)],
             sampler->sampling.temperature);
}

static double sum_of_all(const struct rt_sampler_space *space, uint32_t vocab)
{
    double sum = 0;
    for (uint32_t i = 0; i < vocab; i++)
        sum += (double)space->by_id[i];
    return sum;
}

double rt_sampler_space_sum(struct rt_sampler_space *space, const struct kn_context *kernels, const float *logits, uint32_t vocab,
                            float top)
{
    kn_weigh(kernels, space->by_id, logits, vocab, top, 1);
    return sum_of_all(space, vocab);
}

/* The first of n candidates whose running sum passes the random share of the total; rounding may leave it to the last that weighs anything. */
static size_t draw(const double *weights, size_t n, double total, double random)
{
    double sum = 0, target = random * total;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weights[i];
        if (sum > target)
            return i;
        last = weights[i] > 0 ? i : last;
    }
    return last;
}

static uint32_t draw_from_all(const struct rt_sampler *sampler, struct rt_sampler_space *space, double random)
{
    for (uint32_t i = 0; i < sampler->vocab; i++)
        space->weights[i] = (double)space->by_id[i];
    return (uint32_t)draw(space->weights, sampler->vocab, sum_of_all(space, sampler->vocab), random);
}

/* How many of the n leading candidates top_p and min_p leave; total becomes their sum. */
static size_t truncate_tail(const struct rt_sampling *sampling, const double *weights, size_t n, double *total)
{
    double sum = 0;
    size_t kept = 0;
    while (kept < n && (kept == 0 || (sum < (double)sampling->top_p * *total && weights[kept] >= (double)sampling->min_p * weights[0])))
        sum += weights[kept++];
    *total = sum;
    return kept;
}

static uint32_t draw_from_first(const struct rt_sampler *sampler, struct rt_sampler_space *space, const float *logits, double random)
{
    const struct rt_sampling *sampling = &sampler->sampling;
    struct candidate *heap = space->candidates;
    size_t in_heap = sampler->vocab, limit = sampling->top_k && sampling->top_k < sampler->vocab ? sampling->top_k : sampler->vocab;
    const double all = limit == sampler->vocab ? sum_of_all(space, sampler->vocab) : 0;
    double taken = 0;
    for (uint32_t i = 0; i < sampler->vocab; i++)
        heap[i] = (struct candidate){logits[i], i};
    for (size_t i = in_heap / 2; i-- > 0;)
        sift_down(heap, in_heap, i);
    size_t n = 0;
    for (; n < limit; n++) {
        if (limit == sampler->vocab && n > 0 && taken >= (double)sampling->top_p * all)
            break; /* the rest of the vocabulary need not be sorted */
        double weight = (double)space->by_id[pop(heap, &in_heap).id];
        if (limit == sampler->vocab && n > 0 && weight < (double)sampling->min_p)
            break; /* the first weight is 1 */
        taken += space->weights[n] = weight;
    }
    double total = limit == sampler->vocab ? all : taken;
    size_t kept = truncate_tail(sampling, space->weights, n, &total);
    return heap[sampler->vocab - 1 - draw(space->weights, kept, total, random)].id;
}

/* What is chosen from: the logits themselves, or a changed copy. */
static const float *change(const struct rt_sampler *sampler, struct rt_sampler_space *space, const float *logits, const uint32_t *allowed)
{
    if (sampler->sampling.repeat_penalty == 1 && !sampler->counts && !sampler->sampling.bias_count && !allowed)
        return logits;
    memcpy(space->logits, logits, sampler->vocab * sizeof *logits);
    penalise_repeats(sampler, space->logits);
    penalise_counts(sampler, space->logits);
    add_biases(sampler, space->logits);
    forbid(sampler, space->logits, allowed);
    return space->logits;
}

uint32_t rt_sampler_pick(const struct rt_sampler *sampler, struct rt_sampler_space *space, const float *logits, const uint32_t *allowed,
                         uint64_t position)
{
    const struct rt_sampling *sampling = &sampler->sampling;
    logits = change(sampler, space, logits, allowed);
    if (sampling->temperature <= 0)
        return largest(logits, sampler->vocab);
    const double random = kn_random(sampling->seed, position);
    weigh(sampler, space, logits);
    if (!sampling->top_k && sampling->top_p >= 1 && sampling->min_p <= 0)
        return draw_from_all(sampler, space, random);
    return draw_from_first(sampler, space, logits, random);
}
