/* tokenizer_decode.c: ids to text: reads the decoder of tokenizer.json, and runs its stages for one id after
 * another or for all at once. A decoder is one thread's; the tokenizer below it is read-only. */
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"
#include "runtime/tokenizer_stages.h"

enum { CONTENT_BYTES_MAX = 64, STRIP_MAX = 64 };

/* --- reading --- */

static int read_character(struct rt_decode_part *part, yyjson_val *json, const char *key, struct rt_error *error)
{
    const char *text;
    uint32_t character;
    if (rt_json_text(json, key, 1, &text, &part->text_bytes, error))
        return -1;
    if (!part->text_bytes || rt_utf8_read(text, part->text_bytes, &character) != part->text_bytes)
        return rt_fail(error, RT_EXIT_TRUST, "\"%s\" is not one character", key);
    return rt_json_copy(&part->text, text, part->text_bytes, error);
}

static int read_metaspace(struct rt_decode_part *part, yyjson_val *json, struct rt_error *error)
{
    const char *scheme;
    size_t bytes;
    int space;
    if (read_character(part, json, "replacement", error) || rt_json_text(json, "prepend_scheme", 0, &scheme, &bytes, error) ||
        rt_json_flag(json, "add_prefix_space", 1, &space, error))
        return -1;
    part->drop_first = bytes ? strcmp(scheme, "never") != 0 : space;
    return 0;
}

static int read_count(yyjson_val *json, const char *key, size_t *count, struct rt_error *error)
{
    yyjson_val *value = yyjson_obj_get(json, key);
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) > STRIP_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "\"%s\" is not a number up to %d", key, STRIP_MAX);
    *count = (size_t)yyjson_get_uint(value);
    return 0;
}

static int read_strip(struct rt_decode_part *part, yyjson_val *json, struct rt_error *error)
{
    if (read_character(part, json, "content", error) || read_count(json, "start", &part->start, error))
        return -1;
    return read_count(json, "stop", &part->stop, error);
}

static int read_replace(struct rt_decode_part *part, yyjson_val *json, struct rt_error *error)
{
    const char *string, *regex, *content;
    if (rt_json_pattern(json, &string, &regex, &part->text_bytes, error) ||
        rt_json_text(json, "content", 1, &content, &part->content_bytes, error))
        return -1;
    if (regex)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "a regular expression");
    if (part->content_bytes > CONTENT_BYTES_MAX || part->text_bytes > RT_TOKEN_BYTES_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "a string that is too long");
    return rt_json_copy(&part->text, string, part->text_bytes, error) || rt_json_copy(&part->content, content, part->content_bytes, error);
}

static const struct {
    const char *type;
    enum rt_stage_kind kind;
    int (*read)(struct rt_decode_part *part, yyjson_val *json, struct rt_error *error);
    int tokens, joins; /* needs tokens, not one text; makes one text of them */
} kinds[] = {
    {"ByteLevel", RT_STAGE_BYTE_LEVEL, NULL, 1, 1},
    {"ByteFallback", RT_STAGE_BYTE_FALLBACK, NULL, 1, 0},
    {"Metaspace", RT_STAGE_METASPACE, read_metaspace, 0, 0},
    {"Fuse", RT_STAGE_FUSE, NULL, 0, 1},
    {"Strip", RT_STAGE_STRIP, read_strip, 0, 0},
    {"Replace", RT_STAGE_REPLACE, read_replace, 0, 0},
};

static int read_part(void *user, const char *type, yyjson_val *json, struct rt_error *error)
{
    struct rt_decode_parts *parts = user;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].type, type))
            continue;
        if (kinds[i].tokens && parts->joined)
            return rt_fail(error, RT_EXIT_UNSUPPORTED, "not supported after a part that joins the tokens");
        struct rt_decode_part *part = &parts->at[parts->count++];
        part->kind = kinds[i].kind;
        parts->joined |= kinds[i].joins;
        return kinds[i].read ? kinds[i].read(part, json, error) : 0;
    }
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "not supported");
}

int rt_decode_parts_read(struct rt_decode_parts *parts, yyjson_val *json, struct rt_error *error)
{
    struct rt_json_walk walk = {.component = "decoder", .list = "decoders", .part = read_part, .user = parts};
    if (!json || yyjson_is_null(json)) {
        parts->at[parts->count++].kind = RT_STAGE_SEPARATE;
        return 0;
    }
    return rt_json_walk(&walk, json, 0, error);
}

void rt_decode_parts_free(struct rt_decode_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        free(parts->at[i].text);
        free(parts->at[i].content);
    }
}

/* --- running --- */

struct rt_decoder {
    const struct rt_tokenizer *tokenizer;
    int keep_special;
    struct rt_stages stages;
};

int rt_decoder_open(struct rt_decoder **out, const struct rt_tokenizer *tokenizer, int keep_special, struct rt_error *error)
{
    RT_CLEAN(rt_decoder_close) struct rt_decoder *decoder = calloc(1, sizeof *decoder);
    *out = NULL;
    if (!decoder)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to decode tokens");
    decoder->tokenizer = tokenizer;
    decoder->keep_special = keep_special;
    if (rt_stages_open(&decoder->stages, &tokenizer->decode, tokenizer->vocab.longest, error))
        return -1;
    *out = RT_MOVE(decoder);
    return 0;
}

void rt_decoder_close(struct rt_decoder **decoder)
{
    if (*decoder)
        rt_stages_free(&(*decoder)->stages);
    free(*decoder);
    *decoder = NULL;
}

static void feed(struct rt_decoder *decoder, uint32_t id)
{
    const struct rt_tokenizer *tokenizer = decoder->tokenizer;
    const struct rt_token *token = id < tokenizer->vocab.size ? &tokenizer->vocab.tokens[id] : NULL;
    if (!token || !token->text)
        return;
    const struct rt_added_token *added = token->added ? &tokenizer->added.tokens[token->added - 1] : NULL;
    if (added && added->hidden && !decoder->keep_special)
        return;
    if (added && added->normal)
        rt_stages_token(&decoder->stages, added->normal, added->normal_bytes);
    else
        rt_stages_token(&decoder->stages, token->text, token->bytes);
}

const char *rt_decoder_feed(struct rt_decoder *decoder, uint32_t id, size_t *bytes)
{
    decoder->stages.out.len = 0;
    feed(decoder, id);
    *bytes = decoder->stages.out.len;
    return decoder->stages.out.at;
}

const char *rt_decoder_end(struct rt_decoder *decoder, size_t *bytes)
{
    decoder->stages.out.len = 0;
    rt_stages_end(&decoder->stages);
    *bytes = decoder->stages.out.len;
    return decoder->stages.out.at;
}

int rt_tokenizer_decode(const struct rt_tokenizer *tokenizer, const uint32_t *ids, size_t count, int keep_special, char **text,
                        size_t *bytes, struct rt_error *error)
{
    RT_CLEAN(rt_decoder_close) struct rt_decoder *decoder = NULL;
    struct rt_text all = {0};
    *text = NULL;
    int failed = rt_decoder_open(&decoder, tokenizer, keep_special, error);
    for (size_t i = 0; !failed && i <= count; i++) {
        size_t length;
        const char *piece = i < count ? rt_decoder_feed(decoder, ids[i], &length) : rt_decoder_end(decoder, &length);
        failed = rt_text_append(&all, piece, length, error);
    }
    if (failed) {
        free(all.at);
        return -1;
    }
    all.at[all.len] = 0;
    *text = all.at;
    *bytes = all.len;
    return 0;
}
