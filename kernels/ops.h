/* ops.h: the table of operations. Private to kernels/. Each function has the meaning of its kn_ namesake in kernels.h; the
 * reference fills every entry, and each instruction set's files then replace those they do faster. */
#ifndef CLOISTER_OPS_H
#define CLOISTER_OPS_H

#include "kernels/attention_tile.h"
#include "kernels/kernels.h"
#include "kernels/ladder.h"
#include "kernels/pass.h"

struct kn_ops {
    void (*quantize)(int8_t *q, float *scale, const float *x, size_t n);
    void (*rms_norm)(float *y, const float *x, const float *weight, size_t n, float eps);
    void (*add)(float *y, const float *x, size_t n);
    void (*axpy)(float *y, float a, const float *x, size_t n);
    void (*scale)(float *y, float a, size_t n);
    void (*silu_mul)(float *y, const float *gate, const float *up, size_t n);
    void (*softmax)(float *x, size_t n);
    void (*weigh)(float *y, const float *x, size_t n, float top, float temperature);
    void (*bf16_from_f32)(uint16_t *y, const float *x, size_t n);
    void (*f32_from_bf16)(float *y, const uint16_t *x, size_t n);
    void (*rope_half)(float *x, const float *cs, size_t half);
    /* q as the blocks want it, into scratch; then one block of keys into `part`; then a row's part into `run`, the blocks before it; then
     * a row's result into a->out. */
    void (*attention_begin)(const struct kn_attention *a);
    void (*attention_block)(const struct kn_attention *a, size_t block, const struct kn_part *part);
    void (*attention_merge)(const struct kn_part *run, const struct kn_part *part, size_t row);
    void (*attention_end)(const struct kn_attention *a, const struct kn_part *run, size_t row);
    /* Products, plain (up is NULL) or gated. few streams the panels, four rows or so at a time; many takes w8 and w4 of any rows, and is
     * the faster one from the given rows on. */
    void (*gemm_bf16)(const struct kn_gated *g, size_t panel0, size_t panel1);
    void (*few_w8)(const struct kn_gated *g, size_t panel0, size_t panel1);
    void (*few_w4)(const struct kn_gated *g, size_t panel0, size_t panel1);
    void (*many)(const struct kn_gated *g, size_t panel0, size_t panel1);
    size_t many_from_w8, many_from_w4;
    /* int8 [Kp/4][64][4] from one KN_W4 panel. */
    void (*unpack_w4)(int8_t *out, const uint8_t *panel, size_t kp, const struct kn_codebook *codebook);
    /* int32 sums acc[count][64] of the rows from m on. */
    void (*finish)(const struct kn_finish *f, const int32_t *acc, size_t m, size_t count);
    /* Tries one scale: chosen[i] becomes the place in the ladder of group i's best multiplier; returns the summed squared error. */
    float (*try_w4)(uint8_t *chosen, const struct kn_w4_row *row, float scale, const struct kn_ladder *ladder);
};

/* Scratch of the integer products, in bytes: an unpacked panel, and a chunk of rows with each row's end padded. */
enum { KN_CHUNK_BYTES = 1 << 20, KN_CHUNK_ROWS_MIN = 12, KN_CHUNK_PAD = 64 };

static inline size_t kn_gemm_scratch(size_t k_max)
{
    size_t least = KN_CHUNK_ROWS_MIN * (kn_pad(k_max) + KN_CHUNK_PAD);
    return kn_pad(k_max) * KN_PANEL + (least > KN_CHUNK_BYTES ? least : KN_CHUNK_BYTES);
}

/* Fills the table for an instruction set; pure. */
void kn_ops_fill(struct kn_ops *ops, enum kn_isa isa);

/* Steps of the ladder, each in the file of its name. */
void kn_reference_rows(struct kn_ops *ops);
void kn_reference_attention(struct kn_ops *ops);
void kn_reference_gemm(struct kn_ops *ops);
void kn_rows_avx2(struct kn_ops *ops);
void kn_rows_avx512(struct kn_ops *ops);
void kn_attention_avx2(struct kn_ops *ops);
void kn_attention_avx512(struct kn_ops *ops);
void kn_gemm_avx2(struct kn_ops *ops);
void kn_gemm_avx512(struct kn_ops *ops);
void kn_gemm_vnni(struct kn_ops *ops);
void kn_many_avx2(struct kn_ops *ops);
void kn_many_avx512(struct kn_ops *ops);
void kn_many_vnni(struct kn_ops *ops);

#endif
