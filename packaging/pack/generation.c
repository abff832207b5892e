/* generation.c: where do_sample is false, the sampling parameters beside it mean nothing, and are left out. */
#include "packaging/pack/generation.h"

#include <stdlib.h>

#include "packaging/pack/json_text.h"
#include "runtime/generation_defaults.h"

#define GENERATION_FILE "generation_config.json"

struct writer {
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;
    struct pk_json generation;
    struct pk_json config;
    uint32_t vocab;
    struct rt_error *error;
};

/* The file that says something about the member: generation_config.json first. */
static const struct pk_json *who_says(const struct writer *w, const char *key)
{
    return pk_json_get(&w->generation, key) ? &w->generation : &w->config;
}

static int add_token(const struct writer *w, yyjson_mut_val *list, yyjson_val *id, const char *file)
{
    if (!yyjson_is_uint(id) || yyjson_get_uint(id) >= w->vocab)
        return rt_fail(w->error, RT_EXIT_FAILED, "%s: \"eos_token_id\" is not a token of the model", file);
    yyjson_mut_arr_add_uint(w->doc, list, yyjson_get_uint(id));
    return 0;
}

static int add_ends(const struct writer *w)
{
    const struct pk_json *from = who_says(w, "eos_token_id");
    yyjson_val *given = pk_json_get(from, "eos_token_id");
    if (!given)
        return 0;
    yyjson_mut_val *list = yyjson_mut_arr(w->doc);
    yyjson_mut_obj_add_val(w->doc, w->root, "eos_ids", list);
    if (!yyjson_is_arr(given))
        return add_token(w, list, given, from->file);
    if (yyjson_arr_size(given) > RT_STOPS_MAX)
        return rt_fail(w->error, RT_EXIT_UNSUPPORTED, "%s: more than %d values in \"eos_token_id\"", from->file, RT_STOPS_MAX);
    yyjson_arr_iter each = yyjson_arr_iter_with(given);
    for (yyjson_val *id; (id = yyjson_arr_iter_next(&each));)
        if (add_token(w, list, id, from->file))
            return -1;
    return 0;
}

static int add_begin(const struct writer *w)
{
    const struct pk_json *from = who_says(w, "bos_token_id");
    uint64_t id = 0;
    if (!pk_json_get(from, "bos_token_id"))
        return 0;
    if (pk_json_integer(from, "bos_token_id", 0, w->vocab - 1, &id, w->error))
        return -1;
    yyjson_mut_obj_add_uint(w->doc, w->root, "bos_id", id);
    return 0;
}

static int add_number(const struct writer *w, const char *key, double min, double max)
{
    double value = 0;
    if (!pk_json_get(&w->generation, key))
        return 0;
    if (pk_json_number(&w->generation, key, min, max, &value, w->error))
        return -1;
    yyjson_mut_obj_add_real(w->doc, w->root, key, value);
    return 0;
}

static int add_sampling(const struct writer *w)
{
    int sample = 1;
    uint64_t top_k = 0;
    if (pk_json_flag(&w->generation, "do_sample", &sample, w->error))
        return -1;
    if (!sample)
        return 0;
    if (add_number(w, "temperature", 0, 100) || pk_json_integer(&w->generation, "top_k", 0, UINT32_MAX, &top_k, w->error))
        return -1;
    if (pk_json_get(&w->generation, "top_k"))
        yyjson_mut_obj_add_uint(w->doc, w->root, "top_k", top_k);
    return add_number(w, "top_p", 0, 1) || add_number(w, "min_p", 0, 1) ? -1 : 0;
}

int pk_generation_print(char **out, size_t *bytes, yyjson_val *generation, yyjson_val *config, uint32_t vocab, struct rt_error *error)
{
    *out = NULL;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    struct writer w = {doc, yyjson_mut_obj(doc), {generation, GENERATION_FILE}, {config, "config.json"}, vocab, error};
    yyjson_mut_doc_set_root(doc, w.root);
    int failed = add_ends(&w) || add_begin(&w) || add_sampling(&w) || add_number(&w, "repetition_penalty", 0.01, 100);
    if (!failed)
        *out = yyjson_mut_write(doc, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END, bytes);
    yyjson_mut_doc_free(doc);
    if (failed)
        return -1;
    return *out ? 0 : rt_fail(error, RT_EXIT_RESOURCES, "no memory for generation.json");
}
