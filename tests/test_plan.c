/* test_plan.c: what `cloister plan` counts, by hand and against the engine's own counting: models, memory by node, and time on machines whose
 * figures are given. Nothing is timed. test_plan_machine.c has the topologies. */
#include <math.h>
#include <stdlib.h>

#include "packaging/pack/architectures.h"
#include "runtime/engine.h"
#include "runtime/model_cost.h"
#include "runtime/plan_constants.h"
#include "runtime/plan_speed.h"
#include "runtime/shapes.h"
#include "tests/check.h"

static struct rt_error error;

static void open_model(struct rt_plan_model *out, const char *name)
{
    CHECK_THAT(!rt_plan_model_open(out, name, "none", &error), "%s", error.text);
}

static int near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fabs(b);
}

/* ---- counting ---- */

static void moe_7b_by_hand(void)
{
    static struct rt_plan_model model;
    open_model(&model, "moe-7b");
    const uint64_t attention = 2 * 4096 * 2048 + 2 * 512 * 2048, expert = 3 * 768 * 2048, router = 64 * 2048, rows = 32000 * 2048;
    CHECK(rt_plan_parameters(&model) == 24 * (attention + 64 * expert + router) + 2 * rows);
    CHECK(rt_plan_active_parameters(&model) == 24 * (attention + 8 * expert + router) + rows);
    CHECK(rt_plan_cache_token(&model) == 24 * 2 * 512 * 2);
    CHECK(model.attentions == 24 && model.mixtures == 24 && model.mlps == 0 && !model.unsupported[0]);
}

/* The published sizes. */
static void known_models_have_their_size(void)
{
    static const struct {
        const char *name;
        double billions, active;
        uint64_t cache;
    } known[] = {
        {"deepseek-v3", 671.0, 37.5, 61 * 576 * 2}, {"qwen3-235b", 235.1, 22.2, 94 * 1024 * 2}, {"eu-400b", 415, 34.3, 64 * 2048 * 2}};
    static struct rt_plan_model model;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        open_model(&model, known[i].name);
        const double rows = (double)model.vocab * model.hidden; /* the published figures count the embedding as used */
        const double billions = 1e-9 * (double)rt_plan_parameters(&model),
                     active = 1e-9 * ((double)rt_plan_active_parameters(&model) + rows);
        CHECK_THAT(fabs(billions - known[i].billions) < 0.5, "%s: %g billion", known[i].name, billions);
        CHECK_THAT(fabs(active - known[i].active) < 0.15, "%s: %g billion active", known[i].name, active);
        CHECK_THAT(rt_plan_cache_token(&model) == known[i].cache, "%s: %llu", known[i].name,
                   (unsigned long long)rt_plan_cache_token(&model));
    }
}

/* What the plan counts for a step, summed as the engine's cost is. */
static void count_step(struct rt_cost *out, const struct rt_plan_model *model, enum kn_format format, const struct rt_plan_step *step)
{
    *out = (struct rt_cost){0};
    for (size_t i = 0; i < model->matrix_count; i++) {
        const struct rt_plan_matrix *m = &model->matrices[i];
        const struct rt_plan_work work = rt_plan_matrix_work(m, format, step);
        const int floats = rt_plan_format(m, format) == KN_BF16;
        *(floats ? &out->sum.float_operations : &out->sum.int8_operations) += work.operations;
        out->parts[m->part].weight_bytes += work.bytes;
    }
    for (size_t i = 0; i < model->cache_count; i++) {
        const struct rt_plan_work work = rt_plan_cache_work(&model->caches[i], step);
        out->sum.float_operations += work.operations;
        out->sum.cache_bytes += work.bytes;
    }
}

static void same_as_the_engines_cost(const char *name, enum kn_format format, const struct rt_step_shape *shape)
{
    static struct rt_plan_model model;
    struct rt_manifest *manifest = NULL;
    struct rt_cost plan, cost;
    const struct rt_formats formats = {format, format == KN_W4 ? KN_W8 : format, KN_KV_BF16};
    const struct rt_plan_step step = {shape->sequences, shape->tokens, shape->depth, shape->logits};
    open_model(&model, name);
    CHECK_THAT(!rt_shape_open(&manifest, name, &error), "%s", error.text);
    count_step(&plan, &model, format, &step);
    rt_cost_of_step(&cost, &manifest->model, &formats, shape);
    CHECK_THAT(near(plan.sum.int8_operations, cost.sum.int8_operations), "%s: %g, %g", name, plan.sum.int8_operations,
               cost.sum.int8_operations);
    CHECK_THAT(near(plan.sum.float_operations, cost.sum.float_operations), "%s: %g, %g", name, plan.sum.float_operations,
               cost.sum.float_operations);
    CHECK(near(plan.sum.cache_bytes, cost.sum.cache_bytes));
    for (int part = RT_PART_PROJECTIONS; part <= RT_PART_HEAD; part++)
        CHECK_THAT(near(plan.parts[part].weight_bytes, cost.parts[part].weight_bytes), "%s, part %d: %g, %g", name, part,
                   plan.parts[part].weight_bytes, cost.parts[part].weight_bytes);
    rt_manifest_close(&manifest);
}

static void counting_agrees_with_the_engines(void)
{
    static const char *const names[] = {"moe-7b", "moe-small", "dense-1b", "qwen3-30b-a3b"};
    static const struct rt_step_shape shapes[] = {
        {.sequences = 1, .tokens = 1, .depth = 8192, .logits = 1},
        {.sequences = 16, .tokens = 1, .depth = 100, .logits = 16},
        {.sequences = 1, .tokens = 512, .depth = 0, .logits = 1},
    };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (enum kn_format format = KN_BF16; format <= KN_W4; format++)
                same_as_the_engines_cost(names[n], format, &shapes[s]);
}

/* ---- config.json ---- */

static int read_config(struct rt_plan_model *out, const char *json)
{
    return rt_plan_model_config(out, json, strlen(json), "config.json", &error);
}

#define SMALL "\"vocab_size\":1000,\"hidden_size\":128,\"num_hidden_layers\":4,\"num_attention_heads\":4"

static void config_json_gives_the_shape(void)
{
    static struct rt_plan_model config, shape;
    CHECK_THAT(!read_config(&config, "{\"model_type\":\"qwen3_moe\",\"vocab_size\":151936,\"hidden_size\":2048,\"num_hidden_layers\":48,"
                                     "\"num_attention_heads\":32,\"num_key_value_heads\":4,\"head_dim\":128,\"num_experts\":128,"
                                     "\"num_experts_per_tok\":8,\"moe_intermediate_size\":768,\"q_lora_rank\":null}"),
               "%s", error.text);
    open_model(&shape, "qwen3-30b-a3b");
    CHECK(!config.unsupported[0] && config.matrix_count == shape.matrix_count);
    CHECK(rt_plan_parameters(&config) == rt_plan_parameters(&shape));
    CHECK(rt_plan_active_parameters(&config) == rt_plan_active_parameters(&shape));
    CHECK(rt_plan_cache_token(&config) == rt_plan_cache_token(&shape));
    CHECK(config.inner == shape.inner && config.top_k == shape.top_k && config.expert_inner == shape.expert_inner);
}

static void layers_that_differ_are_told_apart(void)
{
    static struct rt_plan_model model;
    CHECK(!read_config(&model,
                       "{\"model_type\":\"qwen3_moe\"," SMALL ",\"intermediate_size\":512,\"num_experts\":8,\"num_experts_per_tok\":2,"
                       "\"moe_intermediate_size\":64,\"mlp_only_layers\":[3],\"decoder_sparse_step\":2}"));
    CHECK(model.mixtures == 1 && model.mlps == 3); /* layers 1 and 3 would be, and 3 is not */
    CHECK(!read_config(&model, "{\"model_type\":\"deepseek_v3\"," SMALL ",\"intermediate_size\":512,\"n_routed_experts\":8,"
                               "\"num_experts_per_tok\":2,\"moe_intermediate_size\":64,\"first_k_dense_replace\":1,\"n_shared_experts\":2,"
                               "\"kv_lora_rank\":64,\"qk_rope_head_dim\":16,\"qk_nope_head_dim\":32,\"v_head_dim\":32}"));
    CHECK(model.mixtures == 3 && model.mlps == 4 && /* shared experts are mlps */ rt_plan_cache_token(&model) == 4 * 80 * 2);
    CHECK(!strcmp(model.unsupported, "latent attention and shared experts"));
}

static void what_cannot_be_packed_is_said(void)
{
    static struct rt_plan_model model;
    char json[512], names[256];
    CHECK(!read_config(&model, "{\"model_type\":\"glm\\u001b[2J\"," SMALL ",\"intermediate_size\":512}"));
    CHECK_THAT(!strcmp(model.unsupported, "model_type \"glm?[2J\""), "%s", model.unsupported);
    pk_architecture_names(names, sizeof names);
    for (char *at = names, *name; (name = strsep(&at, ","));) { /* the list in plan_config.c is the packer's */
        snprintf(json, sizeof json, "{\"model_type\":\"%s\"," SMALL ",\"intermediate_size\":512}", name + (*name == ' '));
        CHECK_THAT(!read_config(&model, json) && !model.unsupported[0], "%s: %s", name, model.unsupported);
    }
    CHECK(!read_config(&model, "{\"text_config\":{\"model_type\":\"llama\"," SMALL ",\"intermediate_size\":512}}"));
}

static void hostile_configs_are_refused(void)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"hidden_size\":128}",
        "{" SMALL "}",
        "{" SMALL ",\"intermediate_size\":-1}",
        "{" SMALL ",\"intermediate_size\":1e3}",
        "{" SMALL ",\"intermediate_size\":\"512\"}",
        "{" SMALL ",\"intermediate_size\":65537}",
        "{" SMALL ",\"intermediate_size\":512,\"head_dim\":100000}",
        "{" SMALL ",\"intermediate_size\":512,\"num_key_value_heads\":8}",
        "{" SMALL ",\"intermediate_size\":512,\"num_experts\":4}",
        "{" SMALL ",\"intermediate_size\":512,\"num_experts\":4,\"num_experts_per_tok\":5}",
        "{" SMALL ",\"intermediate_size\":512,\"kv_lora_rank\":64}",
        "{" SMALL ",\"intermediate_size\":512,\"layer_types\":[\"mamba\"]}",
        "{" SMALL
        ",\"intermediate_size\":512,\"n_shared_experts\":64,\"num_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":60000}",
        "{\"vocab_size\":1000,\"hidden_size\":128,\"num_hidden_layers\":99999,\"num_attention_heads\":4,\"intermediate_size\":512}",
        "{" SMALL ",\"intermediate_size\":9,\"head_dim\":1024,\"num_key_value_heads\":5000}",
    };
    static struct rt_plan_model model;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error.text[0] = 0;
        CHECK_THAT(read_config(&model, bad[i]) == -1 && error.text[0], "taken: %s", bad[i]);
    }
}

/* ---- memory ---- */

static const struct rt_plan_machine two_nodes = {
    .packages = 2,
    .workers = 8,
    .node_count = 2,
    .nodes = {{0, 0, 4, UINT64_C(64) << 30}, {1, 4, 4, UINT64_C(64) << 30}},
    .read = {100e9, ""},
    .int8 = {4e12, ""},
    .floats = {1e12, ""},
    .disk = {2e9, ""},
};

static void memory_by_hand(void)
{
    static struct rt_plan_model model;
    static struct rt_plan_memory memory;
    const struct rt_plan_use use = {.context = 100, .users = 3, .prompt = 512};
    CHECK(!read_config(&model, "{\"model_type\":\"llama\"," SMALL ",\"intermediate_size\":640,\"num_key_value_heads\":2}"));
    rt_plan_memory(&memory, &model, KN_W8, &two_nodes, &use);
    const uint64_t panel = 128 * 64 + 512, down = 640 * 64 + 512; /* w8: codes, scales and sums; of 128 and of 640 inputs */
    /* panels in a layer: q 2, k 1, v 1, o 2, gate 10, up 10, down 2; the head 16. Even ones lie half here, half there; single ones on node 1 */
    const uint64_t vectors = 9 * 128 * 4, embedding = 1000 * 128 * 2 / 2;
    CHECK(memory.nodes[0].weights == 4 * ((1 + 1 + 5 + 5) * panel + down) + 8 * panel + embedding + vectors);
    CHECK(memory.nodes[1].weights == 4 * ((1 + 1 + 1 + 1 + 5 + 5) * panel + down) + 8 * panel + embedding + vectors);
    CHECK(memory.sum.cache == 3 * 128 * 4 * 2 * 64 * 2); /* whole pages of 64 tokens; 2 heads of 32, twice, in bf16 */
    CHECK(memory.total == memory.sum.weights + memory.sum.cache + memory.sum.buffers);
    CHECK(memory.sum.weights == rt_plan_weight_bytes(&model, KN_W8) + vectors); /* the second node's copy */
    CHECK(memory.fit == RT_PLAN_FITS);
}

static void a_model_fits_or_not(void)
{
    static struct rt_plan_model model;
    static struct rt_plan_memory memory;
    static struct rt_plan_machine machine;
    const struct rt_plan_use use = {.context = 4096, .users = 1, .prompt = 512};
    machine = two_nodes;
    open_model(&model, "qwen3-235b");
    rt_plan_memory(&memory, &model, KN_W4, &machine, &use);
    CHECK(memory.fit == RT_PLAN_FITS);
    rt_plan_memory(&memory, &model, KN_W8, &machine, &use);
    CHECK(memory.fit == RT_PLAN_TOO_LARGE);
    machine.nodes[0].memory = UINT64_C(200) << 30; /* enough on the whole, not on node 1 */
    CHECK(rt_plan_machine_memory(&machine) > memory.total);
    rt_plan_memory(&memory, &model, KN_W8, &machine, &use);
    CHECK(memory.fit == RT_PLAN_TOO_LARGE);
    machine.nodes[1].memory = 0;
    rt_plan_memory(&memory, &model, KN_W8, &machine, &use);
    CHECK(memory.fit == RT_PLAN_FIT_UNKNOWN && rt_plan_machine_memory(&machine) == 0);
}

/* ---- time ---- */

static const struct rt_plan_use one_user = {.context = 4096, .users = 1, .prompt = 512, .depth = 0};

static struct rt_plan_speed speed_of(const char *name, enum kn_format format, const struct rt_plan_machine *machine,
                                     const struct rt_plan_use *use)
{
    static struct rt_plan_model model;
    struct rt_plan_speed speed;
    open_model(&model, name);
    rt_plan_speed(&speed, &model, format, machine, use);
    return speed;
}

/* A machine that multiplies at once, and whose barriers are all that is left. */
static void decode_reads_every_byte_once(void)
{
    static struct rt_plan_machine machine;
    struct rt_plan_speed slow, fast;
    machine = two_nodes;
    machine.node_count = 1; /* the head's 500 panels do not go up in two nodes */
    machine.int8.value = machine.floats.value = 1e18;
    machine.read.value = 8 * RT_PLAN_CORE_READ;
    slow = speed_of("dense-1b", KN_W8, &machine, &one_user);
    CHECK(rt_plan_time_limit(&slow.decode) == RT_PLAN_LIMIT_READ);
    /* q, o and gate, up, down have panels for 8 workers, and so has the head; k and v, too */
    const double panel = 2048 * 64 + 512, wide = 6144 * 64 + 512;
    const double bytes = 16 * ((32 + 16 + 16 + 32 + 2 * 96) * panel + 32 * wide) + 500 * panel;
    const double read = bytes / (machine.read.value * rt_plan_efficiencies[KN_W8].read);
    const double cache = 16 * 2 * 1024 * 2 / (machine.read.value * RT_PLAN_CACHE_READ);
    CHECK_THAT(near(slow.decode.limits[RT_PLAN_LIMIT_READ], read + cache), "%g, by hand %g", slow.decode.limits[RT_PLAN_LIMIT_READ],
               read + cache);
    machine.read.value *= 2;
    fast = speed_of("dense-1b", KN_W8, &machine, &one_user);
    CHECK(near(2 * fast.decode.limits[RT_PLAN_LIMIT_READ], slow.decode.limits[RT_PLAN_LIMIT_READ]));
}

static void limits_are_named(void)
{
    static struct rt_plan_machine machine;
    struct rt_plan_speed speed;
    machine = two_nodes;
    machine.int8.value = 1e9;
    speed = speed_of("dense-1b", KN_W8, &machine, &one_user);
    CHECK(rt_plan_time_limit(&speed.decode) == RT_PLAN_LIMIT_INT8 && rt_plan_time_limit(&speed.prefill) == RT_PLAN_LIMIT_INT8);
    machine = two_nodes;
    machine.floats.value = 1e9;
    speed = speed_of("dense-1b", KN_W8, &machine, &(struct rt_plan_use){.context = 9000, .users = 1, .prompt = 512, .depth = 8192});
    CHECK(rt_plan_time_limit(&speed.decode) == RT_PLAN_LIMIT_FLOATS);
    speed = speed_of("dense-1b", KN_BF16, &machine, &one_user);
    CHECK(rt_plan_time_limit(&speed.prefill) == RT_PLAN_LIMIT_FLOATS);
    machine = two_nodes;
    speed = speed_of("dense-1b", KN_W8, &machine, &one_user);
    CHECK(rt_plan_time_limit(&speed.load) == RT_PLAN_LIMIT_DISK);
    machine.disk.value = 1e12;
    speed = speed_of("dense-1b", KN_W8, &machine, &one_user);
    CHECK(rt_plan_time_limit(&speed.load) == RT_PLAN_LIMIT_HASH);
    CHECK(!strcmp(rt_plan_limit_name(RT_PLAN_LIMIT_READ), "memory bandwidth"));
}

static void both_lists_add_up(void)
{
    const struct rt_plan_use use = {.context = 4096, .users = 16, .prompt = 1000, .depth = 4000};
    const struct rt_plan_speed speed = speed_of("deepseek-v3", KN_W4, &two_nodes, &use);
    const struct rt_plan_time *const times[] = {&speed.decode, &speed.batch, &speed.prefill, &speed.load};
    for (size_t t = 0; t < sizeof times / sizeof *times; t++) {
        double parts = 0, limits = 0;
        for (int i = 0; i < RT_PARTS; i++)
            parts += times[t]->parts[i];
        for (int i = 0; i < RT_PLAN_LIMITS; i++)
            limits += times[t]->limits[i];
        CHECK(near(parts, times[t]->seconds) && near(limits, times[t]->seconds) && times[t]->seconds > 0);
    }
    CHECK(near(speed.decode_tok_s, 1 / speed.decode.seconds) && near(speed.batch_tok_s, 16 / speed.batch.seconds));
    CHECK(speed.batch_tok_s > speed.decode_tok_s);
}

CHECK_MAIN(CHECK_TEST(moe_7b_by_hand), CHECK_TEST(known_models_have_their_size), CHECK_TEST(counting_agrees_with_the_engines),
           CHECK_TEST(config_json_gives_the_shape), CHECK_TEST(layers_that_differ_are_told_apart),
           CHECK_TEST(what_cannot_be_packed_is_said), CHECK_TEST(hostile_configs_are_refused), CHECK_TEST(memory_by_hand),
           CHECK_TEST(a_model_fits_or_not), CHECK_TEST(decode_reads_every_byte_once), CHECK_TEST(limits_are_named),
           CHECK_TEST(both_lists_add_up))
