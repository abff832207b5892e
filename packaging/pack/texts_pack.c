/* texts_pack.c: what is read here is tried with the code that will read it at the site, so that a bundle that packs also runs. */
#include "packaging/pack/texts_pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packaging/pack/generation.h"
#include "packaging/pack/json_text.h"
#include "runtime/file_read.h"
#include "runtime/scope.h"
#include "runtime/template.h"
#include "runtime/tokenizer.h"

enum {
    TOKENIZER_MAX_BYTES = 256 << 20,
    TEXT_MAX_BYTES = 16 << 20,
};

static void add_text(struct pk_texts *texts, const char *name, enum rt_role role, char *text, size_t bytes)
{
    texts->list[texts->count++] = (struct pk_text){name, role, text, bytes};
}

static char *next_warning(struct pk_texts *texts)
{
    return texts->warnings[texts->warning_count++];
}

/* ---- tokenizer ---- */

static int check_tokenizer(const struct pk_text *json, const struct pk_text *config, uint32_t vocab, struct rt_error *error)
{
    struct rt_tokenizer *tokenizer;
    if (rt_tokenizer_open(&tokenizer, json->text, json->bytes, config->text, config->bytes, error)) {
        if (error->code == RT_EXIT_TRUST) /* "broken": here it is not a question of trust yet */
            error->code = RT_EXIT_FAILED;
        return rt_wrap(error, "%s", json->name);
    }
    size_t size = rt_tokenizer_size(tokenizer);
    rt_tokenizer_close(&tokenizer);
    if (size > vocab)
        return rt_fail(error, RT_EXIT_FAILED, "%s: %zu tokens, but config.json's \"vocab_size\" is %u", json->name, size, vocab);
    return 0;
}

static int read_tokenizer(struct pk_texts *texts, int directory, uint32_t vocab, struct rt_error *error)
{
    struct pk_text json = {.name = "tokenizer.json"}, config = {.name = "tokenizer_config.json"};
    if (rt_file_read(&json.text, &json.bytes, directory, json.name, TOKENIZER_MAX_BYTES, error))
        return -1;
    if (!json.text)
        return rt_fail(error, RT_EXIT_FAILED, "tokenizer.json: no such file; save the model with a fast tokenizer");
    add_text(texts, json.name, RT_ROLE_TOKENIZER, json.text, json.bytes);
    if (rt_file_read(&config.text, &config.bytes, directory, config.name, TEXT_MAX_BYTES, error))
        return -1;
    if (config.text)
        add_text(texts, config.name, RT_ROLE_TOKENIZER_CONFIG, config.text, config.bytes);
    return check_tokenizer(&json, &config, vocab, error);
}

/* ---- chat template ---- */

/* tokenizer_config.json's "chat_template": a text, or a list of named ones of which "default" counts. */
static yyjson_val *find_template(yyjson_val *config)
{
    yyjson_val *given = yyjson_obj_get(config, "chat_template");
    if (!yyjson_is_arr(given))
        return given;
    yyjson_arr_iter each = yyjson_arr_iter_with(given);
    for (yyjson_val *item; (item = yyjson_arr_iter_next(&each));)
        if (yyjson_equals_str(yyjson_obj_get(item, "name"), "default"))
            return yyjson_obj_get(item, "template");
    return NULL;
}

static int extract_template(char **out, size_t *bytes, const struct pk_texts *texts, struct rt_error *error)
{
    const struct pk_text *config = &texts->list[texts->count - 1];
    if (config->role != RT_ROLE_TOKENIZER_CONFIG)
        return 0;
    RT_CLEAN(pk_json_clean) yyjson_doc *doc = NULL;
    if (pk_json_parse(&doc, config->text, config->bytes, 64, config->name, error))
        return -1;
    yyjson_val *given = find_template(yyjson_doc_get_root(doc));
    if (!yyjson_is_str(given))
        return 0;
    *bytes = yyjson_get_len(given);
    *out = malloc(*bytes + 1);
    if (!*out)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the chat template");
    memcpy(*out, yyjson_get_str(given), *bytes + 1);
    return 0;
}

static void try_template(struct pk_texts *texts, const char *text, size_t bytes)
{
    struct rt_template *parsed;
    struct rt_error why;
    if (rt_template_open(&parsed, text, bytes, &why))
        snprintf(next_warning(texts), sizeof *texts->warnings, "chat_template.jinja: %s; it packs, but chat will need --raw", why.text);
    else
        rt_template_close(&parsed);
}

static int read_template(struct pk_texts *texts, int directory, struct rt_error *error)
{
    RT_FREE char *text = NULL;
    size_t bytes;
    if (rt_file_read(&text, &bytes, directory, "chat_template.jinja", TEXT_MAX_BYTES, error))
        return -1;
    if (!text && extract_template(&text, &bytes, texts, error))
        return -1;
    if (!text || bytes == 0) {
        snprintf(next_warning(texts), sizeof *texts->warnings, "no chat template was found; it packs, but chat will need --raw");
        return 0;
    }
    try_template(texts, text, bytes);
    add_text(texts, "chat_template.jinja", RT_ROLE_TEMPLATE, RT_MOVE(text), bytes);
    return 0;
}

/* ---- generation ---- */

static int make_generation(struct pk_texts *texts, int directory, yyjson_val *config, uint32_t vocab, struct rt_error *error)
{
    RT_CLEAN(pk_json_clean) yyjson_doc *doc = NULL;
    char *text;
    size_t bytes;
    if (pk_json_open(&doc, directory, "generation_config.json", TEXT_MAX_BYTES, error) ||
        pk_generation_print(&text, &bytes, yyjson_doc_get_root(doc), config, vocab, error))
        return -1;
    add_text(texts, "generation.json", RT_ROLE_GENERATION, text, bytes);
    return 0;
}

int pk_texts_open(struct pk_texts *out, int directory, yyjson_val *config, uint32_t vocab, struct rt_error *error)
{
    *out = (struct pk_texts){0};
    if (read_tokenizer(out, directory, vocab, error) || read_template(out, directory, error) ||
        make_generation(out, directory, config, vocab, error)) {
        pk_texts_close(out);
        return -1;
    }
    return 0;
}

void pk_texts_close(struct pk_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->list[i].text);
    texts->count = 0;
}
