/* plan_model.h: a model as `cloister plan` sees it: a list of matrices and of caches, with how many layers have each and how much of each
 * a token uses. More general than rt_model, so that a model can be planned for before this version can run it. Plain data, no weights.
 * One thread. */
#ifndef CLOISTER_PLAN_MODEL_H
#define CLOISTER_PLAN_MODEL_H

#include "runtime/engine.h"
#include "runtime/error.h"
#include "runtime/model.h"

enum {
    RT_PLAN_MATRICES_MAX = 256, /* kinds; layers that are alike share them */
    RT_PLAN_CACHES_MAX = 16,
    RT_PLAN_WIDTH_MAX = 65536, /* inputs of a matrix: what kn_matrix_bytes takes */
};

enum rt_plan_class {
    RT_PLAN_QUANTISED, /* in the format that is planned for */
    RT_PLAN_HEAD,      /* the same, but at least 8 bits */
    RT_PLAN_ROUTER,    /* always bf16 */
};

struct rt_plan_matrix {
    const char *name; /* "q", "gate": for people and tests; static */
    enum rt_plan_class class;
    enum rt_part part;
    uint32_t n, k;
    uint32_t layers; /* that have it */
    uint32_t count;  /* of them in one layer: experts, or 1 */
    uint32_t used;   /* of those, by one token */
    int live;        /* only rows that logits are wanted of get there: the head, and what is behind the last layer's keys and values */
    uint32_t shared; /* panels that workers share out in one go: its own, and those of matrices that read the same rows */
    int listed;      /* so are those of all experts that some row uses */
};

struct rt_plan_cache { /* what layers keep of each token, and what reading it costs */
    uint32_t layers, heads;
    int live;                          /* as of a matrix */
    uint32_t elements;                 /* of one token and layer */
    uint32_t head_elements;            /* of its queries, keys and values, which are normed, turned and stored */
    uint32_t key, value;               /* elements that one head multiplies with per key, when a single row asks */
    uint32_t prompt_key, prompt_value; /* when a prompt is read; latent attention expands its keys then */
};

struct rt_plan_model {
    char name[128], architecture[64];
    char unsupported[192]; /* why this version cannot run it; empty when it can */
    char packed[16];       /* a bundle's own format; empty for what is not packed */
    uint64_t packed_bytes; /* and its weights as they are */
    int tied;              /* embedding and head are the same weights: for the number of parameters */
    uint32_t vocab, hidden, context, layers;
    uint32_t attentions, mlps, mixtures; /* blocks of each kind over all layers */
    uint32_t top_k, expert_inner;        /* the largest; 0 without experts */
    uint32_t inner;                      /* the widest row between the two halves of a block, experts apart */
    uint64_t inner_elements;             /* of a token's rows between the halves of all blocks, experts' included */
    size_t matrix_count, cache_count;
    struct rt_plan_matrix matrices[RT_PLAN_MATRICES_MAX];
    struct rt_plan_cache caches[RT_PLAN_CACHES_MAX];
};

/* One more block of a layer, as the engine would run it (plan_blocks.c). `last`: no attention follows, or this is the last. RT_EXIT_UNSUPPORTED
 * beyond the limits above. */
RT_MUST_CHECK int rt_plan_add_attention(struct rt_plan_model *model, uint32_t heads, uint32_t kv_heads, uint32_t head_dim, int last,
                                        struct rt_error *error);
struct rt_plan_latent { /* multi-head latent attention; q_rank 0: queries are made in one step */
    uint32_t heads, q_rank, kv_rank, rope_dim, nope_dim, value_dim;
};
RT_MUST_CHECK int rt_plan_add_latent(struct rt_plan_model *model, const struct rt_plan_latent *latent, int last, struct rt_error *error);
RT_MUST_CHECK int rt_plan_add_mlp(struct rt_plan_model *model, uint32_t inner, int last, struct rt_error *error);
RT_MUST_CHECK int rt_plan_add_mixture(struct rt_plan_model *model, uint32_t experts, uint32_t top_k, uint32_t inner, int last,
                                      struct rt_error *error);
RT_MUST_CHECK int rt_plan_add_head(struct rt_plan_model *model, struct rt_error *error);

/* Of a model that this version runs. */
RT_MUST_CHECK int rt_plan_model_of(struct rt_plan_model *out, const struct rt_model *model, struct rt_error *error);
/* Of a Hugging Face config.json, any model_type whose layers are attention (grouped or latent) and gated feed-forward blocks or experts.
 * Hostile bytes: RT_EXIT_FAILED for what is broken or out of range. `file` is for messages and the name. (plan_config.c) */
RT_MUST_CHECK int rt_plan_model_config(struct rt_plan_model *out, const char *json, size_t bytes, const char *file, struct rt_error *error);
/* From what the user names: a bundle's directory (verified with the keys in `trust`), a config.json or a directory with one, or a
 * shape's name. (plan_source.c) */
RT_MUST_CHECK int rt_plan_model_open(struct rt_plan_model *out, const char *named, const char *trust, struct rt_error *error);

/* The format of a matrix when the model is packed as `format` (KN_BF16, KN_W8, KN_W4). */
enum kn_format rt_plan_format(const struct rt_plan_matrix *matrix, enum kn_format format);
/* All weights, and those that one token is multiplied with. */
uint64_t rt_plan_parameters(const struct rt_plan_model *model);
uint64_t rt_plan_active_parameters(const struct rt_plan_model *model);
/* Bytes of cache that one token takes, keys and values in bf16. */
uint64_t rt_plan_cache_token(const struct rt_plan_model *model);

#endif
