/* test_token_bytes.c: the bytes of single tokens, joined, are the text that Hugging Face's decoders give for them together; and first tokens of
 * answers, whose spaces some decoders drop. Run from the top of the tree. */
#include "tests/check.h"
#include "tests/read_file.h"

#include <stdlib.h>

#include "runtime/grammar.h"
#include "runtime/tokenizer_parts.h"

static const char *const names[] = {"gpt2",  "gpt2_prefix",      "qwen", "llama3", "o200k",      "numbers", "deepseek", "llama2", "mistral",
                                    "gemma", "metaspace_always", "nfkc", "added",  "whitespace", "splits"};
enum { NAMES = sizeof names / sizeof *names, SEQUENCES = 400, TOKENS = 6 };

static struct rt_error error;

static struct rt_tokenizer *open_golden(const char *name)
{
    char path[256];
    size_t bytes;
    struct rt_tokenizer *tokenizer = NULL;
    snprintf(path, sizeof path, "tests/golden/tokenizers/%s.tokenizer.json", name);
    char *json = read_file(path, &bytes);
    CHECK_THAT(json && !rt_tokenizer_open(&tokenizer, json, bytes, NULL, 0, &error), "%s: %s", name, error.text);
    free(json);
    return tokenizer;
}

/* What the tokens add, without what the decoder drops of the first; -1: one of them adds nothing, or is no character. */
static int join(const struct rt_tokenizer *tokenizer, const uint32_t *ids, size_t count, char *out, size_t room, size_t *bytes)
{
    size_t dropped = rt_tokenizer_dropped_spaces(tokenizer), length;
    *bytes = 0;
    for (size_t i = 0; i < count; i++) {
        char piece[256];
        if (rt_tokenizer_bytes(tokenizer, ids[i], piece, sizeof piece, &length) || *bytes + length > room)
            return -1;
        size_t begin = 0;
        for (; !i && dropped && begin < length && piece[begin] == ' '; begin++)
            dropped -= dropped != SIZE_MAX;
        if (!i && (begin == length || (dropped == SIZE_MAX && memchr(piece + begin, ' ', length - begin))))
            return -1;
        memcpy(out + *bytes, piece + begin, length - begin);
        *bytes += length - begin;
    }
    for (size_t at = 0; at < *bytes; at += length)
        if (rt_utf8_check(out + at, *bytes - at, &length) != RT_UTF8_WHOLE)
            return -1;
    return 0;
}

static size_t compare_sequences(const struct rt_tokenizer *tokenizer, const char *name)
{
    uint64_t state = 1;
    size_t compared = 0;
    for (int i = 0; i < SEQUENCES; i++) {
        uint32_t ids[TOKENS];
        char joined[TOKENS * 256], *text = NULL;
        size_t bytes, length;
        for (int j = 0; j < TOKENS; j++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            ids[j] = (uint32_t)((state >> 33) % rt_tokenizer_size(tokenizer));
        }
        const size_t count = 1 + (size_t)i % TOKENS;
        if (join(tokenizer, ids, count, joined, sizeof joined, &bytes))
            continue;
        CHECK_THAT(!rt_tokenizer_decode(tokenizer, ids, count, 0, &text, &length, &error), "%s: %s", name, error.text);
        CHECK_THAT(text && length == bytes && !memcmp(text, joined, bytes), "%s: \"%.*s\", decoded \"%s\"", name, (int)bytes, joined,
                   text ? text : "");
        free(text);
        compared++;
    }
    return compared;
}

static void test_as_decoded(void)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct rt_tokenizer *tokenizer = open_golden(names[i]);
        const size_t compared = tokenizer ? compare_sequences(tokenizer, names[i]) : 0;
        CHECK_THAT(compared > SEQUENCES / 20, "%s: %zu compared", names[i], compared);
        rt_tokenizer_close(&tokenizer);
    }
}

/* Each first token that a grammar allows, decoded alone, is a beginning of its only text. */
static void test_first_tokens(void)
{
    uint32_t found = 0;
    for (size_t i = 0; i < NAMES; i++) {
        static const char source[] = "root ::= \"the \\u00e9t\\u00e9\"", whole[] = "the \xc3\xa9t\xc3\xa9";
        struct rt_tokenizer *tokenizer = open_golden(names[i]);
        struct rt_token_bytes *bytes = NULL;
        struct rt_grammar *grammar = NULL;
        struct rt_constraint *constraint = NULL;
        const uint32_t size = (uint32_t)rt_tokenizer_size(tokenizer);
        uint32_t *allowed = calloc(size / 32 + 1, sizeof *allowed);
        CHECK_THAT(!rt_token_bytes_open(&bytes, tokenizer, &error), "%s: %s", names[i], error.text);
        CHECK_THAT(!rt_grammar_open_gbnf(&grammar, source, sizeof source - 1, &error), "%s", error.text);
        CHECK_THAT(!rt_constraint_open(&constraint, grammar, bytes, size, NULL, 0, &error), "%s", error.text);
        rt_constraint_mask(constraint, allowed);
        for (uint32_t id = 0; id < size; id++) {
            char *text = NULL;
            size_t length;
            CHECK(!rt_tokenizer_decode(tokenizer, &id, 1, 0, &text, &length, &error));
            const int masked = allowed[id / 32] >> id % 32 & 1;
            const int begins = length && length <= sizeof whole - 1 && !memcmp(text, whole, length);
            CHECK_THAT(masked == begins, "%s: token %u \"%s\": mask %d", names[i], id, text, masked);
            found += (uint32_t)masked;
            free(text);
        }
        free(allowed);
        rt_constraint_close(&constraint);
        rt_grammar_close(&grammar);
        rt_token_bytes_close(&bytes);
        rt_tokenizer_close(&tokenizer);
    }
    CHECK_THAT(found > NAMES, "%u may begin", found);
}

CHECK_MAIN(CHECK_TEST(test_as_decoded), CHECK_TEST(test_first_tokens))
