/* many_avx512.c: integer products of many rows for AVX-512 without VNNI. Any thread. */
#include "kernels/integers_avx512.h"
#include "kernels/many_integer.h"

void kn_many_avx512(struct kn_ops *ops)
{
    ops->many = many;
    ops->many_from_w8 = 5; /* estimated: more than gemm_integer.h takes at a time */
    ops->many_from_w4 = 5;
}
