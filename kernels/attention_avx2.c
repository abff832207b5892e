/* attention_avx2.c: attention.h for AVX2 and FMA. Any thread. */
#include "kernels/lanes_avx2.h"
#include "kernels/pairs_avx2.h"

#include "kernels/attention.h"

void kn_attention_avx2(struct kn_ops *ops)
{
    attention_fill(ops);
}
