/* test_model_cost.c: what a step costs, against counts made by hand and against the tensors themselves. */
#include "runtime/model_cost.h"

#include <math.h>

#include "runtime/scope.h"
#include "runtime/shapes.h"
#include "runtime/tensor_list.h"
#include "tests/check.h"

/* One layer of each kind, with sizes that are easy to multiply. */
static const char shape[] =
    "{\"architecture\":\"test\",\"vocab\":1000,\"hidden\":64,\"context\":4096,\"final_norm\":{\"kind\":\"rms\",\"eps\":1e-6},\"layers\":["
    "{\"blocks\":[{\"kind\":\"attention\",\"norm_in\":{\"kind\":\"rms\",\"eps\":1e-6},\"heads\":4,\"kv_heads\":2,\"head_dim\":32,"
    "\"scale\":0.1767},"
    "{\"kind\":\"mlp\",\"norm_in\":{\"kind\":\"rms\",\"eps\":1e-6},\"inner\":128,\"activation\":\"silu\"}]},"
    "{\"blocks\":[{\"kind\":\"attention\",\"norm_in\":{\"kind\":\"rms\",\"eps\":1e-6},\"heads\":4,\"kv_heads\":2,\"head_dim\":32,"
    "\"scale\":0.1767},"
    "{\"kind\":\"moe\",\"norm_in\":{\"kind\":\"rms\",\"eps\":1e-6},\"experts\":16,\"top_k\":4,\"inner\":64,\"activation\":\"silu\","
    "\"router\":{\"kind\":\"softmax\",\"renormalise\":true}}]}]}";

enum { HIDDEN = 64, QUERY = 128, KV = 64, INNER = 128, MOE_INNER = 64, EXPERTS = 16, TOP_K = 4, HEAD_DIM = 32, KV_HEADS = 2, VOCAB = 1000 };

static const struct rt_formats w8 = {KN_W8, KN_W8, KN_KV_F32};

static struct rt_manifest *open_shape(void)
{
    struct rt_manifest *m = NULL;
    struct rt_error error = {0};
    CHECK_THAT(!rt_manifest_open_shape(&m, shape, sizeof shape - 1, &error), "%s", error.text);
    return m;
}

static double panels(size_t n, size_t k)
{
    return (double)kn_matrix_bytes(KN_W8, n, k);
}

static void one_token_by_hand(void)
{
    RT_CLEAN(rt_manifest_close) struct rt_manifest *m = open_shape();
    struct rt_cost cost;
    rt_cost_of_step(&cost, &m->model, &w8, &(struct rt_step_shape){.sequences = 1, .tokens = 1, .depth = 99, .logits = 1});
    const struct rt_work *parts = cost.parts;
    CHECK(parts[RT_PART_PROJECTIONS].int8_operations == 2.0 * 2 * HIDDEN * (2 * QUERY + 2 * KV));
    CHECK(parts[RT_PART_PROJECTIONS].weight_bytes == 2 * (panels(QUERY, HIDDEN) + 2 * panels(KV, HIDDEN) + panels(HIDDEN, QUERY)));
    CHECK(parts[RT_PART_EXPERTS].int8_operations == 2.0 * 3 * HIDDEN * (INNER + TOP_K * MOE_INNER));
    CHECK(parts[RT_PART_EXPERTS].weight_bytes ==
          2 * panels(INNER, HIDDEN) + panels(HIDDEN, INNER) + TOP_K * (2 * panels(MOE_INNER, HIDDEN) + panels(HIDDEN, MOE_INNER)));
    CHECK(parts[RT_PART_ROUTER].float_operations == 2.0 * EXPERTS * HIDDEN && parts[RT_PART_ROUTER].int8_operations == 0);
    CHECK(parts[RT_PART_HEAD].int8_operations == 2.0 * VOCAB * HIDDEN && parts[RT_PART_HEAD].weight_bytes == panels(VOCAB, HIDDEN));
    CHECK(parts[RT_PART_ATTENTION].float_operations == 2.0 * 4 * 100 * QUERY);
    CHECK(parts[RT_PART_ATTENTION].cache_bytes == 2.0 * 2 * 100 * KV_HEADS * HEAD_DIM * sizeof(float));
    CHECK(parts[RT_PART_ROWS].weight_bytes == HIDDEN * 2.0 + 5 * HIDDEN * sizeof(float));
    CHECK(parts[RT_PART_WAITING].weight_bytes == 0);
}

/* Keys are seen by half of the rows on average; behind the last attention only one row goes on. */
static void a_prompt_by_hand(void)
{
    RT_CLEAN(rt_manifest_close) struct rt_manifest *m = open_shape();
    struct rt_cost cost;
    rt_cost_of_step(&cost, &m->model, &w8, &(struct rt_step_shape){.sequences = 1, .tokens = 64, .depth = 10, .logits = 1});
    double keys = 0;
    for (int i = 0; i < 64; i++)
        keys += 10 + i + 1;
    CHECK(cost.parts[RT_PART_ATTENTION].float_operations == 4.0 * QUERY * (keys + 74));
    CHECK(cost.parts[RT_PART_PROJECTIONS].int8_operations == 2.0 * HIDDEN * (64 * (2 * QUERY + 2 * KV) + 64 * 2 * KV + 2 * QUERY));
    CHECK(cost.parts[RT_PART_EXPERTS].int8_operations == 2.0 * 3 * HIDDEN * (64 * INNER + TOP_K * MOE_INNER));
    CHECK(cost.parts[RT_PART_HEAD].int8_operations == 2.0 * VOCAB * HIDDEN);
}

static void sequences_share_weights(void)
{
    RT_CLEAN(rt_manifest_close) struct rt_manifest *m = open_shape();
    struct rt_cost one, four;
    rt_cost_of_step(&one, &m->model, &w8, &(struct rt_step_shape){.sequences = 1, .tokens = 1, .depth = 50, .logits = 1});
    rt_cost_of_step(&four, &m->model, &w8, &(struct rt_step_shape){.sequences = 4, .tokens = 1, .depth = 50, .logits = 4, .experts = 10});
    CHECK(four.sum.int8_operations == 4 * one.sum.int8_operations && four.sum.cache_bytes == 4 * one.sum.cache_bytes);
    CHECK(four.parts[RT_PART_PROJECTIONS].weight_bytes == one.parts[RT_PART_PROJECTIONS].weight_bytes);
    double expert = 2 * panels(MOE_INNER, HIDDEN) + panels(HIDDEN, MOE_INNER);
    CHECK(four.parts[RT_PART_EXPERTS].weight_bytes - one.parts[RT_PART_EXPERTS].weight_bytes == (10 - TOP_K) * expert);
}

static void distinct_experts(void)
{
    CHECK(rt_cost_distinct_experts(64, 8, 1) == 8);
    CHECK(rt_cost_distinct_experts(8, 8, 3) == 8);
    CHECK(fabs(rt_cost_distinct_experts(64, 8, 2) - 15) < 1e-9); /* 8 and 7/8 of the next 8 */
    CHECK(fabs(rt_cost_distinct_experts(64, 8, 500) - 64) < 1e-9);
}

/* Every byte of the stream is some part's, but for alignment, heads' norms and rotations. */
static void stored_bytes_are_the_streams(void)
{
    static const enum kn_format formats[] = {KN_BF16, KN_W8, KN_W4};
    for (size_t i = 0; i < 3; i++) {
        RT_CLEAN(rt_manifest_close) struct rt_manifest *m = NULL;
        struct rt_error error = {0};
        CHECK_THAT(!rt_shape_open(&m, "moe-7b", &error) && !rt_tensor_list(m, formats[i], &error), "%s", error.text);
        const struct rt_formats as = {formats[i], formats[i] == KN_W4 ? KN_W8 : formats[i], KN_KV_BF16};
        uint64_t parts[RT_PARTS], sum = 0, stored = rt_cost_stored(parts, &m->model, &as);
        for (int part = 0; part < RT_PARTS; part++)
            sum += parts[part];
        CHECK(sum == stored);
        CHECK_THAT(stored <= m->stream_bytes && m->stream_bytes - stored < 4 << 20, "%llu of %llu bytes", (unsigned long long)stored,
                   (unsigned long long)m->stream_bytes);
    }
}

/* Known from elsewhere: 7.84 thousand million parameters, of which 1.42 work for a token (the embedding not counted there). */
static void moe_7b_is_what_it_is_called(void)
{
    RT_CLEAN(rt_manifest_close) struct rt_manifest *m = NULL;
    struct rt_error error = {0};
    struct rt_cost cost;
    uint64_t parts[RT_PARTS];
    CHECK_THAT(!rt_shape_open(&m, "moe-7b", &error), "%s", error.text);
    const struct rt_formats bf16 = {KN_BF16, KN_BF16, KN_KV_BF16};
    double stored = (double)rt_cost_stored(parts, &m->model, &bf16) / 2;
    rt_cost_of_step(&cost, &m->model, &bf16, &(struct rt_step_shape){.sequences = 1, .tokens = 1, .logits = 1});
    CHECK_THAT(fabs(stored / 7.84e9 - 1) < 0.002, "%g parameters", stored);
    double active = cost.sum.weight_bytes / 2;
    CHECK_THAT(fabs(active / 1.424e9 - 1) < 0.005, "%g active", active);
    CHECK(rt_cost_cache_token(&m->model, KN_KV_BF16) == 24 * 2 * 4 * 128 * 2);
}

CHECK_MAIN(CHECK_TEST(one_token_by_hand), CHECK_TEST(a_prompt_by_hand), CHECK_TEST(sequences_share_weights), CHECK_TEST(distinct_experts),
           CHECK_TEST(stored_bytes_are_the_streams), CHECK_TEST(moe_7b_is_what_it_is_called))
