/* token_bytes.c: makes the tries of a vocabulary: tokens by their bytes, sorted, so that a trie is one array that a walk reads forward. Plain
 * tokens (nearly all) are kept apart: inside a string one look at their number of characters tells whether they may come. */
#include "runtime/token_bytes.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/grammar_parts.h"
#include "runtime/scope.h"
#include "runtime/tokenizer_parts.h"

struct entry {
    const uint8_t *bytes;
    uint32_t count, id;
};

/* Characters of a plain token; 0 for another. */
static uint32_t plain_characters(const uint8_t *bytes, uint32_t count)
{
    uint32_t characters = 0, character;
    for (size_t at = 0, length; at < count; at += length, characters++) {
        const enum rt_utf8 kind = rt_utf8_check((const char *)bytes + at, count - at, &length);
        if (kind == RT_UTF8_BAD)
            return 0;
        rt_utf8_read((const char *)bytes + at, length, &character);
        if (kind == RT_UTF8_WHOLE && !rt_is_plain(character))
            return 0;
    }
    return characters;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    const int order = memcmp(x->bytes, y->bytes, x->count < y->count ? x->count : y->count);
    if (order)
        return order;
    if (x->count != y->count)
        return x->count < y->count ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static uint32_t alike(const struct entry *a, const struct entry *b)
{
    uint32_t count = 0;
    while (count < a->count && count < b->count && a->bytes[count] == b->bytes[count])
        count++;
    return count;
}

/* The nodes of sorted entries. open[d]: the newest node of depth d, not yet ended. */
static void fill_trie(struct rt_trie *trie, const struct entry *entries, uint32_t count)
{
    uint32_t open[RT_PIECE_MAX + 1], depth = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t same = i ? alike(&entries[i - 1], &entries[i]) : 0;
        for (; depth > same; depth--)
            trie->nodes[open[depth]].end = trie->node_count;
        while (depth < entries[i].count) {
            const uint8_t byte = entries[i].bytes[depth++];
            trie->nodes[trie->node_count] = (struct rt_trie_node){.first = i, .byte = byte, .depth = (uint8_t)depth};
            open[depth] = trie->node_count++;
        }
        trie->nodes[open[depth]].count++;
        trie->ids[trie->id_count++] = entries[i].id;
    }
    for (; depth; depth--)
        trie->nodes[open[depth]].end = trie->node_count;
}

static int make_trie(struct rt_trie *trie, struct entry *entries, uint32_t count, struct rt_error *error)
{
    size_t nodes = 0;
    qsort(entries, count, sizeof *entries, compare_entries);
    for (uint32_t i = 0; i < count; i++)
        nodes += entries[i].count - (i ? alike(&entries[i - 1], &entries[i]) : 0);
    trie->nodes = calloc(nodes + 1, sizeof *trie->nodes);
    trie->ids = malloc((count + 1) * sizeof *trie->ids);
    if (!trie->nodes || !trie->ids)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the bytes of %u tokens", count);
    fill_trie(trie, entries, count);
    return 0;
}

static void add_run(struct rt_token_bytes *bytes, uint32_t id, uint32_t characters)
{
    for (uint32_t run = characters; run <= RT_RUN_MAX; run++)
        bytes->runs[(size_t)run * bytes->words + id / 32] |= 1u << id % 32;
    if (characters > RT_RUN_MAX)
        bytes->longer[bytes->longer_count++] = (struct rt_long_token){id, characters};
}

/* Plain tokens first, then the others. */
static uint32_t divide(struct rt_token_bytes *bytes, struct entry *entries, uint32_t *others)
{
    uint32_t plain = 0, other = bytes->size;
    for (uint32_t id = 0; id < bytes->size; id++) {
        const struct entry entry = {bytes->pool + bytes->starts[id], bytes->starts[id + 1] - bytes->starts[id], id};
        const uint32_t characters = plain_characters(entry.bytes, entry.count);
        if (characters)
            add_run(bytes, id, characters);
        if (entry.count > bytes->longest)
            bytes->longest = entry.count;
        if (entry.count)
            entries[characters ? plain++ : --other] = entry;
    }
    *others = other;
    return plain;
}

static int take_bytes(struct rt_token_bytes *bytes, const struct rt_tokenizer *tokenizer, struct rt_error *error)
{
    char piece[RT_PIECE_MAX];
    size_t used = 0, room = 0, count;
    for (uint32_t id = 0; id < bytes->size; id++) {
        uint8_t *pool = rt_grow(bytes->pool, &room, used + RT_PIECE_MAX, 1, error);
        if (!pool)
            return -1;
        bytes->pool = pool;
        bytes->starts[id] = (uint32_t)used;
        if (rt_tokenizer_bytes(tokenizer, id, piece, sizeof piece, &count))
            count = 0;
        memcpy(pool + used, piece, count);
        used += count;
    }
    bytes->starts[bytes->size] = (uint32_t)used;
    return 0;
}

int rt_token_bytes_open(struct rt_token_bytes **out, const struct rt_tokenizer *tokenizer, struct rt_error *error)
{
    RT_CLEAN(rt_token_bytes_close) struct rt_token_bytes *bytes = calloc(1, sizeof *bytes);
    RT_FREE struct entry *entries = NULL;
    *out = NULL;
    if (bytes) {
        bytes->size = (uint32_t)rt_tokenizer_size(tokenizer);
        bytes->words = (bytes->size + 31) / 32;
        bytes->longest = RT_EMPTY_TIMES;
        bytes->dropped_spaces = rt_tokenizer_dropped_spaces(tokenizer);
        bytes->starts = malloc((bytes->size + (size_t)1) * sizeof *bytes->starts);
        bytes->runs = calloc((RT_RUN_MAX + 1) * (size_t)bytes->words, sizeof *bytes->runs);
        bytes->longer = malloc((bytes->size + (size_t)1) * sizeof *bytes->longer);
        entries = malloc((bytes->size + (size_t)1) * sizeof *entries);
    }
    if (!bytes || !bytes->starts || !bytes->runs || !bytes->longer || !entries)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the bytes of a vocabulary");
    if (take_bytes(bytes, tokenizer, error))
        return -1;
    uint32_t others;
    const uint32_t plain = divide(bytes, entries, &others);
    if (make_trie(&bytes->plain, entries, plain, error) || make_trie(&bytes->rest, entries + others, bytes->size - others, error))
        return -1;
    *out = RT_MOVE(bytes);
    return 0;
}

void rt_token_bytes_close(struct rt_token_bytes **bytes)
{
    struct rt_token_bytes *closed = *bytes;
    if (closed) {
        free(closed->plain.nodes);
        free(closed->plain.ids);
        free(closed->rest.nodes);
        free(closed->rest.ids);
        free(closed->runs);
        free(closed->longer);
        free(closed->pool);
        free(closed->starts);
    }
    free(closed);
    *bytes = NULL;
}
