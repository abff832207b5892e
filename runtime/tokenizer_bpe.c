/* tokenizer_bpe.c: byte-pair merging of one piece of text, as Hugging Face's model "BPE": symbols in a linked
 * list, candidate merges in a heap ordered by rank and then by position, so that a piece of n characters costs O(n
 * log n) whatever it says. Knows the vocabulary; nothing of normalizing or splitting. Read-only once read; any
 * thread with a scratch of its own. */
#include "runtime/tokenizer_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct rt_symbol {
    uint32_t id;         /* NONE: merged into the symbol on its left */
    uint32_t prev, next; /* NONE at the ends */
};

struct rt_candidate {
    uint64_t order; /* rank, then position: the lowest merges first */
    uint32_t result;
};

static size_t merge_slot(const struct rt_bpe *bpe, uint32_t left, uint32_t right)
{
    uint64_t hash = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15u;
    size_t at = (hash ^ hash >> 32) & bpe->merge_mask;
    while (bpe->merges[at].result != NONE && (bpe->merges[at].left != left || bpe->merges[at].right != right))
        at = (at + 1) & bpe->merge_mask;
    return at;
}

/* NULL: the two do not merge. */
static const struct rt_merge *find_merge(const struct rt_bpe *bpe, uint32_t left, uint32_t right)
{
    const struct rt_merge *merge = &bpe->merges[merge_slot(bpe, left, right)];
    return merge->result == NONE ? NULL : merge;
}

/* --- reading --- */

/* Both spellings: "a b" and ["a", "b"]. */
static int split_merge(yyjson_val *json, const char *text[2], size_t bytes[2])
{
    if (yyjson_is_arr(json) && yyjson_arr_size(json) == 2) {
        for (size_t i = 0; i < 2; i++) {
            text[i] = yyjson_get_str(yyjson_arr_get(json, i));
            bytes[i] = yyjson_get_len(yyjson_arr_get(json, i));
        }
        return text[0] && text[1] ? 0 : -1;
    }
    text[0] = yyjson_get_str(json);
    const char *space = text[0] ? memchr(text[0], ' ', yyjson_get_len(json)) : NULL;
    if (!space)
        return -1;
    text[1] = space + 1;
    bytes[0] = (size_t)(space - text[0]);
    bytes[1] = yyjson_get_len(json) - bytes[0] - 1;
    return memchr(text[1], ' ', bytes[1]) ? -1 : 0;
}

static int read_merge(struct rt_bpe *bpe, const struct rt_vocab *vocab, yyjson_val *json, uint32_t rank, struct rt_error *error)
{
    const char *text[2];
    size_t bytes[2];
    char both[2 * RT_TOKEN_BYTES_MAX];
    int id[2];
    if (split_merge(json, text, bytes))
        return rt_fail(error, RT_EXIT_TRUST, "merge %u is not two tokens", rank + 1);
    for (int i = 0; i < 2; i++) {
        id[i] = rt_vocab_find(vocab, text[i], bytes[i]);
        if (id[i] < 0)
            return rt_fail(error, RT_EXIT_TRUST, "merge %u: \"%.*s\" is not in the vocabulary", rank + 1, (int)bytes[i], text[i]);
    }
    memcpy(both, text[0], bytes[0]);
    memcpy(both + bytes[0], text[1], bytes[1]);
    int result = rt_vocab_find(vocab, both, bytes[0] + bytes[1]);
    if (result < 0)
        return rt_fail(error, RT_EXIT_TRUST, "merge %u: its result \"%.*s\" is not in the vocabulary", rank + 1, (int)(bytes[0] + bytes[1]),
                       both);
    struct rt_merge *merge = &bpe->merges[merge_slot(bpe, (uint32_t)id[0], (uint32_t)id[1])];
    *merge = (struct rt_merge){(uint32_t)id[0], (uint32_t)id[1], rank, (uint32_t)result};
    return 0;
}

static int is_version_line(yyjson_val *json)
{
    const char *text = yyjson_get_str(json);
    return text && !strncmp(text, "#version", 8);
}

static int read_merges(struct rt_bpe *bpe, const struct rt_vocab *vocab, yyjson_val *json, struct rt_error *error)
{
    if (!yyjson_is_arr(json) || yyjson_arr_size(json) >= NONE / 4)
        return rt_fail(error, RT_EXIT_TRUST, "\"merges\" is not a list");
    size_t slots = 16;
    while (slots < yyjson_arr_size(json) * 2)
        slots *= 2;
    bpe->merge_mask = slots - 1;
    bpe->merges = malloc(slots * sizeof *bpe->merges);
    if (!bpe->merges)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %zu merges", yyjson_arr_size(json));
    memset(bpe->merges, 0xff, slots * sizeof *bpe->merges); /* result == NONE */
    yyjson_val *merge;
    size_t i, count;
    uint32_t rank = 0;
    yyjson_arr_foreach(json, i, count, merge)
    {
        if (is_version_line(merge))
            continue;
        if (read_merge(bpe, vocab, merge, rank++, error))
            return -1;
    }
    return 0;
}

static int refuse_extras(yyjson_val *model, struct rt_error *error)
{
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < 2; i++) {
        const char *text;
        size_t bytes;
        if (rt_json_text(model, affixes[i], 0, &text, &bytes, error))
            return -1;
        if (bytes)
            return rt_fail(error, RT_EXIT_UNSUPPORTED, "\"%s\" is not supported", affixes[i]);
    }
    yyjson_val *dropout = yyjson_obj_get(model, "dropout");
    if (dropout && !yyjson_is_null(dropout) && yyjson_get_num(dropout) != 0)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "\"dropout\" is not supported");
    return 0;
}

static int read_unk(struct rt_bpe *bpe, const struct rt_vocab *vocab, yyjson_val *model, struct rt_error *error)
{
    const char *text;
    size_t bytes;
    bpe->unk = -1;
    if (rt_json_null(model, "unk_token"))
        return 0;
    if (rt_json_text(model, "unk_token", 1, &text, &bytes, error))
        return -1;
    int id = rt_vocab_find(vocab, text, bytes);
    bpe->unk = id < 0 ? -2 : id;
    return 0;
}

int rt_bpe_read(struct rt_bpe *bpe, const struct rt_vocab *vocab, yyjson_val *model, struct rt_error *error)
{
    for (int byte = 0; byte < 256; byte++) {
        char text[7];
        snprintf(text, sizeof text, "<0x%02X>", byte);
        bpe->bytes[byte] = rt_vocab_find(vocab, text, 6);
    }
    if (refuse_extras(model, error) || read_unk(bpe, vocab, model, error))
        return -1;
    if (rt_json_flag(model, "fuse_unk", 0, &bpe->fuse_unk, error) || rt_json_flag(model, "byte_fallback", 0, &bpe->byte_fallback, error) ||
        rt_json_flag(model, "ignore_merges", 0, &bpe->ignore_merges, error))
        return -1;
    return read_merges(bpe, vocab, yyjson_obj_get(model, "merges"), error);
}

void rt_bpe_free(struct rt_bpe *bpe)
{
    free(bpe->merges);
}

/* --- merging --- */

int rt_tokens_add(struct rt_tokens *tokens, uint32_t id, struct rt_error *error)
{
    uint32_t *ids = rt_grow(tokens->ids, &tokens->room, tokens->count + 1, sizeof *ids, error);
    if (!ids)
        return -1;
    tokens->ids = ids;
    ids[tokens->count++] = id;
    return 0;
}

static void add_symbol(struct rt_bpe_scratch *scratch, int id)
{
    uint32_t at = (uint32_t)scratch->symbol_count++;
    scratch->symbols[at] = (struct rt_symbol){(uint32_t)id, at ? at - 1 : NONE, NONE};
    if (at)
        scratch->symbols[at - 1].next = at;
}

/* All bytes of the character as <0x..> tokens, or nothing. */
static int add_bytes(const struct rt_bpe *bpe, const char *text, size_t bytes, struct rt_bpe_scratch *scratch)
{
    for (size_t i = 0; i < bytes; i++)
        if (bpe->bytes[(unsigned char)text[i]] < 0)
            return 0;
    for (size_t i = 0; i < bytes; i++)
        add_symbol(scratch, bpe->bytes[(unsigned char)text[i]]);
    return 1;
}

/* A character that the vocabulary lacks: its bytes, else an unknown token, which waits in *unknown so that a run
 * can become one (fuse_unk). Byte tokens do not push a waiting one out first: that is Hugging Face's order.
 * Without an unknown token the character vanishes. */
static int add_missing(const struct rt_bpe *bpe, const char *text, size_t bytes, struct rt_bpe_scratch *scratch, int *unknown,
                       struct rt_error *error)
{
    if (bpe->byte_fallback && add_bytes(bpe, text, bytes, scratch))
        return 0;
    if (bpe->unk == -2)
        return rt_fail(error, RT_EXIT_TRUST, "the tokenizer's unk_token is not in its vocabulary");
    if (*unknown && !bpe->fuse_unk)
        add_symbol(scratch, bpe->unk);
    *unknown = bpe->unk >= 0;
    return 0;
}

static int fill_symbols(const struct rt_bpe *bpe, const struct rt_vocab *vocab, const char *text, size_t bytes,
                        struct rt_bpe_scratch *scratch, struct rt_error *error)
{
    int unknown = 0;
    scratch->symbol_count = 0;
    for (size_t at = 0, length; at < bytes; at += length) {
        uint32_t character;
        length = rt_utf8_read(text + at, bytes - at, &character);
        int id = rt_vocab_find(vocab, text + at, length);
        if (id < 0) {
            if (add_missing(bpe, text + at, length, scratch, &unknown, error))
                return -1;
            continue;
        }
        if (unknown)
            add_symbol(scratch, bpe->unk);
        unknown = 0;
        add_symbol(scratch, id);
    }
    if (unknown)
        add_symbol(scratch, bpe->unk);
    return 0;
}

static void push_candidate(const struct rt_bpe *bpe, struct rt_bpe_scratch *scratch, uint32_t left)
{
    uint32_t right = scratch->symbols[left].next;
    const struct rt_merge *merge = find_merge(bpe, scratch->symbols[left].id, scratch->symbols[right].id);
    if (!merge)
        return;
    struct rt_candidate *heap = scratch->heap, added = {(uint64_t)merge->rank << 32 | left, merge->result};
    size_t at = scratch->heap_count++;
    for (; at && heap[(at - 1) / 2].order > added.order; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = added;
}

static struct rt_candidate pop_candidate(struct rt_bpe_scratch *scratch)
{
    struct rt_candidate *heap = scratch->heap, top = heap[0], last = heap[--scratch->heap_count];
    size_t count = scratch->heap_count, at = 0;
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1].order < heap[child].order)
            child++;
        if (heap[child].order >= last.order)
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return top;
}

/* Merges unless the candidate is out of date: its symbols may have gone or changed since it was pushed. */
static void apply_candidate(const struct rt_bpe *bpe, struct rt_bpe_scratch *scratch, struct rt_candidate candidate)
{
    uint32_t at = (uint32_t)candidate.order;
    struct rt_symbol *left = &scratch->symbols[at];
    if (left->id == NONE || left->next == NONE)
        return;
    struct rt_symbol *right = &scratch->symbols[left->next];
    const struct rt_merge *merge = find_merge(bpe, left->id, right->id);
    if (!merge || merge->result != candidate.result)
        return;
    left->id = candidate.result;
    left->next = right->next;
    right->id = NONE;
    if (left->next != NONE) {
        scratch->symbols[left->next].prev = at;
        push_candidate(bpe, scratch, at);
    }
    if (left->prev != NONE)
        push_candidate(bpe, scratch, left->prev);
}

/* A symbol for each byte at most. Each merge takes one candidate and adds two, and there are fewer merges than
 * symbols. */
static int reserve(struct rt_bpe_scratch *scratch, size_t bytes, struct rt_error *error)
{
    if (bytes > INT32_MAX)
        return rt_fail(error, RT_EXIT_RESOURCES, "a text of %zu bytes is too long to tokenize", bytes);
    struct rt_symbol *symbols = rt_grow(scratch->symbols, &scratch->symbol_room, bytes, sizeof *symbols, error);
    if (!symbols)
        return -1;
    scratch->symbols = symbols;
    struct rt_candidate *heap = rt_grow(scratch->heap, &scratch->heap_room, 2 * bytes, sizeof *heap, error);
    if (!heap)
        return -1;
    scratch->heap = heap;
    return 0;
}

int rt_bpe_encode(const struct rt_bpe *bpe, const struct rt_vocab *vocab, const char *text, size_t bytes, int specials,
                  struct rt_bpe_scratch *scratch, struct rt_tokens *out, struct rt_error *error)
{
    int whole = bpe->ignore_merges ? rt_vocab_find(vocab, text, bytes) : -1;
    if (whole >= 0 && (specials || !vocab->tokens[whole].special))
        return rt_tokens_add(out, (uint32_t)whole, error);
    if (reserve(scratch, bytes, error) || fill_symbols(bpe, vocab, text, bytes, scratch, error))
        return -1;
    scratch->heap_count = 0;
    for (uint32_t i = 0; i + 1 < scratch->symbol_count; i++)
        push_candidate(bpe, scratch, i);
    while (scratch->heap_count)
        apply_candidate(bpe, scratch, pop_candidate(scratch));
    for (size_t i = 0; i < scratch->symbol_count; i++)
        if (scratch->symbols[i].id != NONE && rt_tokens_add(out, scratch->symbols[i].id, error))
            return -1;
    return 0;
}

void rt_bpe_scratch_free(struct rt_bpe_scratch *scratch)
{
    free(scratch->symbols);
    free(scratch->heap);
}
