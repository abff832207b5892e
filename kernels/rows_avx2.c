/* rows_avx2.c: rows.h for AVX2 and FMA. Any thread. */
#include "kernels/lanes_avx2.h"
#include "kernels/rows.h"

void kn_rows_avx2(struct kn_ops *ops)
{
    rows_fill(ops);
}
