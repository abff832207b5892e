/* gemm_vnni.c: integer products for AVX-512 VNNI. Any thread. */
#include "kernels/integers_avx512.h"
#include "kernels/gemm_integer.h"

void kn_gemm_vnni(struct kn_ops *ops)
{
    integer_fill(ops);
}
