/* test_synthetic.c: random weights are what the formats say (sums, zeros, deviation), depend on the seed alone, and make a model whose numbers
 * are finite and whose experts are all chosen. */
#include "runtime/synthetic.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/layout.h"
#include "runtime/engine.h"
#include "runtime/engine_pretend.h"
#include "runtime/scope.h"
#include "runtime/shapes.h"
#include "runtime/synthetic_panel.h"
#include "runtime/tensor_list.h"
#include "runtime/topology.h"
#include "tests/check.h"

static const enum kn_format formats[] = {KN_BF16, KN_W8, KN_W4};
enum { FORMATS = sizeof formats / sizeof *formats, LAYERS = 2, EXPERTS = 8, VOCAB = 300 };

/* Sizes that end inside panels, groups and pages. */
static const char shape[] =
    "{\"architecture\":\"test\",\"vocab\":300,\"hidden\":96,\"context\":512,\"final_norm\":{\"kind\":\"rms\",\"eps\":1e-6},"
    "\"ropes\":[{\"kind\":\"half\",\"dim\":20}],\"layers\":[{\"repeat\":2,\"blocks\":["
    "{\"kind\":\"attention\",\"norm_in\":{\"kind\":\"rms\",\"eps\":1e-6},\"heads\":6,\"kv_heads\":2,\"head_dim\":20,\"scale\":0.2236,"
    "\"rope\":0,\"q_norm\":{\"kind\":\"rms\",\"eps\":1e-6},\"bias\":[\"q\"]},"
    "{\"kind\":\"moe\",\"norm_in\":{\"kind\":\"rms\",\"eps\":1e-6},\"experts\":8,\"top_k\":2,\"inner\":72,\"activation\":\"silu\","
    "\"router\":{\"kind\":\"softmax\",\"renormalise\":true}}]}]}";

/* ---- panels ---- */

static int code_of(enum kn_format format, const uint8_t *panel, size_t k, size_t n, size_t i)
{
    return format == KN_W8 ? (int8_t)panel[kn_w8_index(n, i)] : kn_w4_value(panel, kn_pad(k), &kn_codebook_default, n, i);
}

static void check_panel(const struct rt_panel_pool *pool, enum kn_format format, size_t count, size_t k)
{
    RT_FREE uint8_t *panel = aligned_alloc(64, kn_panel_bytes(format, k));
    rt_panel_fill(pool, format, panel, count, k, 0.1f, 7);
    const float *scale = (const float *)(const void *)(panel + kn_scale_offset(format, kn_pad(k)));
    const int32_t *sum = (const int32_t *)(const void *)(scale + KN_PANEL);
    for (size_t n = 0; n < KN_PANEL; n++) {
        int32_t codes = 0, outside = 0;
        for (size_t i = 0; i < kn_pad(k); i++) {
            int code = code_of(format, panel, k, n, i);
            codes += code;
            outside += i >= k || n >= count ? abs(code) : 0;
        }
        CHECK_THAT(codes == sum[n] && outside == 0, "output %zu of %zu with %zu inputs: sum %d, stored %d, outside %d", n, count, k, codes,
                   sum[n], outside);
        CHECK(n < count ? scale[n] > 0 : scale[n] == 0);
    }
}

static void sums_and_zeros(void)
{
    static const size_t counts[] = {64, 1, 37}, inputs[] = {64, 2048, 96, 100, 7};
    RT_CLEAN(rt_panel_pool_close) struct rt_panel_pool *pool = rt_panel_pool_open(3);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t k = 0; k < sizeof inputs / sizeof *inputs; k++) {
            check_panel(pool, KN_W8, counts[c], inputs[k]);
            check_panel(pool, KN_W4, counts[c], inputs[k]);
        }
}

/* Of the values that a product multiplies with: mean, deviation, and a kurtosis near the normal distribution's 3. */
static void rows_look_gaussian(void)
{
    enum { K = 2048 };
    static float rows[KN_PANEL][K];
    RT_CLEAN(rt_panel_pool_close) struct rt_panel_pool *pool = rt_panel_pool_open(5);
    for (size_t f = 0; f < FORMATS; f++) {
        RT_FREE uint8_t *panel = aligned_alloc(64, kn_panel_bytes(formats[f], K));
        rt_panel_fill(pool, formats[f], panel, KN_PANEL, K, 0.25f, 11);
        kn_panel_unpack(formats[f], rows[0], K, panel, K, &kn_codebook_default);
        double sum = 0, square = 0, fourth = 0, count = (double)KN_PANEL * K;
        for (size_t i = 0; i < (size_t)KN_PANEL * K; i++) {
            double value = (double)(&rows[0][0])[i];
            sum += value;
            square += value * value;
            fourth += value * value * value * value;
        }
        double deviation = sqrt(square / count), kurtosis = fourth / count / (square / count * square / count);
        CHECK_THAT(fabs(sum / count) < 0.01 && fabs(deviation - 0.25) < 0.025 && kurtosis > 2 && kurtosis < 4,
                   "format %d: mean %g, deviation %g, kurtosis %g", (int)formats[f], sum / count, deviation, kurtosis);
    }
}

/* ---- models ---- */

struct fixture {
    struct rt_placement *placement;
    struct rt_workers *workers;
    struct rt_manifest *manifest;
    struct rt_weights *weights;
};

static void close_fixture(struct fixture *f)
{
    rt_weights_close(&f->weights);
    rt_manifest_close(&f->manifest);
    rt_workers_close(&f->workers);
    free(f->placement);
}

static int fill_fixture(struct fixture *f, enum kn_format format, uint64_t seed, struct rt_error *error)
{
    if (rt_workers_open(&f->workers, f->placement, error) || rt_manifest_open_shape(&f->manifest, shape, sizeof shape - 1, error) ||
        rt_tensor_list(f->manifest, format, error) || rt_weights_open(&f->weights, f->manifest, f->workers, error))
        return -1;
    return rt_synthetic_fill(f->weights, f->manifest, f->workers, seed, error);
}

/* With `threads` workers, or two workers on two nodes for 0. */
static struct fixture open_fixture(enum kn_format format, uint64_t seed, unsigned threads)
{
    struct fixture f = {0};
    struct rt_error error = {0};
    int failed;
    if (threads) {
        failed = rt_placement_open(&f.placement, threads, &error);
    } else {
        hwloc_topology_t topology;
        hwloc_topology_init(&topology);
        hwloc_topology_set_synthetic(topology, "numa:2 core:1 pu:1");
        hwloc_topology_load(topology);
        failed = rt_placement_plan(&f.placement, topology, hwloc_topology_get_allowed_cpuset(topology), 0, &error);
        hwloc_topology_destroy(topology);
    }
    failed = failed || fill_fixture(&f, format, seed, &error);
    CHECK_THAT(!failed, "%s", error.text);
    return f;
}

/* The bytes of one matrix as one node has them, and where they belong in the whole. */
static int same_panels(const struct kn_matrix *part, size_t panels, const struct kn_matrix *whole)
{
    size_t bytes = kn_panel_bytes(whole->format, whole->k);
    return !memcmp(part->panels, kn_panel_at(whole, part->first_panel), panels * bytes);
}

static int same_bytes(const struct fixture *a, const struct fixture *b)
{
    size_t bytes = a->manifest->stream_bytes;
    return bytes == b->manifest->stream_bytes &&
           !memcmp(rt_weights_direct(a->weights, 0, bytes), rt_weights_direct(b->weights, 0, bytes), bytes);
}

static void the_seed_alone_decides(void)
{
    struct rt_error error;
    RT_FREE struct rt_placement *both = NULL;
    for (size_t i = 0; i < FORMATS; i++) {
        RT_CLEAN(close_fixture) struct fixture first = open_fixture(formats[i], 1, 1), again = open_fixture(formats[i], 1, 1);
        RT_CLEAN(close_fixture) struct fixture other = open_fixture(formats[i], 2, 1);
        CHECK(same_bytes(&first, &again));
        CHECK(!same_bytes(&first, &other));
    }
    if (rt_placement_open(&both, 2, &error))
        CHECK_SKIP("one core: nothing to compare threads with");
    RT_CLEAN(close_fixture) struct fixture one = open_fixture(KN_W4, 1, 1), two = open_fixture(KN_W4, 1, 2);
    CHECK(same_bytes(&one, &two));
}

static void nodes_hold_their_own_panels(void)
{
    RT_CLEAN(close_fixture) struct fixture one = open_fixture(KN_W8, 1, 1), two = open_fixture(KN_W8, 1, 0);
    const struct rt_model *whole = rt_weights_model(one.weights, 0);
    CHECK(rt_workers_nodes(two.workers) == 2);
    for (unsigned node = 0; node < rt_workers_nodes(two.workers); node++) {
        const struct rt_model *model = rt_weights_model(two.weights, node);
        size_t first, last;
        rt_workers_node_share(two.workers, node, kn_panels(VOCAB), &first, &last);
        CHECK(last > first && same_panels(&model->head.w, last - first, &whole->head.w));
        CHECK(!memcmp(model->embedding, whole->embedding, VOCAB * (size_t)model->hidden * sizeof *model->embedding));
        CHECK(!memcmp(model->final_norm.weight, whole->final_norm.weight, model->hidden * sizeof(float)));
    }
}

static int open_engine(struct rt_engine **out, struct kn_context **kernels, const struct fixture *f, struct rt_error *error)
{
    static const size_t inputs[] = {96, 120, 72};
    const struct rt_engine_options options = {.kv = KN_KV_F32, .max_tokens = 512, .max_sequences = 1, .max_rows = 128, .max_logits = 128};
    if (kn_context_open(kernels, kn_isa_best(kn_cpu()), inputs, 3))
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "no kernels");
    return rt_engine_open(out, rt_weights_models(f->weights), *kernels, f->workers, &options, error);
}

static void check_logits(struct rt_engine *engine, uint32_t rows)
{
    double square = 0;
    for (uint32_t row = 0; row < rows; row++) {
        const float *logits = rt_engine_logits(engine, row);
        for (uint32_t i = 0; i < VOCAB; i++) {
            CHECK(isfinite(logits[i]));
            square += (double)logits[i] * (double)logits[i];
        }
    }
    double deviation = sqrt(square / rows / VOCAB);
    CHECK_THAT(deviation > 0.5 && deviation < 8, "logits have the deviation %g", deviation);
    CHECK(memcmp(rt_engine_logits(engine, 0), rt_engine_logits(engine, 1), VOCAB * sizeof(float)));
}

/* Also behind a cache that was made up. */
static void models_make_sense(enum kn_format format, uint32_t depth)
{
    RT_CLEAN(close_fixture) struct fixture f = open_fixture(format, 1, 1);
    RT_CLEAN(kn_context_close) struct kn_context *kernels = NULL;
    RT_CLEAN(rt_engine_close) struct rt_engine *engine = NULL;
    struct rt_error error = {0};
    struct rt_engine_times times;
    uint32_t tokens[128];
    for (uint32_t i = 0; i < 128; i++)
        tokens[i] = i * 37 % VOCAB;
    int failed = open_engine(&engine, &kernels, &f, &error);
    struct rt_sequence *sequence = failed ? NULL : rt_sequence_open(engine);
    failed = failed || rt_sequence_pretend(engine, sequence, depth, &error) ||
             rt_engine_step(engine, &(struct rt_run){.sequence = sequence, .tokens = tokens, .count = 128, .all_logits = 1}, 1, &error);
    CHECK_THAT(!failed, "%s", error.text);
    if (failed)
        return;
    CHECK(rt_sequence_length(sequence) == depth + 128);
    check_logits(engine, 128);
    rt_engine_times(engine, &times);
    CHECK_THAT(times.experts == LAYERS * EXPERTS, "%d experts were chosen of %d", (int)times.experts, LAYERS * EXPERTS);
}

static void every_expert_is_chosen(void)
{
    for (size_t f = 0; f < FORMATS; f++) {
        models_make_sense(formats[f], 0);
        models_make_sense(formats[f], 300);
    }
}

static void pretending_knows_its_limits(void)
{
    RT_CLEAN(close_fixture) struct fixture f = open_fixture(KN_W8, 1, 1);
    RT_CLEAN(kn_context_close) struct kn_context *kernels = NULL;
    RT_CLEAN(rt_engine_close) struct rt_engine *engine = NULL;
    struct rt_error error = {0};
    CHECK(!open_engine(&engine, &kernels, &f, &error));
    struct rt_sequence *sequence = rt_sequence_open(engine);
    CHECK(rt_sequence_pretend(engine, sequence, 513, &error) && error.code == RT_EXIT_RESOURCES);
    CHECK(rt_sequence_length(sequence) == 0);
    CHECK(!rt_sequence_pretend(engine, sequence, 512, &error));
    CHECK(rt_engine_step(engine, &(struct rt_run){.sequence = sequence, .tokens = (uint32_t[]){1}, .count = 1}, 1, &error));
}

/* ---- named shapes ---- */

static void named_shapes_open(void)
{
    static const char *const names[] = {"moe-7b", "moe-small", "dense-1b", "qwen3-30b-a3b"};
    struct rt_error error;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        RT_CLEAN(rt_manifest_close) struct rt_manifest *m = NULL;
        int failed = rt_shape_open(&m, names[i], &error) || rt_tensor_list(m, KN_W4, &error);
        CHECK_THAT(!failed, "%s: %s", names[i], error.text);
        CHECK(!failed && !strcmp(m->name, names[i]) && rt_shape_cut(m, 1, &error) == 0 && m->model.layer_count == 1);
        CHECK(failed || (rt_shape_cut(m, 2, &error) && error.code == RT_EXIT_USAGE));
    }
    RT_CLEAN(rt_manifest_close) struct rt_manifest *none = NULL;
    CHECK(rt_shape_open(&none, "moe", &error) && error.code == RT_EXIT_USAGE && strstr(error.text, "moe-7b"));
    CHECK(rt_shape_open(&none, "deepseek-v3", &error) && error.code == RT_EXIT_UNSUPPORTED && !none);
}

CHECK_MAIN(CHECK_TEST(sums_and_zeros), CHECK_TEST(rows_look_gaussian), CHECK_TEST(the_seed_alone_decides),
           CHECK_TEST(nodes_hold_their_own_panels), CHECK_TEST(every_expert_is_chosen), CHECK_TEST(pretending_knows_its_limits),
           CHECK_TEST(named_shapes_open))
