/* gemm_vbmi.c: integer products of few rows for AVX-512 VNNI with VBMI, whose byte permutation looks w4's codes up. Any thread. */
#include "kernels/integers_avx512.h"
#include "kernels/gemm_integer.h"

void kn_gemm_vbmi(struct kn_ops *ops)
{
    integer_fill(ops);
}
