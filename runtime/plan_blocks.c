/* plan_blocks.c: which matrices and caches a block has. Blocks that are alike share an entry. */
#include <string.h>

#include "runtime/plan_model.h"

/* ---- the lists ---- */

static int same_kind(const struct rt_plan_matrix *a, const struct rt_plan_matrix *b)
{
    return a->class == b->class && a->part == b->part && a->n == b->n && a->k == b->k && a->count == b->count && a->used == b->used &&
           a->live == b->live && a->shared == b->shared && strcmp(a->name, b->name) == 0;
}

static int add_matrix(struct rt_plan_model *model, const struct rt_plan_matrix *matrix, struct rt_error *error)
{
    for (size_t i = 0; i < model->matrix_count; i++)
        if (same_kind(&model->matrices[i], matrix)) {
            model->matrices[i].layers++;
            return 0;
        }
    if (matrix->k > RT_PLAN_WIDTH_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "matrix %s has %u inputs; products of more than %d are not exact", matrix->name,
                       matrix->k, RT_PLAN_WIDTH_MAX);
    if (model->matrix_count == RT_PLAN_MATRICES_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "the model has more than %d kinds of matrices; its layers differ too much to plan for",
                       RT_PLAN_MATRICES_MAX);
    model->matrices[model->matrix_count++] = *matrix;
    return 0;
}

static int add_list(struct rt_plan_model *model, const struct rt_plan_matrix *list, size_t count, struct rt_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (add_matrix(model, &list[i], error))
            return -1;
    return 0;
}

static int same_cache(const struct rt_plan_cache *a, const struct rt_plan_cache *b)
{
    return a->heads == b->heads && a->live == b->live && a->elements == b->elements && a->key == b->key && a->value == b->value &&
           a->prompt_key == b->prompt_key && a->prompt_value == b->prompt_value;
}

static int add_cache(struct rt_plan_model *model, const struct rt_plan_cache *cache, struct rt_error *error)
{
    for (size_t i = 0; i < model->cache_count; i++)
        if (same_cache(&model->caches[i], cache)) {
            model->caches[i].layers++;
            return 0;
        }
    if (model->cache_count == RT_PLAN_CACHES_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "the model has more than %d kinds of attention; its layers differ too much to plan for",
                       RT_PLAN_CACHES_MAX);
    model->caches[model->cache_count++] = *cache;
    return 0;
}

/* ---- entries ---- */

static uint32_t panels(uint32_t n)
{
    return (uint32_t)kn_panels(n);
}

/* A matrix that every token uses, shared out with others of `shared` panels in all. */
static struct rt_plan_matrix dense(const char *name, enum rt_part part, uint32_t n, uint32_t k, int live, uint32_t shared)
{
    return (struct rt_plan_matrix){name, RT_PLAN_QUANTISED, part, n, k, .layers = 1, .count = 1, .used = 1, .live = live, .shared = shared};
}

static void widen(uint32_t *width, uint32_t n)
{
    *width = n > *width ? n : *width;
}

#define ADD(model, list, error) add_list((model), (list), sizeof(list) / sizeof *(list), (error))

/* ---- blocks ---- */

int rt_plan_add_attention(struct rt_plan_model *model, uint32_t heads, uint32_t kv_heads, uint32_t head_dim, int last,
                          struct rt_error *error)
{
    const uint32_t hidden = model->hidden, query = heads * head_dim, kv = kv_heads * head_dim, shared = panels(query) + 2 * panels(kv);
    const struct rt_plan_matrix list[] = {
        dense("q", RT_PART_PROJECTIONS, query, hidden, last, shared),
        dense("k", RT_PART_PROJECTIONS, kv, hidden, 0, shared),
        dense("v", RT_PART_PROJECTIONS, kv, hidden, 0, shared),
        dense("o", RT_PART_PROJECTIONS, hidden, query, last, panels(hidden)),
    };
    const struct rt_plan_cache cache = {1, heads, last, 2 * kv, query + 2 * kv, head_dim, head_dim, head_dim, head_dim};
    model->attentions++;
    widen(&model->inner, query);
    model->inner_elements += query;
    return ADD(model, list, error) || add_cache(model, &cache, error) ? -1 : 0;
}

/* DeepSeek-V2, arXiv 2405.04434: keys and values of all heads are one vector of kv_rank + rope_dim elements. Its expansion kv_b is used either
 * way: on the key's side when a prompt is read, on the query's when a token is written. */
int rt_plan_add_latent(struct rt_plan_model *model, const struct rt_plan_latent *a, int last, struct rt_error *error)
{
    const uint32_t hidden = model->hidden, key = a->nope_dim + a->rope_dim, row = a->kv_rank + a->rope_dim;
    const uint32_t query = a->heads * key, expanded = a->heads * (a->nope_dim + a->value_dim), value = a->heads * a->value_dim;
    const uint32_t down = panels(a->q_rank ? a->q_rank : query) + panels(row);
    const struct rt_plan_matrix list[] = {
        dense("kv_a", RT_PART_PROJECTIONS, row, hidden, 0, down),
        dense("kv_b", RT_PART_PROJECTIONS, expanded, a->kv_rank, 0, panels(expanded)),
        dense("o", RT_PART_PROJECTIONS, hidden, value, last, panels(hidden)),
    };
    const struct rt_plan_matrix queries[] = {
        dense("q_a", RT_PART_PROJECTIONS, a->q_rank, hidden, last, down),
        dense("q_b", RT_PART_PROJECTIONS, query, a->q_rank, last, panels(query)),
    };
    const struct rt_plan_matrix whole = dense("q", RT_PART_PROJECTIONS, query, hidden, last, down);
    const struct rt_plan_cache cache = {1, a->heads, last, row, query + row, row, a->kv_rank, key, a->value_dim};
    model->attentions++;
    widen(&model->inner, query);
    model->inner_elements += value;
    if (ADD(model, list, error) || (a->q_rank ? ADD(model, queries, error) : add_matrix(model, &whole, error)))
        return -1;
    return add_cache(model, &cache, error);
}

int rt_plan_add_mlp(struct rt_plan_model *model, uint32_t inner, int last, struct rt_error *error)
{
    const struct rt_plan_matrix list[] = {
        dense("gate", RT_PART_EXPERTS, inner, model->hidden, last, panels(inner)),
        dense("up", RT_PART_EXPERTS, inner, model->hidden, last, panels(inner)),
        dense("down", RT_PART_EXPERTS, model->hidden, inner, last, panels(model->hidden)),
    };
    model->mlps++;
    widen(&model->inner, inner);
    model->inner_elements += inner;
    return ADD(model, list, error);
}

int rt_plan_add_mixture(struct rt_plan_model *model, uint32_t experts, uint32_t top_k, uint32_t inner, int last, struct rt_error *error)
{
    const struct rt_plan_matrix one = {"gate",      RT_PLAN_QUANTISED, RT_PART_EXPERTS, inner,       model->hidden,
                                       .layers = 1, .count = experts,  .used = top_k,   .live = last};
    struct rt_plan_matrix list[] = {dense("router", RT_PART_ROUTER, experts, model->hidden, last, panels(experts)), one, one, one};
    list[0].class = RT_PLAN_ROUTER;
    list[1].shared = list[2].shared = panels(inner);
    list[1].listed = list[2].listed = 1;
    list[2].name = "up";
    list[3].name = "down";
    list[3].n = model->hidden;
    list[3].k = inner;
    list[3].shared = panels(model->hidden);
    model->mixtures++;
    widen(&model->top_k, top_k);
    widen(&model->expert_inner, inner);
    model->inner_elements += (uint64_t)top_k * inner;
    return ADD(model, list, error);
}

int rt_plan_add_head(struct rt_plan_model *model, struct rt_error *error)
{
    struct rt_plan_matrix head = dense("head", RT_PART_HEAD, model->vocab, model->hidden, 1, panels(model->vocab));
    head.class = RT_PLAN_HEAD;
    return add_matrix(model, &head, error);
}
