/* fuzz_grammar.c: hostile grammars and schemas, and answers that follow them. The input's first byte says which notation; behind the first zero
 * byte of the rest come numbers that draw tokens. What a mask allows must be accepted and the first token that it does not allow refused; work
 * is bounded by libFuzzer's time limit. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "runtime/grammar.h"
#include "runtime/scope.h"
#include "tests/vocabulary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TOKENS_MAX = 40, WORDS = 16 };

static const char *const pieces[] = {"{\"", "\":", "\", \"", "\"}",   "}}",   "[[",       "ab",       "abc",      "aaaa",
                                     "12",  "0.",  "-1",     "\\u00", "\n  ", "\xe2\x82", "\x82\xac", "\xc3\xa9", "x\"y"};
enum { PIECES = sizeof pieces / sizeof *pieces, END = 256 + PIECES };

static struct rt_token_bytes *vocabulary(void)
{
    static struct rt_token_bytes *bytes; /* once for all inputs */
    struct rt_tokenizer *tokenizer = NULL;
    struct vocabulary_piece list[PIECES];
    struct rt_error error;
    if (bytes)
        return bytes;
    for (size_t i = 0; i < PIECES; i++)
        list[i] = (struct vocabulary_piece){pieces[i], strlen(pieces[i])};
    if (vocabulary_open(&tokenizer, list, PIECES, &error) || rt_token_bytes_open(&bytes, tokenizer, &error))
        abort();
    rt_tokenizer_close(&tokenizer);
    return bytes;
}

static int allows(const uint32_t *allowed, uint32_t id)
{
    return allowed[id / 32] >> id % 32 & 1;
}

static void follow(const struct rt_grammar *grammar, const uint8_t *numbers, size_t count)
{
    RT_CLEAN(rt_constraint_close) struct rt_constraint *constraint = NULL;
    uint32_t allowed[WORDS] = {0};
    struct rt_error error;
    if (rt_constraint_open(&constraint, grammar, vocabulary(), END + 1, (const uint32_t[]){END}, 1, &error))
        abort();
    for (size_t step = 0; step < TOKENS_MAX; step++) {
        uint32_t wanted = step < count ? numbers[step] : END, other = 0;
        rt_constraint_mask(constraint, allowed);
        while (other <= END && allows(allowed, other))
            other++;
        if (other <= END && !rt_constraint_accept(constraint, other))
            abort();
        uint32_t tried = 0;
        for (; tried <= END && !allows(allowed, wanted); tried++)
            wanted = (wanted + 1) % (END + 1);
        if (tried > END || rt_constraint_accept(constraint, wanted))
            abort();
        if (wanted == END)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RT_CLEAN(rt_grammar_close) struct rt_grammar *grammar = NULL;
    struct rt_error error;
    if (!size)
        return 0;
    const char *text = (const char *)data + 1;
    const size_t bytes = strnlen(text, size - 1), rest = size - 1 - bytes;
    yyjson_doc *doc = *data == 's' ? yyjson_read(text, bytes, 0) : NULL;
    const int failed = doc            ? rt_grammar_open_schema(&grammar, yyjson_doc_get_root(doc), &error)
                       : *data == 's' ? -1
                                      : rt_grammar_open_gbnf(&grammar, text, bytes, &error);
    yyjson_doc_free(doc);
    if (!failed)
        follow(grammar, (const uint8_t *)text + bytes + (rest > 0), rest ? rest - 1 : 0);
    return 0;
}
