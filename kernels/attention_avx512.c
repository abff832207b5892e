/* attention_avx512.c: attention.h for AVX-512. Any thread. */
#include "kernels/lanes_avx512.h"
#include "kernels/pairs_avx512.h"

#include "kernels/attention.h"

void kn_attention_avx512(struct kn_ops *ops)
{
    attention_fill(ops);
}
