/* make_grammar.c: answers that follow the schemas of grammar_schemas.h, for another validator to judge, and how long their masks take.
 *
 *   make_grammar walks COUNT     a line of JSON for each answer: {"schema": …, "answer": …}
 *   make_grammar bench           a table: time for a mask and the token after it, with vocabularies of 32,000 and 150,000 made-up tokens */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yyjson.h>

#include "runtime/grammar.h"
#include "runtime/scope.h"
#include "runtime/tokenizer_parts.h"
#include "tests/grammar_schemas.h"
#include "tests/vocabulary.h"

enum { PIECE_MAX = 24, STEPS = 3000, ANSWER_TOKENS = 400, TEXT_MAX = 1 << 14 };

static uint64_t random_state;
static uint32_t draw(uint32_t below) /* SplitMix64 */
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) % below);
}

/* --- a vocabulary as byte-level tokenizers have it: words, most behind a space; marks and code; other scripts; halves of characters --- */

struct made_piece {
    char bytes[PIECE_MAX];
    size_t count;
};

static void make_word(struct made_piece *piece)
{
    static const char common[] = "etaoinshrdlucmfwypvbgk";
    const uint32_t letters = 2 + draw(5) + draw(5);
    if (draw(3))
        piece->bytes[piece->count++] = ' ';
    for (uint32_t i = 0; i < letters; i++)
        piece->bytes[piece->count++] = (char)(common[draw(sizeof common - 1)] - (!i && !draw(4) ? 32 : 0));
}

static void make_marks(struct made_piece *piece)
{
    static const char marks[] = "\"\"\"'`{}[]()<>:;,.=+-*/\\\n\n\t\r   _#$@!?&|0123456789";
    for (uint32_t i = 2 + draw(4); i > 0; i--)
        piece->bytes[piece->count++] = marks[draw(sizeof marks - 1)];
}

static void make_foreign(struct made_piece *piece)
{
    static const uint32_t scripts[] = {0xc0, 0x410, 0x391, 0x4e00, 0xac00, 0x1f600};
    const uint32_t script = scripts[draw(6)], cut = draw(12);
    for (uint32_t i = 1 + draw(3); i > 0; i--)
        piece->count += rt_utf8_write(script + draw(script < 0x1000 ? 60 : 2000), piece->bytes + piece->count);
    if (!cut && piece->count > 2)
        piece->count--;
}

static int compare_pieces(const void *a, const void *b)
{
    const struct vocabulary_piece *x = a, *y = b;
    const int order = memcmp(x->bytes, y->bytes, x->count < y->count ? x->count : y->count);
    return order ? order : x->count < y->count ? -1 : x->count > y->count;
}

static int make_tokenizer(struct rt_tokenizer **out, uint32_t size, struct rt_error *error)
{
    RT_FREE struct made_piece *made = calloc(size * (size_t)3, sizeof *made);
    RT_FREE struct vocabulary_piece *pieces = calloc(size * (size_t)3, sizeof *pieces);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < size * 3; i++) {
        const uint32_t kind = draw(20);
        (kind < 14 ? make_word : kind < 16 ? make_marks : make_foreign)(&made[i]);
        pieces[i] = (struct vocabulary_piece){made[i].bytes, made[i].count};
    }
    qsort(pieces, size * (size_t)3, sizeof *pieces, compare_pieces);
    for (uint32_t i = 0; i < size * 3; i++)
        if (pieces[i].count > 1 && (!kept || compare_pieces(&pieces[kept - 1], &pieces[i])))
            pieces[kept++] = pieces[i];
    for (uint32_t i = kept; i > 1; i--) {
        const uint32_t other = draw(i);
        const struct vocabulary_piece piece = pieces[other];
        pieces[other] = pieces[i - 1];
        pieces[i - 1] = piece;
    }
    return vocabulary_open(out, pieces, kept < size - 257 ? kept : size - 257, error);
}

/* --- answers --- */

/* Of this thread alone: others on the machine do not count. */
static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct answers {
    struct rt_tokenizer *tokenizer;
    struct rt_token_bytes *bytes;
    uint32_t vocab, end;
    uint32_t *allowed;
    double opening; /* of the vocabulary's bytes, in seconds */
    double *times;  /* [STEPS] in seconds; NULL: not taken */
    uint32_t steps;
    char text[TEXT_MAX + PIECE_MAX];
};

static int open_answers(struct answers *answers, uint32_t size, struct rt_error *error)
{
    random_state = 1;
    if (make_tokenizer(&answers->tokenizer, size, error))
        return -1;
    const double begin = seconds();
    if (rt_token_bytes_open(&answers->bytes, answers->tokenizer, error))
        return -1;
    answers->opening = seconds() - begin;
    answers->vocab = (uint32_t)rt_tokenizer_size(answers->tokenizer);
    answers->end = answers->vocab - 1;
    answers->allowed = calloc((answers->vocab + 31) / 32, sizeof *answers->allowed);
    return 0;
}

static void close_answers(struct answers *answers)
{
    rt_token_bytes_close(&answers->bytes);
    rt_tokenizer_close(&answers->tokenizer);
    free(answers->allowed);
}

static int allows(const struct answers *answers, uint32_t id)
{
    return answers->allowed[id / 32] >> id % 32 & 1;
}

static uint32_t draw_allowed(const struct answers *answers)
{
    for (int i = 0; i < 64; i++) {
        const uint32_t id = draw(answers->vocab);
        if (allows(answers, id))
            return id;
    }
    uint32_t at = draw(answers->vocab), left = answers->vocab;
    while (left-- && !allows(answers, at))
        at = (at + 1) % answers->vocab;
    return at;
}

static uint32_t draw_closing(const struct answers *answers)
{
    const uint32_t first[] = {answers->end, '"', '}', ']'}, then[] = {'@', '.', ':', '-', ',', '0', 'Z', 'a'};
    const size_t closing = draw(3) ? sizeof first / sizeof *first : 2;
    for (size_t i = 0; i < closing; i++)
        if (allows(answers, first[i]))
            return first[i];
    const uint32_t some = then[draw(sizeof then / sizeof *then)];
    return allows(answers, some) ? some : draw_allowed(answers);
}

/* One answer: some freedom, then towards its end. 0: it ended. */
static int answer(struct answers *answers, const struct rt_grammar *grammar, struct rt_error *error)
{
    RT_CLEAN(rt_constraint_close) struct rt_constraint *constraint = NULL;
    const uint32_t free_tokens = draw(80);
    size_t bytes = 0, count;
    if (rt_constraint_open(&constraint, grammar, answers->bytes, answers->vocab, &answers->end, 1, error))
        return -1;
    for (uint32_t i = 0; i < ANSWER_TOKENS && bytes < TEXT_MAX; i++) {
        const double begin = seconds();
        rt_constraint_mask(constraint, answers->allowed);
        const double masked = seconds();
        const uint32_t id = i < free_tokens && draw(8) ? draw_allowed(answers) : draw_closing(answers);
        const double drawn = seconds();
        if (rt_constraint_accept(constraint, id))
            return rt_fail(error, RT_EXIT_FAILED, "token %u is allowed and refused", id);
        if (answers->times && answers->steps < STEPS)
            answers->times[answers->steps++] = seconds() - drawn + masked - begin;
        answers->text[bytes] = 0;
        if (id == answers->end)
            return 0;
        if (!rt_tokenizer_bytes(answers->tokenizer, id, answers->text + bytes, PIECE_MAX, &count))
            bytes += count;
    }
    return rt_fail(error, RT_EXIT_FAILED, "an answer without an end");
}

static int open_schema(struct rt_grammar **grammar, yyjson_doc *doc, struct rt_error *error)
{
    return rt_grammar_open_schema(grammar, yyjson_doc_get_root(doc), error);
}

static int print_answers(struct answers *answers, const struct grammar_schema *schema, uint32_t count, struct rt_error *error)
{
    RT_CLEAN(rt_grammar_close) struct rt_grammar *grammar = NULL;
    yyjson_doc *doc = yyjson_read(schema->text, strlen(schema->text), 0);
    int failed = open_schema(&grammar, doc, error);
    yyjson_doc_free(doc);
    for (uint32_t i = 0; i < count && !failed; i++) {
        failed = answer(answers, grammar, error);
        if (!failed) {
            for (char *c = answers->text; *c; c++) /* the line's end is white space here: inside of strings it is escaped */
                *c = *c == '\n' ? ' ' : *c;
            printf("{\"schema\": %s, \"answer\": %s}\n", schema->text, answers->text);
        }
    }
    return failed ? rt_wrap(error, "%s", schema->name) : 0;
}

static int walks(uint32_t count, struct rt_error *error)
{
    static struct answers answers;
    int failed = open_answers(&answers, 32000, error);
    for (size_t i = 0; i < GRAMMAR_SCHEMAS && !failed; i++)
        failed = print_answers(&answers, &grammar_schemas[i], count, error);
    close_answers(&answers);
    return failed;
}

/* --- the bench --- */

static int compare_times(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int measure(struct answers *answers, const struct grammar_schema *schema, struct rt_error *error)
{
    RT_CLEAN(rt_grammar_close) struct rt_grammar *grammar = NULL;
    yyjson_doc *doc = yyjson_read(schema->text, strlen(schema->text), 0);
    const double begin = seconds();
    int failed = schema->text[0] == '{' ? open_schema(&grammar, doc, error)
                 : *schema->text        ? rt_grammar_open_gbnf(&grammar, schema->text, strlen(schema->text), error)
                                        : rt_grammar_open_json(&grammar, error);
    const double opened = seconds() - begin;
    yyjson_doc_free(doc);
    answers->steps = 0;
    while (!failed && answers->steps < STEPS) {
        struct rt_error unended;
        if (answer(answers, grammar, &unended) && strcmp(unended.text, "an answer without an end"))
            failed = rt_fail(error, RT_EXIT_FAILED, "%s", unended.text);
    }
    if (failed)
        return rt_wrap(error, "%s", schema->name);
    double sum = 0;
    for (uint32_t i = 0; i < STEPS; i++)
        sum += answers->times[i];
    qsort(answers->times, STEPS, sizeof *answers->times, compare_times);
    printf("| %u | %s | %.0f | %.1f | %.1f | %.1f | %.1f |\n", answers->vocab, schema->name, 1e6 * opened, 1e6 * answers->times[STEPS / 2],
           1e6 * sum / STEPS, 1e6 * answers->times[STEPS * 99 / 100], 1e6 * answers->times[STEPS - 1]);
    return 0;
}

static int bench(struct rt_error *error)
{
    static double times[STEPS];
    static const struct grammar_schema others[] = {
        {"any JSON object", ""},
        {"long strings", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"maxLength\":2000},\"b\":{\"type\":\"string\"}},"
                         "\"required\":[\"a\",\"b\"]}"},
        {"counted pattern", "{\"type\":\"string\",\"pattern\":\"^[a-z]{1,200}$\"}"},
        {"GBNF, words", "root ::= ([a-z]+ (\" \" | \", \" | \".\\n\"))+"},
    };
    int failed = 0;
    printf("| tokens | grammar | to compile, µs | mask: median, µs | mean | 99 %% | most |\n|---|---|---|---|---|---|---|\n");
    for (uint32_t size = 32000; size <= 150000 && !failed; size += 118000) {
        static struct answers answers;
        answers = (struct answers){.times = times};
        failed = open_answers(&answers, size, error);
        printf("| %u | the vocabulary itself | %.0f | | | | |\n", answers.vocab, 1e6 * answers.opening);
        for (size_t i = 0; i < GRAMMAR_SCHEMAS && !failed; i++)
            failed = measure(&answers, &grammar_schemas[i], error);
        for (size_t i = 0; i < sizeof others / sizeof *others && !failed; i++)
            failed = measure(&answers, &others[i], error);
        close_answers(&answers);
    }
    return failed;
}

int main(int argc, char **argv)
{
    struct rt_error error = {0};
    int failed;
    if (argc == 2 && !strcmp(argv[1], "bench"))
        failed = bench(&error);
    else if (argc == 3 && !strcmp(argv[1], "walks"))
        failed = walks((uint32_t)strtoul(argv[2], NULL, 10), &error);
    else
        failed = rt_fail(&error, RT_EXIT_USAGE, "make_grammar walks COUNT | bench");
    return failed ? rt_error_print(&error, "make_grammar", 0) : 0;
}
