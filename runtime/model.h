/* model.h: what a model is, in parts. A layer is a list of residual blocks, x += multiplier · norm_out(mix(norm_in(x))); a block
 * is attention, an mlp or a mixture of experts, and says itself which kinds of norm, rotation, activation and router it has.
 * The manifest's "model" object is this, in JSON; the packer writes it from Hugging Face's config, so nothing here knows the
 * name of an architecture. New kinds (latent attention, sinks, windows, shared experts, recurrent layers) are new members
 * of these enums and unions. Plain data: filled once by rt_manifest_open, read by any thread. */
#ifndef CLOISTER_MODEL_H
#define CLOISTER_MODEL_H

#include "kernels/kernels.h"

enum {
    RT_BLOCKS_MAX = 4, /* residual blocks per layer */
    RT_LAYERS_MAX = 1024,
    RT_ROPES_MAX = 4,
    RT_CODEBOOKS_MAX = 8,
};

enum rt_norm_kind { RT_NORM_NONE = 0, RT_NORM_RMS = 1 };                           /* JSON: absent, "rms" */
enum rt_rope_kind { RT_ROPE_HALF = 0 };                                            /* "half": element i turns with element i + dim/2 */
enum rt_activation { RT_ACT_SILU = 0 };                                            /* "silu" */
enum rt_router_kind { RT_ROUTER_SOFTMAX = 0 };                                     /* "softmax" */
enum rt_block_kind { RT_BLOCK_ATTENTION = 0, RT_BLOCK_MLP = 1, RT_BLOCK_MOE = 2 }; /* "attention", "mlp", "moe" */

struct rt_norm {
    enum rt_norm_kind kind;
    float eps;
    const float *weight;
};

struct rt_rope {
    enum rt_rope_kind kind;
    uint32_t dim;           /* elements turned, even */
    float attention_factor; /* multiplies cos and sin (yarn) */
    const float *inv_freq;  /* dim/2, computed by the packer: default, linear, llama3 and yarn differ in nothing else */
};

struct rt_linear {
    struct kn_matrix w;
    const float *bias; /* kn_pad(n) floats or NULL */
};

struct rt_attention { /* causal, grouped queries */
    uint32_t heads, kv_heads, head_dim;
    float scale;
    int rope;                      /* index into rt_model.ropes, or -1 */
    struct rt_norm q_norm, k_norm; /* per head, before the rotation */
    struct rt_linear q, k, v, o;
};

struct rt_mlp { /* down(act(gate(x)) · up(x)) */
    uint32_t inner;
    enum rt_activation activation;
    struct rt_linear gate, up, down;
};

struct rt_moe {
    uint32_t experts, top_k, inner;
    enum rt_activation activation;
    enum rt_router_kind router_kind;
    int renormalise;                 /* the chosen experts' weights sum to 1 */
    struct rt_linear router;         /* experts × hidden, bf16 */
    struct kn_matrix gate, up, down; /* of expert 0; expert e's panels lie e·stride bytes on */
    size_t gate_stride, up_stride, down_stride;
};

struct rt_block {
    enum rt_block_kind kind;
    struct rt_norm norm_in, norm_out;
    float multiplier;
    union {
        struct rt_attention attention;
        struct rt_mlp mlp;
        struct rt_moe moe;
    };
};

struct rt_layer {
    uint32_t count;
    struct rt_block blocks[RT_BLOCKS_MAX];
};

struct rt_model {
    char architecture[64]; /* for people: where the parts came from */
    uint32_t vocab, hidden, context;
    float embedding_multiplier, head_multiplier;
    const uint16_t *embedding; /* bf16 [vocab][hidden] */
    struct rt_linear head;     /* vocab × hidden */
    struct rt_norm final_norm;
    uint32_t rope_count, layer_count;
    struct rt_rope ropes[RT_ROPES_MAX];
    struct rt_layer *layers;
    uint32_t codebook_count;
    struct kn_codebook codebooks[RT_CODEBOOKS_MAX]; /* of the w4 matrices */
};

#endif
