/* manifest_write.c: builds the document. Memory that runs out on the way shows once, at the end, as a text that is missing. */
#include "packaging/pack/manifest_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "runtime/scope.h"

struct document {
    yyjson_mut_doc *doc;
    const struct pk_manifest *from;
};

static const char *const quant_names[] = {"bf16", "w8", "w4"};

const char *pk_quant_name(enum pk_quant quant)
{
    return quant_names[quant];
}

/* The shortest decimal that reads back as this float. */
static double shortest(float value)
{
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    return strtod(text, NULL);
}

static void add_number(struct document *d, yyjson_mut_val *object, const char *key, double value)
{
    if (value == floor(value) && fabs(value) < 1e15)
        yyjson_mut_obj_add_int(d->doc, object, key, (int64_t)value);
    else
        yyjson_mut_obj_add_real(d->doc, object, key, value);
}

static void add_digest(struct document *d, yyjson_mut_val *object, const char *key, const uint8_t digest[CR_DIGEST_BYTES])
{
    char hex[2 * CR_DIGEST_BYTES + 1];
    cr_digest_hex(hex, digest);
    yyjson_mut_obj_add_strcpy(d->doc, object, key, hex);
}

/* ---- files and tensors ---- */

static yyjson_mut_val *write_files(struct document *d)
{
    static const char *const roles[RT_ROLES] = {"weights", "tokenizer", "tokenizer_config", "template", "generation"};
    yyjson_mut_val *list = yyjson_mut_arr(d->doc);
    for (size_t i = 0; i < d->from->files->count; i++) {
        const struct rt_file *file = &d->from->files->list[i];
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(d->doc, list);
        yyjson_mut_obj_add_str(d->doc, object, "path", file->path);
        yyjson_mut_obj_add_str(d->doc, object, "role", roles[file->role]);
        yyjson_mut_obj_add_uint(d->doc, object, "size", file->size);
        add_digest(d, object, "blake2b", file->digest);
        add_digest(d, object, "chunks_blake2b", file->chunks_digest);
    }
    return list;
}

static yyjson_mut_val *write_chunks(struct document *d)
{
    const struct rt_file *chunks = &d->from->files->chunks;
    yyjson_mut_val *object = yyjson_mut_obj(d->doc);
    yyjson_mut_obj_add_str(d->doc, object, "path", chunks->path);
    yyjson_mut_obj_add_uint(d->doc, object, "size", chunks->size);
    add_digest(d, object, "blake2b", chunks->digest);
    return object;
}

static yyjson_mut_val *write_codebooks(struct document *d)
{
    yyjson_mut_val *list = yyjson_mut_arr(d->doc);
    if (d->from->quant != PK_QUANT_W4)
        return list;
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(d->doc, list);
    yyjson_mut_val *codes = yyjson_mut_obj_add_arr(d->doc, object, "codes"),
                   *multipliers = yyjson_mut_obj_add_arr(d->doc, object, "multipliers");
    for (int i = 0; i < 16; i++) {
        yyjson_mut_arr_add_int(d->doc, codes, kn_codebook_default.codes[i]);
        yyjson_mut_arr_add_int(d->doc, multipliers, kn_codebook_default.multipliers[i]);
    }
    return list;
}

static yyjson_mut_val *write_tensors(struct document *d)
{
    static const char *const formats[] = {"f32", "bf16_rows", "bf16", "w8", "w4"}; /* enum rt_tensor_format */
    yyjson_mut_val *list = yyjson_mut_arr(d->doc);
    for (size_t i = 0; i < d->from->plan->count; i++) {
        const struct rt_tensor *tensor = &d->from->plan->tensors[i].as;
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(d->doc, list);
        yyjson_mut_obj_add_str(d->doc, object, "name", tensor->name);
        yyjson_mut_obj_add_str(d->doc, object, "format", formats[tensor->format]);
        yyjson_mut_val *shape = yyjson_mut_obj_add_arr(d->doc, object, "shape");
        for (uint32_t j = 0; j < tensor->dims; j++)
            yyjson_mut_arr_add_uint(d->doc, shape, tensor->shape[j]);
        if (tensor->codebook >= 0)
            yyjson_mut_obj_add_int(d->doc, object, "codebook", tensor->codebook);
        yyjson_mut_obj_add_uint(d->doc, object, "offset", tensor->offset);
        yyjson_mut_obj_add_uint(d->doc, object, "size", tensor->size);
    }
    return list;
}

/* ---- the model's parts ---- */

static void add_norm(struct document *d, yyjson_mut_val *object, const char *key)
{
    yyjson_mut_val *norm = yyjson_mut_obj_add_obj(d->doc, object, key);
    yyjson_mut_obj_add_str(d->doc, norm, "kind", "rms");
    yyjson_mut_obj_add_real(d->doc, norm, "eps", shortest((float)d->from->config->eps));
}

static void add_biases(struct document *d, yyjson_mut_val *object, const char *const *names, size_t count)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(d->doc, object, "bias");
    for (size_t i = 0; i < count; i++)
        yyjson_mut_arr_add_str(d->doc, list, names[i]);
}

static void write_attention(struct document *d, yyjson_mut_val *blocks)
{
    static const char *const biases[] = {"q", "k", "v", "o"};
    const uint32_t *sizes = d->from->config->sizes;
    unsigned features = d->from->config->features;
    yyjson_mut_val *block = yyjson_mut_arr_add_obj(d->doc, blocks);
    yyjson_mut_obj_add_str(d->doc, block, "kind", "attention");
    add_norm(d, block, "norm_in");
    yyjson_mut_obj_add_uint(d->doc, block, "heads", sizes[PK_HEADS]);
    yyjson_mut_obj_add_uint(d->doc, block, "kv_heads", sizes[PK_KV_HEADS]);
    yyjson_mut_obj_add_uint(d->doc, block, "head_dim", sizes[PK_HEAD_DIM]);
    yyjson_mut_obj_add_real(d->doc, block, "scale", shortest((float)(1 / sqrt(sizes[PK_HEAD_DIM]))));
    yyjson_mut_obj_add_int(d->doc, block, "rope", 0);
    if (features & PK_QK_NORM) {
        add_norm(d, block, "q_norm");
        add_norm(d, block, "k_norm");
    }
    if (features & PK_ATTENTION_BIAS)
        add_biases(d, block, biases, sizeof biases / sizeof *biases);
}

static void write_mlp(struct document *d, yyjson_mut_val *blocks)
{
    static const char *const biases[] = {"gate", "up", "down"};
    yyjson_mut_val *block = yyjson_mut_arr_add_obj(d->doc, blocks);
    yyjson_mut_obj_add_str(d->doc, block, "kind", "mlp");
    add_norm(d, block, "norm_in");
    yyjson_mut_obj_add_uint(d->doc, block, "inner", d->from->config->sizes[PK_INNER]);
    yyjson_mut_obj_add_str(d->doc, block, "activation", "silu");
    if (d->from->config->features & PK_MLP_BIAS)
        add_biases(d, block, biases, sizeof biases / sizeof *biases);
}

static void write_moe(struct document *d, yyjson_mut_val *blocks)
{
    const uint32_t *sizes = d->from->config->sizes;
    yyjson_mut_val *block = yyjson_mut_arr_add_obj(d->doc, blocks);
    yyjson_mut_obj_add_str(d->doc, block, "kind", "moe");
    add_norm(d, block, "norm_in");
    yyjson_mut_obj_add_uint(d->doc, block, "experts", sizes[PK_EXPERTS]);
    yyjson_mut_obj_add_uint(d->doc, block, "top_k", sizes[PK_TOP_K]);
    yyjson_mut_obj_add_uint(d->doc, block, "inner", sizes[PK_EXPERT_INNER]);
    yyjson_mut_obj_add_str(d->doc, block, "activation", "silu");
    yyjson_mut_val *router = yyjson_mut_obj_add_obj(d->doc, block, "router");
    yyjson_mut_obj_add_str(d->doc, router, "kind", "softmax");
    yyjson_mut_obj_add_bool(d->doc, router, "renormalise", (d->from->config->features & PK_RENORMALISE) != 0);
}

static void add_layers(struct document *d, yyjson_mut_val *model)
{
    const struct pk_config *config = d->from->config;
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(d->doc, model, "layers");
    for (uint32_t i = 0, run; i < config->sizes[PK_LAYERS]; i += run) {
        for (run = 1; i + run < config->sizes[PK_LAYERS] && config->mixture[i + run] == config->mixture[i];)
            run++;
        yyjson_mut_val *layer = yyjson_mut_arr_add_obj(d->doc, list);
        yyjson_mut_obj_add_uint(d->doc, layer, "repeat", run);
        yyjson_mut_val *blocks = yyjson_mut_obj_add_arr(d->doc, layer, "blocks");
        write_attention(d, blocks);
        if (config->mixture[i])
            write_moe(d, blocks);
        else
            write_mlp(d, blocks);
    }
}

static void add_rope(struct document *d, yyjson_mut_val *model)
{
    const struct pk_config *config = d->from->config;
    yyjson_mut_val *rope = yyjson_mut_arr_add_obj(d->doc, yyjson_mut_obj_add_arr(d->doc, model, "ropes"));
    yyjson_mut_obj_add_str(d->doc, rope, "kind", "half");
    yyjson_mut_obj_add_uint(d->doc, rope, "dim", config->sizes[PK_HEAD_DIM]);
    add_number(d, rope, "attention_factor", shortest((float)pk_rope_attention_factor(&config->rope)));
    add_number(d, rope, "theta", config->rope.theta);
    yyjson_mut_obj_add_str(d->doc, rope, "scaling", pk_rope_scaling_name(config->rope.scaling));
}

static yyjson_mut_val *write_model(struct document *d)
{
    const struct pk_config *config = d->from->config;
    yyjson_mut_val *model = yyjson_mut_obj(d->doc);
    yyjson_mut_obj_add_str(d->doc, model, "architecture", config->architecture->model_type);
    yyjson_mut_obj_add_uint(d->doc, model, "vocab", config->sizes[PK_VOCAB]);
    yyjson_mut_obj_add_uint(d->doc, model, "hidden", config->sizes[PK_HIDDEN]);
    yyjson_mut_obj_add_uint(d->doc, model, "context", config->sizes[PK_CONTEXT]);
    yyjson_mut_obj_add_int(d->doc, yyjson_mut_obj_add_obj(d->doc, model, "embedding"), "multiplier", 1);
    yyjson_mut_val *head = yyjson_mut_obj_add_obj(d->doc, model, "head");
    yyjson_mut_obj_add_bool(d->doc, head, "tied", (config->features & PK_TIED) != 0);
    yyjson_mut_obj_add_int(d->doc, head, "multiplier", 1);
    add_norm(d, model, "final_norm");
    add_rope(d, model);
    add_layers(d, model);
    return model;
}

/* ---- the whole ---- */

static void write_top(struct document *d)
{
    const struct pk_manifest *from = d->from;
    yyjson_mut_val *root = yyjson_mut_obj(d->doc);
    yyjson_mut_doc_set_root(d->doc, root);
    yyjson_mut_obj_add_int(d->doc, root, "format", 1);
    yyjson_mut_obj_add_str(d->doc, root, "name", from->name);
    yyjson_mut_obj_add_uint(d->doc, root, "version", from->version);
    if (from->created)
        yyjson_mut_obj_add_str(d->doc, root, "created", from->created);
    yyjson_mut_obj_add_str(d->doc, root, "numerics", "n1");
    yyjson_mut_obj_add_str(d->doc, root, "quant", pk_quant_name(from->quant));
    yyjson_mut_obj_add_str(d->doc, root, "program", PK_PROGRAM);
    yyjson_mut_obj_add_val(d->doc, root, "chunks", write_chunks(d));
    yyjson_mut_obj_add_val(d->doc, root, "files", write_files(d));
    yyjson_mut_obj_add_val(d->doc, root, "codebooks", write_codebooks(d));
    yyjson_mut_obj_add_val(d->doc, root, "model", write_model(d));
    yyjson_mut_obj_add_val(d->doc, root, "tensors", write_tensors(d));
}

int pk_manifest_print(char **out, size_t *bytes, const struct pk_manifest *manifest, struct rt_error *error)
{
    *out = NULL;
    struct document d = {yyjson_mut_doc_new(NULL), manifest};
    if (!d.doc)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for manifest.json");
    write_top(&d);
    yyjson_write_err why;
    char *text = yyjson_mut_write_opts(d.doc, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END, NULL, bytes, &why);
    yyjson_mut_doc_free(d.doc);
    if (!text)
        return rt_fail(error, RT_EXIT_RESOURCES, "manifest.json cannot be written: %s", why.msg);
    if (*bytes > CR_MANIFEST_MAX_BYTES) {
        free(text);
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "manifest.json would be larger than %d bytes", CR_MANIFEST_MAX_BYTES);
    }
    *out = text;
    return 0;
}
