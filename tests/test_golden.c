/* test_golden.c: every model in tests/golden/models, packed, signed and run by the two programs, against what transformers
 * computes with it (expected.json, written by make_golden_models.py). bf16 must give its logits and its greedy tokens; w8
 * and w4 must stay near, and must give the same tokens one at a time as in one go. Knows the programs from outside only. */
#include <dirent.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "tests/check.h"
#include "tests/program.h"

#define MODELS "tests/golden/models"

enum { MODELS_MAX = 64, IDS_MAX = 512, CHECKS = 5 };

static const double LOGIT_TOLERANCE = 1e-3;          /* also the margin below which greedy choices may differ */
static const double W8_ERROR = 1e-2, W4_ERROR = 0.5; /* of models that random weights make touchy; noise would give 2 */

static struct program_paths paths;

/* ---- the programs ---- */

static char *bundle_of(const char *model, const char *quant)
{
    char path[512];
    snprintf(path, sizeof path, MODELS "/%s", model);
    return program_bundle(path, quant);
}

/* Runs `cloister COMMAND BUNDLE --json --trust DIR more…` and reads what it prints; NULL, and a failed CHECK, when it fails. */
static yyjson_doc *ask(const char *command, const char *bundle, const char *const *more)
{
    const char *argv[32] = {paths.cloister, command, bundle, "--json", "--trust", paths.trust};
    for (size_t i = 6; *more; i++)
        argv[i] = *more++;
    struct program_output out = program_run(argv);
    yyjson_doc *doc = out.code == 0 && out.text ? yyjson_read(out.text, out.bytes, 0) : NULL;
    CHECK_THAT(doc, "cloister %s %s: exit code %d", command, bundle, out.code);
    free(out.text);
    return doc;
}

static yyjson_val *member(yyjson_doc *doc, const char *name)
{
    return yyjson_obj_get(yyjson_doc_get_root(doc), name);
}

static yyjson_doc *expected_open(const char *model)
{
    char path[512];
    snprintf(path, sizeof path, MODELS "/%s/expected.json", model);
    yyjson_doc *doc = yyjson_read_file(path, 0, NULL, NULL);
    CHECK_THAT(doc, "%s", path);
    return doc;
}

/* "1,2,3" of two arrays of ids, one after the other; `more` may be NULL. */
static void join_ids(char *out, size_t bytes, yyjson_val *ids, yyjson_val *more)
{
    size_t used = 0;
    out[0] = 0;
    for (int part = 0; part < 2; part++)
        for (size_t i = 0; i < yyjson_arr_size(part ? more : ids) && used < bytes - 16; i++)
            used += (size_t)snprintf(out + used, bytes - used, "%s%llu", used ? "," : "",
                                     (unsigned long long)yyjson_get_uint(yyjson_arr_get(part ? more : ids, i)));
}

static yyjson_doc *all_logits(const char *bundle, yyjson_val *ids, yyjson_val *more)
{
    char list[IDS_MAX * 8];
    join_ids(list, sizeof list, ids, more);
    return ask("logits", bundle, (const char *[]){"--tokens", list, "--all", NULL});
}

static yyjson_doc *run_greedy(const char *bundle, const char *text)
{
    return ask("run", bundle, (const char *[]){"--raw", "--kv", "f32", "--temp", "0", "-n", "32", "-p", text, NULL});
}

/* ---- comparing ---- */

struct difference {
    double largest;        /* |a - b| */
    double squares, total; /* sums of (a - b)² and b² */
    size_t rows;
};

/* Adds one position's logits to the difference. */
static void compare_row(struct difference *d, yyjson_val *got, yyjson_val *want)
{
    size_t count = yyjson_arr_size(want);
    CHECK_THAT(count > 0 && yyjson_arr_size(got) == count, "%zu logits instead of %zu", yyjson_arr_size(got), count);
    for (size_t i = 0; i < count && i < yyjson_arr_size(got); i++) {
        double a = yyjson_get_num(yyjson_arr_get(got, i)), b = yyjson_get_num(yyjson_arr_get(want, i));
        d->largest = fabs(a - b) <= d->largest ? d->largest : fabs(a - b); /* a NaN stays */
        d->squares += (a - b) * (a - b);
        d->total += b * b;
    }
    d->rows++;
}

/* All positions that expected.json has logits of, in all its sequences. */
static struct difference compare_sequences(const char *bundle, yyjson_doc *expected)
{
    struct difference d = {0};
    size_t i, max;
    yyjson_val *sequence;
    yyjson_arr_foreach(member(expected, "sequences"), i, max, sequence)
    {
        yyjson_val *ids = yyjson_obj_get(sequence, "tokens"), *positions = yyjson_obj_get(sequence, "positions");
        yyjson_doc *answer = all_logits(bundle, ids, NULL);
        yyjson_val *rows = member(answer, "logits");
        CHECK_THAT(yyjson_arr_size(rows) == yyjson_arr_size(ids), "%zu rows", yyjson_arr_size(rows));
        for (size_t p = 0; p < yyjson_arr_size(positions); p++)
            compare_row(&d, yyjson_arr_get(rows, yyjson_get_uint(yyjson_arr_get(positions, p))),
                        yyjson_arr_get(yyjson_obj_get(sequence, "logits"), p));
        yyjson_doc_free(answer);
    }
    CHECK(d.rows > 0);
    return d;
}

static size_t largest_of(yyjson_val *row)
{
    size_t best = 0;
    for (size_t i = 1; i < yyjson_arr_size(row); i++)
        if (yyjson_get_num(yyjson_arr_get(row, i)) > yyjson_get_num(yyjson_arr_get(row, best)))
            best = i;
    return best;
}

/* ---- the checks ---- */

static void logits_equal_the_reference(const char *model)
{
    yyjson_doc *expected = expected_open(model);
    char *bundle = bundle_of(model, "bf16");
    CHECK(bundle);
    if (expected && bundle) {
        struct difference d = compare_sequences(bundle, expected);
        printf("     %s: largest difference %.2g\n", model, d.largest);
        CHECK_THAT(d.largest <= LOGIT_TOLERANCE, "largest difference %g", d.largest);
    }
    free(bundle);
    yyjson_doc_free(expected);
}

static void greedy_equals_the_reference(const char *model)
{
    yyjson_doc *expected = expected_open(model);
    yyjson_val *greedy = member(expected, "greedy"), *want = yyjson_obj_get(greedy, "tokens"), *margins = yyjson_obj_get(greedy, "margins");
    const char *text = yyjson_get_str(yyjson_obj_get(greedy, "text"));
    char *bundle = bundle_of(model, "bf16");
    CHECK(bundle && text);
    if (bundle && text) {
        yyjson_doc *ids = ask("tokenize", bundle, (const char *[]){"-p", text, NULL});
        CHECK(yyjson_equals(member(ids, "ids"), yyjson_obj_get(greedy, "prompt")));
        yyjson_doc *answer = run_greedy(bundle, text);
        yyjson_val *got = member(answer, "tokens");
        CHECK(yyjson_arr_size(want) == 32 && yyjson_arr_size(got) == 32);
        for (size_t i = 0; i < yyjson_arr_size(want) && yyjson_get_num(yyjson_arr_get(margins, i)) >= LOGIT_TOLERANCE; i++)
            CHECK_THAT(yyjson_equals(yyjson_arr_get(got, i), yyjson_arr_get(want, i)), "token %zu", i);
        yyjson_doc_free(answer);
        yyjson_doc_free(ids);
    }
    free(bundle);
    yyjson_doc_free(expected);
}

static void quantised_is_near(const char *model, const char *quant, double limit)
{
    yyjson_doc *expected = expected_open(model);
    char *bundle = bundle_of(model, quant);
    CHECK(bundle);
    if (expected && bundle) {
        struct difference d = compare_sequences(bundle, expected);
        double error = d.squares / d.total;
        printf("     %s %s: relative squared error %.2g\n", model, quant, error);
        CHECK_THAT(error <= limit, "relative squared error %g", error);
        CHECK_THAT(error > 0, "%s gives the exact logits", quant);
    }
    free(bundle);
    yyjson_doc_free(expected);
}

static void w8_is_near(const char *model)
{
    quantised_is_near(model, "w8", W8_ERROR);
}

static void w4_is_near(const char *model)
{
    quantised_is_near(model, "w4", W4_ERROR);
}

/* Tokens made one by one are those that the logits of all of them in one step point at: other kernels, the same bits. */
static void steps_agree(const char *model)
{
    yyjson_doc *expected = expected_open(model);
    yyjson_val *greedy = member(expected, "greedy"), *prompt = yyjson_obj_get(greedy, "prompt");
    const char *text = yyjson_get_str(yyjson_obj_get(greedy, "text"));
    char *bundle = bundle_of(model, "w4");
    CHECK(bundle && text);
    if (bundle && text) {
        yyjson_doc *answer = run_greedy(bundle, text);
        yyjson_val *tokens = member(answer, "tokens");
        yyjson_doc *logits = all_logits(bundle, prompt, tokens);
        CHECK(yyjson_arr_size(tokens) > 0);
        for (size_t i = 0; i < yyjson_arr_size(tokens); i++) {
            size_t best = largest_of(yyjson_arr_get(member(logits, "logits"), yyjson_arr_size(prompt) - 1 + i));
            CHECK_THAT(best == yyjson_get_uint(yyjson_arr_get(tokens, i)), "token %zu", i);
        }
        yyjson_doc_free(logits);
        yyjson_doc_free(answer);
    }
    free(bundle);
    yyjson_doc_free(expected);
}

/* ---- one test for each model and check ---- */

struct golden_check {
    const char *name;
    void (*run)(const char *model);
};

static const struct golden_check checks[CHECKS] = {
    {"bf16 logits equal the reference's", logits_equal_the_reference},
    {"bf16 greedy tokens equal the reference's", greedy_equals_the_reference},
    {"w8 logits are near", w8_is_near},
    {"w4 logits are near", w4_is_near},
    {"w4 one token at a time is w4 in one go", steps_agree},
};

static struct dirent **models;
static size_t next_test; /* check_run goes through the tests in order, and tells none its place */

static void run_next(void)
{
    checks[next_test % CHECKS].run(models[next_test / CHECKS]->d_name);
    next_test++;
}

static int is_model(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(void)
{
    static char names[MODELS_MAX * CHECKS][320];
    static struct check_test tests[MODELS_MAX * CHECKS];
    int count = scandir(MODELS, &models, is_model, alphasort);
    if (program_paths_find(&paths) || count <= 0 || count > MODELS_MAX) {
        fprintf(stderr, "%d models in " MODELS "\n", count);
        return 1;
    }
    for (size_t i = 0; i < (size_t)count * CHECKS; i++) {
        snprintf(names[i], sizeof names[i], "%s: %s", models[i / CHECKS]->d_name, checks[i % CHECKS].name);
        tests[i] = (struct check_test){names[i], run_next};
    }
    return check_run(tests, (size_t)count * CHECKS);
}
