/* kernels.h: arithmetic on pointers and shapes. Knows oneDNN and nothing else: no files, no bundles, no threads of its own.
 *
 * What each operation computes, to the bit, is written in NUMERICS.md ("n1"); the plain C in reference.c is the definition of
 * correct, and tests/test_kernels.c holds every instruction set against it. Float operations are defined over 16 virtual lanes
 * with fused multiply-add and one fixed reduction tree, so each instruction set gives the same bits.
 *
 * Shapes: M rows (tokens), N outputs, K inputs. Rows are row-major. Wherever a row length is not a multiple of 64 the caller
 * allocates kn_pad(length) elements and keeps the rest 0. All pointers are 64-byte aligned unless said otherwise. No function
 * allocates but kn_context_open. Every function may be called from any thread; outputs of concurrent calls must not overlap. */
#ifndef CLOISTER_KERNELS_H
#define CLOISTER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum {
    KN_PANEL = 64,            /* outputs per panel, and the multiple rows are padded to */
    KN_KV_BLOCK = 64,         /* keys per page of the cache */
    KN_ATTENTION_BLOCK = 512, /* keys whose softmax is taken together, counted from position 0: 8 pages */
    KN_ATTENTION_ROWS = 48,   /* rows that a tile of attention has at most, unless one group is larger */
    KN_GROUP = 32,            /* inputs that share one multiplier in w4 */
    KN_EXPERTS_MAX = 1024,
};

static inline size_t kn_pad(size_t n)
{
    return (n + KN_PANEL - 1) / KN_PANEL * KN_PANEL;
}

/* ---- weights ----
 * A matrix is stored as ceil(N/64) panels of 64 outputs; the same bytes on disk and in memory, for every instruction set.
 * Kp = kn_pad(K); outputs past N and inputs past K are 0.
 *   KN_W8:   int8  [Kp/4][64][4]                        w[n][k] at [k/4][n%64][k%4]
 *            float [64] scale, int32 [64] sum           sum[n] = sum_k w[n][k] (VNNI's u8 × s8 needs it)
 *   KN_W4:   uint8 [Kp/8][64][4]                        low nibble: k = 8i+j, high nibble: k = 8i+4+j; an index into codes
 *            uint8 [Kp/64][64]                          low nibble: inputs 64i…+31, high: 64i+32…+63; an index into multipliers
 *            float [64] scale, int32 [64] sum           over the int8 value codes[q]·multipliers[g]
 *   KN_BF16: uint16 [K][64]                             no padding of K, no scale
 * Vectors (norms, biases) are plain float. */
enum kn_format { KN_F32 = 0, KN_BF16 = 1, KN_W8 = 2, KN_W4 = 3 };

struct kn_codebook {
    int8_t codes[16];
    uint8_t multipliers[16]; /* |code|max × multiplier max ≤ 127 */
};
extern const struct kn_codebook kn_codebook_default;
/* 0 if every product fits int8's ±127 and no multiplier is 0; -1 otherwise (codebooks come from outside). */
int kn_codebook_check(const struct kn_codebook *codebook);

struct kn_matrix {
    enum kn_format format;
    uint32_t n, k;
    uint32_t first_panel; /* the one `panels` points to: where panels are spread over several memories, each has a matrix of its own */
    const uint8_t *panels;
    const struct kn_codebook *codebook; /* KN_W4 only */
};

size_t kn_panel_bytes(enum kn_format format, size_t k);            /* one panel, a multiple of 64; 0 for KN_F32 and for K above 65536 */
size_t kn_matrix_bytes(enum kn_format format, size_t n, size_t k); /* all panels; 0 likewise, and on overflow */
static inline size_t kn_panels(size_t n)
{
    return (n + KN_PANEL - 1) / KN_PANEL;
}

/* Quantises and packs one panel: rows[r] (r < count ≤ 64) points to K floats of output r. panel: kn_panel_bytes bytes, all of
 * them written. Deterministic. KN_W4 searches the scale that loses least; scratch holds kn_pack_scratch(K) bytes. */
void kn_panel_pack(enum kn_format format, uint8_t *panel, const float *const *rows, size_t count, size_t k,
                   const struct kn_codebook *codebook, void *scratch);
size_t kn_pack_scratch(size_t k);
/* The inverse: out[r][k] (ld floats a row) = the value that the kernels multiply with, scale included. For tests and reports. */
void kn_panel_unpack(enum kn_format format, float *out, size_t ld, const uint8_t *panel, size_t k, const struct kn_codebook *codebook);

/* ---- instruction sets ---- */
enum kn_isa { KN_PORTABLE = 0, KN_AVX2 = 1, KN_AVX512 = 2, KN_VNNI = 3, KN_AMX = 4 };
const char *kn_isa_name(enum kn_isa isa); /* "portable", "avx2", "avx512", "vnni", "amx" */

struct kn_cpu { /* what this processor and its operating system allow; the one piece of global state, filled once */
    char name[64];
    uint8_t avx2, fma, f16c, avx512, avx512_vnni, avx512_vbmi, avx512_bf16, amx_tile, amx_int8, amx_permitted;
};
const struct kn_cpu *kn_cpu(void);
enum kn_isa kn_isa_best(const struct kn_cpu *cpu); /* pure */

/* ---- context: the kernels of one process ---- */
struct kn_context;
enum kn_status { KN_OK = 0, KN_E_MEMORY = -1, KN_E_UNSUPPORTED = -2 };

/* Chooses the table for `isa` (capped by what the CPU has: KN_E_UNSUPPORTED) and generates every JIT kernel that matrices with
 * the given inputs k[0..count) need; nothing is generated later, so the process can be sealed after it. */
__attribute__((warn_unused_result)) int kn_context_open(struct kn_context **out, enum kn_isa isa, const size_t *k, size_t count);
void kn_context_close(struct kn_context **context);
enum kn_isa kn_context_isa(const struct kn_context *context);
/* A worker thread calls enter before its first kn_gemm and leave after its last (AMX tile configuration). */
void kn_thread_enter(const struct kn_context *context);
void kn_thread_leave(const struct kn_context *context);
/* Bytes of scratch that kn_gemm and kn_attention need per thread, for matrices of at most k_max inputs, keys and values of at most
 * head_dim_max elements and query groups of at most group_max. */
size_t kn_scratch_bytes(const struct kn_context *context, size_t k_max, size_t head_dim_max, size_t group_max);

/* ---- matrix products ---- */

/* q[i] = rne(x[i] · (127/absmax)), *scale = absmax/127, i < n; q[n..kn_pad(n)) = 0; a row of zeros gives scale 0. (n1 §3) */
void kn_quantize(const struct kn_context *c, int8_t *q, float *scale, const float *x, size_t n);

struct kn_gemm {
    const struct kn_matrix *w;
    const void *x;        /* W8, W4: int8 rows of kn_pad(K); BF16: float rows of K */
    const float *sx;      /* W8, W4: M row scales */
    size_t ldx;           /* elements from row to row of x, a multiple of 64 */
    const uint32_t *rows; /* NULL, or M indices: row m of the product is row rows[m] of x and of sx */
    size_t m;
    float *y;          /* whole panels are written: columns 64·panel0 … 64·panel1-1 of each row */
    size_t ldy;        /* floats from row to row of y, at least 64·panel1 */
    const float *bias; /* kn_pad(N) floats or NULL; added after scaling */
    void *scratch;     /* kn_scratch_bytes */
};
/* y[m][n] = sx[m]·scale[n] · sum_k x[m][k]·w[n][k] + bias[n], the sum exact in int32 (n1 §2), or for BF16 one fma chain in
 * ascending k (n1 §4), for the panels panel0 ≤ p < panel1. */
void kn_gemm(const struct kn_context *c, const struct kn_gemm *g, size_t panel0, size_t panel1);

/* The first half of a gated feed-forward block: y = silu(gate·x + bias) · (up·x + up_bias), each product as kn_gemm gives it and then n1 §6's
 * gate, without writing either down. `gate` carries x, y, bias and scratch; up has gate's n and k. */
struct kn_gated {
    struct kn_gemm gate;
    const struct kn_matrix *up;
    const float *up_bias;
};
void kn_gated(const struct kn_context *c, const struct kn_gated *g, size_t panel0, size_t panel1);

/* ---- rows of floats; n need not be a multiple of 64 here, and y may be x ---- */
void kn_rms_norm(const struct kn_context *c, float *y, const float *x, const float *weight, size_t n, float eps);
void kn_add(const struct kn_context *c, float *y, const float *x, size_t n);                          /* y += x */
void kn_axpy(const struct kn_context *c, float *y, float a, const float *x, size_t n);                /* y = fma(a, x, y) */
void kn_scale(const struct kn_context *c, float *y, float a, size_t n);                               /* y *= a */
void kn_silu_mul(const struct kn_context *c, float *y, const float *gate, const float *up, size_t n); /* y = gate/(1+exp(-gate))·up */
/* Softmax of n logits in place (n1 §6: maximum, polynomial exp, the lanes' sum). */
void kn_softmax(const struct kn_context *c, float *x, size_t n);
/* bf16 <-> float, round to nearest even; NaN stays NaN. */
void kn_bf16_from_f32(const struct kn_context *c, uint16_t *y, const float *x, size_t n);
void kn_f32_from_bf16(const struct kn_context *c, float *y, const uint16_t *x, size_t n);

/* ---- rotary embedding ---- */
/* cs[2i], cs[2i+1] = factor·cos, factor·sin of position·inv_freq[i] (a float product), i < half (n1 §7). The same in every
 * instruction set: one table per position, made once per step. */
void kn_rope_angles(float *cs, const float *inv_freq, size_t half, uint32_t position, float factor);
/* Rotates the first 2·half elements of x in place, element i with element i+half ("half" pairing, as GPT-NeoX). */
void kn_rope_half(const struct kn_context *c, float *x, const float *cs, size_t half);

/* ---- routing ---- */
/* Softmax over n router logits (in place), then the top_k largest (a tie goes to the lower index); ids ascending by expert
 * index, weights their probabilities, divided by their sum where renormalise. (n1 §8) */
void kn_route_softmax(const struct kn_context *c, uint16_t *ids, float *weights, float *logits, size_t n, size_t top_k, int renormalise);

/* ---- attention ---- */
enum kn_kv { KN_KV_F32 = 0, KN_KV_BF16 = 1, KN_KV_INT8 = 2 };
enum { KN_HEAD_DIM_MAX = 4096 };       /* elements of a key or value */
const char *kn_kv_name(enum kn_kv kv); /* "f32", "bf16", "int8" */

/* The keys and the values of one key/value head in one page (KN_KV_BLOCK tokens); their layout is attention's own (kv_page.h). Multiples of 64. */
size_t kn_kv_key_bytes(enum kn_kv kv, size_t k_dim);
size_t kn_kv_value_bytes(enum kn_kv kv, size_t v_dim);
/* One token's key or value into slot `slot` (< KN_KV_BLOCK). Slots of one page share cache lines: give neighbours to one thread. */
void kn_kv_store_key(const struct kn_context *c, enum kn_kv kv, void *keys, size_t slot, const float *x, size_t k_dim);
void kn_kv_store_value(const struct kn_context *c, enum kn_kv kv, void *values, size_t slot, const float *x, size_t v_dim);

struct kn_attention { /* a tile: consecutive positions of one sequence, and of each the query heads that share one key/value head */
    enum kn_kv kv;
    const uint8_t *const *pages; /* page i of the sequence holds keys 64i … 64i+63 */
    size_t k_offset, v_offset;   /* bytes from a page's start to this head's keys and values */
    size_t keys;                 /* the first position sees keys 0 … keys-1, at least one; each further position one more */
    size_t positions, group;     /* rows of the tile: positions·group, at most the larger of KN_ATTENTION_ROWS and group */
    const float *q;              /* head h of position i: k_dim floats at q + i·q_position + h·ldq */
    size_t ldq, q_position, k_dim, v_dim;
    float scale;
    float *out; /* head h of position i: v_dim floats at out + i·out_position + h·ldo */
    size_t ldo, out_position;
    void *scratch; /* kn_scratch_bytes */
};
/* softmax(scale · q·K) · V for each row. Blocks of KN_ATTENTION_BLOCK keys are reduced by themselves (maximum, sum, weighted values) and
 * merged in ascending order (n1 §9), so a row's result depends neither on its tile nor on who computes which block. */
void kn_attention(const struct kn_context *c, const struct kn_attention *a);

/* The same in two halves, for many threads on few rows: each computes some blocks, then, after all have, each merges some rows.
 * parts: one of kn_attention_part_bytes for every block of the tile; only the halves' caller knows which thread did what. */
static inline size_t kn_attention_blocks_of(size_t keys)
{
    return (keys + KN_ATTENTION_BLOCK - 1) / KN_ATTENTION_BLOCK;
}
size_t kn_attention_part_bytes(size_t rows, size_t v_dim);
void kn_attention_blocks(const struct kn_context *c, const struct kn_attention *a, void *parts, size_t first, size_t last);
void kn_attention_merge(const struct kn_context *c, const struct kn_attention *a, void *parts, size_t row0, size_t row1);

/* ---- sampling's arithmetic (n1 §10) ---- */
/* y[i] = exp((x[i] - top) / temperature), what tokens weigh (n1 §6's exp); n any, in place too; pointers aligned to 4 bytes. */
void kn_weigh(const struct kn_context *c, float *y, const float *x, size_t n, float top, float temperature);
/* Counter-based random number in [0,1): a function of seed and position alone. */
double kn_random(uint64_t seed, uint64_t position);

#endif
