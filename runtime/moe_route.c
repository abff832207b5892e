/* moe_route.c: the router of a mixture of experts, and the counting sort of its choices. Run by all workers together; each sorts for itself,
 * which costs it less than a barrier. */
#include <string.h>

#include "runtime/moe_parts.h"

/* Router logits of rows [first, last). The matrix is small, and whole on every node. */
static void router_logits(const struct rt_engine *e, unsigned worker, const struct rt_moe *part, const struct rt_rows *in, size_t first,
                          size_t last, float *y)
{
    struct rt_product router = {&part->router, NULL, last, y, e->widths.experts};
    struct kn_gemm gemm = rt_gemm(e, worker, &router, in, &(struct rt_rect){.row0 = first, .row1 = last});
    if (first < last)
        kn_gemm(e->kernels, &gemm, 0, kn_panels(part->experts));
}

static void choose(const struct rt_engine *e, const struct rt_moe *part, const struct rt_choice *choice, size_t first, size_t last)
{
    for (size_t row = first; row < last; row++)
        kn_route_softmax(e->kernels, choice->ids + row * part->top_k, choice->weights + row * part->top_k,
                         choice->logits + row * e->widths.experts, part->experts, part->top_k, part->renormalise);
}

/* Few rows: every worker routes all of them. A router of several panels takes long enough to be shared out; then each goes on with a copy,
 * since the softmax is done in place. */
static const struct rt_choice *route_alone(const struct rt_engine *e, unsigned worker, const struct rt_moe *part, const struct rt_rows *in,
                                           size_t rows)
{
    const struct rt_choice *choice = &e->own[worker].choice;
    if (kn_panels(part->experts) == 1) {
        router_logits(e, worker, part, in, 0, rows, choice->logits);
    } else {
        rt_products(e, worker, &(struct rt_product){&part->router, NULL, rows, e->choice.logits, e->widths.experts}, 1, in);
        rt_meet(e, worker);
        memcpy(choice->logits, e->choice.logits, rows * e->widths.experts * sizeof *choice->logits);
    }
    choose(e, part, choice, 0, rows);
    return choice;
}

static const struct rt_choice *route_share(const struct rt_engine *e, unsigned worker, const struct rt_moe *part, const struct rt_rows *in,
                                           size_t rows)
{
    size_t first, last;
    rt_workers_share(e->workers, worker, rows, &first, &last); /* the rows that this worker has just normed */
    router_logits(e, worker, part, in, first, last, e->choice.logits);
    choose(e, part, &e->choice, first, last);
    rt_meet(e, worker);
    return &e->choice;
}

static void sort_by_expert(struct rt_uses *uses, const struct rt_choice *choice, const struct rt_moe *part, size_t rows)
{
    uint32_t at[KN_EXPERTS_MAX] = {0}, sum = 0;
    size_t total = rows * part->top_k;
    for (size_t i = 0; i < total; i++)
        at[choice->ids[i]]++;
    uses->active = 0;
    for (uint32_t x = 0; x < part->experts; x++) {
        uint32_t count = at[x];
        at[x] = sum;
        if (count) {
            uses->expert[uses->active] = (uint16_t)x;
            uses->start[uses->active++] = sum;
        }
        sum += count;
    }
    uses->start[uses->active] = sum;
    for (size_t i = 0; i < total; i++) {
        uint32_t place = at[choice->ids[i]]++;
        uses->row[place] = (uint32_t)(i / part->top_k);
        uses->weight[place] = choice->weights[i];
    }
}

const struct rt_uses *rt_moe_route(const struct rt_engine *e, unsigned worker, const struct rt_moe *part, const struct rt_rows *in,
                                   size_t rows)
{
    struct rt_uses *uses = &e->own[worker].uses;
    rt_enter(e, worker, RT_PART_ROUTER);
    const struct rt_choice *choice = (in->shared ? route_share : route_alone)(e, worker, part, in, rows);
    sort_by_expert(uses, choice, part, rows);
    return uses;
}
