/* plan_config.c: the few members of a Hugging Face config.json that say what a model costs. The packer reads the same file to convert it and
 * knows five architectures to the last feature; this asks only for sizes, so it understands models that cannot be packed yet. Every number is
 * bounded here. One thread. */
#include <string.h>
#include <yyjson.h>

#include "runtime/json_fields.h"
#include "runtime/plan_model.h"
#include "runtime/scope.h"

enum {
    VOCAB_MAX = 1 << 24,
    CONTEXT_MAX = 1 << 24,
    HEADS_MAX = 1 << 12,
    HEAD_DIM_MAX = 1 << 10,
    RANK_MAX = 1 << 14,
};

struct config { /* 0 where the file is silent, or says null */
    uint32_t vocab, hidden, inner, layers, heads, kv_heads, head_dim, context;
    uint32_t experts, top_k, expert_inner, first_dense, sparse_step, moe_frequency, shared_count, shared_inner;
    uint32_t q_rank, kv_rank, rope_dim, nope_dim, value_dim;
};

static const struct config_key {
    const char *key;
    size_t offset;
    uint32_t min, max;
    int required;
} keys[] = {
#define KEY(name, member, least, most, needed) {name, offsetof(struct config, member), least, most, needed}
    KEY("vocab_size", vocab, 1, VOCAB_MAX, 1),
    KEY("hidden_size", hidden, 1, RT_PLAN_WIDTH_MAX, 1),
    KEY("intermediate_size", inner, 1, RT_PLAN_WIDTH_MAX, 0),
    KEY("num_hidden_layers", layers, 1, RT_LAYERS_MAX, 1),
    KEY("num_attention_heads", heads, 1, HEADS_MAX, 1),
    KEY("num_key_value_heads", kv_heads, 1, HEADS_MAX, 0),
    KEY("head_dim", head_dim, 1, HEAD_DIM_MAX, 0),
    KEY("max_position_embeddings", context, 1, CONTEXT_MAX, 0),
    KEY("num_experts", experts, 0, KN_EXPERTS_MAX, 0), /* one of the three names, by architecture */
    KEY("num_local_experts", experts, 0, KN_EXPERTS_MAX, 0),
    KEY("n_routed_experts", experts, 0, KN_EXPERTS_MAX, 0),
    KEY("num_experts_per_tok", top_k, 1, KN_EXPERTS_MAX, 0),
    KEY("moe_intermediate_size", expert_inner, 1, RT_PLAN_WIDTH_MAX, 0),
    KEY("first_k_dense_replace", first_dense, 0, RT_LAYERS_MAX, 0),
    KEY("decoder_sparse_step", sparse_step, 1, RT_LAYERS_MAX, 0),
    KEY("moe_layer_freq", moe_frequency, 1, RT_LAYERS_MAX, 0),
    KEY("n_shared_experts", shared_count, 0, 64, 0),
    KEY("shared_expert_intermediate_size", shared_inner, 0, RT_PLAN_WIDTH_MAX, 0),
    KEY("q_lora_rank", q_rank, 1, RANK_MAX, 0),
    KEY("kv_lora_rank", kv_rank, 1, RANK_MAX, 0),
    KEY("qk_rope_head_dim", rope_dim, 1, HEAD_DIM_MAX, 0),
    KEY("qk_nope_head_dim", nope_dim, 1, HEAD_DIM_MAX, 0),
    KEY("v_head_dim", value_dim, 1, HEAD_DIM_MAX, 0),
#undef KEY
};

struct source { /* what is being read, for every step below */
    struct rt_plan_model *model;
    struct config config;
    yyjson_val *root;
    const char *file;
    struct rt_error *error;
};

/* ---- numbers ---- */

static int read_number(struct source *s, const struct config_key *key)
{
    yyjson_val *value = yyjson_obj_get(s->root, key->key);
    if (!value || yyjson_is_null(value))
        return 0;
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) < key->min || yyjson_get_uint(value) > key->max)
        return rt_fail(s->error, RT_EXIT_FAILED, "%s: \"%s\" is not a whole number between %u and %u", s->file, key->key, key->min,
                       key->max);
    *(uint32_t *)(void *)((char *)&s->config + key->offset) = (uint32_t)yyjson_get_uint(value);
    return 0;
}

static int read_numbers(struct source *s)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (read_number(s, &keys[i]))
            return -1;
        if (keys[i].required && !*(uint32_t *)(void *)((char *)&s->config + keys[i].offset))
            return rt_fail(s->error, RT_EXIT_FAILED, "%s: \"%s\" is missing; give a model's config.json", s->file, keys[i].key);
    }
    return 0;
}

static int missing(const struct source *s, const char *key)
{
    return rt_fail(s->error, RT_EXIT_FAILED, "%s: \"%s\" is missing", s->file, key);
}

static int too_wide(const struct source *s, const char *what)
{
    return rt_fail(s->error, RT_EXIT_UNSUPPORTED, "%s: %s are wider than %d together", s->file, what, RT_PLAN_WIDTH_MAX);
}

/* What one member leaves to others, and what they must agree on. */
static int complete(struct source *s)
{
    struct config *c = &s->config;
    c->kv_heads = c->kv_heads ? c->kv_heads : c->heads;
    c->head_dim = c->head_dim ? c->head_dim : c->hidden / c->heads;
    c->expert_inner = c->expert_inner ? c->expert_inner : c->inner;
    c->context = c->context ? c->context : 2048;
    if (!c->kv_rank && (c->head_dim == 0 || c->head_dim > HEAD_DIM_MAX || c->kv_heads > c->heads))
        return rt_fail(s->error, RT_EXIT_FAILED, "%s: the numbers of heads do not fit \"hidden_size\"", s->file);
    if (!c->kv_rank && (uint64_t)c->heads * c->head_dim > RT_PLAN_WIDTH_MAX)
        return too_wide(s, "all heads");
    if (c->kv_rank && (!c->rope_dim || !c->nope_dim || !c->value_dim))
        return missing(s, "qk_rope_head_dim, qk_nope_head_dim or v_head_dim");
    if (c->kv_rank && (uint64_t)c->heads * c->value_dim > RT_PLAN_WIDTH_MAX)
        return too_wide(s, "all heads");
    if (c->experts && !c->top_k)
        return missing(s, "num_experts_per_tok");
    if (c->experts && !c->expert_inner)
        return missing(s, "moe_intermediate_size");
    if (c->experts && c->top_k > c->experts)
        return rt_fail(s->error, RT_EXIT_FAILED, "%s: \"num_experts_per_tok\" is larger than the number of experts", s->file);
    if (c->shared_count && !c->shared_inner) {
        if ((uint64_t)c->shared_count * c->expert_inner > RT_PLAN_WIDTH_MAX)
            return too_wide(s, "shared experts");
        c->shared_inner = c->shared_count * c->expert_inner;
    }
    return 0;
}

/* ---- layers ---- */

static int is_mixture(const struct source *s, uint32_t layer)
{
    const struct config *c = &s->config;
    const uint32_t step = c->sparse_step ? c->sparse_step : 1, frequency = c->moe_frequency ? c->moe_frequency : 1;
    return c->experts && layer >= c->first_dense && (layer + 1) % step == 0 && layer % frequency == 0 &&
           !rt_json_lists(yyjson_obj_get(s->root, "mlp_only_layers"), layer);
}

static int add_attention(struct source *s, int last)
{
    const struct config *c = &s->config;
    const struct rt_plan_latent latent = {c->heads, c->q_rank, c->kv_rank, c->rope_dim, c->nope_dim, c->value_dim};
    if (c->kv_rank)
        return rt_plan_add_latent(s->model, &latent, last, s->error);
    return rt_plan_add_attention(s->model, c->heads, c->kv_heads, c->head_dim, last, s->error);
}

static int add_mixture(struct source *s, int last)
{
    const struct config *c = &s->config;
    if (rt_plan_add_mixture(s->model, c->experts, c->top_k, c->expert_inner, last, s->error))
        return -1;
    return c->shared_inner ? rt_plan_add_mlp(s->model, c->shared_inner, last, s->error) : 0;
}

static int add_layer(struct source *s, uint32_t layer)
{
    const int last = layer + 1 == s->config.layers;
    if (add_attention(s, last))
        return -1;
    if (is_mixture(s, layer))
        return add_mixture(s, last);
    if (!s->config.inner)
        return missing(s, "intermediate_size");
    return rt_plan_add_mlp(s->model, s->config.inner, last, s->error);
}

/* Layers that are no attention (recurrent ones) cost something else altogether. */
static int refuse_other_layers(const struct source *s)
{
    yyjson_val *types = yyjson_obj_get(s->root, "layer_types");
    if (yyjson_arr_size(types) > RT_LAYERS_MAX || yyjson_arr_size(yyjson_obj_get(s->root, "mlp_only_layers")) > RT_LAYERS_MAX)
        return rt_fail(s->error, RT_EXIT_FAILED, "%s: lists more than %d layers", s->file, RT_LAYERS_MAX);
    yyjson_arr_iter each = yyjson_arr_iter_with(types);
    for (yyjson_val *type; (type = yyjson_arr_iter_next(&each));)
        if (!yyjson_equals_str(type, "full_attention") && !yyjson_equals_str(type, "sliding_attention"))
            return rt_fail(s->error, RT_EXIT_UNSUPPORTED, "%s: layers of the type \"%.64s\" cannot be planned for", s->file,
                           yyjson_is_str(type) ? yyjson_get_str(type) : "?");
    return 0;
}

/* ---- the model ---- */

static int packs(const char *model_type)
{
    static const char *const types[] = {"llama", "mistral", "mixtral", "qwen3", "qwen3_moe"}; /* the packer's table */
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i], model_type) == 0)
            return 1;
    return 0;
}

static void say_unsupported(struct source *s, const char *model_type)
{
    struct rt_plan_model *model = s->model;
    const char *latent = s->config.kv_rank ? "latent attention" : "", *shared = s->config.shared_inner ? "shared experts" : "";
    if (*latent || *shared)
        snprintf(model->unsupported, sizeof model->unsupported, "%s%s%s", latent, *latent && *shared ? " and " : "", shared);
    else if (!packs(model_type))
        snprintf(model->unsupported, sizeof model->unsupported, "model_type \"%s\"", model->architecture);
}

/* "model_type", shortened and without what a terminal would obey. */
static void copy_name(char *out, size_t room, const char *name)
{
    size_t used = 0;
    for (; name && name[used] && used + 1 < room; used++)
        out[used] = name[used] > 0x20 && name[used] < 0x7f && name[used] != '"' ? name[used] : '?';
    out[used] = '\0';
}

static int describe(struct source *s)
{
    struct rt_plan_model *model = s->model;
    const struct config *c = &s->config;
    const char *type = yyjson_get_str(yyjson_obj_get(s->root, "model_type"));
    if (read_numbers(s) || complete(s) || refuse_other_layers(s))
        return -1;
    copy_name(model->architecture, sizeof model->architecture, type ? type : "unknown");
    model->tied = yyjson_get_bool(yyjson_obj_get(s->root, "tie_word_embeddings"));
    model->vocab = c->vocab;
    model->hidden = c->hidden;
    model->context = c->context;
    model->layers = c->layers;
    for (uint32_t layer = 0; layer < c->layers; layer++)
        if (add_layer(s, layer))
            return -1;
    say_unsupported(s, type ? type : "");
    return rt_plan_add_head(model, s->error);
}

static void close_document(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

int rt_plan_model_config(struct rt_plan_model *out, const char *json, size_t bytes, const char *file, struct rt_error *error)
{
    *out = (struct rt_plan_model){0};
    RT_CLEAN(close_document) yyjson_doc *doc = yyjson_read(json, bytes, 0);
    struct source source = {.model = out, .root = yyjson_doc_get_root(doc), .file = file, .error = error};
    if (!yyjson_is_obj(source.root))
        return rt_fail(error, RT_EXIT_FAILED, "%s: not a JSON object; give a model's config.json, a bundle or a shape's name", file);
    yyjson_val *text = yyjson_obj_get(source.root, "text_config"); /* of a model that also sees or hears */
    if (!yyjson_obj_get(source.root, "hidden_size") && yyjson_is_obj(text))
        source.root = text;
    return describe(&source);
}
