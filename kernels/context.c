/* context.c: chooses the operations of one process and forwards kernels.h's calls to them. Knows no arithmetic. kn_context_open and
 * _close are called by one thread; the rest by any. */
#include "kernels/brgemm.h"
#include "kernels/kv_page.h"
#include "kernels/ops.h"

#include <stdlib.h>
#include <string.h>

struct kn_context {
    enum kn_isa isa;
    struct kn_ops ops;
    struct kn_brgemm *brgemm; /* NULL where the instruction set has no use for it */
};

void kn_ops_fill(struct kn_ops *ops, enum kn_isa isa)
{
    kn_reference_rows(ops);
    kn_reference_attention(ops);
    kn_reference_gemm(ops);
    if (isa >= KN_AVX2) {
        kn_rows_avx2(ops);
        kn_attention_avx2(ops);
        kn_gemm_avx2(ops);
        kn_many_avx2(ops);
    }
    if (isa >= KN_AVX512) {
        kn_rows_avx512(ops);
        kn_attention_avx512(ops);
        kn_gemm_avx512(ops);
        kn_many_avx512(ops);
    }
    if (isa >= KN_VNNI) {
        kn_gemm_vnni(ops);
        kn_many_vnni(ops);
    }
}

int kn_context_open(struct kn_context **out, enum kn_isa isa, const size_t *k, size_t count)
{
    *out = NULL;
    if (isa > kn_isa_best(kn_cpu()))
        return KN_E_UNSUPPORTED;
    struct kn_context *c = calloc(1, sizeof *c);
    if (!c)
        return KN_E_MEMORY;
    c->isa = isa;
    kn_ops_fill(&c->ops, isa);
    int status = isa >= KN_AMX ? kn_brgemm_open(&c->brgemm, k, count) : KN_OK;
    if (status < 0) {
        free(c);
        return status;
    }
    *out = c;
    return KN_OK;
}

void kn_context_close(struct kn_context **context)
{
    if (!*context)
        return;
    kn_brgemm_close(&(*context)->brgemm);
    free(*context);
    *context = NULL;
}

enum kn_isa kn_context_isa(const struct kn_context *context)
{
    return context->isa;
}

void kn_thread_enter(const struct kn_context *context)
{
    if (context->brgemm)
        kn_brgemm_thread_enter(context->brgemm);
}

void kn_thread_leave(const struct kn_context *context)
{
    if (context->brgemm)
        kn_brgemm_thread_leave(context->brgemm);
}

size_t kn_scratch_bytes(const struct kn_context *context, size_t k_max, size_t head_dim_max, size_t group_max)
{
    size_t gemm = kn_gemm_scratch(k_max), brgemm = context->brgemm ? kn_brgemm_scratch(context->brgemm, k_max) : 0;
    size_t attention = kn_attention_scratch(group_max, head_dim_max);
    size_t most = gemm > brgemm ? gemm : brgemm;
    return kn_pad(most > attention ? most : attention);
}

void kn_gated(const struct kn_context *c, const struct kn_gated *g, size_t panel0, size_t panel1)
{
    const struct kn_matrix *w = g->gate.w;
    if (w->format == KN_BF16)
        c->ops.gemm_bf16(g, panel0, panel1);
    else if (c->brgemm && kn_brgemm_takes(c->brgemm, &g->gate))
        kn_brgemm_gemm(c->brgemm, &c->ops, g, panel0, panel1);
    else if (g->gate.m >= (w->format == KN_W4 ? c->ops.many_from_w4 : c->ops.many_from_w8))
        c->ops.many(g, panel0, panel1);
    else if (w->format == KN_W4)
        c->ops.few_w4(g, panel0, panel1);
    else
        c->ops.few_w8(g, panel0, panel1);
}

void kn_gemm(const struct kn_context *c, const struct kn_gemm *g, size_t panel0, size_t panel1)
{
    kn_gated(c, &(struct kn_gated){.gate = *g}, panel0, panel1);
}

void kn_quantize(const struct kn_context *c, int8_t *q, float *scale, const float *x, size_t n)
{
    c->ops.quantize(q, scale, x, n);
}

void kn_rms_norm(const struct kn_context *c, float *y, const float *x, const float *weight, size_t n, float eps)
{
    c->ops.rms_norm(y, x, weight, n, eps);
}

void kn_add(const struct kn_context *c, float *y, const float *x, size_t n)
{
    c->ops.add(y, x, n);
}

void kn_axpy(const struct kn_context *c, float *y, float a, const float *x, size_t n)
{
    c->ops.axpy(y, a, x, n);
}

void kn_scale(const struct kn_context *c, float *y, float a, size_t n)
{
    c->ops.scale(y, a, n);
}

void kn_silu_mul(const struct kn_context *c, float *y, const float *gate, const float *up, size_t n)
{
    c->ops.silu_mul(y, gate, up, n);
}

void kn_weigh(const struct kn_context *c, float *y, const float *x, size_t n, float top, float temperature)
{
    c->ops.weigh(y, x, n, top, temperature);
}

void kn_softmax(const struct kn_context *c, float *x, size_t n)
{
    c->ops.softmax(x, n);
}

void kn_bf16_from_f32(const struct kn_context *c, uint16_t *y, const float *x, size_t n)
{
    c->ops.bf16_from_f32(y, x, n);
}

void kn_f32_from_bf16(const struct kn_context *c, float *y, const uint16_t *x, size_t n)
{
    c->ops.f32_from_bf16(y, x, n);
}

void kn_rope_half(const struct kn_context *c, float *x, const float *cs, size_t half)
{
    c->ops.rope_half(x, cs, half);
}

void kn_kv_store_key(const struct kn_context *c, enum kn_kv kv, void *keys, size_t slot, const float *x, size_t k_dim)
{
    kn_page_store_key(&c->ops, kv, keys, slot, x, k_dim);
}

void kn_kv_store_value(const struct kn_context *c, enum kn_kv kv, void *values, size_t slot, const float *x, size_t v_dim)
{
    kn_page_store_value(&c->ops, kv, values, slot, x, v_dim);
}

void kn_attention(const struct kn_context *c, const struct kn_attention *a)
{
    kn_tile_attend(&c->ops, a);
}

void kn_attention_blocks(const struct kn_context *c, const struct kn_attention *a, void *parts, size_t first, size_t last)
{
    kn_tile_blocks(&c->ops, a, parts, first, last);
}

void kn_attention_merge(const struct kn_context *c, const struct kn_attention *a, void *parts, size_t row0, size_t row1)
{
    kn_tile_merge(&c->ops, a, parts, row0, row1);
}
