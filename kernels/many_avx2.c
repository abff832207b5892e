/* many_avx2.c: integer products of many rows for AVX2. Any thread. */
#include "kernels/integers_avx2.h"
#include "kernels/many_integer.h"

void kn_many_avx2(struct kn_ops *ops)
{
    ops->many = many;
    ops->many_from_w8 = 2; /* measured, as in many_integer.h */
    ops->many_from_w4 = 2;
}
