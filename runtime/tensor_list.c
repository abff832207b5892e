/* tensor_list.c: walks a model's parts; rt_model_bind walks the same parts and refuses what is missing or too much. */
#include "runtime/tensor_list.h"

#include <stdio.h>
#include <stdlib.h>

enum { ALIGN_SMALL = 64, ALIGN_LARGE = 4096, LARGE_BYTES = 64 << 10 };

void rt_tensor_place(struct rt_tensor *tensor, uint64_t *stream_bytes)
{
    uint64_t align = tensor->size >= LARGE_BYTES ? ALIGN_LARGE : ALIGN_SMALL;
    tensor->offset = (*stream_bytes + align - 1) / align * align;
    *stream_bytes = tensor->offset + tensor->size;
}

struct list {
    struct rt_manifest *m;
    size_t room;
    enum kn_format quant;
    char prefix[RT_NAME_MAX / 2]; /* "layers.3.attention." */
    struct rt_error *error;
};

/* ---- one tensor ---- */

static enum rt_tensor_format tensor_format(enum kn_format format)
{
    static const enum rt_tensor_format formats[] = {
        [KN_F32] = RT_TENSOR_F32, [KN_BF16] = RT_TENSOR_BF16, [KN_W8] = RT_TENSOR_W8, [KN_W4] = RT_TENSOR_W4};
    return formats[format];
}

static int grow(struct list *list)
{
    size_t room = list->room ? 2 * list->room : 256;
    struct rt_tensor *grown = room > RT_TENSORS_MAX ? NULL : realloc(list->m->tensors, room * sizeof *grown);
    if (!grown)
        return rt_fail(list->error, RT_EXIT_RESOURCES, "%s: no memory for so many tensors", list->m->name);
    list->m->tensors = grown;
    list->room = room;
    return 0;
}

/* `tensor` has its format, shape and size. */
static int add(struct list *list, struct rt_tensor *tensor, const char *name)
{
    if (!tensor->size)
        return rt_fail(list->error, RT_EXIT_UNSUPPORTED, "%s: %s%s is too large a matrix", list->m->name, list->prefix, name);
    if (list->m->tensor_count == list->room && grow(list))
        return -1;
    snprintf(tensor->name, sizeof tensor->name, "%s%s", list->prefix, name);
    tensor->codebook = tensor->format == RT_TENSOR_W4 ? 0 : -1;
    rt_tensor_place(tensor, &list->m->stream_bytes);
    list->m->tensors[list->m->tensor_count++] = *tensor;
    return 0;
}

static int add_vector(struct list *list, const char *name, uint64_t n, uint64_t stored)
{
    struct rt_tensor tensor = {.format = RT_TENSOR_F32, .dims = 1, .shape = {n}, .size = stored * sizeof(float)};
    return add(list, &tensor, name);
}

static int add_norm(struct list *list, const struct rt_norm *norm, const char *name, uint64_t n)
{
    return norm->kind == RT_NORM_NONE ? 0 : add_vector(list, name, n, n);
}

static int add_matrix(struct list *list, enum kn_format format, const char *name, uint64_t n, uint64_t k)
{
    struct rt_tensor tensor = {.format = tensor_format(format), .dims = 2, .shape = {n, k}, .size = kn_matrix_bytes(format, n, k)};
    return add(list, &tensor, name);
}

static int add_linear(struct list *list, const char *name, uint64_t n, uint64_t k, int has_bias)
{
    char bias[32];
    snprintf(bias, sizeof bias, "%s_bias", name);
    if (add_matrix(list, list->quant, name, n, k))
        return -1;
    return has_bias ? add_vector(list, bias, n, kn_pad(n)) : 0;
}

static int add_experts(struct list *list, const char *name, uint64_t experts, uint64_t n, uint64_t k)
{
    uint64_t one = kn_matrix_bytes(list->quant, n, k), all;
    struct rt_tensor tensor = {.format = tensor_format(list->quant), .dims = 3, .shape = {experts, n, k}};
    tensor.size = __builtin_mul_overflow(one, experts, &all) ? 0 : all;
    return add(list, &tensor, name);
}

/* ---- parts ---- */

static int add_attention(struct list *list, const struct rt_attention *a, unsigned biases)
{
    uint64_t hidden = list->m->model.hidden, query = (uint64_t)a->heads * a->head_dim, kv = (uint64_t)a->kv_heads * a->head_dim;
    if (add_linear(list, "q", query, hidden, biases & 1) || add_linear(list, "k", kv, hidden, biases >> 1 & 1) ||
        add_linear(list, "v", kv, hidden, biases >> 2 & 1) || add_norm(list, &a->q_norm, "q_norm", a->head_dim) ||
        add_norm(list, &a->k_norm, "k_norm", a->head_dim))
        return -1;
    return add_linear(list, "o", hidden, query, biases >> 3 & 1);
}

static int add_mlp(struct list *list, const struct rt_mlp *mlp, unsigned biases)
{
    uint64_t hidden = list->m->model.hidden;
    if (add_linear(list, "gate", mlp->inner, hidden, biases & 1) || add_linear(list, "up", mlp->inner, hidden, biases >> 1 & 1))
        return -1;
    return add_linear(list, "down", hidden, mlp->inner, biases >> 2 & 1);
}

static int add_moe(struct list *list, const struct rt_moe *moe)
{
    uint64_t hidden = list->m->model.hidden;
    if (add_matrix(list, KN_BF16, "router", moe->experts, hidden) || add_experts(list, "gate", moe->experts, moe->inner, hidden) ||
        add_experts(list, "up", moe->experts, moe->inner, hidden))
        return -1;
    return add_experts(list, "down", moe->experts, hidden, moe->inner);
}

static int add_block(struct list *list, const struct rt_block *block, uint32_t layer, unsigned biases)
{
    static const char *const kinds[] = {"attention", "mlp", "moe"};
    uint64_t hidden = list->m->model.hidden;
    snprintf(list->prefix, sizeof list->prefix, "layers.%u.%s.", layer, kinds[block->kind]);
    if (add_norm(list, &block->norm_in, "norm_in", hidden) || add_norm(list, &block->norm_out, "norm_out", hidden))
        return -1;
    switch (block->kind) {
    case RT_BLOCK_ATTENTION: return add_attention(list, &block->attention, biases);
    case RT_BLOCK_MLP: return add_mlp(list, &block->mlp, biases);
    default: return add_moe(list, &block->moe);
    }
}

/* ---- the model ---- */

static int add_ropes(struct list *list)
{
    for (uint32_t i = 0; i < list->m->model.rope_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "rope.%u.inv_freq", i);
        if (add_vector(list, name, list->m->model.ropes[i].dim / 2, list->m->model.ropes[i].dim / 2))
            return -1;
    }
    return 0;
}

static int add_ends(struct list *list)
{
    const struct rt_model *model = &list->m->model;
    struct rt_tensor embedding = {.format = RT_TENSOR_BF16_ROWS, .dims = 2, .shape = {model->vocab, model->hidden}};
    embedding.size = (uint64_t)model->vocab * model->hidden * sizeof(uint16_t);
    if (add(list, &embedding, "embedding") || add_norm(list, &model->final_norm, "final_norm", model->hidden))
        return -1;
    return add_matrix(list, list->quant == KN_W4 ? KN_W8 : list->quant, "head", model->vocab, model->hidden);
}

static int add_layers(struct list *list)
{
    const struct rt_model *model = &list->m->model;
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t b = 0; b < model->layers[l].count; b++)
            if (add_block(list, &model->layers[l].blocks[b], l, list->m->biases[l][b]))
                return -1;
    return 0;
}

int rt_tensor_list(struct rt_manifest *shape, enum kn_format quant, struct rt_error *error)
{
    static const char *const names[] = {[KN_F32] = "f32", [KN_BF16] = "bf16", [KN_W8] = "w8", [KN_W4] = "w4"};
    struct list list = {.m = shape, .quant = quant, .error = error};
    snprintf(shape->quant, sizeof shape->quant, "%s", names[quant]);
    shape->model.codebooks[0] = kn_codebook_default;
    shape->model.codebook_count = 1;
    if (add_ropes(&list) || add_ends(&list))
        return -1;
    return add_layers(&list);
}
