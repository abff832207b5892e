/* tokenizer_normalize.c: Hugging Face's normalizers, as listed in tokenizer.json, applied in order to the text
 * between added tokens. Read-only once read; any thread with a scratch of its own. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "runtime/tokenizer_parts.h"

struct work { /* one text on its way through the list */
    struct rt_text *text;
    struct rt_normal_scratch *scratch;
    struct rt_matcher *matcher;
    int *at_start;
    struct rt_error *error;
};

/* The text made anew in scratch->spare becomes the text. */
static void take_spare(struct work *work)
{
    struct rt_text made = work->scratch->spare;
    work->scratch->spare = *work->text;
    work->scratch->spare.len = 0;
    *work->text = made;
}

static int nfc(const struct rt_normalizer *n, struct work *work)
{
    (void)n;
    return rt_unicode_normalize(work->text, work->scratch, UTF8PROC_COMPOSE, work->error);
}

static int nfd(const struct rt_normalizer *n, struct work *work)
{
    (void)n;
    return rt_unicode_normalize(work->text, work->scratch, 0, work->error);
}

static int nfkc(const struct rt_normalizer *n, struct work *work)
{
    (void)n;
    return rt_unicode_normalize(work->text, work->scratch, UTF8PROC_COMPOSE | UTF8PROC_COMPAT, work->error);
}

static int nfkd(const struct rt_normalizer *n, struct work *work)
{
    (void)n;
    return rt_unicode_normalize(work->text, work->scratch, UTF8PROC_COMPAT, work->error);
}

static int prepend(const struct rt_normalizer *n, struct work *work)
{
    struct rt_text *spare = &work->scratch->spare;
    if (rt_text_append(spare, n->text, n->text_bytes, work->error) || rt_text_append(spare, work->text->at, work->text->len, work->error))
        return -1;
    take_spare(work);
    return 0;
}

static int replace(const struct rt_normalizer *n, struct work *work)
{
    const struct rt_text *text = work->text;
    struct rt_spans *spans = &work->scratch->spans;
    if (n->pattern ? rt_pattern_cut(n->pattern, work->matcher, text->at, text->len, spans, work->error)
                   : rt_string_cut(n->text, n->text_bytes, text->at, text->len, spans, work->error))
        return -1;
    for (size_t i = 0; i < spans->count; i++) {
        const struct rt_span *span = &spans->at[i];
        const char *bytes = span->match ? n->content : text->at + span->start;
        if (rt_text_append(&work->scratch->spare, bytes, span->match ? n->content_bytes : span->end - span->start, work->error))
            return -1;
    }
    take_spare(work);
    return 0;
}

/* Appends what becomes of one character. */
typedef int (*map_function)(struct rt_text *out, uint32_t character, struct rt_error *error);

static int map_characters(struct work *work, map_function map)
{
    const struct rt_text *text = work->text;
    for (size_t at = 0; at < text->len;) {
        uint32_t character;
        at += rt_utf8_read(text->at + at, text->len - at, &character);
        if (map(&work->scratch->spare, character, work->error))
            return -1;
    }
    take_spare(work);
    return 0;
}

static int to_lower(struct rt_text *out, uint32_t character, struct rt_error *error)
{
    if (character == 0x130) /* İ is the one character whose full lower case is two: i and U+0307 */
        return rt_text_append(out, "i\xcc\x87", 3, error);
    return rt_text_append_char(out, (uint32_t)utf8proc_tolower((utf8proc_int32_t)character), error);
}

static int lowercase(const struct rt_normalizer *n, struct work *work)
{
    (void)n;
    return map_characters(work, to_lower);
}

static int without_mark(struct rt_text *out, uint32_t character, struct rt_error *error)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)character);
    if (category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME)
        return 0;
    return rt_text_append_char(out, character, error);
}

static int strip_accents(const struct rt_normalizer *n, struct work *work)
{
    (void)n;
    return map_characters(work, without_mark);
}

static int strip(const struct rt_normalizer *n, struct work *work)
{
    struct rt_text *text = work->text;
    size_t start = 0, length;
    uint32_t character;
    while (n->left && start < text->len && (length = rt_utf8_read(text->at + start, text->len - start, &character), rt_is_space(character)))
        start += length;
    while (n->right && text->len > start && (length = rt_utf8_read_last(text->at, text->len, &character), rt_is_space(character)))
        text->len -= length;
    if (start) {
        *work->at_start = 0;
        text->len -= start;
        memmove(text->at, text->at + start, text->len);
    }
    return 0;
}

static int byte_level(const struct rt_normalizer *n, struct work *work)
{
    (void)n;
    if (rt_text_append_byte_level(&work->scratch->spare, work->text->at, work->text->len, work->error))
        return -1;
    take_spare(work);
    return 0;
}

static int read_prepend(struct rt_normalizer *n, yyjson_val *json, struct rt_error *error)
{
    const char *text;
    if (rt_json_text(json, "prepend", 1, &text, &n->text_bytes, error))
        return -1;
    return rt_json_copy(&n->text, text, n->text_bytes, error);
}

static int read_replace(struct rt_normalizer *n, yyjson_val *json, struct rt_error *error)
{
    const char *string, *regex, *content;
    if (rt_json_pattern(json, &string, &regex, &n->text_bytes, error) ||
        rt_json_text(json, "content", 1, &content, &n->content_bytes, error) || rt_json_copy(&n->content, content, n->content_bytes, error))
        return -1;
    return regex ? rt_pattern_open(&n->pattern, regex, n->text_bytes, error) : rt_json_copy(&n->text, string, n->text_bytes, error);
}

static int read_strip(struct rt_normalizer *n, yyjson_val *json, struct rt_error *error)
{
    return rt_json_flag(json, "strip_left", 0, &n->left, error) || rt_json_flag(json, "strip_right", 0, &n->right, error) ? -1 : 0;
}

static const struct {
    const char *type;
    int (*run)(const struct rt_normalizer *n, struct work *work);
    int (*read)(struct rt_normalizer *n, yyjson_val *json, struct rt_error *error);
} kinds[] = {
    {"NFC", nfc, NULL},
    {"NFD", nfd, NULL},
    {"NFKC", nfkc, NULL},
    {"NFKD", nfkd, NULL},
    {"Prepend", prepend, read_prepend},
    {"Replace", replace, read_replace},
    {"Lowercase", lowercase, NULL},
    {"Strip", strip, read_strip},
    {"StripAccents", strip_accents, NULL},
    {"ByteLevel", byte_level, NULL},
};

static int read_part(void *user, const char *type, yyjson_val *json, struct rt_error *error)
{
    struct rt_normalizers *normalizers = user;
    struct rt_normalizer *n = &normalizers->at[normalizers->count];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].type, type))
            continue;
        n->kind = (int)i;
        normalizers->count++;
        return kinds[i].read ? kinds[i].read(n, json, error) : 0;
    }
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "not supported");
}

int rt_normalizers_read(struct rt_normalizers *normalizers, yyjson_val *json, struct rt_error *error)
{
    struct rt_json_walk walk = {.component = "normalizer", .list = "normalizers", .part = read_part, .user = normalizers};
    return rt_json_walk(&walk, json, 0, error);
}

void rt_normalizers_free(struct rt_normalizers *normalizers)
{
    for (size_t i = 0; i < normalizers->count; i++) {
        free(normalizers->at[i].text);
        free(normalizers->at[i].content);
        rt_pattern_close(&normalizers->at[i].pattern);
    }
}

int rt_normalize(const struct rt_normalizers *normalizers, struct rt_matcher *matcher, struct rt_normal_scratch *scratch,
                 struct rt_text *text, int *at_start, struct rt_error *error)
{
    struct work work = {text, scratch, matcher, at_start, error};
    for (size_t i = 0; i < normalizers->count && text->len; i++) {
        const struct rt_normalizer *n = &normalizers->at[i];
        scratch->spare.len = 0;
        if (kinds[n->kind].run(n, &work))
            return -1;
    }
    return 0;
}

void rt_normal_scratch_free(struct rt_normal_scratch *scratch)
{
    free(scratch->spare.at);
    free(scratch->spans.at);
    free(scratch->characters);
}
