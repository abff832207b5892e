/* architectures.h: which Hugging Face models can be packed, said in data: of which parts a layer is made, how Cloister and the
 * checkpoint name each tensor, its shape in terms of the configuration's sizes, and what transformers assumes where config.json is
 * silent. Read-only; any thread. */
#ifndef CLOISTER_PACK_ARCHITECTURES_H
#define CLOISTER_PACK_ARCHITECTURES_H

#include <stddef.h>
#include <stdint.h>

enum pk_size { /* what a row or column count is called in config.json */
               PK_NONE,
               PK_VOCAB,
               PK_HIDDEN,
               PK_INNER, /* intermediate_size */
               PK_LAYERS,
               PK_HEADS,
               PK_KV_HEADS,
               PK_HEAD_DIM,
               PK_QUERY,     /* heads · head_dim */
               PK_KEY_VALUE, /* kv_heads · head_dim */
               PK_CONTEXT,
               PK_EXPERTS,
               PK_TOP_K,
               PK_EXPERT_INNER, /* moe_intermediate_size, or intermediate_size where all layers are mixtures */
               PK_SPARSE_STEP,  /* every how many layers one is a mixture */
               PK_WINDOW,       /* keys a query sees; 0: all */
               PK_SIZES,
};

enum pk_feature { /* what a model may have or not; a rule below may need one */
                  PK_ALWAYS = 0,
                  PK_ATTENTION_BIAS = 1,
                  PK_MLP_BIAS = 2,
                  PK_QK_NORM = 4,
                  PK_RENORMALISE = 8,    /* the chosen experts' weights sum to 1 */
                  PK_WINDOW_SWITCH = 16, /* sliding_window counts only where use_sliding_window is true */
                  PK_WINDOW_LAYERS = 32, /* and then only from layer max_window_layers on, or where layer_types says so */
                  PK_TIED = 64,          /* embedding and head are the same weights */
                  PK_UNTIED = 128,
};

enum { PK_STORED_NAME_MAX = 256 }; /* bytes of a spelled name, with the final 0 */

enum pk_tensor_class {
    PK_VECTOR,       /* f32, as it is: norms */
    PK_BIAS,         /* f32, padded */
    PK_ROWS,         /* bf16 rows: the embedding */
    PK_MATRIX,       /* panels, quantised */
    PK_HEAD_MATRIX,  /* panels, at least 8 bits */
    PK_ROUTER,       /* panels, always bf16 */
    PK_EXPERT_STACK, /* one matrix per expert, quantised */
};

enum pk_share { PK_WHOLE, PK_FIRST_HALF, PK_SECOND_HALF }; /* rows of a fused tensor */

struct pk_spelling {
    const char *pattern; /* %L is the layer, %E the expert; an expert stack without %E lies in one tensor [experts][rows][cols] */
    enum pk_share share;
};

struct pk_rule {        /* one tensor */
    const char *tensor; /* Cloister's name, below "layers.I.PART." or whole */
    enum pk_tensor_class class;
    enum pk_size rows, cols;
    enum pk_feature needs;
    struct pk_spelling spellings[2]; /* the first one found counts */
};

struct pk_part {
    const char *name;
    const struct pk_rule *rules;
    size_t count;
};

struct pk_architecture {
    const char *model_type;
    const struct pk_part *attention, *mlp, *moe; /* mlp or moe may be NULL */
    unsigned features;                           /* enum pk_feature: what each model of the type has */
    unsigned switches;                           /* features that a flag in config.json turns on */
    enum pk_size expert_inner;                   /* which size an expert's is */
    double theta, eps;
    uint32_t sizes[PK_SIZES]; /* where config.json is silent; 0: no default */
};

extern const struct pk_part pk_whole_model; /* tensors outside the layers */

const struct pk_architecture *pk_architecture_find(const char *model_type); /* NULL if unknown */
void pk_architecture_names(char *out, size_t bytes);                        /* "llama, mistral, …", for messages */

/* Writes a spelling's pattern with %L and %E replaced. */
void pk_spell(char *out, size_t room, const char *pattern, uint32_t layer, uint64_t expert);

/* Is a tensor that no rule asks for known to be harmless? */
int pk_surplus_harmless(const char *name);

#endif
