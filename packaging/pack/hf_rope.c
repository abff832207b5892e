/* hf_rope.c: which value wins when several places give it follows RotaryEmbeddingConfigMixin of transformers 5. */
#include "packaging/pack/hf_rope.h"

static const double LARGEST = 1e18;

static int is_nested(yyjson_val *parameters)
{
    yyjson_obj_iter each = yyjson_obj_iter_with(parameters);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&each));)
        if (yyjson_is_obj(yyjson_obj_iter_get_val(key)))
            return 1;
    return 0;
}

static int find_parameters(struct pk_json *out, const struct pk_json *config, struct rt_error *error)
{
    out->file = config->file;
    out->object = pk_json_get(config, "rope_scaling");
    if (yyjson_obj_size(out->object) == 0)
        out->object = pk_json_get(config, "rope_parameters");
    if (is_nested(out->object))
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: \"rope_parameters\" differ from layer to layer, which is not supported",
                       config->file);
    return 0;
}

static int read_scaling(struct pk_rope *out, const struct pk_json *parameters, struct rt_error *error)
{
    const char *name = "default";
    if (pk_json_text(parameters, "type", &name, error) || pk_json_text(parameters, "rope_type", &name, error))
        return -1;
    int scaling = pk_rope_scaling_find(name);
    if (scaling < 0)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: RoPE scaling \"%s\" is not supported; default, linear, llama3 and yarn are",
                       parameters->file, name);
    out->scaling = (enum pk_rope_scaling)scaling;
    return 0;
}

static int refuse_partial(const struct pk_json *config, const struct pk_json *parameters, struct rt_error *error)
{
    double part = 1;
    if (pk_json_number(config, "partial_rotary_factor", 0, 1, &part, error) ||
        pk_json_number(parameters, "partial_rotary_factor", 0, 1, &part, error))
        return -1;
    return part == 1 ? 0 : rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: \"partial_rotary_factor\" other than 1 is not supported", config->file);
}

static int read_numbers(struct pk_rope *out, const struct pk_json *config, const struct pk_json *parameters, struct rt_error *error)
{
    const struct {
        const struct pk_json *from;
        const char *key;
        double min;
        double *value;
    } numbers[] = {
        {config, "rope_theta", 1, &out->theta}, /* parameters come after, and win */
        {parameters, "rope_theta", 1, &out->theta},
        {parameters, "factor", 1e-6, &out->factor},
        {parameters, "original_max_position_embeddings", 1, &out->original_context},
        {config, "original_max_position_embeddings", 1, &out->original_context}, /* but here the outer one wins */
        {parameters, "low_freq_factor", 1e-6, &out->low_freq_factor},
        {parameters, "high_freq_factor", 1e-6, &out->high_freq_factor},
        {parameters, "beta_fast", 0, &out->beta_fast},
        {parameters, "beta_slow", 0, &out->beta_slow},
        {parameters, "mscale", 0, &out->mscale},
        {parameters, "mscale_all_dim", 0, &out->mscale_all_dim},
        {parameters, "attention_factor", 1e-6, &out->attention_factor},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (pk_json_number(numbers[i].from, numbers[i].key, numbers[i].min, LARGEST, numbers[i].value, error))
            return -1;
    return 0;
}

static int check_scaling(struct pk_rope *out, const struct pk_json *parameters, uint32_t context, struct rt_error *error)
{
    if (out->scaling == PK_ROPE_YARN && out->factor == 0)
        out->factor = context / out->original_context;
    if (out->scaling == PK_ROPE_YARN && out->theta <= 1)
        return rt_fail(error, RT_EXIT_FAILED, "%s: \"rope_theta\" must be larger than 1", parameters->file);
    if (out->scaling != PK_ROPE_DEFAULT && out->factor == 0)
        return pk_json_missing(parameters, "factor", error);
    if (out->scaling == PK_ROPE_LLAMA3 && out->low_freq_factor == 0)
        return pk_json_missing(parameters, "low_freq_factor", error);
    if (out->scaling == PK_ROPE_LLAMA3 && out->high_freq_factor == 0)
        return pk_json_missing(parameters, "high_freq_factor", error);
    if (out->scaling == PK_ROPE_LLAMA3 && out->high_freq_factor <= out->low_freq_factor)
        return rt_fail(error, RT_EXIT_FAILED, "%s: \"high_freq_factor\" is not larger than \"low_freq_factor\"", parameters->file);
    return 0;
}

int pk_rope_read(struct pk_rope *out, const struct pk_json *config, double default_theta, uint32_t context, struct rt_error *error)
{
    *out = (struct pk_rope){.theta = default_theta, .original_context = context, .beta_fast = 32, .beta_slow = 1, .truncate = 1};
    struct pk_json parameters;
    if (find_parameters(&parameters, config, error) || read_scaling(out, &parameters, error) ||
        refuse_partial(config, &parameters, error) || read_numbers(out, config, &parameters, error) ||
        pk_json_flag(&parameters, "truncate", &out->truncate, error))
        return -1;
    out->beta_fast = out->beta_fast == 0 ? 32 : out->beta_fast;
    out->beta_slow = out->beta_slow == 0 ? 1 : out->beta_slow;
    return check_scaling(out, &parameters, context, error);
}
