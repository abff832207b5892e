/* architectures.c: the tables. To add an architecture whose parts are known, add a row at the end; one with new tensors needs a part
 * first; one with new arithmetic needs runtime/model.h first. Sources of truth: configuration_*.py and modeling_*.py of transformers. */
#include "packaging/pack/architectures.h"

#include <stdio.h>
#include <string.h>

#define LAYER "model.layers.%L."
#define PART(name, rules) {name, rules, sizeof(rules) / sizeof *(rules)}

#define EMBEDDING "model.embed_tokens.weight"
#define HEAD "lm_head.weight"

/* Of tied weights a checkpoint may hold either name, or both; where both differ, transformers 5 does not tie them, and neither do we. */
static const struct pk_rule whole_model[] = {
    {"embedding", PK_ROWS, PK_VOCAB, PK_HIDDEN, PK_UNTIED, {{EMBEDDING, PK_WHOLE}}},
    {"embedding", PK_ROWS, PK_VOCAB, PK_HIDDEN, PK_TIED, {{EMBEDDING, PK_WHOLE}, {HEAD, PK_WHOLE}}},
    {"final_norm", PK_VECTOR, PK_HIDDEN, PK_NONE, PK_ALWAYS, {{"model.norm.weight", PK_WHOLE}}},
    {"head", PK_HEAD_MATRIX, PK_VOCAB, PK_HIDDEN, PK_UNTIED, {{HEAD, PK_WHOLE}}},
    {"head", PK_HEAD_MATRIX, PK_VOCAB, PK_HIDDEN, PK_TIED, {{HEAD, PK_WHOLE}, {EMBEDDING, PK_WHOLE}}},
};
const struct pk_part pk_whole_model = PART("", whole_model);

static const struct pk_rule attention_rules[] = {
    {"norm_in", PK_VECTOR, PK_HIDDEN, PK_NONE, PK_ALWAYS, {{LAYER "input_layernorm.weight", PK_WHOLE}}},
    {"q", PK_MATRIX, PK_QUERY, PK_HIDDEN, PK_ALWAYS, {{LAYER "self_attn.q_proj.weight", PK_WHOLE}}},
    {"q_bias", PK_BIAS, PK_QUERY, PK_NONE, PK_ATTENTION_BIAS, {{LAYER "self_attn.q_proj.bias", PK_WHOLE}}},
    {"k", PK_MATRIX, PK_KEY_VALUE, PK_HIDDEN, PK_ALWAYS, {{LAYER "self_attn.k_proj.weight", PK_WHOLE}}},
    {"k_bias", PK_BIAS, PK_KEY_VALUE, PK_NONE, PK_ATTENTION_BIAS, {{LAYER "self_attn.k_proj.bias", PK_WHOLE}}},
    {"v", PK_MATRIX, PK_KEY_VALUE, PK_HIDDEN, PK_ALWAYS, {{LAYER "self_attn.v_proj.weight", PK_WHOLE}}},
    {"v_bias", PK_BIAS, PK_KEY_VALUE, PK_NONE, PK_ATTENTION_BIAS, {{LAYER "self_attn.v_proj.bias", PK_WHOLE}}},
    {"q_norm", PK_VECTOR, PK_HEAD_DIM, PK_NONE, PK_QK_NORM, {{LAYER "self_attn.q_norm.weight", PK_WHOLE}}},
    {"k_norm", PK_VECTOR, PK_HEAD_DIM, PK_NONE, PK_QK_NORM, {{LAYER "self_attn.k_norm.weight", PK_WHOLE}}},
    {"o", PK_MATRIX, PK_HIDDEN, PK_QUERY, PK_ALWAYS, {{LAYER "self_attn.o_proj.weight", PK_WHOLE}}},
    {"o_bias", PK_BIAS, PK_HIDDEN, PK_NONE, PK_ATTENTION_BIAS, {{LAYER "self_attn.o_proj.bias", PK_WHOLE}}},
};
static const struct pk_part attention = PART("attention", attention_rules);

static const struct pk_rule mlp_rules[] = {
    {"norm_in", PK_VECTOR, PK_HIDDEN, PK_NONE, PK_ALWAYS, {{LAYER "post_attention_layernorm.weight", PK_WHOLE}}},
    {"gate", PK_MATRIX, PK_INNER, PK_HIDDEN, PK_ALWAYS, {{LAYER "mlp.gate_proj.weight", PK_WHOLE}}},
    {"gate_bias", PK_BIAS, PK_INNER, PK_NONE, PK_MLP_BIAS, {{LAYER "mlp.gate_proj.bias", PK_WHOLE}}},
    {"up", PK_MATRIX, PK_INNER, PK_HIDDEN, PK_ALWAYS, {{LAYER "mlp.up_proj.weight", PK_WHOLE}}},
    {"up_bias", PK_BIAS, PK_INNER, PK_NONE, PK_MLP_BIAS, {{LAYER "mlp.up_proj.bias", PK_WHOLE}}},
    {"down", PK_MATRIX, PK_HIDDEN, PK_INNER, PK_ALWAYS, {{LAYER "mlp.down_proj.weight", PK_WHOLE}}},
    {"down_bias", PK_BIAS, PK_HIDDEN, PK_NONE, PK_MLP_BIAS, {{LAYER "mlp.down_proj.bias", PK_WHOLE}}},
};
static const struct pk_part mlp = PART("mlp", mlp_rules);

/* Experts come one tensor each, as checkpoints have always had them, or fused, as transformers 5 keeps them in memory. */
static const struct pk_rule qwen_moe_rules[] = {
    {"norm_in", PK_VECTOR, PK_HIDDEN, PK_NONE, PK_ALWAYS, {{LAYER "post_attention_layernorm.weight", PK_WHOLE}}},
    {"router", PK_ROUTER, PK_EXPERTS, PK_HIDDEN, PK_ALWAYS, {{LAYER "mlp.gate.weight", PK_WHOLE}}},
    {"gate",
     PK_EXPERT_STACK,
     PK_EXPERT_INNER,
     PK_HIDDEN,
     PK_ALWAYS,
     {{LAYER "mlp.experts.%E.gate_proj.weight", PK_WHOLE}, {LAYER "mlp.experts.gate_up_proj", PK_FIRST_HALF}}},
    {"up",
     PK_EXPERT_STACK,
     PK_EXPERT_INNER,
     PK_HIDDEN,
     PK_ALWAYS,
     {{LAYER "mlp.experts.%E.up_proj.weight", PK_WHOLE}, {LAYER "mlp.experts.gate_up_proj", PK_SECOND_HALF}}},
    {"down",
     PK_EXPERT_STACK,
     PK_HIDDEN,
     PK_EXPERT_INNER,
     PK_ALWAYS,
     {{LAYER "mlp.experts.%E.down_proj.weight", PK_WHOLE}, {LAYER "mlp.experts.down_proj", PK_WHOLE}}},
};
static const struct pk_part qwen_moe = PART("moe", qwen_moe_rules);

static const struct pk_rule mixtral_moe_rules[] = {
    {"norm_in", PK_VECTOR, PK_HIDDEN, PK_NONE, PK_ALWAYS, {{LAYER "post_attention_layernorm.weight", PK_WHOLE}}},
    {"router",
     PK_ROUTER,
     PK_EXPERTS,
     PK_HIDDEN,
     PK_ALWAYS,
     {{LAYER "block_sparse_moe.gate.weight", PK_WHOLE}, {LAYER "mlp.gate.weight", PK_WHOLE}}},
    {"gate",
     PK_EXPERT_STACK,
     PK_EXPERT_INNER,
     PK_HIDDEN,
     PK_ALWAYS,
     {{LAYER "block_sparse_moe.experts.%E.w1.weight", PK_WHOLE}, {LAYER "mlp.experts.gate_up_proj", PK_FIRST_HALF}}},
    {"up",
     PK_EXPERT_STACK,
     PK_EXPERT_INNER,
     PK_HIDDEN,
     PK_ALWAYS,
     {{LAYER "block_sparse_moe.experts.%E.w3.weight", PK_WHOLE}, {LAYER "mlp.experts.gate_up_proj", PK_SECOND_HALF}}},
    {"down",
     PK_EXPERT_STACK,
     PK_HIDDEN,
     PK_EXPERT_INNER,
     PK_ALWAYS,
     {{LAYER "block_sparse_moe.experts.%E.w2.weight", PK_WHOLE}, {LAYER "mlp.experts.down_proj", PK_WHOLE}}},
};
static const struct pk_part mixtral_moe = PART("moe", mixtral_moe_rules);

static const struct pk_architecture architectures[] = {
    {
        .model_type = "llama",
        .attention = &attention,
        .mlp = &mlp,
        .switches = PK_ATTENTION_BIAS | PK_MLP_BIAS,
        .theta = 1e4,
        .eps = 1e-6,
        .sizes = {[PK_CONTEXT] = 2048},
    },
    {
        .model_type = "mistral",
        .attention = &attention,
        .mlp = &mlp,
        .theta = 1e4,
        .eps = 1e-6,
        .sizes = {[PK_CONTEXT] = 131072, [PK_KV_HEADS] = 8, [PK_WINDOW] = 4096},
    },
    {
        .model_type = "mixtral",
        .attention = &attention,
        .moe = &mixtral_moe,
        .features = PK_RENORMALISE,
        .expert_inner = PK_INNER,
        .theta = 1e6,
        .eps = 1e-5,
        .sizes = {[PK_CONTEXT] = 131072, [PK_KV_HEADS] = 8, [PK_EXPERTS] = 8, [PK_TOP_K] = 2},
    },
    {
        .model_type = "qwen3",
        .attention = &attention,
        .mlp = &mlp,
        .features = PK_QK_NORM | PK_WINDOW_SWITCH | PK_WINDOW_LAYERS,
        .switches = PK_ATTENTION_BIAS,
        .theta = 1e4,
        .eps = 1e-6,
        .sizes = {[PK_CONTEXT] = 32768, [PK_KV_HEADS] = 32, [PK_HEAD_DIM] = 128, [PK_WINDOW] = 4096},
    },
    {
        .model_type = "qwen3_moe",
        .attention = &attention,
        .mlp = &mlp,
        .moe = &qwen_moe,
        .features = PK_QK_NORM | PK_WINDOW_SWITCH,
        .switches = PK_ATTENTION_BIAS | PK_RENORMALISE,
        .expert_inner = PK_EXPERT_INNER,
        .theta = 1e4,
        .eps = 1e-6,
        .sizes = {[PK_CONTEXT] = 32768,
                  [PK_KV_HEADS] = 4,
                  [PK_EXPERTS] = 128,
                  [PK_TOP_K] = 8,
                  [PK_EXPERT_INNER] = 768,
                  [PK_SPARSE_STEP] = 1,
                  [PK_WINDOW] = 4096},
    },
};

const struct pk_architecture *pk_architecture_find(const char *model_type)
{
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
        if (strcmp(architectures[i].model_type, model_type) == 0)
            return &architectures[i];
    return NULL;
}

void pk_architecture_names(char *out, size_t bytes)
{
    int used = 0;
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures && used >= 0 && (size_t)used < bytes; i++)
        used += snprintf(out + used, bytes - (size_t)used, "%s%s", i ? ", " : "", architectures[i].model_type);
}

int pk_surplus_harmless(const char *name)
{
    static const char *const endings[] = {".rotary_emb.inv_freq", ".rotary_emb.original_inv_freq"}; /* computed anew from config.json */
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t end = strlen(endings[i]);
        if (length >= end && strcmp(name + length - end, endings[i]) == 0)
            return 1;
    }
    return 0;
}

void pk_spell(char *out, size_t room, const char *pattern, uint32_t layer, uint64_t expert)
{
    size_t used = 0;
    for (const char *c = pattern; *c && used + 1 < room; c++) {
        int number = c[0] == '%' && (c[1] == 'L' || c[1] == 'E');
        if (number)
            used += (size_t)snprintf(out + used, room - used, "%llu", (unsigned long long)(c[1] == 'L' ? layer : expert));
        else
            out[used++] = *c;
        c += number;
    }
    out[used < room ? used : room - 1] = 0;
}
