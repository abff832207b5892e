/* hf_config.c: reads config.json as transformers would. An absent member has the default of the architecture's row; null means none. */
#include "packaging/pack/hf_config.h"

#include <string.h>

#include "packaging/pack/hf_rope.h"
#include "packaging/pack/json_text.h"
#include "runtime/json_fields.h"

enum {
    WIDTH_MAX = 1 << 17, /* inputs of a matrix: their int8 products must fit an int32 sum */
    VOCAB_MAX = 1 << 24,
    CONTEXT_MAX = 1 << 24,
    HIDDEN_MAX = 1 << 16,
    HEADS_MAX = 1 << 12,
    HEAD_DIM_MAX = 1 << 10,
};

static const struct size_key {
    const char *key;
    enum pk_size size;
    uint32_t min, max;
} size_keys[] = {
    {"vocab_size", PK_VOCAB, 1, VOCAB_MAX},
    {"hidden_size", PK_HIDDEN, 1, HIDDEN_MAX},
    {"intermediate_size", PK_INNER, 1, WIDTH_MAX},
    {"num_hidden_layers", PK_LAYERS, 1, RT_LAYERS_MAX},
    {"num_attention_heads", PK_HEADS, 1, HEADS_MAX},
    {"num_key_value_heads", PK_KV_HEADS, 1, HEADS_MAX},
    {"head_dim", PK_HEAD_DIM, 2, HEAD_DIM_MAX},
    {"max_position_embeddings", PK_CONTEXT, 1, CONTEXT_MAX},
    {"num_experts", PK_EXPERTS, 0, KN_EXPERTS_MAX},
    {"num_local_experts", PK_EXPERTS, 0, KN_EXPERTS_MAX}, /* mixtral's name, which transformers 5 also writes for qwen3_moe */
    {"num_experts_per_tok", PK_TOP_K, 1, KN_EXPERTS_MAX},
    {"moe_intermediate_size", PK_EXPERT_INNER, 1, WIDTH_MAX},
    {"decoder_sparse_step", PK_SPARSE_STEP, 1, RT_LAYERS_MAX},
    {"sliding_window", PK_WINDOW, 1, CONTEXT_MAX},
};

static int find_architecture(struct pk_config *out, const struct pk_json *config, struct rt_error *error)
{
    const char *model_type = NULL;
    if (pk_json_text(config, "model_type", &model_type, error))
        return -1;
    if (!model_type)
        return pk_json_missing(config, "model_type", error);
    out->architecture = pk_architecture_find(model_type);
    if (out->architecture)
        return 0;
    char names[256];
    pk_architecture_names(names, sizeof names);
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: model_type \"%s\" is not supported; these are: %s", config->file, model_type, names);
}

static int refuse_unknown_kinds(const struct pk_json *config, struct rt_error *error)
{
    const char *activation = "silu";
    if (pk_json_text(config, "hidden_act", &activation, error))
        return -1;
    if (strcmp(activation, "silu") && strcmp(activation, "swish"))
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: activation \"%s\" is not supported; silu is", config->file, activation);
    if (pk_json_get(config, "quantization_config"))
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: the weights are already quantised; pack the original in F32, F16 or BF16",
                       config->file);
    return 0;
}

static int read_sizes(struct pk_config *out, const struct pk_json *config, struct rt_error *error)
{
    memcpy(out->sizes, out->architecture->sizes, sizeof out->sizes);
    for (size_t i = 0; i < sizeof size_keys / sizeof *size_keys; i++) {
        const struct size_key *key = &size_keys[i];
        if (yyjson_is_null(yyjson_obj_get(config->object, key->key)))
            out->sizes[key->size] = 0;
        uint64_t value = out->sizes[key->size];
        if (pk_json_integer(config, key->key, key->min, key->max, &value, error))
            return -1;
        out->sizes[key->size] = (uint32_t)value;
    }
    return 0;
}

static int require_sizes(const struct pk_config *config, const struct pk_json *json, struct rt_error *error)
{
    for (size_t i = 0; i < sizeof size_keys / sizeof *size_keys; i++) {
        enum pk_size size = size_keys[i].size;
        int mixture_only = size == PK_EXPERTS || size == PK_TOP_K || size == PK_EXPERT_INNER || size == PK_SPARSE_STEP;
        int derived = size == PK_WINDOW || size == PK_KV_HEADS || size == PK_HEAD_DIM;
        if (config->sizes[size] == 0 && !mixture_only && !derived)
            return pk_json_missing(json, size_keys[i].key, error);
    }
    return 0;
}

static int derive_sizes(struct pk_config *out, const struct pk_json *config, struct rt_error *error)
{
    uint32_t *sizes = out->sizes;
    if (sizes[PK_KV_HEADS] == 0)
        sizes[PK_KV_HEADS] = sizes[PK_HEADS];
    if (sizes[PK_HEAD_DIM] == 0)
        sizes[PK_HEAD_DIM] = sizes[PK_HIDDEN] / sizes[PK_HEADS];
    if (sizes[PK_HEAD_DIM] == 0 || sizes[PK_HEAD_DIM] % 2)
        return rt_fail(error, RT_EXIT_FAILED, "%s: heads of %u elements; the number must be even", config->file, sizes[PK_HEAD_DIM]);
    if (sizes[PK_HEADS] % sizes[PK_KV_HEADS])
        return rt_fail(error, RT_EXIT_FAILED, "%s: \"num_attention_heads\" is no multiple of \"num_key_value_heads\"", config->file);
    uint64_t query = (uint64_t)sizes[PK_HEADS] * sizes[PK_HEAD_DIM];
    if (query > WIDTH_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: more than %d elements in all heads", config->file, WIDTH_MAX);
    sizes[PK_QUERY] = (uint32_t)query;
    sizes[PK_KEY_VALUE] = sizes[PK_KV_HEADS] * sizes[PK_HEAD_DIM];
    if (out->architecture->expert_inner)
        sizes[PK_EXPERT_INNER] = sizes[out->architecture->expert_inner];
    return 0;
}

static int read_features(struct pk_config *out, const struct pk_json *config, struct rt_error *error)
{
    static const struct {
        const char *key;
        enum pk_feature feature;
    } switches[] = {{"attention_bias", PK_ATTENTION_BIAS}, {"mlp_bias", PK_MLP_BIAS}, {"norm_topk_prob", PK_RENORMALISE}};
    out->features = out->architecture->features;
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        int on = 0;
        if (pk_json_flag(config, switches[i].key, &on, error))
            return -1;
        if (on && (out->architecture->switches & switches[i].feature))
            out->features |= switches[i].feature;
    }
    int tied = 0;
    if (pk_json_flag(config, "tie_word_embeddings", &tied, error))
        return -1;
    out->features |= tied ? PK_TIED : PK_UNTIED;
    return 0;
}

static int read_mixtures(struct pk_config *out, const struct pk_json *config, struct rt_error *error)
{
    const uint32_t *sizes = out->sizes;
    const struct pk_architecture *architecture = out->architecture;
    yyjson_val *dense = architecture->mlp ? pk_json_get(config, "mlp_only_layers") : NULL;
    uint32_t step = sizes[PK_SPARSE_STEP] ? sizes[PK_SPARSE_STEP] : 1, count = 0;
    for (uint32_t i = 0; i < sizes[PK_LAYERS] && architecture->moe; i++) {
        out->mixture[i] = !architecture->mlp || (sizes[PK_EXPERTS] > 0 && (i + 1) % step == 0 && !rt_json_lists(dense, i));
        count += out->mixture[i];
    }
    if (count == 0)
        return 0;
    if (sizes[PK_EXPERTS] == 0)
        return pk_json_missing(config, "num_local_experts", error);
    if (sizes[PK_TOP_K] == 0)
        return pk_json_missing(config, "num_experts_per_tok", error);
    if (sizes[PK_EXPERT_INNER] == 0)
        return pk_json_missing(config, "moe_intermediate_size", error);
    if (sizes[PK_TOP_K] > sizes[PK_EXPERTS])
        return rt_fail(error, RT_EXIT_FAILED, "%s: \"num_experts_per_tok\" is larger than the number of experts", config->file);
    return 0;
}

static int some_layer_slides(const struct pk_json *config, uint32_t layers, struct rt_error *error)
{
    uint64_t first = 28; /* transformers' default */
    if (pk_json_integer(config, "max_window_layers", 0, UINT32_MAX, &first, error))
        return -1;
    yyjson_val *types = pk_json_get(config, "layer_types");
    if (!types)
        return first < layers;
    yyjson_arr_iter each = yyjson_arr_iter_with(types);
    for (yyjson_val *type; (type = yyjson_arr_iter_next(&each));)
        if (yyjson_equals_str(type, "sliding_attention"))
            return 1;
    return 0;
}

/* Up to the window's length, attention with a window is attention without one: so the context ends there. */
static int cut_to_window(struct pk_config *out, const struct pk_json *config, struct rt_error *error)
{
    out->uncut_context = out->sizes[PK_CONTEXT];
    uint32_t window = out->sizes[PK_WINDOW];
    int used = !(out->features & PK_WINDOW_SWITCH);
    if (!used && pk_json_flag(config, "use_sliding_window", &used, error))
        return -1;
    if (used && (out->features & PK_WINDOW_LAYERS))
        used = some_layer_slides(config, out->sizes[PK_LAYERS], error);
    if (used < 0)
        return -1;
    if (used && window && window < out->uncut_context)
        out->sizes[PK_CONTEXT] = window;
    return 0;
}

int pk_config_read(struct pk_config *out, yyjson_val *root, const char *file, struct rt_error *error)
{
    *out = (struct pk_config){0};
    const struct pk_json config = {root, file};
    if (find_architecture(out, &config, error) || refuse_unknown_kinds(&config, error) || read_sizes(out, &config, error) ||
        require_sizes(out, &config, error) || derive_sizes(out, &config, error) || read_features(out, &config, error) ||
        read_mixtures(out, &config, error))
        return -1;
    out->eps = out->architecture->eps;
    if (pk_json_number(&config, "rms_norm_eps", 0, 1, &out->eps, error))
        return -1;
    if (pk_rope_read(&out->rope, &config, out->architecture->theta, out->sizes[PK_CONTEXT], error))
        return -1;
    return cut_to_window(out, &config, error);
}
