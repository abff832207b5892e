/* plan_source.c: which model the user means: a bundle, a config.json or a shape that is known by name. Opens files; before any seal. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/bundle.h"
#include "runtime/input.h"
#include "runtime/plan_model.h"
#include "runtime/scope.h"
#include "runtime/shapes.h"

enum { CONFIG_MAX_BYTES = 1 << 20 };

/* Models that are asked about most, by their config.json; and one that nobody has published: a mixture that a government could train for the
 * 24 languages of the European Union. */
static const struct {
    const char *name, *config;
} known[] = {
    {"deepseek-v3", "{\"model_type\":\"deepseek_v3\",\"vocab_size\":129280,\"hidden_size\":7168,\"intermediate_size\":18432,"
                    "\"num_hidden_layers\":61,\"num_attention_heads\":128,\"max_position_embeddings\":163840,\"q_lora_rank\":1536,"
                    "\"kv_lora_rank\":512,\"qk_rope_head_dim\":64,\"qk_nope_head_dim\":128,\"v_head_dim\":128,\"n_routed_experts\":256,"
                    "\"n_shared_experts\":1,\"num_experts_per_tok\":8,\"moe_intermediate_size\":2048,\"first_k_dense_replace\":3}"},
    {"qwen3-235b", "{\"model_type\":\"qwen3_moe\",\"vocab_size\":151936,\"hidden_size\":4096,\"intermediate_size\":12288,"
                   "\"num_hidden_layers\":94,\"num_attention_heads\":64,\"num_key_value_heads\":4,\"head_dim\":128,"
                   "\"max_position_embeddings\":40960,\"num_experts\":128,\"num_experts_per_tok\":8,\"moe_intermediate_size\":1536}"},
    {"eu-400b", "{\"model_type\":\"qwen3_moe\",\"vocab_size\":262144,\"hidden_size\":6144,\"num_hidden_layers\":64,"
                "\"num_attention_heads\":48,\"num_key_value_heads\":8,\"head_dim\":128,\"max_position_embeddings\":131072,"
                "\"num_experts\":128,\"num_experts_per_tok\":8,\"moe_intermediate_size\":2688}"},
};

static void name_it(struct rt_plan_model *model, const char *name)
{
    snprintf(model->name, sizeof model->name, "%s", name);
}

/* ---- a bundle ---- */

static int open_bundle(struct rt_plan_model *out, const char *path, const char *trust_path, struct rt_error *error)
{
    RT_CLEAN(cr_trust_close) struct cr_trust *trust = NULL;
    RT_CLEAN(rt_bundle_close) struct rt_bundle *bundle = NULL;
    if (rt_trust_open(&trust, trust_path, error) || rt_bundle_open(&bundle, path, trust, error))
        return -1;
    const struct rt_manifest *manifest = rt_bundle_manifest(bundle);
    if (rt_plan_model_of(out, &manifest->model, error))
        return rt_wrap(error, "%s", path);
    name_it(out, manifest->name);
    snprintf(out->packed, sizeof out->packed, "%s", manifest->quant);
    out->packed_bytes = manifest->stream_bytes;
    out->tied = manifest->tied;
    return 0;
}

/* ---- a config.json ---- */

static int open_config(struct rt_plan_model *out, const char *path, struct rt_error *error)
{
    RT_FREE char *text = NULL;
    size_t bytes;
    if (rt_input_read(path, &text, &bytes, error))
        return -1;
    if (bytes > CONFIG_MAX_BYTES)
        return rt_fail(error, RT_EXIT_FAILED, "%s: larger than %d bytes, which no config.json is", path, CONFIG_MAX_BYTES);
    if (rt_plan_model_config(out, text, bytes, path, error))
        return -1;
    name_it(out, path);
    return 0;
}

/* A directory is a bundle, unless it has a config.json and no manifest. */
static int open_directory(struct rt_plan_model *out, const char *path, const char *trust, struct rt_error *error)
{
    char manifest[4096], config[4096];
    struct stat status;
    snprintf(manifest, sizeof manifest, "%s/manifest.json", path);
    snprintf(config, sizeof config, "%s/config.json", path);
    if (lstat(manifest, &status) && !stat(config, &status))
        return open_config(out, config, error);
    return open_bundle(out, path, trust, error);
}

/* ---- a name ---- */

/* Shapes that the engine can run; a name that is not among them either has been the last hope. */
static int open_shape(struct rt_plan_model *out, const char *name, struct rt_error *error)
{
    RT_CLEAN(rt_manifest_close) struct rt_manifest *shape = NULL;
    if (rt_shape_open(&shape, name, error))
        return rt_wrap(error, "neither a file, nor deepseek-v3, qwen3-235b or eu-400b");
    if (rt_plan_model_of(out, &shape->model, error))
        return -1;
    name_it(out, name);
    return 0;
}

static int open_known(struct rt_plan_model *out, const char *name, struct rt_error *error)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        if (rt_plan_model_config(out, known[i].config, strlen(known[i].config), name, error))
            return -1;
        name_it(out, name);
        return 0;
    }
    return open_shape(out, name, error);
}

int rt_plan_model_open(struct rt_plan_model *out, const char *named, const char *trust, struct rt_error *error)
{
    struct stat status;
    if (stat(named, &status))
        return open_known(out, named, error);
    if (S_ISDIR(status.st_mode))
        return open_directory(out, named, trust, error);
    return open_config(out, named, error);
}
