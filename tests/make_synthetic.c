/* make_synthetic.c: writes a Hugging Face directory of a given shape with random bf16 weights and a byte-level tokenizer, for tests of memory
 * and speed that need gigabytes. Tensor names come from the packer's own table of architectures. Streams: memory does not grow with the
 * model. The same arguments give the same bytes.
 *
 *   make_synthetic DIR --arch qwen3_moe --hidden 2048 --layers 12 --experts 32 …        (--help lists them) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yyjson.h>

#include "packaging/pack/hf_config.h"
#include "runtime/options.h"
#include "runtime/scope.h"

enum { BLOCK_WORDS = 1 << 15, TOKENS = 257, SHARDS_MAX = 500 };

struct shape {
    const char *directory, *arch;
    uint64_t vocab, hidden, inner, layers, heads, kv_heads, head_dim, context, experts, top_k, expert_inner, shard_mb, seed;
    int tied, words;
};

struct stored {
    char name[PK_STORED_NAME_MAX];
    uint64_t rows, cols; /* cols 0: a vector */
    uint32_t shard;
};

struct model {
    struct shape shape;
    struct pk_config config;
    struct stored *tensors;
    size_t count, room;
    uint32_t shards;
    struct rt_error *error;
};

static int write_text(const struct model *model, const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", model->shape.directory, name);
    RT_CLOSE_FILE FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fflush(file))
        return rt_fail(model->error, RT_EXIT_FAILED, "%s: %s", path, strerror(errno));
    return 0;
}

/* Writes and frees the document. */
static int write_json(const struct model *model, const char *name, yyjson_mut_doc *doc)
{
    RT_FREE char *text = yyjson_mut_write(doc, YYJSON_WRITE_PRETTY_TWO_SPACES, NULL);
    yyjson_mut_doc_free(doc);
    return text ? write_text(model, name, text) : rt_fail(model->error, RT_EXIT_RESOURCES, "no memory");
}

/* ---- config.json and the tokenizer ---- */

static yyjson_mut_doc *make_config(const struct shape *shape)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"vocab_size", shape->vocab},
        {"hidden_size", shape->hidden},
        {"intermediate_size", shape->inner},
        {"num_hidden_layers", shape->layers},
        {"num_attention_heads", shape->heads},
        {"num_key_value_heads", shape->kv_heads},
        {"head_dim", shape->head_dim},
        {"max_position_embeddings", shape->context},
        {"num_local_experts", shape->experts},
        {"num_experts_per_tok", shape->top_k},
        {"moe_intermediate_size", shape->expert_inner},
        {"bos_token_id", TOKENS - 1},
        {"eos_token_id", TOKENS - 1},
    };
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "model_type", shape->arch);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        yyjson_mut_obj_add_uint(doc, root, numbers[i].key, numbers[i].value);
    yyjson_mut_obj_add_bool(doc, root, "tie_word_embeddings", shape->tied);
    yyjson_mut_obj_add_bool(doc, root, "norm_topk_prob", 1);
    yyjson_mut_obj_add_null(doc, root, "sliding_window");
    yyjson_mut_obj_add_str(doc, root, "dtype", "bfloat16");
    return doc;
}

static int write_config(struct model *model)
{
    yyjson_mut_doc *doc = make_config(&model->shape);
    yyjson_doc *read_only = yyjson_mut_doc_imut_copy(doc, NULL);
    int failed = pk_config_read(&model->config, yyjson_doc_get_root(read_only), "config.json", model->error);
    yyjson_doc_free(read_only);
    if (failed) {
        yyjson_mut_doc_free(doc);
        return -1;
    }
    return write_json(model, "config.json", doc);
}

/* The character that stands for a byte in byte-level vocabularies, in UTF-8: itself where it is printable, else 256 and up. */
static void byte_character(char out[4], unsigned byte, unsigned *next)
{
    int printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
    unsigned code = printable ? byte : 256 + (*next)++;
    if (code < 0x80)
        snprintf(out, 4, "%c", (int)code);
    else
        snprintf(out, 4, "%c%c", (int)(0xc0 | code >> 6), (int)(0x80 | (code & 0x3f)));
}

static void add_vocab(yyjson_mut_doc *doc, yyjson_mut_val *vocab)
{
    unsigned next = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[4];
        byte_character(text, byte, &next);
        yyjson_mut_obj_add(vocab, yyjson_mut_strcpy(doc, text), yyjson_mut_uint(doc, byte));
    }
}

/* Every id has a text, " w300" and so on, though no text is encoded to these. */
static void add_words(yyjson_mut_doc *doc, yyjson_mut_val *vocab, uint64_t end)
{
    yyjson_mut_obj_add(vocab, yyjson_mut_str(doc, "<|end|>"), yyjson_mut_uint(doc, TOKENS - 1));
    for (uint64_t id = TOKENS; id < end; id++) {
        char text[32];
        snprintf(text, sizeof text, "\u0120w%llu", (unsigned long long)id);
        yyjson_mut_obj_add(vocab, yyjson_mut_strcpy(doc, text), yyjson_mut_uint(doc, id));
    }
}

static int write_tokenizer(struct model *model)
{
    static const char frame[] =
        "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[{\"id\":256,\"content\":\"<|end|>\",\"single_word\":"
        "false,"
        "\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":true}],\"normalizer\":null,\"pre_tokenizer\":{\"type\":"
        "\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true},\"post_processor\":null,\"decoder\":{\"type\":"
        "\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true},\"model\":{\"type\":\"BPE\",\"dropout\":null,"
        "\"unk_token\":null,\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":false,\"byte_fallback\":false,"
        "\"vocab\":{},\"merges\":[]}}";
    yyjson_doc *parsed = yyjson_read(frame, sizeof frame - 1, 0);
    yyjson_mut_doc *doc = yyjson_doc_mut_copy(parsed, NULL);
    yyjson_doc_free(parsed);
    yyjson_mut_val *vocab = yyjson_mut_obj_get(yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "model"), "vocab");
    add_vocab(doc, vocab);
    if (model->shape.words)
        add_words(doc, vocab, model->shape.vocab);
    if (write_json(model, "tokenizer.json", doc))
        return -1;
    return write_text(model, "tokenizer_config.json",
                      "{\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"eos_token\":\"<|end|>\",\"chat_template\":"
                      "\"{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}"
                      "{% if add_generation_prompt %}assistant:{% endif %}\"}\n");
}

/* ---- tensors ---- */

static int add_tensor(struct model *model, const char *pattern, uint32_t layer, uint64_t expert, uint64_t rows, uint64_t cols)
{
    if (model->count == model->room) {
        model->room = model->room ? model->room * 2 : 1024;
        struct stored *larger = realloc(model->tensors, model->room * sizeof *larger);
        if (!larger)
            return rt_fail(model->error, RT_EXIT_RESOURCES, "no memory");
        model->tensors = larger;
    }
    struct stored *tensor = &model->tensors[model->count++];
    *tensor = (struct stored){.rows = rows, .cols = cols};
    pk_spell(tensor->name, sizeof tensor->name, pattern, layer, expert);
    return 0;
}

static int add_part(struct model *model, const struct pk_part *part, uint32_t layer)
{
    const uint32_t *sizes = model->config.sizes;
    for (size_t i = 0; i < part->count; i++) {
        const struct pk_rule *rule = &part->rules[i];
        int tied_head = rule->class == PK_HEAD_MATRIX && model->shape.tied;
        if ((rule->needs && !(rule->needs & model->config.features)) || tied_head)
            continue;
        uint64_t experts = rule->class == PK_EXPERT_STACK ? sizes[PK_EXPERTS] : 1;
        for (uint64_t expert = 0; expert < experts; expert++)
            if (add_tensor(model, rule->spellings[0].pattern, layer, expert, sizes[rule->rows], rule->cols ? sizes[rule->cols] : 0))
                return -1;
    }
    return 0;
}

static uint64_t tensor_bytes(const struct stored *tensor)
{
    return tensor->rows * (tensor->cols ? tensor->cols : 1) * 2;
}

static int list_tensors(struct model *model)
{
    const struct pk_architecture *architecture = model->config.architecture;
    if (add_part(model, &pk_whole_model, 0))
        return -1;
    for (uint32_t i = 0; i < model->config.sizes[PK_LAYERS]; i++)
        if (add_part(model, architecture->attention, i) ||
            add_part(model, model->config.mixture[i] ? architecture->moe : architecture->mlp, i))
            return -1;
    uint64_t bytes = 0, limit = model->shape.shard_mb * 1000000;
    for (size_t i = 0; i < model->count; i++) {
        if (limit && bytes && bytes + tensor_bytes(&model->tensors[i]) > limit) {
            model->shards++;
            bytes = 0;
        }
        bytes += tensor_bytes(&model->tensors[i]);
        model->tensors[i].shard = model->shards;
    }
    model->shards++;
    return model->shards <= SHARDS_MAX ? 0 : rt_fail(model->error, RT_EXIT_USAGE, "--shard-mb: too many files");
}

/* ---- weights ---- */

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Four bf16 numbers of either sign from 2^-8 to 2^-4: random mantissas and two bits of exponent. */
static uint64_t four_weights(uint64_t *state)
{
    return (next_random(state) & UINT64_C(0x81ff81ff81ff81ff)) + UINT64_C(0x3b803b803b803b80);
}

static int write_weights(const struct stored *tensor, uint64_t *state, FILE *file)
{
    static uint64_t block[BLOCK_WORDS];
    for (uint64_t left = tensor_bytes(tensor); left > 0;) {
        size_t bytes = left < sizeof block ? (size_t)left : sizeof block;
        for (size_t i = 0; i < (bytes + 7) / 8; i++)
            block[i] = tensor->cols ? four_weights(state) : UINT64_C(0x3f803f803f803f80); /* vectors are norms: ones */
        if (fwrite(block, 1, bytes, file) != bytes)
            return -1;
        left -= bytes;
    }
    return 0;
}

static int write_header(const struct model *model, uint32_t shard, FILE *file)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *json = open_memstream(&text, &bytes);
    uint64_t begin = 0;
    fputs("{\"__metadata__\":{\"format\":\"pt\"}", json);
    for (size_t i = 0; i < model->count; i++) {
        const struct stored *tensor = &model->tensors[i];
        if (tensor->shard != shard)
            continue;
        uint64_t end = begin + tensor_bytes(tensor);
        fprintf(json, ",\"%s\":{\"dtype\":\"BF16\",\"shape\":[%llu", tensor->name, (unsigned long long)tensor->rows);
        if (tensor->cols)
            fprintf(json, ",%llu", (unsigned long long)tensor->cols);
        fprintf(json, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin, (unsigned long long)end);
        begin = end;
    }
    fputc('}', json);
    fclose(json);
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bytes >> 8 * i);
    int failed = fwrite(length, 1, 8, file) != 8 || fwrite(text, 1, bytes, file) != bytes;
    free(text);
    return failed ? -1 : 0;
}

static void shard_name(char *out, size_t room, uint32_t shard, uint32_t shards)
{
    if (shards == 1)
        snprintf(out, room, "model.safetensors");
    else
        snprintf(out, room, "model-%05u-of-%05u.safetensors", shard + 1, shards);
}

static int write_shard(const struct model *model, uint32_t shard, uint64_t *state)
{
    char name[64], path[4096];
    shard_name(name, sizeof name, shard, model->shards);
    snprintf(path, sizeof path, "%s/%s", model->shape.directory, name);
    RT_CLOSE_FILE FILE *file = fopen(path, "w");
    int failed = !file || write_header(model, shard, file);
    for (size_t i = 0; i < model->count && !failed; i++)
        if (model->tensors[i].shard == shard)
            failed = write_weights(&model->tensors[i], state, file);
    return failed || fflush(file) ? rt_fail(model->error, RT_EXIT_FAILED, "%s: %s", path, strerror(errno)) : 0;
}

static int write_index(const struct model *model)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *map = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_val(doc, root, "weight_map", map);
    for (size_t i = 0; i < model->count; i++) {
        char name[64];
        shard_name(name, sizeof name, model->tensors[i].shard, model->shards);
        yyjson_mut_obj_add_strcpy(doc, map, model->tensors[i].name, name);
    }
    return write_json(model, "model.safetensors.index.json", doc);
}

static int write_model(struct model *model)
{
    if (mkdir(model->shape.directory, 0755))
        return rt_fail(model->error, RT_EXIT_USAGE, "%s: %s", model->shape.directory, strerror(errno));
    if (write_config(model) || write_tokenizer(model) || list_tensors(model))
        return -1;
    uint64_t state = model->shape.seed;
    for (uint32_t i = 0; i < model->shards; i++)
        if (write_shard(model, i, &state))
            return -1;
    return model->shards > 1 ? write_index(model) : 0;
}

static int run(const struct rt_call *call, struct rt_error *error)
{
    struct model model = {.shape = {.arch = "llama",
                                    .vocab = 512,
                                    .hidden = 256,
                                    .inner = 512,
                                    .layers = 2,
                                    .heads = 4,
                                    .kv_heads = 2,
                                    .head_dim = 64,
                                    .context = 4096,
                                    .experts = 8,
                                    .top_k = 2,
                                    .expert_inner = 128,
                                    .seed = 1},
                          .error = error};
    struct shape *s = &model.shape;
    const struct rt_option options[] = {
        {"--arch", RT_OPTION_TEXT, &s->arch, "TYPE", "model_type", 0},
        {"--vocab", RT_OPTION_UNSIGNED, &s->vocab, "N", "at least 257", 0},
        {"--hidden", RT_OPTION_UNSIGNED, &s->hidden, "N", "hidden size", 0},
        {"--inner", RT_OPTION_UNSIGNED, &s->inner, "N", "of an mlp, and of mixtral's experts", 0},
        {"--layers", RT_OPTION_UNSIGNED, &s->layers, "N", "layers", 0},
        {"--heads", RT_OPTION_UNSIGNED, &s->heads, "N", "query heads", 0},
        {"--kv-heads", RT_OPTION_UNSIGNED, &s->kv_heads, "N", "key and value heads", 0},
        {"--head-dim", RT_OPTION_UNSIGNED, &s->head_dim, "N", "elements of a head", 0},
        {"--context", RT_OPTION_UNSIGNED, &s->context, "N", "tokens", 0},
        {"--experts", RT_OPTION_UNSIGNED, &s->experts, "N", "experts", 0},
        {"--top-k", RT_OPTION_UNSIGNED, &s->top_k, "N", "experts per token", 0},
        {"--expert-inner", RT_OPTION_UNSIGNED, &s->expert_inner, "N", "of qwen3_moe's experts", 0},
        {"--tied", RT_OPTION_FLAG, &s->tied, NULL, "head and embedding are one", 0},
        {"--words", RT_OPTION_FLAG, &s->words, NULL, "every token id has a text", 0},
        {"--shard-mb", RT_OPTION_UNSIGNED, &s->shard_mb, "N", "largest file in 10^6 bytes; one file unless given", 0},
        {"--seed", RT_OPTION_UNSIGNED, &s->seed, "N", "of the weights", 0},
    };
    size_t count = 1;
    int status = rt_options_parse(call, options, sizeof options / sizeof *options, &s->directory, &count, error);
    if (status)
        return status < 0 ? -1 : 0;
    if (count != 1 || s->vocab < TOKENS)
        return rt_fail(error, RT_EXIT_USAGE, "give a directory to make, and at least 257 tokens");
    status = write_model(&model);
    free(model.tensors);
    return status;
}

int main(int argc, char **argv)
{
    static const struct rt_command command = {"make_synthetic", run, "DIR [--arch TYPE] …",
                                              "write a Hugging Face directory with random weights"};
    const struct rt_call call = {"tests", &command, argc, argv, NULL};
    struct rt_error error = {0};
    return run(&call, &error) ? rt_error_print(&error, command.name, 0) : 0;
}
