/* tokenizer_parts.h: what the tokenizer's files share; private to them. A text passes through the parts in this order:
 *   added tokens (raw) → normalizers → added tokens (normalized) → splitters → byte-pair merges → template
 * and ids come back through the decoder's stages. Each part reads its own piece of tokenizer.json and is read-only afterwards;
 * what changes during a call lives in a scratch struct of that call. */
#ifndef CLOISTER_TOKENIZER_PARTS_H
#define CLOISTER_TOKENIZER_PARTS_H

#include <yyjson.h>

#include "runtime/tokenizer.h"

enum {
    RT_PARTS_MAX = 16,         /* normalizers, splitters, decoder stages: of each at most this many, nested ones included */
    RT_PARTS_DEPTH = 8,        /* Sequences in Sequences */
    RT_TOKEN_BYTES_MAX = 4096, /* of one vocabulary entry */
    RT_TOKEN_ID_MAX = 1 << 24, /* ids are below it */
};

/* --- text and spans (tokenizer_text.c) --- */

struct rt_text { /* grows; free(at) */
    char *at;
    size_t len, room;
};

RT_MUST_CHECK int rt_text_append(struct rt_text *text, const char *bytes, size_t count, struct rt_error *error);
RT_MUST_CHECK int rt_text_append_char(struct rt_text *text, uint32_t character, struct rt_error *error);

/* The array, moved if need be so that it has room for `want` > 0 elements. NULL: no memory, and the array is as it
 * was. */
RT_MUST_CHECK void *rt_grow(void *array, size_t *room, size_t want, size_t element, struct rt_error *error);

struct rt_span { /* bytes [start, end) of a text, and whether a pattern matched them */
    size_t start, end;
    int match;
};

struct rt_spans { /* grows; free(at) */
    struct rt_span *at;
    size_t count, room;
};

RT_MUST_CHECK int rt_spans_add(struct rt_spans *spans, size_t start, size_t end, int match, struct rt_error *error);

enum rt_utf8 {
    RT_UTF8_WHOLE, /* a character */
    RT_UTF8_BAD,   /* bytes that one U+FFFD stands for (a maximal subpart, Unicode 3.9) */
    RT_UTF8_SHORT, /* the beginning of a character */
};

/* What the first bytes are, and how many. count > 0. */
enum rt_utf8 rt_utf8_check(const char *bytes, size_t count, size_t *length);
/* The first character of valid UTF-8; bytes > 0. Returns its length. */
size_t rt_utf8_read(const char *text, size_t bytes, uint32_t *character);
/* The last one. */
size_t rt_utf8_read_last(const char *text, size_t bytes, uint32_t *character);
size_t rt_utf8_write(uint32_t character, char out[4]);
#define RT_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

int rt_is_space(uint32_t character); /* Unicode's White_Space */

/* Byte-level BPE's alphabet: a printable character for each byte, as GPT-2 chose them. */
uint32_t rt_byte_to_char(uint8_t byte);
int rt_char_to_byte(uint32_t character); /* -1: not in the alphabet */
RT_MUST_CHECK int rt_text_append_byte_level(struct rt_text *text, const char *bytes, size_t count, struct rt_error *error);

/* --- reading tokenizer.json (tokenizer_json.c) --- */

int rt_json_null(yyjson_val *object, const char *key); /* absent counts as null */
/* A string member, 0 bytes long where it is absent and `required` is 0. */
RT_MUST_CHECK int rt_json_text(yyjson_val *object, const char *key, int required, const char **text, size_t *bytes, struct rt_error *error);
RT_MUST_CHECK int rt_json_flag(yyjson_val *object, const char *key, int otherwise, int *value, struct rt_error *error);
RT_MUST_CHECK int rt_json_id(yyjson_val *value, const char *what, uint32_t *id, struct rt_error *error);
RT_MUST_CHECK int rt_json_copy(char **copy, const char *text, size_t bytes, struct rt_error *error);
/* {"String": …} or {"Regex": …} of member "pattern"; the one that is not there is NULL. */
RT_MUST_CHECK int rt_json_pattern(yyjson_val *object, const char **string, const char **regex, size_t *bytes, struct rt_error *error);

struct rt_json_walk {      /* visits the parts of a component: itself, or those of a Sequence, in order */
    const char *component; /* "normalizer", for messages */
    const char *list;      /* the member of a Sequence that holds its parts */
    int (*part)(void *user, const char *type, yyjson_val *json, struct rt_error *error);
    void *user;
    size_t parts;
};

RT_MUST_CHECK int rt_json_walk(struct rt_json_walk *walk, yyjson_val *json, int depth, struct rt_error *error);

/* --- regular expressions (tokenizer_pattern.c) --- */

struct rt_pattern;
struct rt_matcher; /* what one call needs to match; of one thread */

/* Oniguruma's spelling, as in tokenizer.json. RT_EXIT_UNSUPPORTED for what PCRE2 would read differently. */
RT_MUST_CHECK int rt_pattern_open(struct rt_pattern **out, const char *regex, size_t bytes, struct rt_error *error);
/* PCRE2's own spelling. */
RT_MUST_CHECK int rt_pattern_open_own(struct rt_pattern **out, const char *regex, size_t bytes, struct rt_error *error);
void rt_pattern_close(struct rt_pattern **pattern);

RT_MUST_CHECK int rt_matcher_open(struct rt_matcher **out, struct rt_error *error);
void rt_matcher_close(struct rt_matcher **matcher);

/* Cuts the whole of a valid UTF-8 text into matches and what lies between; replaces *spans. Work is limited:
 * RT_EXIT_UNSUPPORTED. */
RT_MUST_CHECK int rt_pattern_cut(const struct rt_pattern *pattern, struct rt_matcher *matcher, const char *text, size_t bytes,
                                 struct rt_spans *spans, struct rt_error *error);
/* The same for a string that stands for itself. */
RT_MUST_CHECK int rt_string_cut(const char *needle, size_t needle_bytes, const char *text, size_t bytes, struct rt_spans *spans,
                                struct rt_error *error);

/* --- normalizers (tokenizer_normalize.c) --- */

struct rt_normalizer {
    int kind;
    char *text, *content; /* Prepend: text; Replace: text or pattern, and content */
    size_t text_bytes, content_bytes;
    struct rt_pattern *pattern;
    int left, right; /* Strip */
};

struct rt_normalizers {
    struct rt_normalizer at[RT_PARTS_MAX];
    size_t count;
};

struct rt_normal_scratch {
    struct rt_text spare;
    struct rt_spans spans;
    int32_t *characters;
    size_t room;
};

RT_MUST_CHECK int rt_normalizers_read(struct rt_normalizers *normalizers, yyjson_val *json, struct rt_error *error);
void rt_normalizers_free(struct rt_normalizers *normalizers);
/* In place. *at_start says that the text begins where the original began; cleared when that beginning is stripped
 * away. */
RT_MUST_CHECK int rt_normalize(const struct rt_normalizers *normalizers, struct rt_matcher *matcher, struct rt_normal_scratch *scratch,
                               struct rt_text *text, int *at_start, struct rt_error *error);
void rt_normal_scratch_free(struct rt_normal_scratch *scratch);
/* Decomposes, orders and composes (tokenizer_unicode.c); `options` are utf8proc's. Linear in the text but for runs
 * of combining marks, which cost n log n at most. */
RT_MUST_CHECK int rt_unicode_normalize(struct rt_text *text, struct rt_normal_scratch *scratch, unsigned options, struct rt_error *error);

/* --- splitters, Hugging Face's pre-tokenizers (tokenizer_split.c) --- */

enum rt_behavior { RT_ISOLATED, RT_REMOVED, RT_CONTIGUOUS, RT_MERGED_WITH_PREVIOUS, RT_MERGED_WITH_NEXT };

struct rt_splitter {
    int kind;
    enum rt_behavior behavior;
    int invert;             /* matches and the rest change places */
    int prefix, first_only; /* ByteLevel, Metaspace: put a space before; only at the text's very start */
    int cut;                /* ByteLevel, Metaspace: split at all */
    char *text;             /* Split by string; Metaspace: what a space becomes */
    size_t text_bytes;
    struct rt_pattern *pattern; /* Split by regex, ByteLevel, Whitespace */
};

struct rt_splitters {
    struct rt_splitter at[RT_PARTS_MAX];
    size_t count;
};

struct rt_split_scratch { /* one per splitter */
    struct rt_text text, mapped;
    struct rt_spans spans;
};

struct rt_split_run {
    const struct rt_splitters *splitters;
    struct rt_matcher *matcher;
    struct rt_split_scratch scratch[RT_PARTS_MAX];
    int (*piece)(void *user, const char *text, size_t bytes, struct rt_error *error);
    void *user;
};

RT_MUST_CHECK int rt_splitters_read(struct rt_splitters *splitters, yyjson_val *json, struct rt_error *error);
void rt_splitters_free(struct rt_splitters *splitters);
/* Hands the pieces to run->piece in order; empty ones are left out. */
RT_MUST_CHECK int rt_split(struct rt_split_run *run, const char *text, size_t bytes, int at_start, struct rt_error *error);
void rt_split_run_free(struct rt_split_run *run);

/* --- vocabulary and merges (tokenizer_vocab.c, tokenizer_bpe.c) --- */

struct rt_token {
    const char *text; /* NULL: no token has this id */
    uint32_t bytes;
    uint32_t added; /* 1 + its index among the added tokens; 0 for one of the model's */
    int special;
};

struct rt_vocab {
    char *pool; /* the model's token texts */
    struct rt_token *tokens;
    size_t size;        /* ids are below it */
    size_t model_count; /* tokens of the model */
    uint32_t *slots;    /* hash table of the model's tokens: 1 + id */
    size_t slot_mask;
    size_t longest; /* bytes of the longest token, added ones included */
};

RT_MUST_CHECK int rt_vocab_read(struct rt_vocab *vocab, yyjson_val *json, struct rt_error *error);
void rt_vocab_free(struct rt_vocab *vocab);
/* Only tokens of the model; -1: none. */
int rt_vocab_find(const struct rt_vocab *vocab, const char *text, size_t bytes);
/* Makes room for an id beyond the model's. */
RT_MUST_CHECK int rt_vocab_extend(struct rt_vocab *vocab, uint32_t id, struct rt_error *error);

struct rt_merge {
    uint32_t left, right, rank, result;
};

struct rt_bpe {
    struct rt_merge *merges; /* hash table; result == UINT32_MAX: empty */
    size_t merge_mask;
    int unk; /* id; -1: none, -2: named but not in the vocabulary, an error if ever needed */
    int fuse_unk, ignore_merges;
    int byte_fallback;
    int bytes[256]; /* ids of <0x00> … <0xFF>, -1 where missing */
};

struct rt_symbol;
struct rt_candidate;

struct rt_bpe_scratch {
    struct rt_symbol *symbols;
    struct rt_candidate *heap;
    size_t symbol_room, heap_room, symbol_count, heap_count;
};

RT_MUST_CHECK int rt_bpe_read(struct rt_bpe *bpe, const struct rt_vocab *vocab, yyjson_val *model, struct rt_error *error);
void rt_bpe_free(struct rt_bpe *bpe);
/* Appends the ids of one piece: as Hugging Face's BPE, lowest rank first, leftmost among equals. O(n log n).
 * Unless `specials`, a piece that is a special token's text (which ignore_merges would take whole) is merged like
 * any other. */
RT_MUST_CHECK int rt_bpe_encode(const struct rt_bpe *bpe, const struct rt_vocab *vocab, const char *text, size_t bytes, int specials,
                                struct rt_bpe_scratch *scratch, struct rt_tokens *out, struct rt_error *error);
void rt_bpe_scratch_free(struct rt_bpe_scratch *scratch);
RT_MUST_CHECK int rt_tokens_add(struct rt_tokens *tokens, uint32_t id, struct rt_error *error);

/* --- added tokens (tokenizer_added.c) --- */

struct rt_added_token {
    char *content, *normal; /* normal: through the normalizers, NULL where that changes nothing or is not asked for */
    size_t content_bytes, normal_bytes;
    uint32_t id;
    int special, single_word, lstrip, rstrip, normalized;
    int hidden; /* left out by a decoder that drops special tokens */
};

struct rt_added_index { /* patterns sorted by bytes: the longest match at a place is found by narrowing a range */
    const struct rt_added_token **sorted;
    size_t count;
    size_t first[257]; /* those that begin with byte b: [first[b], first[b + 1]) */
};

struct rt_added {
    struct rt_added_token *tokens;
    size_t count;
    struct rt_added_index raw, normal; /* looked for before and after normalizing */
    struct rt_pattern *word;           /* a character of \w, where single_word needs it */
};

struct rt_added_cut { /* where to look, and what for */
    const struct rt_added *added;
    const struct rt_added_index *index;
    struct rt_matcher *matcher;
    int specials; /* special tokens count */
    /* Called in order with token == NULL for text between tokens. */
    int (*piece)(void *user, const struct rt_added_token *token, const char *text, size_t bytes, int at_start, struct rt_error *error);
    void *user;
};

RT_MUST_CHECK int rt_added_read(struct rt_added *added, struct rt_vocab *vocab, const struct rt_normalizers *normalizers, yyjson_val *json,
                                struct rt_error *error);
void rt_added_free(struct rt_added *added);
const struct rt_added_token *rt_added_find(const struct rt_added *added, const char *content, size_t bytes);
RT_MUST_CHECK int rt_added_cut(const struct rt_added_cut *cut, const char *text, size_t bytes, int at_start, struct rt_error *error);

/* --- template (tokenizer_load.c) --- */

struct rt_affixes { /* what the post-processor puts before and after */
    struct rt_tokens before, after;
};

/* --- decoder (tokenizer_decode.c; its stages at work: tokenizer_stages.c) --- */

enum rt_stage_kind {
    RT_STAGE_SEPARATE, /* no decoder: tokens are joined with spaces */
    RT_STAGE_BYTE_LEVEL,
    RT_STAGE_BYTE_FALLBACK,
    RT_STAGE_METASPACE,
    RT_STAGE_FUSE,
    RT_STAGE_STRIP,
    RT_STAGE_REPLACE,
};

struct rt_decode_part {
    enum rt_stage_kind kind;
    char *text, *content; /* Replace: both; Metaspace and Strip: text is one character */
    size_t text_bytes, content_bytes;
    size_t start, stop; /* Strip: characters at most, at either end */
    int drop_first;     /* Metaspace: those of the first token vanish */
};

struct rt_decode_parts {
    struct rt_decode_part at[RT_PARTS_MAX];
    size_t count;
    int joined; /* while reading: the stages so far give one text, not tokens */
};

RT_MUST_CHECK int rt_decode_parts_read(struct rt_decode_parts *parts, yyjson_val *json, struct rt_error *error);
void rt_decode_parts_free(struct rt_decode_parts *parts);

/* --- all of it --- */

struct rt_tokenizer {
    struct rt_vocab vocab;
    struct rt_bpe bpe;
    struct rt_added added;
    struct rt_normalizers normalizers;
    struct rt_splitters splitters;
    struct rt_affixes affixes;
    struct rt_decode_parts decode;
    int bos, eos;
};

#endif
