/* rows_avx512.c: rows.h for AVX-512. Any thread. */
#include "kernels/lanes_avx512.h"
#include "kernels/rows.h"

void kn_rows_avx512(struct kn_ops *ops)
{
    rows_fill(ops);
}
