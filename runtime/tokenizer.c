/* tokenizer.c: rt_tokenizer_encode: takes a text through the parts in order. Knows the order and nothing of what
 * the parts do. The tokenizer is read-only; whatever a call changes is in its own struct encoding, so any number
 * of threads may call. */
#include "runtime/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"

struct encoding { /* one call */
    const struct rt_tokenizer *tokenizer;
    unsigned flags;
    struct rt_tokens *out;
    struct rt_matcher *matcher;
    struct rt_normal_scratch normal;
    struct rt_split_run split;
    struct rt_bpe_scratch bpe;
    struct rt_text text; /* between added tokens, normalized */
};

static void encoding_free(struct encoding **encoding)
{
    if (!*encoding)
        return;
    rt_matcher_close(&(*encoding)->matcher);
    rt_normal_scratch_free(&(*encoding)->normal);
    rt_split_run_free(&(*encoding)->split);
    rt_bpe_scratch_free(&(*encoding)->bpe);
    free((*encoding)->text.at);
    free(*encoding);
}

static int encode_piece(void *user, const char *text, size_t bytes, struct rt_error *error)
{
    struct encoding *e = user;
    int specials = !!(e->flags & RT_ENCODE_SPECIAL);
    return rt_bpe_encode(&e->tokenizer->bpe, &e->tokenizer->vocab, text, bytes, specials, &e->bpe, e->out, error);
}

static int encode_normalized(void *user, const struct rt_added_token *token, const char *text, size_t bytes, int at_start,
                             struct rt_error *error)
{
    struct encoding *e = user;
    return token ? rt_tokens_add(e->out, token->id, error) : rt_split(&e->split, text, bytes, at_start, error);
}

static struct rt_added_cut added_cut(const struct encoding *e, const struct rt_added_index *index)
{
    return (struct rt_added_cut){
        .added = &e->tokenizer->added, .index = index, .matcher = e->matcher, .specials = !!(e->flags & RT_ENCODE_SPECIAL)};
}

static int encode_raw(void *user, const struct rt_added_token *token, const char *text, size_t bytes, int at_start, struct rt_error *error)
{
    struct encoding *e = user;
    if (token)
        return rt_tokens_add(e->out, token->id, error);
    e->text.len = 0;
    if (rt_text_append(&e->text, text, bytes, error) ||
        rt_normalize(&e->tokenizer->normalizers, e->matcher, &e->normal, &e->text, &at_start, error))
        return -1;
    struct rt_added_cut cut = added_cut(e, &e->tokenizer->added.normal);
    cut.piece = encode_normalized;
    cut.user = e;
    return rt_added_cut(&cut, e->text.at, e->text.len, at_start, error);
}

static int append_ids(struct rt_tokens *out, const struct rt_tokens *ids, struct rt_error *error)
{
    for (size_t i = 0; i < ids->count; i++)
        if (rt_tokens_add(out, ids->ids[i], error))
            return -1;
    return 0;
}

/* Appends the text with every malformed part as U+FFFD. */
static int append_valid(struct rt_text *valid, const char *text, size_t bytes, struct rt_error *error)
{
    for (size_t at = 0, length; at < bytes; at += length) {
        enum rt_utf8 kind = rt_utf8_check(text + at, bytes - at, &length);
        if (rt_text_append(valid, kind == RT_UTF8_WHOLE ? text + at : RT_REPLACEMENT, kind == RT_UTF8_WHOLE ? length : 3, error))
            return -1;
    }
    return 0;
}

static int encode_all(struct encoding *e, const char *text, size_t bytes, struct rt_error *error)
{
    RT_FREE char *valid_text = NULL;
    struct rt_text valid = {0};
    int failed = append_valid(&valid, text, bytes, error);
    valid_text = valid.at;
    if (failed || rt_matcher_open(&e->matcher, error))
        return -1;
    e->split.splitters = &e->tokenizer->splitters;
    e->split.matcher = e->matcher;
    e->split.piece = encode_piece;
    e->split.user = e;
    struct rt_added_cut cut = added_cut(e, &e->tokenizer->added.raw);
    cut.piece = encode_raw;
    cut.user = e;
    return rt_added_cut(&cut, valid.at, valid.len, 1, error);
}

int rt_tokenizer_encode(const struct rt_tokenizer *tokenizer, const char *text, size_t bytes, unsigned flags, struct rt_tokens *out,
                        struct rt_error *error)
{
    RT_CLEAN(encoding_free) struct encoding *encoding = calloc(1, sizeof *encoding);
    if (!encoding)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to tokenize");
    encoding->tokenizer = tokenizer;
    encoding->flags = flags;
    encoding->out = out;
    if ((flags & RT_ENCODE_TEMPLATE) && append_ids(out, &tokenizer->affixes.before, error))
        return -1;
    if (encode_all(encoding, text, bytes, error))
        return -1;
    return flags & RT_ENCODE_TEMPLATE ? append_ids(out, &tokenizer->affixes.after, error) : 0;
}

size_t rt_tokenizer_size(const struct rt_tokenizer *tokenizer)
{
    return tokenizer->vocab.size;
}

int rt_tokenizer_id(const struct rt_tokenizer *tokenizer, const char *token)
{
    size_t bytes = strlen(token);
    const struct rt_added_token *added = rt_added_find(&tokenizer->added, token, bytes);
    return added ? (int)added->id : rt_vocab_find(&tokenizer->vocab, token, bytes);
}

int rt_tokenizer_special(const struct rt_tokenizer *tokenizer, uint32_t id)
{
    return id < tokenizer->vocab.size && tokenizer->vocab.tokens[id].special;
}

const char *rt_tokenizer_text(const struct rt_tokenizer *tokenizer, uint32_t id, size_t *bytes)
{
    *bytes = 0;
    if (id >= tokenizer->vocab.size)
        return NULL;
    *bytes = tokenizer->vocab.tokens[id].bytes;
    return tokenizer->vocab.tokens[id].text;
}

int rt_tokenizer_bos(const struct rt_tokenizer *tokenizer)
{
    return tokenizer->bos;
}

int rt_tokenizer_eos(const struct rt_tokenizer *tokenizer)
{
    return tokenizer->eos;
}
