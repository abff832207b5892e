/* plan_memory.c: counts bytes and spreads them over nodes. */
#include "runtime/plan_memory.h"

#include "runtime/plan_constants.h"

uint64_t rt_plan_panels_before(unsigned worker, unsigned workers, uint64_t n)
{
    return worker * n / workers;
}

uint64_t rt_plan_node_panels(const struct rt_plan_machine *machine, unsigned node, uint64_t n)
{
    const struct rt_plan_node *at = &machine->nodes[node];
    return rt_plan_panels_before(at->first + at->workers, machine->workers, n) - rt_plan_panels_before(at->first, machine->workers, n);
}

static uint64_t matrix_panel_bytes(const struct rt_plan_matrix *m, enum kn_format format)
{
    return kn_panel_bytes(rt_plan_format(m, format), m->k);
}

/* Rows of bf16; spread over the nodes, since each token needs one row of it only. */
static uint64_t embedding_bytes(const struct rt_plan_model *model)
{
    return (uint64_t)model->vocab * model->hidden * sizeof(uint16_t);
}

/* Two norms a layer, as f32; every node has a copy. Biases and rotations are less. */
static uint64_t vector_bytes(const struct rt_plan_model *model)
{
    return (2 * (uint64_t)model->layers + 1) * model->hidden * sizeof(float);
}

uint64_t rt_plan_weight_bytes(const struct rt_plan_model *model, enum kn_format format)
{
    uint64_t sum = embedding_bytes(model) + vector_bytes(model);
    for (size_t i = 0; i < model->matrix_count; i++) {
        const struct rt_plan_matrix *m = &model->matrices[i];
        sum += (uint64_t)m->layers * m->count * kn_panels(m->n) * matrix_panel_bytes(m, format);
    }
    return sum;
}

/* ---- cache and buffers ---- */

static uint64_t cache_bytes(const struct rt_plan_model *model, const struct rt_plan_use *use)
{
    uint64_t pages = ((uint64_t)use->context + KN_KV_BLOCK - 1) / KN_KV_BLOCK;
    return pages * KN_KV_BLOCK * use->users * rt_plan_cache_token(model);
}

/* Rows of floats and of int8 that the engine keeps for one step, and logits of each user. */
static uint64_t buffer_bytes(const struct rt_plan_model *model, const struct rt_plan_machine *machine, const struct rt_plan_use *use)
{
    const uint64_t rows = use->users > RT_PLAN_STEP_ROWS ? use->users : RT_PLAN_STEP_ROWS;
    const uint64_t hidden = 4 * (uint64_t)model->hidden * sizeof(float), inner = 3 * (uint64_t)model->inner * sizeof(float);
    const uint64_t experts = (uint64_t)model->top_k * (model->expert_inner * (sizeof(float) + 1) + model->hidden);
    const uint64_t scratch = 2 * (uint64_t)KN_PANEL * (model->inner > model->hidden ? model->inner : model->hidden);
    return rows * (hidden + inner + experts) + use->users * (uint64_t)model->vocab * sizeof(float) + machine->workers * scratch +
           (uint64_t)RT_PLAN_PROGRAM_BYTES;
}

/* ---- nodes ---- */

static void spread_matrices(struct rt_plan_memory *out, const struct rt_plan_model *model, enum kn_format format,
                            const struct rt_plan_machine *machine)
{
    for (size_t i = 0; i < model->matrix_count; i++) {
        const struct rt_plan_matrix *m = &model->matrices[i];
        const uint64_t bytes = (uint64_t)m->layers * m->count * matrix_panel_bytes(m, format);
        for (unsigned node = 0; node < machine->node_count; node++)
            out->nodes[node].weights += rt_plan_node_panels(machine, node, kn_panels(m->n)) * bytes;
    }
}

/* What is not owned by a worker is spread page by page. */
static void spread_rest(struct rt_plan_memory *out, const struct rt_plan_model *model, const struct rt_plan_machine *machine)
{
    for (unsigned node = 0; node < machine->node_count; node++) {
        struct rt_plan_bytes *at = &out->nodes[node];
        at->weights += embedding_bytes(model) / machine->node_count + vector_bytes(model);
        at->cache = out->sum.cache / machine->node_count;
        at->buffers = out->sum.buffers / machine->node_count;
    }
}

static enum rt_plan_fit judge(const struct rt_plan_memory *memory, const struct rt_plan_machine *machine)
{
    for (unsigned node = 0; node < machine->node_count; node++) {
        const struct rt_plan_bytes *at = &memory->nodes[node];
        if (!machine->nodes[node].memory)
            return RT_PLAN_FIT_UNKNOWN;
        if ((double)(at->weights + at->cache + at->buffers) > (double)machine->nodes[node].memory * (1 - RT_PLAN_SYSTEM_SHARE))
            return RT_PLAN_TOO_LARGE;
    }
    return RT_PLAN_FITS;
}

void rt_plan_memory(struct rt_plan_memory *out, const struct rt_plan_model *model, enum kn_format format,
                    const struct rt_plan_machine *machine, const struct rt_plan_use *use)
{
    *out = (struct rt_plan_memory){0};
    out->sum.cache = cache_bytes(model, use);
    out->sum.buffers = buffer_bytes(model, machine, use);
    spread_matrices(out, model, format, machine);
    spread_rest(out, model, machine);
    for (unsigned node = 0; node < machine->node_count; node++)
        out->sum.weights += out->nodes[node].weights;
    out->total = out->sum.weights + out->sum.cache + out->sum.buffers;
    out->fit = judge(out, machine);
}
