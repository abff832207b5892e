/* plan_model.c: the engine's form of a model turned into the plan's, and what follows from that by counting. */
#include "runtime/plan_model.h"

#include <string.h>

#include "runtime/model_cost.h"

/* ---- from the engine's form ---- */

static int add_block(struct rt_plan_model *model, const struct rt_block *block, int last, struct rt_error *error)
{
    const struct rt_attention *a = &block->attention;
    switch (block->kind) {
    case RT_BLOCK_ATTENTION: return rt_plan_add_attention(model, a->heads, a->kv_heads, a->head_dim, last, error);
    case RT_BLOCK_MLP: return rt_plan_add_mlp(model, block->mlp.inner, last, error);
    case RT_BLOCK_MOE: return rt_plan_add_mixture(model, block->moe.experts, block->moe.top_k, block->moe.inner, last, error);
    }
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "a block of a kind that cannot be planned for");
}

int rt_plan_model_of(struct rt_plan_model *out, const struct rt_model *model, struct rt_error *error)
{
    const struct rt_block *last = rt_cost_last_attention(model);
    int behind = 0;
    *out = (struct rt_plan_model){.vocab = model->vocab, .hidden = model->hidden, .context = model->context, .layers = model->layer_count};
    memcpy(out->architecture, model->architecture, sizeof out->architecture);
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t b = 0; b < model->layers[l].count; b++) {
            const struct rt_block *block = &model->layers[l].blocks[b];
            behind |= block == last;
            if (add_block(out, block, behind, error))
                return -1;
        }
    return rt_plan_add_head(out, error);
}

/* ---- counting ---- */

enum kn_format rt_plan_format(const struct rt_plan_matrix *matrix, enum kn_format format)
{
    switch (matrix->class) {
    case RT_PLAN_ROUTER: return KN_BF16;
    case RT_PLAN_HEAD: return format == KN_W4 ? KN_W8 : format;
    case RT_PLAN_QUANTISED: break;
    }
    return format;
}

uint64_t rt_plan_parameters(const struct rt_plan_model *model)
{
    uint64_t sum = model->tied ? 0 : (uint64_t)model->vocab * model->hidden;
    for (size_t i = 0; i < model->matrix_count; i++) {
        const struct rt_plan_matrix *m = &model->matrices[i];
        sum += (uint64_t)m->layers * m->count * m->n * m->k;
    }
    return sum;
}

uint64_t rt_plan_active_parameters(const struct rt_plan_model *model)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < model->matrix_count; i++) {
        const struct rt_plan_matrix *m = &model->matrices[i];
        sum += (uint64_t)m->layers * m->used * m->n * m->k;
    }
    return sum;
}

uint64_t rt_plan_cache_token(const struct rt_plan_model *model)
{
    uint64_t elements = 0;
    for (size_t i = 0; i < model->cache_count; i++)
        elements += (uint64_t)model->caches[i].layers * model->caches[i].elements;
    return elements * sizeof(uint16_t);
}
