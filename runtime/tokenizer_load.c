/* tokenizer_load.c: rt_tokenizer_open: takes tokenizer.json and tokenizer_config.json apart and gives each part
 * its own. Reads the post-processor and the config itself, because they are a few ids. "truncation" and "padding"
 * are not for us. One thread. */
#include "runtime/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"

#define JSON_BYTES_MAX ((size_t)256 << 20)

static void clean_json(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

#define JSON_CLEAN RT_CLEAN(clean_json)

static yyjson_doc *read_json(const char *json, size_t bytes, struct rt_error *error)
{
    yyjson_read_err why = {0};
    if (bytes > JSON_BYTES_MAX) {
        rt_fail(error, RT_EXIT_UNSUPPORTED, "larger than %zu bytes", JSON_BYTES_MAX);
        return NULL;
    }
    yyjson_doc *doc = yyjson_read_opts((char *)json, bytes, 0, NULL, &why); /* not in situ: the text stays as it is */
    if (!doc)
        rt_fail(error, RT_EXIT_TRUST, "not valid JSON: %s at byte %zu", why.msg ? why.msg : "empty", why.pos);
    else if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
        yyjson_doc_free(doc);
        rt_fail(error, RT_EXIT_TRUST, "not a JSON object");
        return NULL;
    }
    return doc;
}

/* --- post-processors --- */

static int add_known_id(struct rt_tokenizer *tokenizer, struct rt_tokens *tokens, yyjson_val *json, struct rt_error *error)
{
    uint32_t id;
    if (rt_json_id(json, "a template's token", &id, error))
        return -1;
    if (id >= tokenizer->vocab.size || !tokenizer->vocab.tokens[id].text)
        return rt_fail(error, RT_EXIT_TRUST, "the template's token %u is not in the vocabulary", id);
    return rt_tokens_add(tokens, id, error);
}

static int add_template_token(struct rt_tokenizer *tokenizer, struct rt_tokens *tokens, yyjson_val *names, yyjson_val *piece,
                              struct rt_error *error)
{
    const char *name;
    size_t bytes, i, count;
    if (rt_json_text(piece, "id", 1, &name, &bytes, error))
        return -1;
    yyjson_val *ids = yyjson_obj_get(yyjson_obj_getn(names, name, bytes), "ids"), *id;
    if (!yyjson_is_arr(ids))
        return rt_fail(error, RT_EXIT_TRUST, "\"%s\" has no ids", name);
    yyjson_arr_foreach(ids, i, count, id) if (add_known_id(tokenizer, tokens, id, error)) return -1;
    return 0;
}

/* "single": tokens around one sequence A. */
static int read_template(struct rt_tokenizer *tokenizer, yyjson_val *json, struct rt_error *error)
{
    yyjson_val *single = yyjson_obj_get(json, "single"), *names = yyjson_obj_get(json, "special_tokens"), *piece;
    size_t i, count;
    int sequences = 0;
    yyjson_arr_foreach(single, i, count, piece)
    {
        yyjson_val *token = yyjson_obj_get(piece, "SpecialToken"), *sequence = yyjson_obj_get(piece, "Sequence");
        struct rt_tokens *tokens = sequences ? &tokenizer->affixes.after : &tokenizer->affixes.before;
        if (token && add_template_token(tokenizer, tokens, names, token, error))
            return -1;
        if (!token && !yyjson_equals_str(yyjson_obj_get(sequence, "id"), "A"))
            return rt_fail(error, RT_EXIT_UNSUPPORTED, "a piece that is neither a SpecialToken nor the Sequence A");
        sequences += !token;
    }
    return sequences == 1 ? 0 : rt_fail(error, RT_EXIT_UNSUPPORTED, "\"single\" does not hold one Sequence A");
}

/* BertProcessing and RobertaProcessing: "cls": [text, id] before, "sep": [text, id] after. */
static int read_pair_of_ends(struct rt_tokenizer *tokenizer, yyjson_val *json, struct rt_error *error)
{
    if (add_known_id(tokenizer, &tokenizer->affixes.before, yyjson_arr_get(yyjson_obj_get(json, "cls"), 1), error))
        return -1;
    return add_known_id(tokenizer, &tokenizer->affixes.after, yyjson_arr_get(yyjson_obj_get(json, "sep"), 1), error);
}

static int read_post_processor(void *user, const char *type, yyjson_val *json, struct rt_error *error)
{
    struct rt_tokenizer *tokenizer = user;
    if (!strcmp(type, "ByteLevel")) /* it trims offsets, which nobody here has */
        return 0;
    int template = !strcmp(type, "TemplateProcessing");
    if (!template && strcmp(type, "RobertaProcessing") && strcmp(type, "BertProcessing"))
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "not supported");
    if (tokenizer->affixes.before.count || tokenizer->affixes.after.count)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "a second template");
    return template ? read_template(tokenizer, json, error) : read_pair_of_ends(tokenizer, json, error);
}

/* --- tokenizer.json --- */

static int read_model(struct rt_tokenizer *tokenizer, yyjson_val *model, struct rt_error *error)
{
    const char *type = yyjson_get_str(yyjson_obj_get(model, "type"));
    if (!type && yyjson_get_str(yyjson_arr_get_first(yyjson_obj_get(model, "merges"))))
        type = "BPE"; /* files of 2019 say nothing, and only BPE has merges */
    if (!type)
        return rt_fail(error, RT_EXIT_TRUST, "no model, or a model without a type");
    if (strcmp(type, "BPE"))
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "the model type \"%s\"; only BPE is", type);
    if (rt_vocab_read(&tokenizer->vocab, yyjson_obj_get(model, "vocab"), error) ||
        rt_bpe_read(&tokenizer->bpe, &tokenizer->vocab, model, error))
        return rt_wrap(error, "model");
    return 0;
}

static int read_parts(struct rt_tokenizer *tokenizer, yyjson_val *root, struct rt_error *error)
{
    struct rt_json_walk post = {.component = "post_processor", .list = "processors", .part = read_post_processor, .user = tokenizer};
    if (!rt_json_null(root, "version") && !yyjson_equals_str(yyjson_obj_get(root, "version"), "1.0"))
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "a version other than 1.0");
    if (read_model(tokenizer, yyjson_obj_get(root, "model"), error) ||
        rt_normalizers_read(&tokenizer->normalizers, yyjson_obj_get(root, "normalizer"), error) ||
        rt_splitters_read(&tokenizer->splitters, yyjson_obj_get(root, "pre_tokenizer"), error) ||
        rt_added_read(&tokenizer->added, &tokenizer->vocab, &tokenizer->normalizers, yyjson_obj_get(root, "added_tokens"), error) ||
        rt_decode_parts_read(&tokenizer->decode, yyjson_obj_get(root, "decoder"), error))
        return -1;
    return rt_json_walk(&post, yyjson_obj_get(root, "post_processor"), 0, error);
}

/* --- tokenizer_config.json --- */

/* A token named as a string or as {"content": …}. */
static int read_named(const struct rt_tokenizer *tokenizer, yyjson_val *root, const char *key, int *id, struct rt_error *error)
{
    if (rt_json_null(root, key))
        return 0;
    yyjson_val *value = yyjson_obj_get(root, key);
    const char *text = yyjson_get_str(yyjson_is_obj(value) ? yyjson_obj_get(value, "content") : value);
    if (!text)
        return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is not a token", key);
    *id = rt_tokenizer_id(tokenizer, text);
    if (*id < 0)
        return rt_fail(error, RT_EXIT_TRUST, "the %s \"%s\" is not in the vocabulary", key, text);
    return 0;
}

static int read_config(struct rt_tokenizer *tokenizer, const char *config, size_t bytes, struct rt_error *error)
{
    JSON_CLEAN yyjson_doc *doc = read_json(config, bytes, error);
    if (!doc)
        return -1;
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (read_named(tokenizer, root, "bos_token", &tokenizer->bos, error) ||
        read_named(tokenizer, root, "eos_token", &tokenizer->eos, error))
        return -1;
    return 0;
}

/* --- opening and closing --- */

static void clean_tokenizer(struct rt_tokenizer **tokenizer)
{
    rt_tokenizer_close(tokenizer);
}

int rt_tokenizer_open(struct rt_tokenizer **out, const char *json, size_t bytes, const char *config, size_t config_bytes,
                      struct rt_error *error)
{
    *out = NULL;
    JSON_CLEAN yyjson_doc *doc = read_json(json, bytes, error);
    if (!doc)
        return rt_wrap(error, "tokenizer.json");
    RT_CLEAN(clean_tokenizer) struct rt_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (!tokenizer)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a tokenizer");
    tokenizer->bos = tokenizer->eos = -1;
    if (read_parts(tokenizer, yyjson_doc_get_root(doc), error))
        return rt_wrap(error, "tokenizer.json");
    if (config && read_config(tokenizer, config, config_bytes, error))
        return rt_wrap(error, "tokenizer_config.json");
    *out = RT_MOVE(tokenizer);
    return 0;
}

void rt_tokenizer_close(struct rt_tokenizer **tokenizer)
{
    struct rt_tokenizer *t = *tokenizer;
    if (!t)
        return;
    rt_vocab_free(&t->vocab);
    rt_bpe_free(&t->bpe);
    rt_added_free(&t->added);
    rt_normalizers_free(&t->normalizers);
    rt_splitters_free(&t->splitters);
    rt_decode_parts_free(&t->decode);
    free(t->affixes.before.ids);
    free(t->affixes.after.ids);
    free(t);
    *tokenizer = NULL;
}
