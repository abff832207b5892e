/* test_receipt.c: a receipt reads back as it was printed, its digests are those of n1 §13, and a change of any part of it is named. */
#include "runtime/receipt.h"

#include <stdlib.h>

#include "tests/check.h"

static struct rt_error error;
static uint32_t prompt_ids[] = {5, 6, 7}, output_ids[] = {9, 2};

/* One with every part filled. */
static struct rt_receipt made(void)
{
    struct rt_receipt r = {
        .program = "cloister 0.1",
        .isa = KN_VNNI,
        .threads = 56,
        .bundle_name = "demo",
        .bundle_version = 3,
        .kv = KN_KV_BF16,
        .sampling = {.temperature = 0.8f, .top_p = 1, .repeat_penalty = 1, .seed = 5},
        .form = RT_PROMPT_CHAT,
        .prompt_count = 3,
        .prompt = {prompt_ids, 3, 3},
        .output = {output_ids, 2, 2},
    };
    cr_digest(r.bundle, "manifest", 8);
    rt_tokens_digest(r.prompt_digest, &r.prompt);
    rt_tokens_digest(r.output_digest, &r.output);
    rt_receipt_terms(&r, r.parameters, r.terms);
    cr_digest(r.logits, "logits", 6);
    return r;
}

static struct rt_bias biases[] = {{7, 1}, {3, -2.5f}};
static char schema[] = "{\"type\":\n\"object\"}";

/* With what only some receipts have. */
static struct rt_receipt made_with_more(void)
{
    struct rt_receipt r = made();
    r.sampling.frequency_penalty = 0.5f;
    r.sampling.presence_penalty = -1;
    r.sampling.biases = biases;
    r.sampling.bias_count = 2;
    r.grammar_kind = RT_GRAMMAR_SCHEMA;
    r.grammar = schema;
    rt_receipt_terms(&r, r.parameters, r.terms);
    return r;
}

static void expect_digest(const uint8_t digest[CR_DIGEST_BYTES], const void *bytes, size_t count)
{
    uint8_t want[CR_DIGEST_BYTES];
    cr_digest(want, bytes, count);
    CHECK(cr_digest_equal(digest, want));
}

/* The texts of NUMERICS.md, written out. */
static void digests_are_those_of_the_specification(void)
{
    static const char parameters[] =
        "kv bf16\ntemperature 3f4ccccd\ntop_k 0\ntop_p 3f800000\nmin_p 00000000\nrepeat_penalty 3f800000\nseed 5\n";
    const struct rt_receipt r = made();
    char terms[1024], manifest[65], parameters_hex[65], prompt[65];
    cr_digest_hex(manifest, r.bundle);
    cr_digest_hex(parameters_hex, r.parameters);
    cr_digest_hex(prompt, r.prompt_digest);
    int bytes = snprintf(terms, sizeof terms,
                         "cloister receipt 1\nprogram cloister 0.1\nnumerics n1\nisa vnni\nthreads 56\nbundle demo\nversion 3\n"
                         "manifest %s\nparameters %s\nprompt chat 3 %s\n",
                         manifest, parameters_hex, prompt);
    expect_digest(r.parameters, parameters, sizeof parameters - 1);
    expect_digest(r.terms, terms, (size_t)bytes);
    expect_digest(r.prompt_digest, "\5\0\0\0\6\0\0\0\7\0\0\0", 12);
    uint8_t chain[CR_DIGEST_BYTES], fed[CR_DIGEST_BYTES + 4] = {0};
    const float logits[1] = {1};
    memcpy(chain, r.terms, sizeof chain);
    memcpy(fed, r.terms, sizeof chain);
    memcpy(fed + CR_DIGEST_BYTES, "\0\0\x80\x3f", 4);
    rt_logits_chain(chain, logits, 1);
    expect_digest(chain, fed, sizeof fed);
}

static void what_is_printed_reads_back(void)
{
    const struct rt_receipt r = made();
    struct rt_receipt back;
    char *text = rt_receipt_print(&r);
    CHECK_THAT(!rt_receipt_read(&back, text, strlen(text), &error), "%s", error.text);
    CHECK(!memcmp(&back.sampling, &r.sampling, sizeof r.sampling) && back.isa == r.isa && back.threads == 56 && back.kv == r.kv);
    CHECK(!strcmp(back.program, r.program) && !strcmp(back.bundle_name, "demo") && back.bundle_version == 3 && back.prompt_count == 3);
    CHECK(back.prompt.count == 3 && !memcmp(back.prompt.ids, prompt_ids, sizeof prompt_ids));
    CHECK(back.output.count == 2 && !memcmp(back.output.ids, output_ids, sizeof output_ids));
    CHECK(cr_digest_equal(back.logits, r.logits) && cr_digest_equal(back.terms, r.terms) && cr_digest_equal(back.bundle, r.bundle));
    rt_receipt_close(&back);
    free(text);
}

static void more_parameters_are_there_where_they_are_needed(void)
{
    const struct rt_receipt r = made_with_more();
    char text[1024], hex[65];
    uint8_t digest[CR_DIGEST_BYTES];
    cr_digest(digest, schema, strlen(schema));
    cr_digest_hex(hex, digest);
    const int bytes = snprintf(
        text, sizeof text,
        "kv bf16\ntemperature 3f4ccccd\ntop_k 0\ntop_p 3f800000\nmin_p 00000000\nrepeat_penalty 3f800000\nseed 5\n"
        "frequency_penalty 3f000000\npresence_penalty bf800000\nbias 7 3f800000\nbias 3 c0200000\ngrammar schema %s\n",
        hex);
    expect_digest(r.parameters, text, (size_t)bytes);
    struct rt_receipt back;
    char *printed = rt_receipt_print(&r);
    CHECK_THAT(!rt_receipt_read(&back, printed, strlen(printed), &error), "%s", error.text);
    CHECK(back.sampling.frequency_penalty == 0.5f && back.sampling.presence_penalty == -1 && back.sampling.bias_count == 2);
    CHECK(!memcmp(back.sampling.biases, biases, sizeof biases) && back.grammar_kind == RT_GRAMMAR_SCHEMA && !strcmp(back.grammar, schema));
    rt_receipt_close(&back);
    free(printed);
}

/* `from` becomes `to` in the receipt's text: refused with `says` in the message. */
static void expect_change_refused(const struct rt_receipt *r, const char *from, const char *to, enum rt_exit code, const char *says)
{
    struct rt_receipt back;
    char *text = rt_receipt_print(r), changed[4096];
    const char *at = strstr(text, from);
    CHECK_THAT(at, "%s is not in %s", from, text);
    if (at) {
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
        CHECK_THAT(rt_receipt_read(&back, changed, strlen(changed), &error) && error.code == code && strstr(error.text, says),
                   "%s → %s: %s", from, to, error.text);
    }
    free(text);
}

static void changed_more_is_refused(void)
{
    const struct rt_receipt r = made_with_more();
    expect_change_refused(&r, "\"frequency_penalty\":0.5", "\"frequency_penalty\":0.25", RT_EXIT_TRUST, "parameters");
    expect_change_refused(&r, "[7,1.0]", "[8,1.0]", RT_EXIT_TRUST, "parameters");
    expect_change_refused(&r, "[7,1.0]", "[7,1.0,2]", RT_EXIT_TRUST, "biases");
    expect_change_refused(&r, "[7,1.0]", "[7,1e300]", RT_EXIT_TRUST, "biases");
    expect_change_refused(&r, "\"biases\":[[7,1.0],[3,-2.5]],", "", RT_EXIT_TRUST, "parameters");
    expect_change_refused(&r, "\"kind\":\"schema\"", "\"kind\":\"gbnf\"", RT_EXIT_TRUST, "parameters");
    expect_change_refused(&r, "\"kind\":\"schema\"", "\"kind\":\"none\"", RT_EXIT_TRUST, "grammar");
    expect_change_refused(&r, "\"kind\":\"schema\"", "\"kind\":\"json\"", RT_EXIT_TRUST, "grammar");
    expect_change_refused(&r, "object", "array", RT_EXIT_TRUST, "parameters");
}

static void expect_refused(const char *from, const char *to, enum rt_exit code, const char *says)
{
    const struct rt_receipt r = made();
    expect_change_refused(&r, from, to, code, says);
}

static void every_change_is_named(void)
{
    static const char *const parameters[][2] = {{"\"kv\":\"bf16\"", "\"kv\":\"f32\""}, {"0.800000011920929", "0.8000001"},
                                                {"\"top_k\":0", "\"top_k\":40"},       {"\"top_p\":1.0", "\"top_p\":0.9"},
                                                {"\"min_p\":0.0", "\"min_p\":0.1"},    {"\"repeat_penalty\":1.0", "\"repeat_penalty\":1.1"},
                                                {"\"seed\":5", "\"seed\":6"}};
    static const char *const terms[][2] = {{"\"program\":\"cloister 0.1\"", "\"program\":\"cloister 0.2\""},
                                           {"\"isa\":\"vnni\"", "\"isa\":\"amx\""},
                                           {"\"threads\":56", "\"threads\":55"},
                                           {"\"name\":\"demo\"", "\"name\":\"Demo\""},
                                           {"\"version\":3", "\"version\":4"},
                                           {"\"form\":\"chat\"", "\"form\":\"raw\""}};
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        expect_refused(parameters[i][0], parameters[i][1], RT_EXIT_TRUST, "its parameters");
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
        expect_refused(terms[i][0], terms[i][1], RT_EXIT_TRUST, "its terms");
    expect_refused("[5,6,7]", "[5,6,8]", RT_EXIT_TRUST, "the prompt");
    expect_refused("[5,6,7]", "[5,6]", RT_EXIT_TRUST, "the prompt");
}

static void what_is_no_receipt_is_refused(void)
{
    struct rt_receipt r;
    static const char *const texts[] = {"", "{", "[]", "{}", "null", "{\"receipt\":1}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK_THAT(rt_receipt_read(&r, texts[i], strlen(texts[i]), &error) && error.code == RT_EXIT_TRUST, "%s", texts[i]);
    expect_refused("\"receipt\":1", "\"receipt\":2", RT_EXIT_TRUST, "receipt");
    expect_refused("\"numerics\":\"n1\"", "\"numerics\":\"n2\"", RT_EXIT_UNSUPPORTED, "numerics");
    expect_refused("\"receipt\":1", "\"receipt\":1,\"more\":1", RT_EXIT_UNSUPPORTED, "more");
    expect_refused("\"temperature\":0.8", "\"temperature\":-0.8", RT_EXIT_TRUST, "temperature");
    expect_refused("[9,2]", "[9,4294967296]", RT_EXIT_TRUST, "tokens");
    expect_refused("[9,2]", "[9,\"2\"]", RT_EXIT_TRUST, "tokens");
}

CHECK_MAIN(CHECK_TEST(more_parameters_are_there_where_they_are_needed), CHECK_TEST(changed_more_is_refused),
           CHECK_TEST(digests_are_those_of_the_specification), CHECK_TEST(what_is_printed_reads_back), CHECK_TEST(every_change_is_named),
           CHECK_TEST(what_is_no_receipt_is_refused))
