/* model_bind.c: points a model's parts at their tensors, wherever those lie. Walks the parts, asks for each tensor by name, checks format and
 * shape, and in the end refuses what nobody asked for. Reads no weight. One thread. */
#include <stdlib.h>
#include <string.h>

#include "runtime/manifest.h"
#include "runtime/scope.h"

struct binder {
    struct rt_model *model;
    const struct rt_manifest *m;
    const struct rt_tensor_place *places;
    const struct rt_tensor **index; /* by name */
    uint8_t *used;                  /* by position in m->tensors */
    struct rt_error *error;
};

/* ---- what a tensor is ---- */

static int is_router(const struct rt_tensor *tensor)
{
    static const char end[] = ".router";
    size_t length = strlen(tensor->name);
    return length >= sizeof end && strcmp(tensor->name + length - (sizeof end - 1), end) == 0;
}

enum rt_spread rt_tensor_spread(const struct rt_tensor *tensor)
{
    if (tensor->format == RT_TENSOR_BF16_ROWS)
        return RT_SPREAD_ONCE;
    return tensor->format == RT_TENSOR_F32 || is_router(tensor) ? RT_SPREAD_COPIED : RT_SPREAD_SPLIT; /* routers: by rows, not by panels */
}

uint32_t rt_tensor_panels(const struct rt_tensor *tensor)
{
    int in_panels = tensor->format != RT_TENSOR_F32 && tensor->format != RT_TENSOR_BF16_ROWS;
    return in_panels ? (uint32_t)kn_panels(tensor->shape[tensor->dims - 2]) : 0;
}

uint32_t rt_tensor_matrices(const struct rt_tensor *tensor)
{
    return tensor->dims == 3 ? (uint32_t)tensor->shape[0] : 1;
}

/* ---- finding ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct rt_tensor *const *)a)->name, (*(const struct rt_tensor *const *)b)->name);
}

static const struct rt_tensor *find(const struct binder *b, const char *name)
{
    struct rt_tensor key;
    const struct rt_tensor *wanted = &key;
    snprintf(key.name, sizeof key.name, "%s", name);
    const struct rt_tensor **found = bsearch(&wanted, b->index, b->m->tensor_count, sizeof *b->index, compare_names);
    return found ? *found : NULL;
}

static int fail_tensor(const struct binder *b, const char *name, const char *why)
{
    return rt_fail(b->error, RT_EXIT_TRUST, "the tensor \"%s\" %s; ask the publisher for a corrected bundle", name, why);
}

static const struct rt_tensor_place *place_of(const struct binder *b, const struct rt_tensor *tensor)
{
    return &b->places[tensor - b->m->tensors];
}

/* The tensor. `shape` has `dims` extents. */
static int take(const struct binder *b, const struct rt_tensor **out, const char *name, uint32_t dims, const uint64_t *shape)
{
    const struct rt_tensor *t = find(b, name);
    if (!t)
        return fail_tensor(b, name, "is missing");
    if (t->dims != dims || memcmp(t->shape, shape, dims * sizeof *shape) != 0)
        return fail_tensor(b, name, "has another shape than the model calls for");
    b->used[t - b->m->tensors] = 1;
    *out = t;
    return 0;
}

static int take_vector(const struct binder *b, const float **out, const char *name, uint64_t n, uint64_t stored)
{
    const struct rt_tensor *t;
    if (take(b, &t, name, 1, &n))
        return -1;
    if (t->format != RT_TENSOR_F32 || t->size < stored * sizeof(float))
        return fail_tensor(b, name, "is not a vector of f32, or not padded");
    *out = (const float *)(const void *)place_of(b, t)->at;
    return 0;
}

/* A matrix [n,k], or `count` of them stacked, *stride bytes from one to the next, where count > 0. */
static int take_matrix(const struct binder *b, struct kn_matrix *out, size_t *stride, const char *name, uint32_t count, uint32_t n,
                       uint32_t k)
{
    static const enum kn_format formats[] = {[RT_TENSOR_BF16] = KN_BF16, [RT_TENSOR_W8] = KN_W8, [RT_TENSOR_W4] = KN_W4};
    const uint64_t shape[] = {count, n, k};
    const struct rt_tensor *t;
    if (count ? take(b, &t, name, 3, shape) : take(b, &t, name, 2, shape + 1))
        return -1;
    if (t->format != RT_TENSOR_BF16 && t->format != RT_TENSOR_W8 && t->format != RT_TENSOR_W4)
        return fail_tensor(b, name, "is not a matrix in panels");
    const struct rt_tensor_place *place = place_of(b, t);
    *out = (struct kn_matrix){.format = formats[t->format], .n = n, .k = k, .first_panel = place->first_panel, .panels = place->at};
    if (t->codebook >= 0)
        out->codebook = &b->model->codebooks[t->codebook];
    if (stride)
        *stride = (size_t)(place->last_panel - place->first_panel) * kn_panel_bytes(out->format, k);
    return 0;
}

/* ---- parts ---- */

struct scope { /* "layers.3.attention" */
    char prefix[RT_NAME_MAX / 2];
};

struct name {
    char text[RT_NAME_MAX];
};

static struct name name_in(const struct scope *scope, const char *part)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "%s.%s", scope->prefix, part);
    return name;
}

static int bind_norm(const struct binder *b, struct rt_norm *norm, const char *name, uint32_t n)
{
    return norm->kind == RT_NORM_NONE ? 0 : take_vector(b, &norm->weight, name, n, n);
}

static int bind_norm_in(const struct binder *b, struct rt_norm *norm, const struct scope *scope, const char *part, uint32_t n)
{
    return bind_norm(b, norm, name_in(scope, part).text, n);
}

static int bind_linear(const struct binder *b, struct rt_linear *linear, const struct scope *scope, const char *part, uint32_t n,
                       uint32_t k, int has_bias)
{
    struct name name = name_in(scope, part);
    if (take_matrix(b, &linear->w, NULL, name.text, 0, n, k))
        return -1;
    strncat(name.text, "_bias", sizeof name.text - strlen(name.text) - 1);
    return has_bias ? take_vector(b, &linear->bias, name.text, n, kn_pad(n)) : 0;
}

static int bind_attention(const struct binder *b, struct rt_attention *a, const struct scope *scope, unsigned biases)
{
    uint32_t hidden = b->model->hidden, q = a->heads * a->head_dim, kv = a->kv_heads * a->head_dim;
    if (bind_linear(b, &a->q, scope, "q", q, hidden, biases & 1) || bind_linear(b, &a->k, scope, "k", kv, hidden, biases >> 1 & 1) ||
        bind_linear(b, &a->v, scope, "v", kv, hidden, biases >> 2 & 1) || bind_linear(b, &a->o, scope, "o", hidden, q, biases >> 3 & 1))
        return -1;
    if (bind_norm_in(b, &a->q_norm, scope, "q_norm", a->head_dim))
        return -1;
    return bind_norm_in(b, &a->k_norm, scope, "k_norm", a->head_dim);
}

static int bind_mlp(const struct binder *b, struct rt_mlp *mlp, const struct scope *scope, unsigned biases)
{
    uint32_t hidden = b->model->hidden;
    if (bind_linear(b, &mlp->gate, scope, "gate", mlp->inner, hidden, biases & 1) ||
        bind_linear(b, &mlp->up, scope, "up", mlp->inner, hidden, biases >> 1 & 1))
        return -1;
    return bind_linear(b, &mlp->down, scope, "down", hidden, mlp->inner, biases >> 2 & 1);
}

static int bind_experts(const struct binder *b, struct kn_matrix *out, size_t *stride, const struct scope *scope, const char *part,
                        uint32_t experts, uint32_t n, uint32_t k)
{
    return take_matrix(b, out, stride, name_in(scope, part).text, experts, n, k);
}

static int bind_moe(const struct binder *b, struct rt_moe *moe, const struct scope *scope)
{
    uint32_t hidden = b->model->hidden;
    struct name router = name_in(scope, "router");
    if (take_matrix(b, &moe->router.w, NULL, router.text, 0, moe->experts, hidden))
        return -1;
    if (moe->router.w.format != KN_BF16)
        return fail_tensor(b, router.text, "is not bf16");
    if (bind_experts(b, &moe->gate, &moe->gate_stride, scope, "gate", moe->experts, moe->inner, hidden) ||
        bind_experts(b, &moe->up, &moe->up_stride, scope, "up", moe->experts, moe->inner, hidden))
        return -1;
    return bind_experts(b, &moe->down, &moe->down_stride, scope, "down", moe->experts, hidden, moe->inner);
}

static int bind_block(const struct binder *b, struct rt_block *block, uint32_t layer, unsigned biases)
{
    static const char *const kinds[] = {"attention", "mlp", "moe"};
    struct scope scope;
    snprintf(scope.prefix, sizeof scope.prefix, "layers.%u.%s", layer, kinds[block->kind]);
    if (bind_norm_in(b, &block->norm_in, &scope, "norm_in", b->model->hidden) ||
        bind_norm_in(b, &block->norm_out, &scope, "norm_out", b->model->hidden))
        return -1;
    switch (block->kind) {
    case RT_BLOCK_ATTENTION: return bind_attention(b, &block->attention, &scope, biases);
    case RT_BLOCK_MLP: return bind_mlp(b, &block->mlp, &scope, biases);
    default: return bind_moe(b, &block->moe, &scope);
    }
}

/* ---- the model ---- */

static int bind_ends(const struct binder *b)
{
    struct rt_model *model = b->model;
    const uint64_t shape[] = {model->vocab, model->hidden};
    const struct rt_tensor *embedding;
    if (take(b, &embedding, "embedding", 2, shape))
        return -1;
    if (embedding->format != RT_TENSOR_BF16_ROWS)
        return fail_tensor(b, "embedding", "is not bf16_rows");
    model->embedding = (const uint16_t *)(const void *)place_of(b, embedding)->at;
    if (take_matrix(b, &model->head.w, NULL, "head", 0, model->vocab, model->hidden))
        return -1;
    return bind_norm(b, &model->final_norm, "final_norm", model->hidden);
}

static int bind_ropes(const struct binder *b)
{
    struct rt_model *model = b->model;
    for (uint32_t i = 0; i < model->rope_count; i++) {
        char name[RT_NAME_MAX];
        snprintf(name, sizeof name, "rope.%u.inv_freq", i);
        if (take_vector(b, &model->ropes[i].inv_freq, name, model->ropes[i].dim / 2, model->ropes[i].dim / 2))
            return -1;
    }
    return 0;
}

static int bind_layers(const struct binder *b)
{
    struct rt_model *model = b->model;
    for (uint32_t i = 0; i < model->layer_count; i++)
        for (uint32_t j = 0; j < model->layers[i].count; j++)
            if (bind_block(b, &model->layers[i].blocks[j], i, b->m->biases[i][j]))
                return -1;
    return 0;
}

static int refuse_unused(const struct binder *b)
{
    for (size_t i = 0; i < b->m->tensor_count; i++)
        if (!b->used[i])
            return fail_tensor(b, b->m->tensors[i].name, "is not part of the model");
    return 0;
}

int rt_model_bind(struct rt_model *model, const struct rt_manifest *manifest, const struct rt_tensor_place *places, struct rt_error *error)
{
    RT_FREE const struct rt_tensor **index = malloc(manifest->tensor_count * sizeof *index);
    RT_FREE uint8_t *used = calloc(manifest->tensor_count, 1);
    if (!index || !used)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    for (size_t i = 0; i < manifest->tensor_count; i++)
        index[i] = &manifest->tensors[i];
    qsort(index, manifest->tensor_count, sizeof *index, compare_names);
    const struct binder b = {.model = model, .m = manifest, .places = places, .index = index, .used = used, .error = error};
    if (bind_ends(&b) || bind_ropes(&b) || bind_layers(&b))
        return -1;
    return refuse_unused(&b);
}
