/* manifest_model.c: the manifest's "model": hyper-parameters, rotations and layers of residual blocks, checked against each other so
 * that nothing downstream divides by zero, overflows or indexes past an end. Sets no pointer to a weight. */
#include <stdlib.h>
#include <string.h>

#include "runtime/json_fields.h"
#include "runtime/manifest_parts.h"
#include "runtime/scope.h"

enum {
    VOCAB_MAX = 1 << 24,
    HIDDEN_MAX = 1 << 16,
    CONTEXT_MAX = 1 << 24,
    INNER_MAX = 1 << 17, /* inputs of a product: sums stay exact in int32 */
    HEADS_MAX = 1 << 12,
    HEAD_DIM_MAX = 1 << 10,
};

/* Ranges of the numbers that scale something: far beyond any model, well inside float. */
#define POSITIVE .low = 1e-12, .high = 1e12

static const char *const block_names[] = {"attention", "mlp", "moe", NULL};
static const char *const rope_names[] = {"half", NULL};
static const char *const activation_names[] = {"silu", NULL};
static const char *const router_names[] = {"softmax", NULL};
static const char *const norm_names[] = {"rms", NULL};

/* ---- norms ---- */

struct norm_values {
    int name;
    float eps;
};

static const struct rt_field norm_fields[] = {
    RT_FIELD(struct norm_values, name, "kind", ENUM, REQUIRED, .names = norm_names),
    RT_FIELD(struct norm_values, eps, "eps", F32, REQUIRED, .low = 1e-30, .high = 1),
};

/* An absent norm is RT_NORM_NONE. */
static int read_norm(struct rt_norm *out, yyjson_val *value, const char *key, struct rt_error *error)
{
    struct norm_values values;
    if (!value)
        return 0;
    if (RT_FIELDS_READ(&values, value, norm_fields, error))
        return rt_wrap(error, "%s", key);
    *out = (struct rt_norm){.kind = RT_NORM_RMS, .eps = values.eps};
    return 0;
}

/* ---- rotations ---- */

struct rope_values {
    struct rt_rope rope;
    float theta; /* how the packer came to the frequencies: for people */
    char scaling[32];
};

static const struct rt_field rope_fields[] = {
    RT_FIELD(struct rope_values, rope.kind, "kind", ENUM, REQUIRED, .names = rope_names),
    RT_FIELD(struct rope_values, rope.dim, "dim", U32, REQUIRED, .min = 2, .max = HEAD_DIM_MAX),
    RT_FIELD(struct rope_values, rope.attention_factor, "attention_factor", F32, OPTIONAL, POSITIVE),
    RT_FIELD(struct rope_values, theta, "theta", F32, OPTIONAL, POSITIVE),
    RT_TEXT(struct rope_values, scaling, "scaling", OPTIONAL),
};

static int read_rope(struct rt_model *model, yyjson_val *value, struct rt_error *error)
{
    struct rope_values values = {.rope.attention_factor = 1};
    if (RT_FIELDS_READ(&values, value, rope_fields, error))
        return -1;
    if (values.rope.dim % 2)
        return rt_fail(error, RT_EXIT_TRUST, "\"dim\" is odd");
    model->ropes[model->rope_count++] = values.rope;
    return 0;
}

static int read_ropes(struct rt_model *model, yyjson_val *ropes, struct rt_error *error)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(ropes);
    for (yyjson_val *value; (value = yyjson_arr_iter_next(&iter));)
        if (read_rope(model, value, error))
            return rt_wrap(error, "ropes[%zu]", iter.idx - 1);
    return 0;
}

/* ---- blocks ---- */

struct block_values {
    struct rt_block block;
    uint32_t rope;
    yyjson_val *norm_in, *norm_out, *q_norm, *k_norm, *bias, *router;
};

#define BLOCK_FIELD(member, ...) RT_FIELD(struct block_values, member, __VA_ARGS__)
/* clang-format off */
#define COMMON_FIELDS \
    BLOCK_FIELD(block.kind, "kind", ENUM, REQUIRED, .names = block_names), \
    BLOCK_FIELD(norm_in, "norm_in", OBJECT, REQUIRED), \
    BLOCK_FIELD(norm_out, "norm_out", OBJECT, OPTIONAL), \
    BLOCK_FIELD(block.multiplier, "multiplier", F32, OPTIONAL, POSITIVE)
/* clang-format on */

static const struct rt_field attention_fields[] = {
    COMMON_FIELDS,
    BLOCK_FIELD(block.attention.heads, "heads", U32, REQUIRED, .min = 1, .max = HEADS_MAX),
    BLOCK_FIELD(block.attention.kv_heads, "kv_heads", U32, REQUIRED, .min = 1, .max = HEADS_MAX),
    BLOCK_FIELD(block.attention.head_dim, "head_dim", U32, REQUIRED, .min = 2, .max = HEAD_DIM_MAX),
    BLOCK_FIELD(block.attention.scale, "scale", F32, REQUIRED, POSITIVE),
    BLOCK_FIELD(rope, "rope", U32, OPTIONAL, .max = RT_ROPES_MAX - 1),
    BLOCK_FIELD(q_norm, "q_norm", OBJECT, OPTIONAL),
    BLOCK_FIELD(k_norm, "k_norm", OBJECT, OPTIONAL),
    BLOCK_FIELD(bias, "bias", ARRAY, OPTIONAL, .max = 4),
};

static const struct rt_field mlp_fields[] = {
    COMMON_FIELDS,
    BLOCK_FIELD(block.mlp.inner, "inner", U32, REQUIRED, .min = 1, .max = INNER_MAX),
    BLOCK_FIELD(block.mlp.activation, "activation", ENUM, REQUIRED, .names = activation_names),
    BLOCK_FIELD(bias, "bias", ARRAY, OPTIONAL, .max = 3),
};

static const struct rt_field moe_fields[] = {
    COMMON_FIELDS,
    BLOCK_FIELD(block.moe.experts, "experts", U32, REQUIRED, .min = 1, .max = KN_EXPERTS_MAX),
    BLOCK_FIELD(block.moe.top_k, "top_k", U32, REQUIRED, .min = 1, .max = KN_EXPERTS_MAX),
    BLOCK_FIELD(block.moe.inner, "inner", U32, REQUIRED, .min = 1, .max = INNER_MAX),
    BLOCK_FIELD(block.moe.activation, "activation", ENUM, REQUIRED, .names = activation_names),
    BLOCK_FIELD(router, "router", OBJECT, REQUIRED),
};

static const struct rt_field router_fields[] = {
    RT_FIELD(struct rt_moe, router_kind, "kind", ENUM, REQUIRED, .names = router_names),
    RT_FIELD(struct rt_moe, renormalise, "renormalise", FLAG, REQUIRED),
};

static int check_attention(const struct rt_model *model, struct block_values *values, struct rt_error *error)
{
    struct rt_attention *a = &values->block.attention;
    if (a->heads % a->kv_heads)
        return rt_fail(error, RT_EXIT_TRUST, "\"heads\" is not a multiple of \"kv_heads\"");
    if (a->head_dim % 2 || a->heads * a->head_dim > INNER_MAX)
        return rt_fail(error, RT_EXIT_TRUST, "\"head_dim\" is odd, or its heads together are too wide");
    a->rope = values->rope == UINT32_MAX ? -1 : (int)values->rope;
    if (a->rope >= 0 && (values->rope >= model->rope_count || model->ropes[a->rope].dim > a->head_dim))
        return rt_fail(error, RT_EXIT_TRUST, "\"rope\" is not one of the ropes, or turns more than a head has");
    if (read_norm(&a->q_norm, values->q_norm, "q_norm", error))
        return -1;
    return read_norm(&a->k_norm, values->k_norm, "k_norm", error);
}

static int check_moe(struct block_values *values, struct rt_error *error)
{
    struct rt_moe *moe = &values->block.moe;
    if (moe->top_k > moe->experts)
        return rt_fail(error, RT_EXIT_TRUST, "\"top_k\" is larger than \"experts\"");
    if (RT_FIELDS_READ(moe, values->router, router_fields, error))
        return rt_wrap(error, "router");
    return 0;
}

/* The set of linears with a bias, as bits in the order of the block's names. */
static int read_biases(uint8_t *out, yyjson_val *bias, enum rt_block_kind kind, struct rt_error *error)
{
    static const char *const attention[] = {"q", "k", "v", "o", NULL}, *const mlp[] = {"gate", "up", "down", NULL};
    const struct rt_field name = {.key = "bias", .kind = RT_FIELD_ENUM, .names = kind == RT_BLOCK_ATTENTION ? attention : mlp};
    yyjson_arr_iter iter = yyjson_arr_iter_with(bias);
    *out = 0;
    for (yyjson_val *value; (value = yyjson_arr_iter_next(&iter));) {
        int i;
        if (rt_field_read(&i, value, &name, error))
            return -1;
        if (*out >> i & 1)
            return rt_fail(error, RT_EXIT_TRUST, "\"bias\" names one twice");
        *out |= (uint8_t)(1 << i);
    }
    return 0;
}

static int read_block_fields(struct block_values *values, yyjson_val *object, struct rt_error *error)
{
    static const struct rt_field kind = {.key = "kind", .kind = RT_FIELD_ENUM, .names = block_names};
    int which;
    if (!yyjson_obj_get(object, "kind"))
        return rt_fail(error, RT_EXIT_TRUST, "\"kind\" is missing");
    if (rt_field_read(&which, yyjson_obj_get(object, "kind"), &kind, error))
        return -1;
    switch (which) {
    case RT_BLOCK_ATTENTION: return RT_FIELDS_READ(values, object, attention_fields, error);
    case RT_BLOCK_MLP: return RT_FIELDS_READ(values, object, mlp_fields, error);
    default: return RT_FIELDS_READ(values, object, moe_fields, error);
    }
}

static int read_block(const struct rt_model *model, struct rt_block *out, uint8_t *biases, yyjson_val *object, struct rt_error *error)
{
    struct block_values values = {.block.multiplier = 1, .rope = UINT32_MAX};
    struct rt_block *block = &values.block;
    if (read_block_fields(&values, object, error) || read_norm(&block->norm_in, values.norm_in, "norm_in", error) ||
        read_norm(&block->norm_out, values.norm_out, "norm_out", error) || read_biases(biases, values.bias, block->kind, error))
        return -1;
    if (block->kind == RT_BLOCK_ATTENTION && check_attention(model, &values, error))
        return -1;
    if (block->kind == RT_BLOCK_MOE && check_moe(&values, error))
        return -1;
    *out = *block;
    return 0;
}

/* ---- layers ---- */

struct layer_values {
    uint32_t repeat;
    yyjson_val *blocks;
};

static const struct rt_field layer_fields[] = {
    RT_FIELD(struct layer_values, repeat, "repeat", U32, OPTIONAL, .min = 1, .max = RT_LAYERS_MAX),
    RT_FIELD(struct layer_values, blocks, "blocks", ARRAY, REQUIRED, .min = 1, .max = RT_BLOCKS_MAX),
};

static int read_blocks(const struct rt_model *model, struct rt_layer *layer, uint8_t *biases, yyjson_val *blocks, struct rt_error *error)
{
    unsigned kinds = 0;
    yyjson_arr_iter iter = yyjson_arr_iter_with(blocks);
    for (yyjson_val *value; (value = yyjson_arr_iter_next(&iter)); layer->count++) {
        struct rt_block *block = &layer->blocks[layer->count];
        if (read_block(model, block, &biases[layer->count], value, error))
            return rt_wrap(error, "blocks[%zu]", iter.idx - 1);
        if (kinds >> block->kind & 1) /* its tensors' names would be the same */
            return rt_fail(error, RT_EXIT_TRUST, "two blocks of the kind \"%s\"", block_names[block->kind]);
        kinds |= 1U << block->kind;
    }
    return 0;
}

static int read_layer_run(struct rt_manifest *m, yyjson_val *object, struct rt_error *error)
{
    struct rt_model *model = &m->model;
    struct layer_values values = {.repeat = 1};
    if (RT_FIELDS_READ(&values, object, layer_fields, error))
        return -1;
    if (values.repeat > RT_LAYERS_MAX - model->layer_count)
        return rt_fail(error, RT_EXIT_TRUST, "more than %d layers", RT_LAYERS_MAX);
    uint32_t first = model->layer_count;
    if (read_blocks(model, &model->layers[first], m->biases[first], values.blocks, error))
        return -1;
    model->layer_count += values.repeat;
    for (uint32_t i = first + 1; i < model->layer_count; i++) {
        model->layers[i] = model->layers[first];
        memcpy(m->biases[i], m->biases[first], sizeof m->biases[i]);
    }
    return 0;
}

static int read_layers(struct rt_manifest *m, yyjson_val *layers, struct rt_error *error)
{
    m->model.layers = calloc(RT_LAYERS_MAX, sizeof *m->model.layers);
    m->biases = calloc(RT_LAYERS_MAX, sizeof *m->biases);
    if (!m->model.layers || !m->biases)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    yyjson_arr_iter iter = yyjson_arr_iter_with(layers);
    for (yyjson_val *value; (value = yyjson_arr_iter_next(&iter));)
        if (read_layer_run(m, value, error))
            return rt_wrap(error, "layers[%zu]", iter.idx - 1);
    return 0;
}

/* ---- the model ---- */

struct model_values {
    struct rt_model model;
    int tied;
    yyjson_val *embedding, *head, *final_norm, *ropes, *layers;
};

static const struct rt_field model_fields[] = {
    RT_TEXT(struct model_values, model.architecture, "architecture", REQUIRED),
    RT_FIELD(struct model_values, model.vocab, "vocab", U32, REQUIRED, .min = 1, .max = VOCAB_MAX),
    RT_FIELD(struct model_values, model.hidden, "hidden", U32, REQUIRED, .min = 1, .max = HIDDEN_MAX),
    RT_FIELD(struct model_values, model.context, "context", U32, REQUIRED, .min = 1, .max = CONTEXT_MAX),
    RT_FIELD(struct model_values, embedding, "embedding", OBJECT, OPTIONAL),
    RT_FIELD(struct model_values, head, "head", OBJECT, OPTIONAL),
    RT_FIELD(struct model_values, final_norm, "final_norm", OBJECT, REQUIRED),
    RT_FIELD(struct model_values, ropes, "ropes", ARRAY, OPTIONAL, .max = RT_ROPES_MAX),
    RT_FIELD(struct model_values, layers, "layers", ARRAY, REQUIRED, .min = 1, .max = RT_LAYERS_MAX),
};

static const struct rt_field embedding_fields[] = {
    RT_FIELD(struct model_values, model.embedding_multiplier, "multiplier", F32, OPTIONAL, POSITIVE),
};

static const struct rt_field head_fields[] = {
    RT_FIELD(struct model_values, tied, "tied", FLAG, OPTIONAL),
    RT_FIELD(struct model_values, model.head_multiplier, "multiplier", F32, OPTIONAL, POSITIVE),
};

int rt_manifest_read_model(struct rt_manifest *m, yyjson_val *value, struct rt_error *error)
{
    struct model_values values = {.model = m->model}; /* the codebooks are there already */
    values.model.embedding_multiplier = values.model.head_multiplier = 1;
    if (RT_FIELDS_READ(&values, value, model_fields, error))
        return -1;
    if (values.embedding && RT_FIELDS_READ(&values, values.embedding, embedding_fields, error))
        return rt_wrap(error, "embedding");
    if (values.head && RT_FIELDS_READ(&values, values.head, head_fields, error))
        return rt_wrap(error, "head");
    if (read_norm(&values.model.final_norm, values.final_norm, "final_norm", error) || read_ropes(&values.model, values.ropes, error))
        return -1;
    m->model = values.model;
    m->tied = values.tied;
    return read_layers(m, values.layers, error);
}

/* ---- a shape by itself ---- */

static void clean_document(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

int rt_manifest_open_shape(struct rt_manifest **out, const char *json, size_t bytes, struct rt_error *error)
{
    yyjson_read_err why;
    *out = NULL;
    /* without YYJSON_READ_INSITU the reader only looks at the text; its interface lacks the const */
    RT_CLEAN(clean_document) yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json, bytes, YYJSON_READ_NOFLAG, NULL, &why);
    if (!doc)
        return rt_fail(error, RT_EXIT_TRUST, "not JSON: %s at byte %zu", why.msg, why.pos);
    RT_CLEAN(rt_manifest_close) struct rt_manifest *m = calloc(1, sizeof *m);
    if (!m)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    if (rt_manifest_read_model(m, yyjson_doc_get_root(doc), error))
        return -1;
    *out = RT_MOVE(m);
    return 0;
}
