/* tokenizer.h: text to token ids and back, from Hugging Face's tokenizer.json (https://huggingface.co/docs/tokenizers): byte-level BPE with
 * any split pattern, and SentencePiece-style BPE with byte fallback. Everything about the file is hostile: sizes, ids, patterns and
 * merges are checked when opened, and encoding is O(n log n) whatever the text. Read-only once open; any thread. */
#ifndef CLOISTER_TOKENIZER_H
#define CLOISTER_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "runtime/error.h"

struct rt_tokenizer;

struct rt_tokens { /* grows */
    uint32_t *ids;
    size_t count, room;
};

static inline void rt_tokens_close(struct rt_tokens *tokens)
{
    free(tokens->ids);
    *tokens = (struct rt_tokens){0};
}

/* config is tokenizer_config.json or NULL. RT_EXIT_UNSUPPORTED names the component that is not known; RT_EXIT_TRUST a broken file. */
RT_MUST_CHECK int rt_tokenizer_open(struct rt_tokenizer **out, const char *json, size_t bytes, const char *config, size_t config_bytes,
                                    struct rt_error *error);
void rt_tokenizer_close(struct rt_tokenizer **tokenizer);

enum rt_encode_flags {
    RT_ENCODE_SPECIAL = 1,  /* special tokens written out in the text ("<|im_end|>") become their ids; without it they are plain text */
    RT_ENCODE_TEMPLATE = 2, /* what the post-processor adds (a begin-of-text token) */
};
/* Appends. The text is UTF-8; invalid bytes become U+FFFD, as in Python's errors="replace". */
RT_MUST_CHECK int rt_tokenizer_encode(const struct rt_tokenizer *tokenizer, const char *text, size_t bytes, unsigned flags,
                                      struct rt_tokens *out, struct rt_error *error);

size_t rt_tokenizer_size(const struct rt_tokenizer *tokenizer);                                  /* ids are below it */
int rt_tokenizer_id(const struct rt_tokenizer *tokenizer, const char *token);                    /* -1: no such token */
int rt_tokenizer_special(const struct rt_tokenizer *tokenizer, uint32_t id);                     /* 1 for an added token marked special */
const char *rt_tokenizer_text(const struct rt_tokenizer *tokenizer, uint32_t id, size_t *bytes); /* as in the vocabulary; NULL if none */
/* From tokenizer_config.json; -1 where not given. */
int rt_tokenizer_bos(const struct rt_tokenizer *tokenizer);
int rt_tokenizer_eos(const struct rt_tokenizer *tokenizer);

/* All ids at once, as Hugging Face's decode() without clean-up; special tokens are left out unless keep_special.
 * *text is 0-terminated; free it. */
RT_MUST_CHECK int rt_tokenizer_decode(const struct rt_tokenizer *tokenizer, const uint32_t *ids, size_t count, int keep_special,
                                      char **text, size_t *bytes, struct rt_error *error);

/* The bytes that a token adds to a text, half characters included, as the decoder gives them before it judges what is whole; -1 where there are
 * more than `room`, and for special tokens, which add none. */
RT_MUST_CHECK int rt_tokenizer_bytes(const struct rt_tokenizer *tokenizer, uint32_t id, char *out, size_t room, size_t *bytes);
/* How many of the spaces that a text's first token begins with the decoder drops; SIZE_MAX: every space in that token. */
size_t rt_tokenizer_dropped_spaces(const struct rt_tokenizer *tokenizer);

/* Token by token: bytes come out as soon as they are whole characters, so the pieces joined are rt_tokenizer_decode's text. */
struct rt_decoder;
RT_MUST_CHECK int rt_decoder_open(struct rt_decoder **out, const struct rt_tokenizer *tokenizer, int keep_special, struct rt_error *error);
void rt_decoder_close(struct rt_decoder **decoder);
/* The new text after one more id: points into the decoder, valid until the next call. No allocation. */
const char *rt_decoder_feed(struct rt_decoder *decoder, uint32_t id, size_t *bytes);
const char *rt_decoder_end(struct rt_decoder *decoder, size_t *bytes); /* what was held back, as U+FFFD where it stayed incomplete */

#endif
