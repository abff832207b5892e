/* test_weights.c: on several nodes each has the panels of its workers and a copy of what everybody reads, whatever pieces the bytes come in;
 * and the logits are those of one node. The nodes are made up: this machine need not have them. */
#include <stdlib.h>

#include "runtime/bundle.h"
#include "runtime/engine.h"
#include "runtime/topology.h"
#include "runtime/weights.h"
#include "tests/check.h"
#include "tests/program.h"
#include "tests/tiny_bundle.h"

enum { NODES_MAX = 8, TOKENS = 70 };

static struct rt_error error;

/* Workers on made-up nodes: each[n] of them on node n, unpinned. */
static struct rt_workers *open_workers(const unsigned *each, unsigned nodes)
{
    struct rt_placement *placement = calloc(1, sizeof *placement + 64 * sizeof *placement->places);
    struct rt_workers *workers = NULL;
    for (unsigned node = 0; node < nodes; node++)
        for (unsigned i = 0; i < each[node]; i++)
            placement->places[placement->count++] = (struct rt_worker_place){.cpu = -1, .node = (int)(100 * node)};
    CHECK_THAT(!rt_workers_open(&workers, placement, &error), "%s", error.text);
    free(placement);
    CHECK(rt_workers_nodes(workers) == nodes);
    return workers;
}

/* ---- the miniature model: each byte where it belongs ---- */

static const unsigned machines[][NODES_MAX] = {{1}, {3}, {1, 1}, {2, 1}, {1, 2, 3}, {4, 4, 4, 4}, {1, 1, 1, 1, 1, 1, 1, 1}};

static unsigned count_nodes(const unsigned *each)
{
    unsigned nodes = 0;
    while (nodes < NODES_MAX && each[nodes])
        nodes++;
    return nodes;
}

static const struct rt_tensor *tensor_of(const struct rt_manifest *m, const char *name)
{
    for (size_t i = 0; i < m->tensor_count; i++)
        if (!strcmp(m->tensors[i].name, name))
            return &m->tensors[i];
    CHECK_THAT(0, "no tensor %s", name);
    return &m->tensors[0];
}

/* The node's part of a matrix, or of `count` stacked ones, against the stream. */
static void check_matrix(const struct kn_matrix *w, size_t stride, size_t count, const struct rt_workers *workers, unsigned node,
                         const uint8_t *stream)
{
    size_t panels = kn_panels(w->n), bytes = kn_panel_bytes(w->format, w->k), first, last;
    rt_workers_node_share(workers, node, panels, &first, &last);
    CHECK(w->first_panel == first && (count == 1 || stride == (last - first) * bytes));
    for (size_t i = 0; i < count; i++)
        CHECK(!memcmp(w->panels + i * stride, stream + (i * panels + first) * bytes, (last - first) * bytes));
}

static void check_node(const struct rt_weights *weights, const struct rt_manifest *m, const struct rt_workers *workers, unsigned node,
                       const uint8_t *stream)
{
    const struct rt_model *model = rt_weights_model(weights, node);
    const struct rt_block *attention = &model->layers[0].blocks[0], *moe = &model->layers[1].blocks[0];
    CHECK(model == rt_weights_models(weights)[node]);
    check_matrix(&model->head.w, 0, 1, workers, node, stream + tensor_of(m, "head")->offset);
    check_matrix(&attention->attention.q.w, 0, 1, workers, node, stream + tensor_of(m, "layers.0.attention.q")->offset);
    check_matrix(&moe->moe.gate, moe->moe.gate_stride, 4, workers, node, stream + tensor_of(m, "layers.1.moe.gate")->offset);
    check_matrix(&moe->moe.down, moe->moe.down_stride, 4, workers, node, stream + tensor_of(m, "layers.1.moe.down")->offset);
    const struct rt_tensor *router = tensor_of(m, "layers.1.moe.router");
    CHECK(moe->moe.router.w.first_panel == 0 && !memcmp(moe->moe.router.w.panels, stream + router->offset, router->size));
    CHECK(!memcmp(model->final_norm.weight, stream + tensor_of(m, "final_norm")->offset, 64 * sizeof(float)));
    CHECK(!memcmp(attention->attention.q.bias, stream + tensor_of(m, "layers.0.attention.q_bias")->offset, 64 * sizeof(float)));
    CHECK(!memcmp(model->ropes[0].inv_freq, stream + tensor_of(m, "rope.0.inv_freq")->offset, 16 * sizeof(float)));
    const struct rt_tensor *embedding = tensor_of(m, "embedding");
    CHECK(!memcmp(model->embedding, stream + embedding->offset, embedding->size));
    CHECK(model->embedding == rt_weights_model(weights, 0)->embedding);
    CHECK(node == 0 || model->final_norm.weight != rt_weights_model(weights, 0)->final_norm.weight);
    CHECK(((uintptr_t)model->head.w.panels | (uintptr_t)moe->moe.gate.panels | (uintptr_t)model->final_norm.weight) % 64 == 0);
}

/* Pieces of many sizes, from one byte to all of it, and not in order. */
static void place_in_pieces(struct rt_weights *weights, const uint8_t *stream, size_t bytes, size_t piece)
{
    size_t pieces = (bytes + piece - 1) / piece;
    for (size_t i = 0; i < pieces; i++) {
        size_t at = (pieces - 1 - i) * piece, count = bytes - at < piece ? bytes - at : piece;
        rt_weights_place(weights, at, stream + at, count);
    }
}

static void judge_machine(const struct rt_manifest *m, const unsigned *each, const uint8_t *stream, size_t bytes, size_t piece)
{
    struct rt_workers *workers = open_workers(each, count_nodes(each));
    struct rt_weights *weights;
    CHECK_THAT(!rt_weights_open(&weights, m, workers, &error), "%s", error.text);
    CHECK((rt_weights_direct(weights, 0, bytes) != NULL) == (count_nodes(each) == 1));
    CHECK(rt_weights_bytes(m, workers) >= bytes - 4096 * m->tensor_count);
    place_in_pieces(weights, stream, bytes, piece);
    rt_weights_protect(weights);
    for (unsigned node = 0; node < count_nodes(each); node++)
        check_node(weights, m, workers, node, stream);
    rt_weights_close(&weights);
    CHECK(!weights);
    rt_workers_close(&workers);
}

static void every_panel_lies_with_its_workers(void)
{
    static const size_t pieces[] = {61, 4096, 100000, CR_CHUNK_BYTES, 1 << 30};
    struct tiny_key key;
    struct rt_manifest *m;
    size_t bytes;
    tiny_key_open(&key);
    uint8_t *stream = tiny_stream(&bytes);
    char *text = tiny_manifest();
    struct cr_manifest *verified = tiny_verified(&key, text);
    CHECK_THAT(!rt_manifest_open(&m, verified, "manifest.json", &error), "%s", error.text);
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++)
            judge_machine(m, machines[i], stream, bytes, pieces[p]);
    rt_manifest_close(&m);
    cr_manifest_close(&verified);
    free(text);
    free(stream);
    tiny_key_close(&key);
}

/* ---- a real model: the same logits ---- */

struct answer {
    float logits[512];
    size_t count;
};

static struct rt_bundle *open_bundle(const char *model, const char *quant)
{
    static struct program_paths paths;
    struct cr_trust *trust;
    struct rt_bundle *bundle = NULL;
    char *path = program_bundle(model, quant);
    CHECK(path && !program_paths_find(&paths) && cr_init() == CR_OK);
    CHECK_THAT(path && !rt_trust_open(&trust, paths.trust, &error) && !rt_bundle_open(&bundle, path, trust, &error), "%s", error.text);
    cr_trust_close(&trust);
    free(path); /* the bundle keeps a copy */
    return bundle;
}

static size_t list_inputs(const struct rt_model *model, size_t *k)
{
    size_t count = 0;
    k[count++] = model->hidden;
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t b = 0; b < model->layers[l].count; b++) {
            const struct rt_block *block = &model->layers[l].blocks[b];
            k[count++] = block->kind == RT_BLOCK_ATTENTION ? (size_t)block->attention.heads * block->attention.head_dim
                         : block->kind == RT_BLOCK_MLP     ? block->mlp.inner
                                                           : block->moe.inner;
        }
    return count;
}

static void ask(struct answer *out, struct rt_engine *engine, const struct rt_model *model)
{
    uint32_t tokens[TOKENS];
    for (uint32_t i = 0; i < TOKENS; i++)
        tokens[i] = (i * 37 + i * i % 13) % model->vocab;
    struct rt_sequence *sequence = rt_sequence_open(engine);
    const struct rt_run prompt = {.sequence = sequence, .tokens = tokens, .count = TOKENS - 1};
    const struct rt_run next = {.sequence = sequence, .tokens = tokens + TOKENS - 1, .count = 1};
    CHECK_THAT(!rt_engine_step(engine, &prompt, 1, &error) && !rt_engine_step(engine, &next, 1, &error), "%s", error.text);
    out->count = model->vocab < 512 ? model->vocab : 512;
    memcpy(out->logits, rt_engine_logits(engine, 0), out->count * sizeof(float));
    rt_sequence_close(engine, &sequence);
}

static void answer_on(struct answer *out, struct rt_bundle *bundle, const unsigned *each)
{
    struct rt_manifest *m = rt_bundle_manifest(bundle);
    struct rt_workers *workers = open_workers(each, count_nodes(each));
    struct rt_weights *weights = NULL;
    struct kn_context *kernels = NULL;
    struct rt_engine *engine = NULL;
    const struct rt_engine_options options = {.kv = KN_KV_BF16, .max_tokens = 256, .max_sequences = 1, .max_rows = 128, .max_logits = 1};
    size_t k[64], inputs = list_inputs(&m->model, k);
    int failed = rt_weights_open(&weights, m, workers, &error) || rt_bundle_load(bundle, weights, workers, NULL, &error) ||
                 kn_context_open(&kernels, kn_isa_best(kn_cpu()), k, inputs) ||
                 rt_engine_open(&engine, rt_weights_models(weights), kernels, workers, &options, &error);
    CHECK_THAT(!failed, "%s", error.text);
    if (!failed)
        ask(out, engine, &m->model);
    rt_engine_close(&engine);
    kn_context_close(&kernels);
    rt_weights_close(&weights);
    rt_workers_close(&workers);
}

static void judge_answers(const char *model, const char *quant)
{
    static const unsigned one[NODES_MAX] = {2};
    struct rt_bundle *bundle = open_bundle(model, quant);
    struct answer expected = {0}, got;
    if (!bundle)
        return;
    answer_on(&expected, bundle, one);
    CHECK(expected.count && expected.logits[0] != 0);
    for (size_t i = 2; i < sizeof machines / sizeof *machines; i++) {
        memset(&got, 0, sizeof got);
        answer_on(&got, bundle, machines[i]);
        CHECK_THAT(!memcmp(&got, &expected, sizeof got), "%s %s on %u nodes", model, quant, count_nodes(machines[i]));
    }
    rt_bundle_close(&bundle);
}

static void logits_are_those_of_one_node(void)
{
    judge_answers("tests/golden/models/qwen3-moe", "w8");
    judge_answers("tests/golden/models/qwen3-moe", "w4");
    judge_answers("tests/golden/models/qwen3-bias", "bf16");
    judge_answers("tests/golden/models/llama-small", "w4");
}

CHECK_MAIN(CHECK_TEST(every_panel_lies_with_its_workers), CHECK_TEST(logits_are_those_of_one_node))
