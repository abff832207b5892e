/* test_tokenizer.c: the tokenizer against Hugging Face's `tokenizers`, on the golden data that
 * make_golden_tokenizers.py wrote, and a few rules that the data does not show. Run from the top of the tree. */
#include "tests/check.h"
#include "tests/read_file.h"

#include <stdlib.h>
#include <yyjson.h>

#include "runtime/tokenizer.h"

#define GOLDEN "tests/golden/tokenizers/"

static const char *const names[] = {"gpt2",  "gpt2_prefix",      "qwen", "llama3", "o200k",      "numbers", "deepseek", "llama2", "mistral",
                                    "gemma", "metaspace_always", "nfkc", "added",  "whitespace", "splits"};

/* --- files --- */

static yyjson_doc *read_doc(const char *path)
{
    size_t bytes;
    char *text = read_file(path, &bytes);
    yyjson_doc *doc = text ? yyjson_read(text, bytes, 0) : NULL;
    free(text);
    CHECK_THAT(doc, "%s is not JSON", path);
    return doc;
}

static struct rt_tokenizer *open_golden(const char *name)
{
    char path[256];
    size_t bytes;
    struct rt_error error = {0};
    struct rt_tokenizer *tokenizer = NULL;
    snprintf(path, sizeof path, GOLDEN "%s.tokenizer.json", name);
    char *json = read_file(path, &bytes);
    CHECK_THAT(json && !rt_tokenizer_open(&tokenizer, json, bytes, NULL, 0, &error), "%s: %s", name, error.text);
    free(json);
    return tokenizer;
}

/* --- comparing --- */

static size_t compared;

static int same_ids(const struct rt_tokens *ours, yyjson_val *theirs)
{
    size_t i, count;
    yyjson_val *id;
    if (yyjson_arr_size(theirs) != ours->count)
        return 0;
    yyjson_arr_foreach(theirs, i, count, id) if (yyjson_get_uint(id) != ours->ids[i]) return 0;
    return 1;
}

static void print_ids(const struct rt_tokens *ours)
{
    for (size_t i = 0; i < ours->count; i++)
        fprintf(stderr, "%s%u", i ? "," : "    ours: ", ours->ids[i]);
    fputc('\n', stderr);
}

static void check_encode(const struct rt_tokenizer *tokenizer, const char *name, yyjson_val *text, unsigned flags, yyjson_val *expected)
{
    struct rt_tokens ids = {0};
    struct rt_error error = {0};
    int failed = rt_tokenizer_encode(tokenizer, yyjson_get_str(text), yyjson_get_len(text), flags, &ids, &error);
    CHECK_THAT(!failed, "%s: \"%s\": %s", name, yyjson_get_str(text), error.text);
    int same = same_ids(&ids, expected);
    if (!same) {
        char *theirs = yyjson_val_write(expected, 0, NULL);
        CHECK_THAT(same, "%s: \"%s\" flags %u: theirs %s", name, yyjson_get_str(text), flags, theirs);
        print_ids(&ids);
        free(theirs);
    }
    compared++;
    free(ids.ids);
}

static int is_whole_utf8(const char *text, size_t bytes)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL); /* its writer refuses malformed strings */
    yyjson_mut_doc_set_root(doc, yyjson_mut_strn(doc, text, bytes));
    char *written = yyjson_mut_write(doc, 0, NULL);
    free(written);
    yyjson_mut_doc_free(doc);
    return written != NULL;
}

/* Feeds the ids one by one; the pieces must be whole characters and join to `text`. */
static void check_stream(const struct rt_tokenizer *tokenizer, const char *name, const struct rt_tokens *ids, int keep, const char *text,
                         size_t bytes)
{
    struct rt_decoder *decoder = NULL;
    struct rt_error error = {0};
    size_t done = 0, length;
    CHECK_THAT(!rt_decoder_open(&decoder, tokenizer, keep, &error), "%s: %s", name, error.text);
    for (size_t i = 0; decoder && i <= ids->count; i++) {
        const char *piece = i < ids->count ? rt_decoder_feed(decoder, ids->ids[i], &length) : rt_decoder_end(decoder, &length);
        CHECK_THAT(is_whole_utf8(piece, length), "%s: half a character after id %zu of \"%s\"", name, i, text);
        int agrees = length <= bytes - done && !memcmp(text + done, piece, length);
        CHECK_THAT(agrees, "%s: \"%.*s\" is not in \"%s\" at %zu", name, (int)length, piece, text, done);
        done += agrees ? length : 0;
    }
    CHECK_THAT(done == bytes, "%s: the stream ends at %zu of \"%s\"", name, done, text);
    rt_decoder_close(&decoder);
}

static void check_decode(const struct rt_tokenizer *tokenizer, const char *name, yyjson_val *json, int keep, yyjson_val *expected)
{
    struct rt_tokens ids = {0};
    struct rt_error error = {0};
    char *text = NULL;
    size_t bytes = 0, i, count;
    yyjson_val *id;
    ids.ids = malloc((yyjson_arr_size(json) + 1) * sizeof *ids.ids);
    yyjson_arr_foreach(json, i, count, id) ids.ids[ids.count++] = (uint32_t)yyjson_get_uint(id);
    CHECK_THAT(!rt_tokenizer_decode(tokenizer, ids.ids, ids.count, keep, &text, &bytes, &error), "%s: %s", name, error.text);
    if (text) {
        CHECK_THAT(yyjson_equals_strn(expected, text, bytes), "%s keep %d: ours \"%s\", theirs \"%s\"", name, keep, text,
                   yyjson_get_str(expected));
        check_stream(tokenizer, name, &ids, keep, text, bytes);
    }
    compared++;
    free(text);
    free(ids.ids);
}

/* Without the template the ids are the same less what it adds to an empty text. */
static void check_without_template(const struct rt_tokenizer *tokenizer, const char *name, yyjson_val *text, yyjson_val *ids)
{
    struct rt_tokens empty = {0}, bare = {0};
    struct rt_error error = {0};
    CHECK(!rt_tokenizer_encode(tokenizer, "", 0, RT_ENCODE_TEMPLATE, &empty, &error));
    CHECK(!rt_tokenizer_encode(tokenizer, yyjson_get_str(text), yyjson_get_len(text), RT_ENCODE_SPECIAL, &bare, &error));
    CHECK_THAT(bare.count + empty.count == yyjson_arr_size(ids), "%s: \"%s\"", name, yyjson_get_str(text));
    free(empty.ids);
    free(bare.ids);
}

static void check_text(const struct rt_tokenizer *tokenizer, const char *name, yyjson_val *text, yyjson_val *expected)
{
    yyjson_val *ids = yyjson_obj_get(expected, "ids"), *plain = yyjson_obj_get(expected, "plain");
    yyjson_val *keep = yyjson_obj_get(expected, "keep"), *skip = yyjson_obj_get(expected, "skip");
    check_encode(tokenizer, name, text, RT_ENCODE_SPECIAL | RT_ENCODE_TEMPLATE, ids);
    check_encode(tokenizer, name, text, RT_ENCODE_TEMPLATE, plain ? plain : ids);
    check_without_template(tokenizer, name, text, ids);
    check_decode(tokenizer, name, ids, 1, keep ? keep : text);
    check_decode(tokenizer, name, ids, 0, skip ? skip : text);
}

static void compare_all(const char *name, yyjson_val *texts)
{
    char path[256];
    snprintf(path, sizeof path, GOLDEN "%s.expected.json", name);
    yyjson_doc *doc = read_doc(path);
    struct rt_tokenizer *tokenizer = open_golden(name);
    yyjson_val *expected = yyjson_obj_get(yyjson_doc_get_root(doc), "texts"), *part;
    CHECK(yyjson_arr_size(expected) == yyjson_arr_size(texts) && yyjson_arr_size(texts) >= 300);
    yyjson_arr_iter iter = yyjson_arr_iter_with(expected);
    size_t i, count;
    yyjson_val *text;
    yyjson_arr_foreach(texts, i, count, text) if (tokenizer) check_text(tokenizer, name, text, yyjson_arr_iter_next(&iter));
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "random"), i, count, part)
    {
        check_decode(tokenizer, name, yyjson_obj_get(part, "ids"), 1, yyjson_obj_get(part, "keep"));
        check_decode(tokenizer, name, yyjson_obj_get(part, "ids"), 0, yyjson_obj_get(part, "skip"));
    }
    rt_tokenizer_close(&tokenizer);
    yyjson_doc_free(doc);
}

static void equals_hugging_face(void)
{
    yyjson_doc *texts = read_doc(GOLDEN "texts.json");
    for (size_t i = 0; texts && i < sizeof names / sizeof *names; i++) {
        int before = check_failures_;
        compare_all(names[i], yyjson_doc_get_root(texts));
        if (check_failures_ != before)
            fprintf(stderr, "  %s: %d differences\n", names[i], check_failures_ - before);
    }
    printf("     %zu comparisons\n", compared);
    yyjson_doc_free(texts);
}

/* --- small rules --- */

#define MODEL "\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\" \":3},\"merges\":[\"a b\"]"

static int open_text(struct rt_tokenizer **out, const char *json, const char *config, struct rt_error *error)
{
    *error = (struct rt_error){0};
    return rt_tokenizer_open(out, json, strlen(json), config, config ? strlen(config) : 0, error);
}

static void encodes_malformed_utf8_as_replacements(void)
{
    static const struct {
        const char *text, *valid;
    } cases[] = {{"a\xff", "a\ufffd"},
                 {"\xe2\x82", "\ufffd"},
                 {"\xe2\x82z", "\ufffdz"},
                 {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
                 {"\xf0\x9f\x98\xf0\x9f\x98\x80", "\ufffd\U0001f600"},
                 {"\xc0\x80", "\ufffd\ufffd"},
                 {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"}};
    struct rt_tokenizer *tokenizer = open_golden("gpt2");
    for (size_t i = 0; tokenizer && i < sizeof cases / sizeof *cases; i++) {
        struct rt_tokens ours = {0}, theirs = {0};
        struct rt_error error = {0};
        CHECK(!rt_tokenizer_encode(tokenizer, cases[i].text, strlen(cases[i].text), 0, &ours, &error));
        CHECK(!rt_tokenizer_encode(tokenizer, cases[i].valid, strlen(cases[i].valid), 0, &theirs, &error));
        CHECK_THAT(ours.count == theirs.count && !memcmp(ours.ids, theirs.ids, ours.count * sizeof *ours.ids), "case %zu", i);
        free(ours.ids);
        free(theirs.ids);
    }
    rt_tokenizer_close(&tokenizer);
}

static void answers_about_tokens(void)
{
    static const char json[] = "{\"model\":{" MODEL "},\"added_tokens\":[{\"id\":4,\"content\":\"<s>\",\"special\":true},"
                               "{\"id\":5,\"content\":\"<t>\"}]}";
    struct rt_tokenizer *tokenizer = NULL;
    struct rt_error error;
    size_t bytes;
    CHECK(!open_text(&tokenizer, json, "{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"<t>\"}}", &error));
    if (!tokenizer)
        return;
    CHECK(rt_tokenizer_size(tokenizer) == 6);
    CHECK(rt_tokenizer_id(tokenizer, "ab") == 2 && rt_tokenizer_id(tokenizer, "<t>") == 5 && rt_tokenizer_id(tokenizer, "none") == -1);
    CHECK(rt_tokenizer_special(tokenizer, 4) && !rt_tokenizer_special(tokenizer, 5) && !rt_tokenizer_special(tokenizer, 99));
    CHECK(!strcmp(rt_tokenizer_text(tokenizer, 4, &bytes), "<s>") && bytes == 3);
    CHECK(!rt_tokenizer_text(tokenizer, 6, &bytes) && !bytes);
    CHECK(rt_tokenizer_bos(tokenizer) == 4 && rt_tokenizer_eos(tokenizer) == 5);
    rt_tokenizer_close(&tokenizer);
    CHECK(!open_text(&tokenizer, json, "{\"bos_token\":null}", &error));
    CHECK(tokenizer && rt_tokenizer_bos(tokenizer) == -1 && rt_tokenizer_eos(tokenizer) == -1);
    rt_tokenizer_close(&tokenizer);
    CHECK(open_text(&tokenizer, json, "{\"eos_token\":\"<none>\"}", &error) && error.code == RT_EXIT_TRUST && strstr(error.text, "<none>"));
    CHECK(open_text(&tokenizer, json, "{\"eos_token\":7}", &error) && error.code == RT_EXIT_TRUST);
    CHECK(open_text(&tokenizer, json, "nonsense", &error) && strstr(error.text, "tokenizer_config.json"));
}

/* The model knows the special token's text as well, and ignore_merges takes whole pieces: still text where text is
 * asked for. */
static void keeps_special_text_plain(void)
{
    static const char json[] =
        "{\"model\":{\"type\":\"BPE\",\"ignore_merges\":true,\"vocab\":{\"<\":0,\"s\":1,\">\":2,\"<s>\":3},\"merges\":[]},"
        "\"added_tokens\":[{\"id\":3,\"content\":\"<s>\",\"special\":true}]}";
    struct rt_tokenizer *tokenizer = NULL;
    struct rt_tokens plain = {0}, special = {0};
    struct rt_error error;
    CHECK_THAT(!open_text(&tokenizer, json, NULL, &error), "%s", error.text);
    if (!tokenizer)
        return;
    CHECK(!rt_tokenizer_encode(tokenizer, "<s>", 3, 0, &plain, &error) && plain.count == 3);
    CHECK(!rt_tokenizer_encode(tokenizer, "<s>", 3, RT_ENCODE_SPECIAL, &special, &error) && special.count == 1 && special.ids[0] == 3);
    rt_tokens_close(&plain);
    rt_tokens_close(&special);
    rt_tokenizer_close(&tokenizer);
}

/* A run of byte tokens longer than the decoder's buffer: no byte is lost, the stream and the whole agree. */
static void long_byte_runs_survive(void)
{
    struct rt_tokenizer *tokenizer = open_golden("llama2");
    struct rt_tokens ids = {0};
    struct rt_error error = {0};
    char *text = NULL;
    size_t bytes = 0, euros = 5000;
    ids.ids = malloc(3 * euros * sizeof *ids.ids);
    for (size_t i = 0; i < euros; i++) {
        ids.ids[ids.count++] = (uint32_t)rt_tokenizer_id(tokenizer, "<0xE2>");
        ids.ids[ids.count++] = (uint32_t)rt_tokenizer_id(tokenizer, "<0x82>");
        ids.ids[ids.count++] = (uint32_t)rt_tokenizer_id(tokenizer, "<0xAC>");
    }
    CHECK(!rt_tokenizer_decode(tokenizer, ids.ids, ids.count, 1, &text, &bytes, &error));
    CHECK_THAT(bytes == 3 * euros && is_whole_utf8(text, bytes) && !strstr(text, "\ufffd"), "%zu bytes", bytes);
    check_stream(tokenizer, "llama2", &ids, 1, text, bytes);
    free(text);
    free(ids.ids);
    rt_tokenizer_close(&tokenizer);
}

/* Hugging Face's own Strip fails on tokens shorter than `stop`; here nothing is left of them. */
static void strips_both_ends(void)
{
    static const char json[] =
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"_\":1,\"__\":2,\"_a_\":3,\"__a__b___\":4,\"\":5},\"merges\":[]},"
        "\"decoder\":{\"type\":\"Strip\",\"content\":\"_\",\"start\":1,\"stop\":2}}";
    static const struct {
        uint32_t id;
        const char *text;
    } cases[] = {{0, "a"}, {1, ""}, {2, ""}, {3, "a"}, {4, "_a__b_"}, {5, ""}};
    struct rt_tokenizer *tokenizer = NULL;
    struct rt_error error;
    CHECK_THAT(!open_text(&tokenizer, json, NULL, &error), "%s", error.text);
    for (size_t i = 0; tokenizer && i < sizeof cases / sizeof *cases; i++) {
        char *text = NULL;
        size_t bytes;
        CHECK(!rt_tokenizer_decode(tokenizer, &cases[i].id, 1, 1, &text, &bytes, &error));
        CHECK_THAT(text && !strcmp(text, cases[i].text), "%u gives \"%s\"", cases[i].id, text);
        free(text);
    }
    rt_tokenizer_close(&tokenizer);
}

CHECK_MAIN(CHECK_TEST(equals_hugging_face), CHECK_TEST(encodes_malformed_utf8_as_replacements), CHECK_TEST(answers_about_tokens),
           CHECK_TEST(keeps_special_text_plain), CHECK_TEST(long_byte_runs_survive), CHECK_TEST(strips_both_ends))
