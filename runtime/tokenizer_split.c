/* tokenizer_split.c: Hugging Face's pre-tokenizers: cut a text into the pieces that are merged on their own. Each
 * splitter hands its pieces to the next one, depth first, so that nothing is collected. Read-only once read; any
 * thread with a run of its own. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "runtime/tokenizer_parts.h"

#define GPT2_SPLIT "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define RUST_WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}" /* \w of the library that HF's Whitespace matches with */
#define WHITESPACE_SPLIT "[" RUST_WORD "]+|[^" RUST_WORD "\\p{White_Space}]+"

struct piece {
    const char *text;
    size_t bytes;
    int at_start; /* begins where the original text began */
};

static int split_from(struct rt_split_run *run, size_t stage, struct piece piece, struct rt_error *error);

/* --- behaviors: what becomes of matches and of what lies between (HF's NormalizedString::split) --- */

static void keep_unmatched(struct rt_spans *spans)
{
    size_t kept = 0;
    for (size_t i = 0; i < spans->count; i++)
        if (!spans->at[i].match)
            spans->at[kept++] = spans->at[i];
    spans->count = kept;
}

/* A span joins the one before it: with `contiguous` when both match or neither does, else when it is a match after
 * a non-match. */
static void merge_back(struct rt_spans *spans, int contiguous)
{
    size_t kept = 0;
    int previous = 0;
    for (size_t i = 0; i < spans->count; i++) {
        struct rt_span span = spans->at[i];
        int joins = contiguous ? span.match == previous : span.match && !previous;
        if (joins && kept)
            spans->at[kept - 1].end = span.end;
        else
            spans->at[kept++] = span;
        previous = span.match;
    }
    spans->count = kept;
}

/* A match joins what follows it, unless that is a match too. */
static void merge_forward(struct rt_spans *spans)
{
    size_t first = spans->count;
    int previous = 0;
    for (size_t i = spans->count; i-- > 0;) {
        struct rt_span span = spans->at[i];
        if (span.match && !previous && first < spans->count)
            spans->at[first].start = span.start;
        else
            spans->at[--first] = span;
        previous = span.match;
    }
    spans->count -= first;
    if (spans->count)
        memmove(spans->at, spans->at + first, spans->count * sizeof *spans->at);
}

static void apply_behavior(struct rt_spans *spans, enum rt_behavior behavior, int invert)
{
    for (size_t i = 0; invert && i < spans->count; i++)
        spans->at[i].match = !spans->at[i].match;
    switch (behavior) {
    case RT_ISOLATED: break;
    case RT_REMOVED: keep_unmatched(spans); break;
    case RT_CONTIGUOUS: merge_back(spans, 1); break;
    case RT_MERGED_WITH_PREVIOUS: merge_back(spans, 0); break;
    case RT_MERGED_WITH_NEXT: merge_forward(spans); break;
    }
}

/* The stage's spans of `piece` go to the next stage. */
static int hand_on(struct rt_split_run *run, size_t stage, struct piece piece, struct rt_error *error)
{
    const struct rt_splitter *splitter = &run->splitters->at[stage];
    struct rt_spans *spans = &run->scratch[stage].spans;
    apply_behavior(spans, splitter->behavior, splitter->invert);
    for (size_t i = 0; i < spans->count; i++) {
        struct rt_span span = spans->at[i];
        struct piece part = {piece.text + span.start, span.end - span.start, piece.at_start && span.start == 0};
        if (split_from(run, stage + 1, part, error))
            return -1;
    }
    return 0;
}

/* --- kinds --- */

static int cut_characters(struct rt_spans *spans, struct piece piece, int (*matches)(uint32_t), struct rt_error *error)
{
    size_t done = 0;
    spans->count = 0;
    for (size_t at = 0, length; at < piece.bytes; at += length) {
        uint32_t character;
        length = rt_utf8_read(piece.text + at, piece.bytes - at, &character);
        if (!matches(character))
            continue;
        if (done < at && rt_spans_add(spans, done, at, 0, error))
            return -1;
        done = at + length;
        if (rt_spans_add(spans, at, done, 1, error))
            return -1;
    }
    return done < piece.bytes ? rt_spans_add(spans, done, piece.bytes, 0, error) : 0;
}

static int is_numeric(uint32_t character)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)character);
    return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

static int is_punctuation(uint32_t c)
{
    if (c < 0x80)
        return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

static int by_pattern(struct rt_split_run *run, size_t stage, struct piece piece, struct rt_error *error)
{
    const struct rt_splitter *splitter = &run->splitters->at[stage];
    struct rt_spans *spans = &run->scratch[stage].spans;
    if (splitter->pattern ? rt_pattern_cut(splitter->pattern, run->matcher, piece.text, piece.bytes, spans, error)
                          : rt_string_cut(splitter->text, splitter->text_bytes, piece.text, piece.bytes, spans, error))
        return -1;
    return hand_on(run, stage, piece, error);
}

static int by_digits(struct rt_split_run *run, size_t stage, struct piece piece, struct rt_error *error)
{
    return cut_characters(&run->scratch[stage].spans, piece, is_numeric, error) ? -1 : hand_on(run, stage, piece, error);
}

static int by_punctuation(struct rt_split_run *run, size_t stage, struct piece piece, struct rt_error *error)
{
    return cut_characters(&run->scratch[stage].spans, piece, is_punctuation, error) ? -1 : hand_on(run, stage, piece, error);
}

static int by_space(struct rt_split_run *run, size_t stage, struct piece piece, struct rt_error *error)
{
    return cut_characters(&run->scratch[stage].spans, piece, rt_is_space, error) ? -1 : hand_on(run, stage, piece, error);
}

/* Puts `text` before the piece, in the stage's own buffer. */
static int put_before(struct rt_split_scratch *scratch, const char *text, size_t bytes, struct piece *piece, struct rt_error *error)
{
    scratch->text.len = 0;
    if (rt_text_append(&scratch->text, text, bytes, error) || rt_text_append(&scratch->text, piece->text, piece->bytes, error))
        return -1;
    piece->text = scratch->text.at;
    piece->bytes = scratch->text.len;
    return 0;
}

static int by_byte_level(struct rt_split_run *run, size_t stage, struct piece piece, struct rt_error *error)
{
    const struct rt_splitter *splitter = &run->splitters->at[stage];
    struct rt_split_scratch *scratch = &run->scratch[stage];
    if (splitter->prefix && piece.text[0] != ' ' && put_before(scratch, " ", 1, &piece, error))
        return -1;
    scratch->spans.count = 0;
    if (splitter->cut ? rt_pattern_cut(splitter->pattern, run->matcher, piece.text, piece.bytes, &scratch->spans, error)
                      : rt_spans_add(&scratch->spans, 0, piece.bytes, 0, error))
        return -1;
    for (size_t i = 0; i < scratch->spans.count; i++) {
        struct rt_span span = scratch->spans.at[i];
        scratch->mapped.len = 0;
        if (rt_text_append_byte_level(&scratch->mapped, piece.text + span.start, span.end - span.start, error))
            return -1;
        struct piece mapped = {scratch->mapped.at, scratch->mapped.len, piece.at_start && span.start == 0};
        if (split_from(run, stage + 1, mapped, error))
            return -1;
    }
    return 0;
}

static int spaces_to_text(const struct rt_splitter *splitter, struct piece piece, struct rt_text *out, struct rt_error *error)
{
    out->len = 0;
    for (size_t i = 0; i < piece.bytes; i++) {
        int space = piece.text[i] == ' ';
        if (rt_text_append(out, space ? splitter->text : piece.text + i, space ? splitter->text_bytes : 1, error))
            return -1;
    }
    return 0;
}

static int by_metaspace(struct rt_split_run *run, size_t stage, struct piece piece, struct rt_error *error)
{
    const struct rt_splitter *splitter = &run->splitters->at[stage];
    struct rt_split_scratch *scratch = &run->scratch[stage];
    if (spaces_to_text(splitter, piece, &scratch->mapped, error))
        return -1;
    piece.text = scratch->mapped.at;
    piece.bytes = scratch->mapped.len;
    int has_it = piece.bytes >= splitter->text_bytes && !memcmp(piece.text, splitter->text, splitter->text_bytes);
    int wanted = splitter->prefix && (piece.at_start || !splitter->first_only);
    if (wanted && !has_it && put_before(scratch, splitter->text, splitter->text_bytes, &piece, error))
        return -1;
    if (!splitter->cut)
        return split_from(run, stage + 1, piece, error);
    if (rt_string_cut(splitter->text, splitter->text_bytes, piece.text, piece.bytes, &scratch->spans, error))
        return -1;
    return hand_on(run, stage, piece, error);
}

/* --- reading --- */

static int read_behavior(struct rt_splitter *splitter, yyjson_val *json, int required, struct rt_error *error)
{
    static const char *const names[] = {
        [RT_ISOLATED] = "Isolated",
        [RT_REMOVED] = "Removed",
        [RT_CONTIGUOUS] = "Contiguous",
        [RT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
        [RT_MERGED_WITH_NEXT] = "MergedWithNext",
    };
    const char *name;
    size_t bytes;
    if (rt_json_text(json, "behavior", required, &name, &bytes, error))
        return -1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i])) {
            splitter->behavior = (enum rt_behavior)i;
            return 0;
        }
    }
    return bytes ? rt_fail(error, RT_EXIT_UNSUPPORTED, "the behavior \"%s\"", name) : 0;
}

static int read_split(struct rt_splitter *splitter, yyjson_val *json, struct rt_error *error)
{
    const char *string, *regex;
    if (rt_json_pattern(json, &string, &regex, &splitter->text_bytes, error) || read_behavior(splitter, json, 1, error) ||
        rt_json_flag(json, "invert", 0, &splitter->invert, error))
        return -1;
    return regex ? rt_pattern_open(&splitter->pattern, regex, splitter->text_bytes, error)
                 : rt_json_copy(&splitter->text, string, splitter->text_bytes, error);
}

static int read_byte_level(struct rt_splitter *splitter, yyjson_val *json, struct rt_error *error)
{
    if (rt_json_flag(json, "add_prefix_space", 1, &splitter->prefix, error) || rt_json_flag(json, "use_regex", 1, &splitter->cut, error))
        return -1;
    return rt_pattern_open(&splitter->pattern, GPT2_SPLIT, strlen(GPT2_SPLIT), error);
}

/* Old files say add_prefix_space, new ones prepend_scheme. */
static int read_scheme(struct rt_splitter *splitter, yyjson_val *json, struct rt_error *error)
{
    const char *scheme;
    size_t bytes;
    int space;
    if (rt_json_text(json, "prepend_scheme", 0, &scheme, &bytes, error) || rt_json_flag(json, "add_prefix_space", 1, &space, error))
        return -1;
    if (!bytes)
        scheme = space ? "always" : "never";
    splitter->first_only = !strcmp(scheme, "first");
    splitter->prefix = splitter->first_only || !strcmp(scheme, "always");
    if (!splitter->prefix && strcmp(scheme, "never"))
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "the prepend_scheme \"%s\"", scheme);
    if (splitter->prefix && !space)
        return rt_fail(error, RT_EXIT_TRUST, "add_prefix_space contradicts prepend_scheme");
    return 0;
}

static int read_metaspace(struct rt_splitter *splitter, yyjson_val *json, struct rt_error *error)
{
    const char *text;
    uint32_t character;
    if (rt_json_text(json, "replacement", 1, &text, &splitter->text_bytes, error) || read_scheme(splitter, json, error) ||
        rt_json_flag(json, "split", 1, &splitter->cut, error))
        return -1;
    if (!splitter->text_bytes || rt_utf8_read(text, splitter->text_bytes, &character) != splitter->text_bytes)
        return rt_fail(error, RT_EXIT_TRUST, "\"replacement\" is not one character");
    splitter->behavior = RT_MERGED_WITH_NEXT;
    return rt_json_copy(&splitter->text, text, splitter->text_bytes, error);
}

static int read_digits(struct rt_splitter *splitter, yyjson_val *json, struct rt_error *error)
{
    int individual;
    if (rt_json_flag(json, "individual_digits", 0, &individual, error))
        return -1;
    splitter->behavior = individual ? RT_ISOLATED : RT_CONTIGUOUS;
    return 0;
}

static int read_punctuation(struct rt_splitter *splitter, yyjson_val *json, struct rt_error *error)
{
    return read_behavior(splitter, json, 0, error);
}

static int read_whitespace(struct rt_splitter *splitter, yyjson_val *json, struct rt_error *error)
{
    (void)json;
    splitter->behavior = RT_REMOVED;
    splitter->invert = 1;
    return rt_pattern_open_own(&splitter->pattern, WHITESPACE_SPLIT, strlen(WHITESPACE_SPLIT), error);
}

static int read_whitespace_split(struct rt_splitter *splitter, yyjson_val *json, struct rt_error *error)
{
    (void)json, (void)error;
    splitter->behavior = RT_REMOVED;
    return 0;
}

static const struct {
    const char *type;
    int (*run)(struct rt_split_run *run, size_t stage, struct piece piece, struct rt_error *error);
    int (*read)(struct rt_splitter *splitter, yyjson_val *json, struct rt_error *error);
} kinds[] = {
    {"ByteLevel", by_byte_level, read_byte_level},        {"Split", by_pattern, read_split},
    {"Metaspace", by_metaspace, read_metaspace},          {"Digits", by_digits, read_digits},
    {"Punctuation", by_punctuation, read_punctuation},    {"Whitespace", by_pattern, read_whitespace},
    {"WhitespaceSplit", by_space, read_whitespace_split},
};

static int read_part(void *user, const char *type, yyjson_val *json, struct rt_error *error)
{
    struct rt_splitters *splitters = user;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].type, type))
            continue;
        struct rt_splitter *splitter = &splitters->at[splitters->count++];
        splitter->kind = (int)i;
        return kinds[i].read(splitter, json, error);
    }
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "not supported");
}

int rt_splitters_read(struct rt_splitters *splitters, yyjson_val *json, struct rt_error *error)
{
    struct rt_json_walk walk = {.component = "pre_tokenizer", .list = "pretokenizers", .part = read_part, .user = splitters};
    return rt_json_walk(&walk, json, 0, error);
}

void rt_splitters_free(struct rt_splitters *splitters)
{
    for (size_t i = 0; i < splitters->count; i++) {
        free(splitters->at[i].text);
        rt_pattern_close(&splitters->at[i].pattern);
    }
}

/* --- running --- */

static int split_from(struct rt_split_run *run, size_t stage, struct piece piece, struct rt_error *error)
{
    if (!piece.bytes)
        return 0;
    if (stage == run->splitters->count)
        return run->piece(run->user, piece.text, piece.bytes, error);
    return kinds[run->splitters->at[stage].kind].run(run, stage, piece, error);
}

int rt_split(struct rt_split_run *run, const char *text, size_t bytes, int at_start, struct rt_error *error)
{
    return split_from(run, 0, (struct piece){text, bytes, at_start}, error);
}

void rt_split_run_free(struct rt_split_run *run)
{
    for (size_t i = 0; i < RT_PARTS_MAX; i++) {
        free(run->scratch[i].text.at);
        free(run->scratch[i].mapped.at);
        free(run->scratch[i].spans.at);
    }
}
