/* tokenizer_added.c: the tokens that tokenizer.json adds on top of the model's vocabulary, special ones among
 * them: reads them, and cuts a text where they occur, leftmost and longest first, with Hugging Face's rules for
 * neighbours (AddedVocabulary::find_matches). Knows nothing of merging. Read-only once read; any thread with a
 * matcher of its own. */
#include "runtime/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

#define WORD_CHARACTER "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}]" /* \w of Rust's regex, which HF asks here */

enum { ADDED_MAX = 1 << 20 };

/* What the token looks like in the text that its index searches. */
static const char *searched_text(const struct rt_added_token *token, size_t *bytes)
{
    *bytes = token->normal ? token->normal_bytes : token->content_bytes;
    return token->normal ? token->normal : token->content;
}

static int compare_bytes(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);
    return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int compare_tokens(const void *left, const void *right)
{
    size_t a_bytes, b_bytes;
    const char *a = searched_text(*(const struct rt_added_token *const *)left, &a_bytes);
    const char *b = searched_text(*(const struct rt_added_token *const *)right, &b_bytes);
    return compare_bytes(a, a_bytes, b, b_bytes);
}

/* --- reading --- */

static int fill_index(struct rt_added_index *index, const struct rt_added *added, int normalized, struct rt_error *error)
{
    size_t bytes, next_bytes;
    index->sorted = calloc(added->count + 1, sizeof *index->sorted);
    if (!index->sorted)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %zu added tokens", added->count);
    for (size_t i = 0; i < added->count; i++)
        if (added->tokens[i].normalized == normalized)
            index->sorted[index->count++] = &added->tokens[i];
    qsort(index->sorted, index->count, sizeof *index->sorted, compare_tokens);
    for (size_t i = 0; i < index->count; i++) {
        const char *text = searched_text(index->sorted[i], &bytes);
        if (!bytes)
            return rt_fail(error, RT_EXIT_TRUST, "added token %u: nothing is left of it after normalizing", index->sorted[i]->id);
        const char *next = i + 1 < index->count ? searched_text(index->sorted[i + 1], &next_bytes) : NULL;
        if (next && !compare_bytes(text, bytes, next, next_bytes))
            return rt_fail(error, RT_EXIT_TRUST, "added tokens %u and %u are the same text", index->sorted[i]->id,
                           index->sorted[i + 1]->id);
        index->first[(unsigned char)text[0] + 1]++;
    }
    for (size_t byte = 1; byte < 257; byte++)
        index->first[byte] += index->first[byte - 1];
    return 0;
}

static int read_flags(struct rt_added_token *token, yyjson_val *json, struct rt_error *error)
{
    const struct {
        const char *name;
        int *value;
    } flags[] = {{"special", &token->special},
                 {"single_word", &token->single_word},
                 {"lstrip", &token->lstrip},
                 {"rstrip", &token->rstrip},
                 {"normalized", &token->normalized}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (rt_json_flag(json, flags[i].name, 0, flags[i].value, error))
            return -1;
    return 0;
}

static int apply_normalizers(struct rt_added_token *token, const struct rt_normalizers *normalizers, struct rt_error *error)
{
    struct rt_normal_scratch scratch = {0};
    struct rt_matcher *matcher = NULL;
    struct rt_text text = {0};
    int at_start = 1;
    int failed = rt_matcher_open(&matcher, error) || rt_text_append(&text, token->content, token->content_bytes, error) ||
                 rt_normalize(normalizers, matcher, &scratch, &text, &at_start, error);
    if (!failed && compare_bytes(text.at, text.len, token->content, token->content_bytes)) {
        failed = rt_json_copy(&token->normal, text.at, text.len, error);
        token->normal_bytes = text.len;
    }
    free(text.at);
    rt_matcher_close(&matcher);
    rt_normal_scratch_free(&scratch);
    return failed ? -1 : 0;
}

/* Hugging Face gives ids out itself: the model's where the model knows the text, else the next free one. A file
 * that says otherwise would mean different ids there and here. */
static int check_id(const struct rt_vocab *vocab, const struct rt_added_token *token, uint32_t *next, struct rt_error *error)
{
    int known = rt_vocab_find(vocab, token->content, token->content_bytes);
    uint32_t expected = known >= 0 ? (uint32_t)known : (*next)++;
    if (token->id != expected)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "added token \"%s\" has id %u, but its place in the vocabulary is %u", token->content,
                       token->id, expected);
    return 0;
}

/* The token's id, in the table of ids. */
static int enter(struct rt_vocab *vocab, const struct rt_added *added, struct rt_added_token *token, struct rt_error *error)
{
    if (rt_vocab_extend(vocab, token->id, error))
        return -1;
    struct rt_token *entry = &vocab->tokens[token->id];
    if (entry->added || (entry->text && compare_bytes(entry->text, entry->bytes, token->content, token->content_bytes)))
        return rt_fail(error, RT_EXIT_TRUST, "id %u belongs to \"%s\" and to \"%s\"", token->id, entry->text, token->content);
    *entry = (struct rt_token){token->content, (uint32_t)token->content_bytes, (uint32_t)(token - added->tokens) + 1, token->special};
    size_t bytes;
    searched_text(token, &bytes);
    if (bytes > RT_TOKEN_BYTES_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "added token %u is longer than %d bytes", token->id, RT_TOKEN_BYTES_MAX);
    if (bytes > vocab->longest)
        vocab->longest = bytes;
    return 0;
}

static int read_token(struct rt_added_token *token, const struct rt_normalizers *normalizers, yyjson_val *json, struct rt_error *error)
{
    const char *content;
    if (rt_json_text(json, "content", 1, &content, &token->content_bytes, error) ||
        rt_json_copy(&token->content, content, token->content_bytes, error) ||
        rt_json_id(yyjson_obj_get(json, "id"), token->content, &token->id, error) || read_flags(token, json, error))
        return -1;
    if (!token->content_bytes)
        return rt_fail(error, RT_EXIT_TRUST, "added token %u is empty", token->id);
    return token->normalized ? apply_normalizers(token, normalizers, error) : 0;
}

/* A special token is recognised by its text, which for a normalized one is the normalized text: then Hugging Face
 * no longer takes it for a special one when decoding. */
static int is_hidden(const struct rt_added *added, const struct rt_added_token *token)
{
    if (!token->normal)
        return token->special;
    for (size_t i = 0; i < added->count; i++) {
        const struct rt_added_token *other = &added->tokens[i];
        if (other->special && !compare_bytes(other->content, other->content_bytes, token->normal, token->normal_bytes))
            return 1;
    }
    return 0;
}

int rt_added_read(struct rt_added *added, struct rt_vocab *vocab, const struct rt_normalizers *normalizers, yyjson_val *json,
                  struct rt_error *error)
{
    size_t i, count = yyjson_arr_size(json);
    uint32_t next = (uint32_t)vocab->model_count;
    yyjson_val *part;
    if (json && !yyjson_is_null(json) && !yyjson_is_arr(json))
        return rt_fail(error, RT_EXIT_TRUST, "\"added_tokens\" is not a list");
    added->tokens = calloc(count + 1, sizeof *added->tokens);
    if (!added->tokens || count > ADDED_MAX)
        return rt_fail(error, RT_EXIT_RESOURCES, "too many added tokens: %zu", count);
    yyjson_arr_foreach(json, i, count, part)
    {
        struct rt_added_token *token = &added->tokens[added->count++];
        if (read_token(token, normalizers, part, error) || check_id(vocab, token, &next, error) || enter(vocab, added, token, error))
            return rt_wrap(error, "added token %zu", i);
        if (token->single_word && !added->word && rt_pattern_open_own(&added->word, WORD_CHARACTER, strlen(WORD_CHARACTER), error))
            return -1;
    }
    for (i = 0; i < added->count; i++)
        added->tokens[i].hidden = is_hidden(added, &added->tokens[i]);
    return fill_index(&added->raw, added, 0, error) || fill_index(&added->normal, added, 1, error) ? -1 : 0;
}

void rt_added_free(struct rt_added *added)
{
    for (size_t i = 0; i < added->count; i++) {
        free(added->tokens[i].content);
        free(added->tokens[i].normal);
    }
    free(added->tokens);
    free(added->raw.sorted);
    free(added->normal.sorted);
    rt_pattern_close(&added->word);
}

const struct rt_added_token *rt_added_find(const struct rt_added *added, const char *content, size_t bytes)
{
    for (size_t i = 0; i < added->count; i++)
        if (!compare_bytes(added->tokens[i].content, added->tokens[i].content_bytes, content, bytes))
            return &added->tokens[i];
    return NULL;
}

/* --- searching --- */

/* The first in sorted[low, high) whose byte at `depth` is at least `byte`. All of them have more than `depth`
 * bytes. */
static size_t narrow(const struct rt_added_index *index, size_t low, size_t high, size_t depth, unsigned byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2, bytes;
        if ((unsigned char)searched_text(index->sorted[middle], &bytes)[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest token that the text begins with, or NULL. */
static const struct rt_added_token *longest_at(const struct rt_added_index *index, const char *text, size_t bytes)
{
    size_t low = index->first[(unsigned char)text[0]], high = index->first[(unsigned char)text[0] + 1], length;
    const struct rt_added_token *longest = NULL;
    for (size_t depth = 1; low < high; depth++) {
        searched_text(index->sorted[low], &length);
        if (length == depth) /* the shortest sorts first */
            longest = index->sorted[low++];
        if (depth == bytes)
            break;
        unsigned byte = (unsigned char)text[depth];
        low = narrow(index, low, high, depth, byte);
        high = narrow(index, low, high, depth, byte + 1);
    }
    return longest;
}

static int is_word(const struct rt_added_cut *cut, const char *character, size_t bytes, struct rt_error *error)
{
    struct rt_spans spans = {0};
    int failed = rt_pattern_cut(cut->added->word, cut->matcher, character, bytes, &spans, error);
    int word = spans.count && spans.at[0].match;
    free(spans.at);
    return failed ? -1 : word;
}

/* 1: no word character touches text[start, end). */
static int stands_alone(const struct rt_added_cut *cut, const char *text, size_t bytes, size_t start, size_t end, struct rt_error *error)
{
    uint32_t character;
    if (start) {
        size_t length = rt_utf8_read_last(text, start, &character);
        int word = is_word(cut, text + start - length, length, error);
        if (word)
            return word < 0 ? -1 : 0;
    }
    if (end == bytes)
        return 1;
    int word = is_word(cut, text + end, rt_utf8_read(text + end, bytes - end, &character), error);
    return word < 0 ? -1 : !word;
}

/* lstrip takes the blanks before, back to `done` at most; rstrip those after. */
static void take_blanks(const struct rt_added_token *token, const char *text, size_t bytes, size_t done, struct rt_span *span)
{
    uint32_t character;
    size_t length;
    if (token->lstrip && span->start < done)
        span->start = done;
    while (token->lstrip && span->start > done && (length = rt_utf8_read_last(text, span->start, &character), rt_is_space(character)))
        span->start -= length;
    while (token->rstrip && span->end < bytes &&
           (length = rt_utf8_read(text + span->end, bytes - span->end, &character), rt_is_space(character)))
        span->end += length;
}

int rt_added_cut(const struct rt_added_cut *cut, const char *text, size_t bytes, int at_start, struct rt_error *error)
{
    size_t done = 0, at = 0, length;
    while (at < bytes && cut->index->count) {
        const struct rt_added_token *token = longest_at(cut->index, text + at, bytes - at);
        if (!token) {
            at++;
            continue;
        }
        searched_text(token, &length);
        struct rt_span span = {at, at + length, 1};
        at += length; /* whether it counts or not: Hugging Face's search goes on behind it */
        if (token->special && !cut->specials)
            continue;
        int alone = token->single_word ? stands_alone(cut, text, bytes, span.start, span.end, error) : 1;
        if (alone < 0)
            return -1;
        if (!alone)
            continue;
        take_blanks(token, text, bytes, done, &span);
        if (done < span.start && cut->piece(cut->user, NULL, text + done, span.start - done, at_start && !done, error))
            return -1;
        if (cut->piece(cut->user, token, text + span.start, span.end - span.start, 0, error))
            return -1;
        done = span.end;
    }
    return done < bytes ? cut->piece(cut->user, NULL, text + done, bytes - done, at_start && !done, error) : 0;
}
