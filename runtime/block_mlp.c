/* block_mlp.c: the gated feed-forward block, down(act(gate(x)) · up(x)). Run by all workers together. */
#include "runtime/block_ops.h"

void rt_block_mlp(const struct rt_engine *e, unsigned worker, const struct rt_block *block)
{
    const struct rt_mlp *part = &block->mlp;
    uint32_t rows = e->row_count;
    rt_norm_rows(e, worker, &block->norm_in, &e->in, rt_quantised(&part->gate.w) || rt_quantised(&part->up.w));
    rt_workers_wait(e->workers, worker);
    rt_product(e, worker, &part->gate.w, part->gate.bias, &e->in, 0, rows, e->inner.f32, e->inner.f32_ld);
    rt_product(e, worker, &part->up.w, part->up.bias, &e->in, 0, rows, e->up, e->inner.f32_ld);
    rt_activate(e, worker, part->inner, e->inner.f32, e->up, e->inner.f32_ld, 0, rows);
    rt_workers_wait(e->workers, worker);
    if (rt_quantised(&part->down.w)) {
        rt_quantize_rows(e, worker, &e->inner, rows, part->inner);
        rt_workers_wait(e->workers, worker);
    }
    rt_product(e, worker, &part->down.w, part->down.bias, &e->inner, 0, rows, e->mixed, e->widths.hidden);
    rt_add_to_residual(e, worker, block);
}
