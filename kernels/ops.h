/* ops.h: the table of operations. Private to kernels/. Each function has the meaning of its kn_ namesake in kernels.h; the
 * reference fills every entry, and each instruction set's files then replace those they do faster. */
#ifndef CLOISTER_OPS_H
#define CLOISTER_OPS_H

#include "kernels/kernels.h"
#include "kernels/ladder.h"

/* A block of integer sums, rows × 64, to be scaled and stored. */
struct kn_finish {
    const int32_t *acc;
    const int32_t *sum; /* [64], taken off 128 times where x went in as u8 = x + 128; or NULL */
    const float *scale; /* [64] */
    const float *sx;    /* [rows] */
    const float *bias;  /* [64] or NULL */
    float *y;
    size_t ldy, rows;
};

struct kn_ops {
    void (*quantize)(int8_t *q, float *scale, const float *x, size_t n);
    void (*rms_norm)(float *y, const float *x, const float *weight, size_t n, float eps);
    void (*add)(float *y, const float *x, size_t n);
    void (*axpy)(float *y, float a, const float *x, size_t n);
    void (*scale)(float *y, float a, size_t n);
    void (*silu_mul)(float *y, const float *gate, const float *up, size_t n);
    void (*softmax)(float *x, size_t n);
    void (*bf16_from_f32)(uint16_t *y, const float *x, size_t n);
    void (*f32_from_bf16)(float *y, const uint16_t *x, size_t n);
    void (*rope_half)(float *x, const float *cs, size_t half);
    void (*attention)(const struct kn_attention *a);
    void (*gemm_bf16)(const struct kn_gemm *g, size_t panel0, size_t panel1);
    void (*gemm_w8)(const struct kn_gemm *g, size_t panel0, size_t panel1);
    void (*gemm_w4)(const struct kn_gemm *g, size_t panel0, size_t panel1);
    /* int8 [Kp/4][64][4] from one KN_W4 panel. */
    void (*unpack_w4)(int8_t *out, const uint8_t *panel, size_t kp, const struct kn_codebook *codebook);
    void (*finish)(const struct kn_finish *f);
    /* Tries one scale: chosen[i] becomes the place in the ladder of group i's best multiplier; returns the summed squared error. */
    float (*try_w4)(uint8_t *chosen, const struct kn_w4_row *row, float scale, const struct kn_ladder *ladder);
};

/* Scratch of the table's functions, in bytes: attention keeps each head's 64 weights and four numbers, the integer products one
 * unpacked panel. */
static inline size_t kn_attention_scratch(size_t group_max)
{
    return group_max * (KN_KV_BLOCK + 4) * sizeof(float);
}

static inline size_t kn_gemm_scratch(size_t k_max)
{
    return kn_pad(k_max) * KN_PANEL;
}

/* Fills the table for an instruction set; pure. */
void kn_ops_fill(struct kn_ops *ops, enum kn_isa isa);

/* Steps of the ladder, each in the file of its name. */
void kn_reference_rows(struct kn_ops *ops);
void kn_reference_attention(struct kn_ops *ops);
void kn_reference_gemm(struct kn_ops *ops);
void kn_rows_avx2(struct kn_ops *ops);
float kn_exp_avx2(float x);
void kn_rows_avx512(struct kn_ops *ops);
void kn_attention_avx2(struct kn_ops *ops);
void kn_attention_avx512(struct kn_ops *ops);
void kn_gemm_avx2(struct kn_ops *ops);
void kn_gemm_avx512(struct kn_ops *ops);
void kn_gemm_vnni(struct kn_ops *ops);

#endif
