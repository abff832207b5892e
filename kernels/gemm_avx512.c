/* gemm_avx512.c: matrix products for AVX-512 without VNNI. Any thread. */
#include "kernels/integers_avx512.h"
#include "kernels/gemm_bf16.h"
#include "kernels/gemm_integer.h"
#include "kernels/try_w4.h"

void kn_gemm_avx512(struct kn_ops *ops)
{
    integer_fill(ops);
    ops->gemm_bf16 = gemm_bf16;
    ops->try_w4 = try_w4;
}
