/* integer_finish.h: from exact sums to y (n1 §2, and §6's gate), written once over 16 outputs. Included after integers_<isa>.h. */
#ifndef CLOISTER_INTEGER_FINISH_H
#define CLOISTER_INTEGER_FINISH_H

#include "kernels/ops.h"

/* Sums without an offset to y: columns `column` … +15 of the panel, row m of the product. */
LANES_INLINE void finish_sums(const struct kn_finish *f, struct ints acc, size_t m, size_t column)
{
    float *at = f->y + m * f->ldy + column;
    struct lanes scale = lanes_mul(lanes_set(kn_finish_sx(f, m)), lanes_load(f->scale + column));
    struct lanes y = lanes_mul(ints_to_lanes(acc), scale);
    if (f->bias)
        y = lanes_add(y, lanes_load(f->bias + column));
    lanes_store(at, f->onto_gate ? lanes_silu_mul(lanes_load(at), y) : y);
}

/* Likewise for what ints_dot4 has summed up. */
LANES_INLINE void finish_dots(const struct kn_finish *f, struct ints acc, size_t m, size_t column)
{
    finish_sums(f, INTS_OFFSET ? ints_sub_scaled(acc, ints_load(f->sum + column)) : acc, m, column);
}

#endif
