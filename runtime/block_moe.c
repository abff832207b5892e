/* block_moe.c: a mixture of experts. Every row is routed, rows are sorted by expert, and each active expert runs once over all of its rows.
 * The panels of all active experts form one list that is shared out, so that a small expert leaves nobody idle. Run by all workers
 * together. */
#include "runtime/moe_parts.h"

static void gate_and_up(const struct rt_engine *e, unsigned worker, const struct rt_moe *part, const struct rt_rows *in,
                        const struct rt_uses *uses)
{
    size_t total = 0, ld = e->expert_inner.f32_ld;
    for (uint32_t i = 0; i < uses->active; i++)
        total += rt_share_cost(e, worker, part->inner, rt_uses_of(uses, i));
    struct rt_cut cut = rt_share_start(e, worker, total);
    for (uint32_t i = 0; i < uses->active && cut.passed < cut.to; i++) {
        struct rt_rects rects = rt_share_next(e, worker, &cut, part->inner, rt_uses_of(uses, i));
        struct rt_linear gate = rt_expert(&part->gate, part->gate_stride, uses->expert[i]);
        struct rt_linear up = rt_expert(&part->up, part->up_stride, uses->expert[i]);
        struct rt_product product = {&gate, uses->row + uses->start[i], rt_uses_of(uses, i), e->expert_inner.f32 + uses->start[i] * ld, ld};
        rt_gated(e, worker, &product, &up, in, &rects);
    }
}

void rt_block_moe(const struct rt_engine *e, unsigned worker, uint32_t layer, uint32_t index, const struct rt_live *live)
{
    const struct rt_block *block = rt_block_of(e->own[worker].node, layer, index);
    const struct rt_moe *part = &block->moe;
    struct rt_rows in = rt_norm_rows(e, worker, &block->norm_in, live, rt_quantised(&part->gate));
    const struct rt_uses *uses = rt_moe_route(e, worker, part, &in, live->count);
    e->own[worker].clock.experts += uses->active;
    rt_enter(e, worker, RT_PART_EXPERTS);
    gate_and_up(e, worker, part, &in, uses);
    rt_meet(e, worker);
    struct rt_rows inner = rt_quantize_rows(e, worker, &e->expert_inner, (size_t)live->count * part->top_k, part->inner,
                                            rt_quantised(&part->down));
    rt_enter(e, worker, RT_PART_EXPERTS);
    rt_moe_down(e, worker, part, &inner, uses, live->count);
    rt_add_to_residual(e, worker, block, live);
}
