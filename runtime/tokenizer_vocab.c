/* tokenizer_vocab.c: the model's vocabulary: text → id by hash, id → text by table. Added tokens sit in the same
 * table of ids but not in the hash, because merging must not see them. Read-only once read; any thread. */
#include "runtime/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_bytes(const char *text, size_t bytes)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a, then mixed because the table uses the low bits */
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static int same_text(const struct rt_token *token, const char *text, size_t bytes)
{
    return token->bytes == bytes && !memcmp(token->text, text, bytes);
}

/* The slot that holds the text, or the empty one where it would go. */
static uint32_t *find_slot(const struct rt_vocab *vocab, const char *text, size_t bytes)
{
    size_t at = hash_bytes(text, bytes) & vocab->slot_mask;
    while (vocab->slots[at] && !same_text(&vocab->tokens[vocab->slots[at] - 1], text, bytes))
        at = (at + 1) & vocab->slot_mask;
    return &vocab->slots[at];
}

int rt_vocab_find(const struct rt_vocab *vocab, const char *text, size_t bytes)
{
    return (int)*find_slot(vocab, text, bytes) - 1;
}

/* Adds up the texts and finds the highest id, checking both. */
static int measure(struct rt_vocab *vocab, yyjson_val *json, size_t *pool_bytes, struct rt_error *error)
{
    yyjson_val *key, *value;
    size_t i, count;
    yyjson_obj_foreach(json, i, count, key, value)
    {
        uint32_t id;
        if (rt_json_id(value, yyjson_get_str(key), &id, error))
            return -1;
        if (yyjson_get_len(key) > RT_TOKEN_BYTES_MAX)
            return rt_fail(error, RT_EXIT_UNSUPPORTED, "token %u is longer than %d bytes", id, RT_TOKEN_BYTES_MAX);
        if (yyjson_get_len(key) > vocab->longest)
            vocab->longest = yyjson_get_len(key);
        *pool_bytes += yyjson_get_len(key) + 1;
        if (id >= vocab->size)
            vocab->size = id + 1;
    }
    vocab->model_count = yyjson_obj_size(json);
    return 0;
}

static int make_tables(struct rt_vocab *vocab, size_t pool_bytes, struct rt_error *error)
{
    size_t slots = 16;
    while (slots < vocab->model_count * 2)
        slots *= 2;
    vocab->slot_mask = slots - 1;
    vocab->slots = calloc(slots, sizeof *vocab->slots);
    vocab->tokens = calloc(vocab->size + 1, sizeof *vocab->tokens);
    vocab->pool = malloc(pool_bytes + 1);
    if (!vocab->slots || !vocab->tokens || !vocab->pool)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a vocabulary of %zu tokens", vocab->model_count);
    return 0;
}

static int place(struct rt_vocab *vocab, const char *text, size_t bytes, uint32_t id, struct rt_error *error)
{
    struct rt_token *token = &vocab->tokens[id];
    uint32_t *slot = find_slot(vocab, text, bytes);
    if (*slot)
        return rt_fail(error, RT_EXIT_TRUST, "the vocabulary has \"%s\" twice", text);
    if (token->text)
        return rt_fail(error, RT_EXIT_TRUST, "the vocabulary gives id %u to \"%s\" and to \"%s\"", id, token->text, text);
    *token = (struct rt_token){.text = text, .bytes = (uint32_t)bytes};
    *slot = id + 1;
    return 0;
}

int rt_vocab_read(struct rt_vocab *vocab, yyjson_val *json, struct rt_error *error)
{
    size_t pool_bytes = 0;
    if (!yyjson_is_obj(json) || !yyjson_obj_size(json))
        return rt_fail(error, RT_EXIT_TRUST, "\"vocab\" is not an object with tokens");
    if (measure(vocab, json, &pool_bytes, error) || make_tables(vocab, pool_bytes, error))
        return -1;
    yyjson_val *key, *value;
    size_t i, count;
    char *text = vocab->pool;
    yyjson_obj_foreach(json, i, count, key, value)
    {
        size_t bytes = yyjson_get_len(key);
        memcpy(text, yyjson_get_str(key), bytes);
        text[bytes] = 0;
        if (place(vocab, text, bytes, (uint32_t)yyjson_get_uint(value), error))
            return -1;
        text += bytes + 1;
    }
    return 0;
}

int rt_vocab_extend(struct rt_vocab *vocab, uint32_t id, struct rt_error *error)
{
    if (id < vocab->size)
        return 0;
    struct rt_token *tokens = realloc(vocab->tokens, (id + (size_t)1) * sizeof *tokens);
    if (!tokens)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a vocabulary of %u tokens", id + 1);
    memset(tokens + vocab->size, 0, (id + (size_t)1 - vocab->size) * sizeof *tokens);
    vocab->tokens = tokens;
    vocab->size = id + (size_t)1;
    return 0;
}

void rt_vocab_free(struct rt_vocab *vocab)
{
    free(vocab->pool);
    free(vocab->tokens);
    free(vocab->slots);
}
