/* random_model.c: see random_model.h. Aborts where memory is missing: it serves tests only. */
#include "tests/random_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    HIDDEN = 72,
    VOCAB = 130,
    HEADS = 6,
    KV_HEADS = 2,
    HEAD_DIM = 20,
    INNER = 100,
    MOE_INNER = 44,
    EXPERTS = 7,
    EXPERTS_MANY = 70,
    TOP_K = 3,
    LAYERS = 3
};

static void *keep(struct random_model *m, size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory || m->block_count == sizeof m->blocks / sizeof *m->blocks)
        abort();
    memset(memory, 0, (bytes + 63) / 64 * 64);
    return m->blocks[m->block_count++] = memory;
}

static float uniform(struct random_model *m)
{
    m->state = m->state * 6364136223846793005u + 1442695040888963407u;
    return (float)((double)(m->state >> 40) / (1 << 23) - 1.0);
}

static const float *vector(struct random_model *m, size_t n, float around, float spread)
{
    float *v = keep(m, kn_pad(n) * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = around + spread * uniform(m);
    return v;
}

static void fill_panel(struct random_model *m, const struct kn_matrix *w, uint8_t *panel, size_t count, float spread)
{
    float *values = keep(m, KN_PANEL * w->k * sizeof *values);
    const float *rows[KN_PANEL];
    for (size_t r = 0; r < count; r++) {
        rows[r] = values + r * w->k;
        for (size_t i = 0; i < w->k; i++)
            values[r * w->k + i] = spread * uniform(m);
    }
    void *scratch = malloc(kn_pack_scratch(w->k));
    if (!scratch)
        abort();
    kn_panel_pack(w->format, panel, rows, count, w->k, w->codebook, scratch);
    free(scratch);
    free(m->blocks[--m->block_count]);
}

/* `copies` matrices one after another, as stacked experts are. */
static struct kn_matrix matrix(struct random_model *m, enum kn_format format, uint32_t copies, uint32_t n, uint32_t k, size_t *stride)
{
    size_t bytes = kn_matrix_bytes(format, n, k), panel = kn_panel_bytes(format, k);
    uint8_t *memory = keep(m, copies * bytes);
    struct kn_matrix w = {.format = format, .n = n, .k = k, .panels = memory, .codebook = format == KN_W4 ? &kn_codebook_default : NULL};
    for (uint32_t c = 0; c < copies; c++)
        for (uint32_t first = 0; first < n; first += KN_PANEL)
            fill_panel(m, &w, memory + c * bytes + first / KN_PANEL * panel, n - first < KN_PANEL ? n - first : KN_PANEL,
                       2.0f / sqrtf((float)k));
    if (stride)
        *stride = bytes;
    return w;
}

static struct rt_norm norm(struct random_model *m, size_t n)
{
    return (struct rt_norm){RT_NORM_RMS, 1e-6f, vector(m, n, 1, 0.2f)};
}

static struct rt_linear linear(struct random_model *m, enum kn_format format, uint32_t n, uint32_t k, int bias)
{
    return (struct rt_linear){matrix(m, format, 1, n, k, NULL), bias ? vector(m, n, 0, 0.1f) : NULL};
}

static struct rt_block attention(struct random_model *m, enum kn_format format)
{
    return (struct rt_block){
        .kind = RT_BLOCK_ATTENTION,
        .norm_in = norm(m, HIDDEN),
        .multiplier = 1,
        .attention = {.heads = HEADS,
                      .kv_heads = KV_HEADS,
                      .head_dim = HEAD_DIM,
                      .scale = 1 / sqrtf(HEAD_DIM),
                      .rope = 0,
                      .q_norm = norm(m, HEAD_DIM),
                      .k_norm = norm(m, HEAD_DIM),
                      .q = linear(m, format, HEADS * HEAD_DIM, HIDDEN, 1),
                      .k = linear(m, format, KV_HEADS * HEAD_DIM, HIDDEN, 0),
                      .v = linear(m, format, KV_HEADS * HEAD_DIM, HIDDEN, 1),
                      .o = linear(m, format, HIDDEN, HEADS * HEAD_DIM, 0)},
    };
}

static struct rt_block mlp(struct random_model *m, enum kn_format format)
{
    return (struct rt_block){
        .kind = RT_BLOCK_MLP,
        .norm_in = norm(m, HIDDEN),
        .norm_out = norm(m, HIDDEN),
        .multiplier = 0.5f,
        .mlp = {.inner = INNER,
                .gate = linear(m, format, INNER, HIDDEN, 1),
                .up = linear(m, format, INNER, HIDDEN, 0),
                .down = linear(m, format, HIDDEN, INNER, 1)},
    };
}

static struct rt_block moe(struct random_model *m, enum kn_format format, uint32_t experts)
{
    struct rt_block block = {.kind = RT_BLOCK_MOE, .norm_in = norm(m, HIDDEN), .multiplier = 1};
    struct rt_moe *part = &block.moe;
    *part = (struct rt_moe){
        .experts = experts, .top_k = TOP_K, .inner = MOE_INNER, .renormalise = 1, .router = linear(m, KN_BF16, experts, HIDDEN, 0)};
    part->gate = matrix(m, format, experts, MOE_INNER, HIDDEN, &part->gate_stride);
    part->up = matrix(m, format, experts, MOE_INNER, HIDDEN, &part->up_stride);
    part->down = matrix(m, format, experts, HIDDEN, MOE_INNER, &part->down_stride);
    return block;
}

void random_model_open(struct random_model *m, enum kn_format format, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->state = seed;
    struct rt_model *model = &m->model;
    *model = (struct rt_model){.vocab = VOCAB,
                               .hidden = HIDDEN,
                               .context = 1024,
                               .embedding_multiplier = 1,
                               .head_multiplier = 2,
                               .rope_count = 1,
                               .layer_count = LAYERS};
    uint16_t *embedding = keep(m, VOCAB * HIDDEN * sizeof *embedding);
    for (size_t i = 0; i < VOCAB * HIDDEN; i++)
        embedding[i] = (uint16_t)((i % 2 ? 0x8000 : 0) | (0x3e80 + (uint16_t)(100 * fabsf(uniform(m)))));
    model->embedding = embedding;
    model->ropes[0] = (struct rt_rope){RT_ROPE_HALF, HEAD_DIM - 4, 1, vector(m, (HEAD_DIM - 4) / 2, 0.5f, 0.4f)};
    model->final_norm = norm(m, HIDDEN);
    model->head = linear(m, format == KN_W4 ? KN_W8 : format, VOCAB, HIDDEN, 0);
    model->layers = keep(m, LAYERS * sizeof *model->layers);
    for (int l = 0; l < LAYERS; l++) {
        model->layers[l].count = 2;
        model->layers[l].blocks[0] = attention(m, format);
        model->layers[l].blocks[1] = l == 0 ? mlp(m, format) : moe(m, format, l == 1 ? EXPERTS : EXPERTS_MANY);
    }
}

/* ---- on several nodes ---- */

struct split {
    struct random_model *m;
    const struct rt_workers *workers;
    unsigned node;
};

static void split_matrix(const struct split *s, struct kn_matrix *w, uint32_t copies, size_t *stride)
{
    size_t first, last, panel = kn_panel_bytes(w->format, w->k), whole = kn_matrix_bytes(w->format, w->n, w->k);
    rt_workers_node_share(s->workers, s->node, kn_panels(w->n), &first, &last);
    size_t bytes = (last - first) * panel;
    uint8_t *memory = keep(s->m, copies * bytes + 1);
    for (uint32_t c = 0; c < copies; c++)
        memcpy(memory + c * bytes, w->panels + c * whole + first * panel, bytes);
    w->panels = memory;
    w->first_panel = (uint32_t)first;
    if (stride)
        *stride = bytes;
}

static void split_block(const struct split *s, struct rt_block *block)
{
    if (block->kind == RT_BLOCK_MOE) {
        split_matrix(s, &block->moe.gate, block->moe.experts, &block->moe.gate_stride);
        split_matrix(s, &block->moe.up, block->moe.experts, &block->moe.up_stride);
        split_matrix(s, &block->moe.down, block->moe.experts, &block->moe.down_stride);
        return;
    }
    struct rt_linear *of_mlp[] = {&block->mlp.gate, &block->mlp.up, &block->mlp.down};
    struct rt_linear *of_attention[] = {&block->attention.q, &block->attention.k, &block->attention.v, &block->attention.o};
    int mlp = block->kind == RT_BLOCK_MLP;
    for (int i = 0; i < (mlp ? 3 : 4); i++)
        split_matrix(s, mlp ? &of_mlp[i]->w : &of_attention[i]->w, 1, NULL);
}

void random_model_split(struct random_model *out, const struct random_model *whole, const struct rt_workers *workers, unsigned node)
{
    memset(out, 0, sizeof *out);
    const struct split s = {out, workers, node};
    out->model = whole->model;
    split_matrix(&s, &out->model.head.w, 1, NULL);
    out->model.layers = keep(out, LAYERS * sizeof *out->model.layers);
    memcpy(out->model.layers, whole->model.layers, LAYERS * sizeof *out->model.layers);
    for (int l = 0; l < LAYERS; l++)
        for (uint32_t b = 0; b < out->model.layers[l].count; b++)
            split_block(&s, &out->model.layers[l].blocks[b]);
}

void random_model_close(struct random_model *m)
{
    while (m->block_count)
        free(m->blocks[--m->block_count]);
}
