/* test_tokenizer_hostile.c: tokenizers that are broken, hostile or beyond what is supported, and texts that are
 * long: each must be refused with the right code and words, or done in time. Run from the top of the tree. */
#include "tests/check.h"
#include "tests/read_file.h"

#include <stdlib.h>
#include <time.h>

#include "runtime/tokenizer.h"

/* --- files --- */

static struct rt_tokenizer *open_golden(const char *name)
{
    char path[256];
    size_t bytes;
    struct rt_error error = {0};
    struct rt_tokenizer *tokenizer = NULL;
    snprintf(path, sizeof path, "tests/golden/tokenizers/%s.tokenizer.json", name);
    char *json = read_file(path, &bytes);
    CHECK_THAT(json && !rt_tokenizer_open(&tokenizer, json, bytes, NULL, 0, &error), "%s: %s", name, error.text);
    free(json);
    return tokenizer;
}

/* --- files that must be refused --- */

#define MODEL "\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\" \":3},\"merges\":[\"a b\"]"
#define WITH(members) "{\"model\":{" MODEL "}," members "}"
#define WITH_SPLIT(regex) WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\"}")
#define WITH_MODEL(members) "{\"model\":{" members "}}"
#define WITH_TOKEN(members) WITH("\"added_tokens\":[{" members "}]")

static const struct {
    const char *json;
    enum rt_exit code;
    const char *says;
} refused[] = {
    {"", RT_EXIT_TRUST, "not valid JSON"},
    {"[]", RT_EXIT_TRUST, "not a JSON object"},
    {"{}", RT_EXIT_TRUST, "no model"},
    {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", RT_EXIT_UNSUPPORTED, "Unigram"},
    {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}", RT_EXIT_UNSUPPORTED, "WordPiece"},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{},\"merges\":[]"), RT_EXIT_TRUST, "\"vocab\""},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":0}"), RT_EXIT_TRUST, "\"merges\""},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]"), RT_EXIT_TRUST, "the id of a"},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":1.5},\"merges\":[]"), RT_EXIT_TRUST, "the id of a"},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":16777216},\"merges\":[]"), RT_EXIT_TRUST, "the id of a"},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]"), RT_EXIT_TRUST, "id 0"},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":0,\"a\":1},\"merges\":[]"), RT_EXIT_TRUST, "\"a\" twice"},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a x\"]"), RT_EXIT_TRUST, "\"x\" is not in the vocabulary"},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a a\"]"), RT_EXIT_TRUST, "\"aa\" is not in the vocabulary"},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a\"]"), RT_EXIT_TRUST, "merge 1 is not two tokens"},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a a a\"]"), RT_EXIT_TRUST, "merge 1 is not two tokens"},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]"), RT_EXIT_TRUST, "merge 1 is not two tokens"},
    {WITH_MODEL("\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[[\"a\",7]]"), RT_EXIT_TRUST, "merge 1 is not two tokens"},
    {WITH_MODEL(MODEL ",\"end_of_word_suffix\":\"</w>\""), RT_EXIT_UNSUPPORTED, "end_of_word_suffix"},
    {WITH_MODEL(MODEL ",\"continuing_subword_prefix\":\"##\""), RT_EXIT_UNSUPPORTED, "continuing_subword_prefix"},
    {WITH_MODEL(MODEL ",\"dropout\":0.1"), RT_EXIT_UNSUPPORTED, "dropout"},
    {WITH_MODEL(MODEL ",\"byte_fallback\":1"), RT_EXIT_TRUST, "byte_fallback"},
    {WITH("\"version\":\"2.0\""), RT_EXIT_UNSUPPORTED, "version"},
    {WITH("\"normalizer\":{\"type\":\"Precompiled\"}"), RT_EXIT_UNSUPPORTED, "normalizer Precompiled"},
    {WITH("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Nmt\"}]}"), RT_EXIT_UNSUPPORTED, "normalizer Nmt"},
    {WITH("\"normalizer\":{\"type\":\"Sequence\"}"), RT_EXIT_TRUST, "normalizers"},
    {WITH("\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"x\"}"), RT_EXIT_UNSUPPORTED, "empty"},
    {WITH("\"normalizer\":{\"type\":\"Replace\",\"content\":\"x\"}"), RT_EXIT_TRUST, "\"pattern\""},
    {WITH("\"normalizer\":[]"), RT_EXIT_TRUST, "\"type\""},
    {WITH("\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}"), RT_EXIT_UNSUPPORTED, "BertPreTokenizer"},
    {WITH("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"__\"}"), RT_EXIT_TRUST, "replacement"},
    {WITH("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"last\"}"), RT_EXIT_UNSUPPORTED, "last"},
    {WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"x\"},\"behavior\":\"Gone\"}"), RT_EXIT_UNSUPPORTED, "Gone"},
    {WITH("\"decoder\":{\"type\":\"WordPiece\"}"), RT_EXIT_UNSUPPORTED, "decoder WordPiece"},
    {WITH("\"decoder\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"x\"},\"content\":\"y\"}"), RT_EXIT_UNSUPPORTED, "regular"},
    {WITH("\"decoder\":{\"type\":\"Strip\",\"content\":\" \",\"start\":1000000,\"stop\":0}"), RT_EXIT_UNSUPPORTED, "start"},
    {WITH("\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Fuse\"},{\"type\":\"ByteFallback\"}]}"), RT_EXIT_UNSUPPORTED,
     "joins"},
    {WITH("\"post_processor\":{\"type\":\"Other\"}"), RT_EXIT_UNSUPPORTED, "post_processor Other"},
    {WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[],\"special_tokens\":{}}"), RT_EXIT_UNSUPPORTED, "Sequence A"},
    {WITH(
         "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"s\"}},{\"Sequence\":{\"id\":\"A\"}}],"
         "\"special_tokens\":{}}"),
     RT_EXIT_TRUST, "has no ids"},
    {WITH(
         "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"s\"}},{\"Sequence\":{\"id\":\"A\"}}],"
         "\"special_tokens\":{\"s\":{\"ids\":[99]}}}"),
     RT_EXIT_TRUST, "token 99 is not in the vocabulary"},
    {WITH_TOKEN("\"id\":9,\"content\":\"x\""), RT_EXIT_UNSUPPORTED, "its place in the vocabulary is 4"},
    {WITH_TOKEN("\"id\":1,\"content\":\"a\""), RT_EXIT_UNSUPPORTED, "its place in the vocabulary is 0"},
    {WITH_TOKEN("\"id\":4,\"content\":\"\""), RT_EXIT_TRUST, "is empty"},
    {WITH_TOKEN("\"id\":4"), RT_EXIT_TRUST, "content"},
    {WITH_TOKEN("\"id\":4,\"content\":\"x\",\"special\":\"yes\""), RT_EXIT_TRUST, "special"},
    {WITH("\"added_tokens\":[{\"id\":4,\"content\":\"x\"},{\"id\":5,\"content\":\"x\"}]"), RT_EXIT_TRUST, "the same text"},
    {WITH("\"added_tokens\":{}"), RT_EXIT_TRUST, "added_tokens"},
    {WITH_SPLIT("("), RT_EXIT_UNSUPPORTED, "regular expression"},
    {WITH_SPLIT("[a&&b]"), RT_EXIT_UNSUPPORTED, "intersection"},
    {WITH_SPLIT("[a[b]]"), RT_EXIT_UNSUPPORTED, "bracket"},
    {WITH_SPLIT("[a"), RT_EXIT_UNSUPPORTED, "without end"},
    {WITH_SPLIT("[]a]"), RT_EXIT_UNSUPPORTED, "empty class"},
    {WITH_SPLIT("a(?i)b|c"), RT_EXIT_UNSUPPORTED, "group"},
    {WITH_SPLIT("(?R)"), RT_EXIT_UNSUPPORTED, "group"},
    {WITH_SPLIT("(*ACCEPT)"), RT_EXIT_UNSUPPORTED, "group"},
    {WITH_SPLIT("(?C1)a"), RT_EXIT_UNSUPPORTED, "group"},
    {WITH_SPLIT("(a)\\\\1"), RT_EXIT_UNSUPPORTED, "escape"},
    {WITH_SPLIT("\\\\Qa\\\\E"), RT_EXIT_UNSUPPORTED, "escape"},
    {WITH_SPLIT("a{1,3}+"), RT_EXIT_UNSUPPORTED, "}+"},
    {WITH_SPLIT("a{,3}"), RT_EXIT_UNSUPPORTED, "{,n}"},
    {WITH_SPLIT("\\\\p{Klingon}"), RT_EXIT_UNSUPPORTED, "regular expression"},
    {WITH_SPLIT("\\\\pL"), RT_EXIT_UNSUPPORTED, "{name}"},
    {WITH_SPLIT("\\\\"), RT_EXIT_UNSUPPORTED, "backslash"},
    {WITH_SPLIT("(((a{1000}){1000}){1000})"), RT_EXIT_UNSUPPORTED, "regular expression"},
};

static int open_text(struct rt_tokenizer **out, const char *json, const char *config, struct rt_error *error)
{
    *error = (struct rt_error){0};
    return rt_tokenizer_open(out, json, strlen(json), config, config ? strlen(config) : 0, error);
}

static void refuses_what_it_cannot_do(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct rt_tokenizer *tokenizer = NULL;
        struct rt_error error;
        int failed = open_text(&tokenizer, refused[i].json, NULL, &error);
        CHECK_THAT(failed && !tokenizer, "accepted: %s", refused[i].json);
        CHECK_THAT(error.code == refused[i].code, "code %d: %s: %s", error.code, refused[i].json, error.text);
        CHECK_THAT(strstr(error.text, refused[i].says), "\"%s\" does not say \"%s\"", error.text, refused[i].says);
        rt_tokenizer_close(&tokenizer);
    }
}

/* `count` times `open`, then `middle`, then `count` times `close`. */
static char *nested(size_t count, const char *before, const char *open, const char *middle, const char *close, const char *after)
{
    size_t room = strlen(before) + strlen(middle) + strlen(after) + count * (strlen(open) + strlen(close)) + 1, at;
    char *text = malloc(room);
    at = (size_t)snprintf(text, room, "%s", before);
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, room - at, "%s", open);
    at += (size_t)snprintf(text + at, room - at, "%s", middle);
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, room - at, "%s", close);
    snprintf(text + at, room - at, "%s", after);
    return text;
}

static void refuses_depth_and_number(void)
{
    struct {
        char *json;
        enum rt_exit code;
    } cases[] = {
        {nested(100000, "{\"model\":{" MODEL "},\"x\":", "[", "", "]", "}"), RT_EXIT_OK}, /* deep, but nobody looks at it */
        {nested(9, "{\"model\":{" MODEL "},\"normalizer\":", "{\"type\":\"Sequence\",\"normalizers\":[", "{\"type\":\"NFC\"}", "]}", "}"),
         RT_EXIT_UNSUPPORTED},
        {nested(8, "{\"model\":{" MODEL "},\"normalizer\":", "{\"type\":\"Sequence\",\"normalizers\":[", "{\"type\":\"NFC\"}", "]}", "}"),
         RT_EXIT_OK},
        {nested(16, "{\"model\":{" MODEL "},\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[", "{\"type\":\"NFC\"},",
                "{\"type\":\"NFC\"}", "", "]}}"),
         RT_EXIT_UNSUPPORTED},
        {nested(100, "{\"model\":{" MODEL "},\"pre_tokenizer\":{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{\"Regex\":\"",
                "(", "a", ")", "\"}}}"),
         RT_EXIT_UNSUPPORTED},
        {nested(3000, "{\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":{\"", "ab", "", "", "\":0}}}"), RT_EXIT_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rt_tokenizer *tokenizer = NULL;
        struct rt_error error;
        int failed = open_text(&tokenizer, cases[i].json, NULL, &error);
        CHECK_THAT(failed == (cases[i].code ? -1 : 0) && error.code == cases[i].code, "case %zu: %s", i, error.text);
        rt_tokenizer_close(&tokenizer);
        free(cases[i].json);
    }
}

static void refuses_every_truncation(void)
{
    size_t bytes;
    char *json = read_file("tests/golden/tokenizers/llama2.tokenizer.json", &bytes);
    for (size_t cut = 0; json && cut < bytes - 2; cut += 37) {
        struct rt_tokenizer *tokenizer = NULL;
        struct rt_error error = {0};
        CHECK_THAT(rt_tokenizer_open(&tokenizer, json, cut, NULL, 0, &error) && error.code == RT_EXIT_TRUST, "cut at %zu", cut);
        rt_tokenizer_close(&tokenizer);
    }
    free(json);
}

/* --- patterns that explode, texts that are long --- */

static int encode_repeated(const struct rt_tokenizer *tokenizer, const char *unit, size_t bytes, size_t *count, struct rt_error *error)
{
    struct rt_tokens ids = {0};
    size_t length = strlen(unit), filled = 0;
    char *text = malloc(bytes + length);
    for (; filled < bytes; filled += length)
        memcpy(text + filled, unit, length);
    int failed = rt_tokenizer_encode(tokenizer, text, filled, RT_ENCODE_SPECIAL, &ids, error);
    *count = ids.count;
    free(ids.ids);
    free(text);
    return failed;
}

static void hostile_patterns_give_up(void)
{
    static const char *const patterns[] = {
        WITH_SPLIT("(?:a+)+[cd]"), WITH_SPLIT("(?:a|a)*[cd]"), WITH_SPLIT("(?:a*b?)*[cd]"),
        WITH("\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(?:a+)+[cd]\"},\"content\":\"\"}")};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct rt_tokenizer *tokenizer = NULL;
        struct rt_error error;
        size_t count = 0;
        CHECK_THAT(!open_text(&tokenizer, patterns[i], NULL, &error), "%s: %s", patterns[i], error.text);
        int failed = tokenizer ? encode_repeated(tokenizer, "a", 4000, &count, &error) : 0;
        CHECK_THAT(failed && error.code == RT_EXIT_UNSUPPORTED && strstr(error.text, "gave up"), "%s: %s", patterns[i], error.text);
        rt_tokenizer_close(&tokenizer);
    }
}

/* Anything quadratic would take hours for a mebibyte. */
static void long_texts_stay_quick(void)
{
    static const char *const units[] = {"a", " ", "\n", "ab", "the ", "\u2581", "\u0323\u0301", "\u5b57", "'", "x <mask> ", "<", "1"};
    static const char *const names[] = {"gpt2",    "qwen",  "llama3",           "o200k", "deepseek", "llama2",
                                        "mistral", "gemma", "metaspace_always", "nfkc",  "added",    "whitespace"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct rt_tokenizer *tokenizer = open_golden(names[i]);
        const char *unit = units[i % (sizeof units / sizeof *units)];
        struct rt_error error = {0};
        struct timespec start, end;
        size_t count = 0;
        timespec_get(&start, TIME_UTC);
        int failed = encode_repeated(tokenizer, unit, 1 << 20, &count, &error) || encode_repeated(tokenizer, "a", 1 << 20, &count, &error);
        timespec_get(&end, TIME_UTC);
        CHECK_THAT(!failed && count, "%s: %s", names[i], error.text);
        CHECK_THAT(end.tv_sec - start.tv_sec < 120, "%s: %lld seconds", names[i], (long long)(end.tv_sec - start.tv_sec));
        rt_tokenizer_close(&tokenizer);
    }
}

CHECK_MAIN(CHECK_TEST(refuses_what_it_cannot_do), CHECK_TEST(refuses_depth_and_number), CHECK_TEST(refuses_every_truncation),
           CHECK_TEST(hostile_patterns_give_up), CHECK_TEST(long_texts_stay_quick))
