/* tensor_plan.c: walks the architecture's table and matches it with the checkpoint. */
#include "packaging/pack/tensor_plan.h"

#include <stdlib.h>
#include <string.h>

#include "packaging/pack/dtypes.h"
#include "runtime/tensor_list.h"

enum {
    SPELLINGS = sizeof((struct pk_rule *)0)->spellings / sizeof(struct pk_spelling),
};

struct planner { /* what the walk has in hand */
    struct pk_plan *plan;
    const struct pk_config *config;
    struct pk_weights *weights;
    enum pk_quant quant;
    size_t tensor_room;
    struct rt_error *error;
};

/* ---- places in the stream ---- */

static enum rt_tensor_format format_of(enum pk_tensor_class class, enum pk_quant quant)
{
    static const enum rt_tensor_format quantised[] = {RT_TENSOR_BF16, RT_TENSOR_W8, RT_TENSOR_W4};
    switch (class) {
    case PK_VECTOR:
    case PK_BIAS: return RT_TENSOR_F32;
    case PK_ROWS: return RT_TENSOR_BF16_ROWS;
    case PK_ROUTER: return RT_TENSOR_BF16;
    case PK_HEAD_MATRIX: return quant == PK_QUANT_W4 ? RT_TENSOR_W8 : quantised[quant];
    case PK_MATRIX:
    case PK_EXPERT_STACK: break;
    }
    return quantised[quant];
}

enum kn_format pk_panel_format(enum rt_tensor_format format)
{
    return format == RT_TENSOR_W4 ? KN_W4 : format == RT_TENSOR_W8 ? KN_W8 : KN_BF16;
}

static uint64_t tensor_bytes(const struct pk_tensor *tensor, enum pk_tensor_class class)
{
    switch (tensor->as.format) {
    case RT_TENSOR_F32: return (class == PK_BIAS ? kn_pad(tensor->cols) : tensor->cols) * sizeof(float);
    case RT_TENSOR_BF16_ROWS: return tensor->rows * tensor->cols * sizeof(uint16_t);
    default: return tensor->matrices * kn_matrix_bytes(pk_panel_format(tensor->as.format), tensor->rows, tensor->cols);
    }
}

/* ---- sources ---- */

static void print_shape(char *out, size_t room, const uint64_t *shape, uint32_t dims)
{
    size_t used = 0;
    *out = 0;
    for (uint32_t i = 0; i < dims && used < room; i++)
        used += (size_t)snprintf(out + used, room - used, "%s%llu", i ? "," : "", (unsigned long long)shape[i]);
}

static int wrong_shape(const struct pk_found *found, const uint64_t *shape, uint32_t dims, struct rt_error *error)
{
    char is[PK_DIMS_MAX * 24], wanted[PK_DIMS_MAX * 24];
    print_shape(is, sizeof is, found->stored->shape, found->stored->dims);
    print_shape(wanted, sizeof wanted, shape, dims);
    return rt_fail(error, RT_EXIT_FAILED, "%s: tensor %s has shape [%s] where config.json makes it [%s]", found->file, found->stored->name,
                   is, wanted);
}

static int use_source(struct planner *planner, struct pk_found *found, const uint64_t *shape, uint32_t dims, uint64_t first)
{
    const struct pk_stored *stored = found->stored;
    if (stored->dims != dims || memcmp(stored->shape, shape, dims * sizeof *shape))
        return wrong_shape(found, shape, dims, planner->error);
    if (!stored->dtype->widen)
        return rt_fail(planner->error, RT_EXIT_UNSUPPORTED, "%s: tensor %s is %s; pack the original in F32, F16 or BF16", found->file,
                       stored->name, stored->dtype->name);
    if (!found->used)
        planner->plan->parameters += stored->bytes / stored->dtype->bytes;
    found->used = 1;
    planner->plan->sources[planner->plan->source_count++] = (struct pk_source){.found = found, .first = first};
    return 0;
}

static int missing(const char *name, struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_FAILED, "the weights lack tensor %s, which config.json calls for", name);
}

/* All experts' matrices lie in one tensor; gate and up perhaps on top of each other in it. */
static int add_fused(struct planner *planner, const struct pk_tensor *tensor, const struct pk_spelling *spelling, struct pk_found *found)
{
    uint64_t halves = spelling->share == PK_WHOLE ? 1 : 2;
    uint64_t shape[] = {tensor->matrices, tensor->rows * halves, tensor->cols};
    uint64_t matrix = tensor->rows * tensor->cols;
    for (uint64_t i = 0; i < tensor->matrices; i++)
        if (use_source(planner, found, shape, 3, (i * halves + (spelling->share == PK_SECOND_HALF)) * matrix))
            return -1;
    return 0;
}

/* Each matrix, or the one vector, is a tensor of its own. */
static int add_single(struct planner *planner, const struct pk_tensor *tensor, const struct pk_spelling *spelling, uint32_t layer)
{
    uint32_t stacked = tensor->as.dims == 3;
    for (uint64_t expert = 0; expert < tensor->matrices; expert++) {
        char name[PK_STORED_NAME_MAX];
        pk_spell(name, sizeof name, spelling->pattern, layer, expert);
        struct pk_found *found = pk_weights_find(planner->weights, name);
        if (!found)
            return missing(name, planner->error);
        if (use_source(planner, found, tensor->as.shape + stacked, tensor->as.dims - stacked, 0))
            return -1;
    }
    return 0;
}

static int add_sources(struct planner *planner, const struct pk_tensor *tensor, const struct pk_rule *rule, uint32_t layer)
{
    char name[PK_STORED_NAME_MAX];
    for (size_t i = 0; i < SPELLINGS && rule->spellings[i].pattern; i++) {
        const struct pk_spelling *spelling = &rule->spellings[i];
        pk_spell(name, sizeof name, spelling->pattern, layer, 0);
        struct pk_found *found = pk_weights_find(planner->weights, name);
        if (found && tensor->as.dims == 3 && !strstr(spelling->pattern, "%E"))
            return add_fused(planner, tensor, spelling, found);
        if (found)
            return add_single(planner, tensor, spelling, layer);
    }
    pk_spell(name, sizeof name, rule->spellings[0].pattern, layer, 0);
    return missing(name, planner->error);
}

/* ---- the walk ---- */

static struct pk_tensor *next_tensor(struct planner *planner)
{
    if (planner->plan->count < planner->tensor_room)
        return &planner->plan->tensors[planner->plan->count++];
    rt_fail(planner->error, RT_EXIT_UNSUPPORTED, "the model needs more than %zu tensors", planner->tensor_room);
    return NULL;
}

static void set_shape(struct pk_tensor *tensor, const struct pk_rule *rule, const uint32_t *sizes)
{
    uint64_t rows = sizes[rule->rows];
    int vector = rule->cols == PK_NONE;
    tensor->rows = vector ? 1 : rows;
    tensor->cols = vector ? rows : sizes[rule->cols];
    tensor->matrices = rule->class == PK_EXPERT_STACK ? sizes[PK_EXPERTS] : 1;
    uint64_t *shape = tensor->as.shape;
    if (rule->class == PK_EXPERT_STACK)
        shape[tensor->as.dims++] = tensor->matrices;
    shape[tensor->as.dims++] = rows;
    if (!vector)
        shape[tensor->as.dims++] = tensor->cols;
}

static int add_tensor(struct planner *planner, const struct pk_part *part, const struct pk_rule *rule, uint32_t layer)
{
    struct pk_plan *plan = planner->plan;
    struct pk_tensor *tensor = next_tensor(planner);
    if (!tensor)
        return -1;
    if (part == &pk_whole_model)
        snprintf(tensor->as.name, sizeof tensor->as.name, "%s", rule->tensor);
    else
        snprintf(tensor->as.name, sizeof tensor->as.name, "layers.%u.%s.%s", layer, part->name, rule->tensor);
    set_shape(tensor, rule, planner->config->sizes);
    tensor->as.format = format_of(rule->class, planner->quant);
    tensor->as.codebook = tensor->as.format == RT_TENSOR_W4 ? 0 : -1;
    tensor->as.size = tensor_bytes(tensor, rule->class);
    tensor->first_source = plan->source_count;
    rt_tensor_place(&tensor->as, &plan->stream_bytes);
    if (add_sources(planner, tensor, rule, layer))
        return -1;
    plan->source_bytes += tensor->matrices * tensor->rows * tensor->cols * plan->sources[tensor->first_source].found->stored->dtype->bytes;
    return 0;
}

static int add_part(struct planner *planner, const struct pk_part *part, uint32_t layer)
{
    for (size_t i = 0; i < part->count; i++) {
        const struct pk_rule *rule = &part->rules[i];
        if (rule->needs != PK_ALWAYS && !(planner->config->features & rule->needs))
            continue;
        if (add_tensor(planner, part, rule, layer))
            return -1;
    }
    return 0;
}

static int add_rope(struct planner *planner)
{
    uint32_t dim = planner->config->sizes[PK_HEAD_DIM];
    struct pk_tensor *tensor = next_tensor(planner);
    planner->plan->inv_freq = malloc(dim / 2 * sizeof(float));
    if (!tensor || !planner->plan->inv_freq)
        return rt_fail(planner->error, RT_EXIT_RESOURCES, "no memory");
    pk_rope_table(planner->plan->inv_freq, &planner->config->rope, dim);
    if (pk_first_unfit(planner->plan->inv_freq, dim / 2) < dim / 2)
        return rt_fail(planner->error, RT_EXIT_FAILED, "config.json: the RoPE parameters give a frequency that is not finite");
    *tensor = (struct pk_tensor){.as = {.name = "rope.0.inv_freq", .format = RT_TENSOR_F32, .dims = 1, .shape = {dim / 2}, .codebook = -1},
                                 .rows = 1,
                                 .cols = dim / 2,
                                 .matrices = 1,
                                 .values = planner->plan->inv_freq};
    tensor->as.size = tensor_bytes(tensor, PK_VECTOR);
    rt_tensor_place(&tensor->as, &planner->plan->stream_bytes);
    return 0;
}

static int add_all(struct planner *planner)
{
    const struct pk_config *config = planner->config;
    const struct pk_architecture *architecture = config->architecture;
    if (add_rope(planner) || add_part(planner, &pk_whole_model, 0))
        return -1;
    for (uint32_t i = 0; i < config->sizes[PK_LAYERS]; i++)
        if (add_part(planner, architecture->attention, i) ||
            add_part(planner, config->mixture[i] ? architecture->moe : architecture->mlp, i))
            return -1;
    return 0;
}

static int refuse_surplus(struct pk_weights *weights, struct rt_error *error)
{
    struct pk_found *all;
    size_t count = pk_weights_list(weights, &all);
    for (size_t i = 0; i < count; i++)
        if (!all[i].used && !pk_surplus_harmless(all[i].stored->name))
            return rt_fail(error, RT_EXIT_FAILED, "%s: tensor %s belongs to no part of the model that config.json describes", all[i].file,
                           all[i].stored->name);
    return 0;
}

static size_t most_sources(const struct pk_config *config)
{
    const struct pk_architecture *architecture = config->architecture;
    size_t mlp = architecture->mlp ? architecture->mlp->count : 0;
    size_t moe = architecture->moe ? architecture->moe->count * (config->sizes[PK_EXPERTS] + (size_t)1) : 0;
    return pk_whole_model.count + config->sizes[PK_LAYERS] * (architecture->attention->count + mlp + moe);
}

int pk_plan_open(struct pk_plan *out, const struct pk_config *config, struct pk_weights *weights, enum pk_quant quant,
                 struct rt_error *error)
{
    *out = (struct pk_plan){0};
    struct planner planner = {out, config, weights, quant, RT_TENSORS_MAX, error};
    out->tensors = calloc(planner.tensor_room, sizeof *out->tensors);
    out->sources = calloc(most_sources(config), sizeof *out->sources);
    int failed = out->tensors && out->sources ? add_all(&planner) : rt_fail(error, RT_EXIT_RESOURCES, "no memory for the list of tensors");
    if (failed || refuse_surplus(weights, error)) {
        pk_plan_close(out);
        return -1;
    }
    return 0;
}

void pk_plan_close(struct pk_plan *plan)
{
    free(plan->tensors);
    free(plan->sources);
    free(plan->inv_freq);
    *plan = (struct pk_plan){0};
}
