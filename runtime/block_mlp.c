/* block_mlp.c: the gated feed-forward block, down(act(gate(x)) · up(x)). Run by all workers together. */
#include "runtime/block_ops.h"

void rt_block_mlp(const struct rt_engine *e, unsigned worker, uint32_t layer, uint32_t index, const struct rt_live *live)
{
    const struct rt_block *block = rt_block_of(e->own[worker].node, layer, index);
    const struct rt_mlp *part = &block->mlp;
    struct rt_rows in = rt_norm_rows(e, worker, &block->norm_in, live, rt_quantised(&part->gate.w));
    rt_meet_for(e, worker, &in);
    rt_enter(e, worker, RT_PART_EXPERTS);
    struct rt_product gate = {&part->gate, NULL, live->count, e->inner.f32, e->inner.f32_ld};
    struct rt_rects rects = rt_share(e, worker, part->inner, live->count);
    rt_gated(e, worker, &gate, &part->up, &in, &rects);
    rt_meet(e, worker);
    struct rt_rows inner = rt_quantize_rows(e, worker, &e->inner, live->count, part->inner, rt_quantised(&part->down.w));
    rt_enter(e, worker, RT_PART_EXPERTS);
    rt_products(e, worker, &(struct rt_product){&part->down, NULL, live->count, e->mixed, e->widths.hidden}, 1, &inner);
    rt_add_to_residual(e, worker, block, live);
}
