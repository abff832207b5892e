/* test_grammar.c: what grammars and schemas accept and refuse, and that masks say the same as trying every token. */
#include "tests/check.h"
#include "tests/grammar_schemas.h"
#include "tests/vocabulary.h"

#include <stdlib.h>
#include <time.h>
#include <yyjson.h>

#include "runtime/grammar.h"

static struct rt_error error;

/* --- a vocabulary of bytes and some pieces, made once --- */

static const char *const pieces[] = {
    "{\"",      "\":",      "\": ",     "\",",      "\", \"",  "\"}",           "\"}\n", "},", "}}",
    "]}",       "[[",       "[{\"",     "tr",       "true",    "false",         "null",  "ab", "abc",
    "hello",    " wor",     "ld",       "name",     "age",     "\"na",          "me\"",  "12", "123",
    "0.",       ".5",       "-1",       "e+",       "\\n",     "\\\"",          "\\u00", "  ", "\n  ",
    "\xc3\xa9", "\xe2\x82", "\x82\xac", "\x9f\x98", "caf\xc3", "\xa9t\xc3\xa9", "kind",  "id", "ideal",
    "aaaaaaaa", "a\"b",     "x\ny",     "\xf0\x9f", "\xac\"",  "\xac\":",       ", ",
};
enum { PIECES = sizeof pieces / sizeof *pieces, END = 256 + PIECES, VOCAB = END + 40, WORDS = (VOCAB + 31) / 32 };

static struct rt_tokenizer *tokenizer;
static struct rt_token_bytes *token_bytes;

static void test_vocabulary(void)
{
    struct vocabulary_piece list[PIECES];
    for (size_t i = 0; i < PIECES; i++)
        list[i] = (struct vocabulary_piece){pieces[i], strlen(pieces[i])};
    CHECK_THAT(!vocabulary_open(&tokenizer, list, PIECES, &error), "%s", error.text);
    CHECK_THAT(!rt_token_bytes_open(&token_bytes, tokenizer, &error), "%s", error.text);
    char out[8];
    size_t bytes = 0;
    CHECK(!rt_tokenizer_bytes(tokenizer, 256 + 37, out, sizeof out, &bytes) && bytes == 2 && !memcmp(out, "\xe2\x82", 2));
    CHECK(rt_tokenizer_bytes(tokenizer, 256 + 12, out, 1, &bytes) == -1);
    CHECK(rt_tokenizer_bytes(tokenizer, END, out, sizeof out, &bytes) == -1);
}

static struct rt_constraint *constrain(const struct rt_grammar *grammar)
{
    struct rt_constraint *constraint = NULL;
    CHECK_THAT(!rt_constraint_open(&constraint, grammar, token_bytes, VOCAB, (const uint32_t[]){END}, 1, &error), "%s", error.text);
    return constraint;
}

/* Whether the text may be the whole answer. */
static int accepts(const struct rt_grammar *grammar, const char *text, size_t bytes)
{
    struct rt_constraint *constraint = constrain(grammar);
    uint32_t allowed[WORDS];
    int good = 1;
    for (size_t i = 0; i < bytes && good; i++)
        good = !rt_constraint_accept(constraint, (uint8_t)text[i]);
    rt_constraint_mask(constraint, allowed);
    const int may_stop = allowed[END / 32] >> END % 32 & 1;
    if (good)
        CHECK((rt_constraint_accept(constraint, END) == 0) == may_stop);
    rt_constraint_close(&constraint);
    return good && may_stop;
}

/* --- tables --- */

enum { TEXTS_MAX = 14 };

struct grammar_case {
    const char *grammar;
    const char *good[TEXTS_MAX], *bad[TEXTS_MAX];
};

static void check_case(const struct grammar_case *row, struct rt_grammar *grammar)
{
    for (int i = 0; i < TEXTS_MAX && row->good[i]; i++)
        CHECK_THAT(accepts(grammar, row->good[i], strlen(row->good[i])), "%s: refuses %s", row->grammar, row->good[i]);
    for (int i = 0; i < TEXTS_MAX && row->bad[i]; i++)
        CHECK_THAT(!accepts(grammar, row->bad[i], strlen(row->bad[i])), "%s: accepts %s", row->grammar, row->bad[i]);
}

static const struct grammar_case gbnf[] = {
    {"root ::= \"yes\" | \"no\"", {"yes", "no"}, {"", "y", "yesno", "maybe"}},
    {"root ::= [a-c]+ [^a-c\\n]? # comment\n", {"a", "abc", "abcx", "a\xc3\xa9", "c\xf0\x9f\x98\x80"}, {"", "x", "abcxx", "a\n", "a\xc3"}},
    {"root ::= a b*\na ::= \"x\"{2}\nb ::= (\"y\" | \"z\" a)", {"xx", "xxyy", "xxzxxy"}, {"x", "xxz", "xxzx", "xxx"}},
    {"root ::= \"a\"{2,4} \"b\"{,2} \"c\"{1,}", {"aac", "aaaabbccc", "aaabc"}, {"ac", "aaaaac", "aabbbc", "aab"}},
    {"root ::= (\"a\" | \"ab\"){2,3}", {"aa", "aab", "abab", "abaab"}, {"a", "ab", "aaaa", "ababababa"}},
    {"root ::= list\nlist ::= \"(\" list* \")\"", {"()", "(()())", "((()))"}, {"", "(", "(()", "())", "()()"}},
    {"root ::=\n  \"\\\"\" (\n  [^\"\\\\\\x7F\\x00-\\x1F] |\n  \"\\\\\" ([\"\\\\bfnrt] | \"u\" [0-9a-fA-F]{4}) # escapes\n  )* \"\\\"\"",
     {"\"\"", "\"a\\n\\u00e9\xe2\x82\xac\""},
     {"\"", "\"\n\"", "\"\\x\"", "\"\\u12\"", "\"a\"b"}},
    {"root ::= \"\\x41\\u00e9\\U0001F600\\t\\\\\"", {"A\xc3\xa9\xf0\x9f\x98\x80\t\\"}, {"A", "\xe9"}},
    {"root ::= .+",
     {"a", "\n", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"},
     {"", "\xff", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80"}},
    {"root ::= ([a-z]*)* \"!\"", {"!", "abc!"}, {"", "a", "a!!"}},
    {"root   ::= object\nvalue  ::= object | array | string | number | (\"true\" | \"false\" | \"null\") ws\n\nobject ::=\n  \"{\" ws (\n"
     "            string \":\" ws value\n    (\",\" ws string \":\" ws value)*\n  )? \"}\" ws\n\narray  ::=\n  \"[\" ws (\n            "
     "value\n"
     "    (\",\" ws value)*\n  )? \"]\" ws\n\nstring ::=\n  \"\\\"\" (\n    [^\"\\\\\\x7F\\x00-\\x1F] |\n"
     "    \"\\\\\" ([\"\\\\bfnrt] | \"u\" [0-9a-fA-F]{4}) # escapes\n  )* \"\\\"\" ws\n\nnumber ::= (\"-\"? ([0-9] | [1-9] [0-9]{0,15})) "
     "(\".\" [0-9]+)? "
     "([eE] [-+]? [0-9] [1-9]{0,15})? ws\n\n# Optional space: by convention, applied in this grammar after literal chars when allowed\n"
     "ws ::= | \" \" | \"\\n\" [ \\t]{0,20}\n",
     {"{}", "{\"a\": [1, -2.5e-3, {\"b\": \"\\u00e9\"}], \"c\": null}\n"},
     {"[]", "{\"a\"}", "{a:1}", "{\"a\":tru}"}},
    {"root ::= \"\" | root2\nroot2 ::= \"a\" root2 | \"b\"", {"", "b", "aab"}, {"a", "ba"}},
    {"root ::= (\"a\"?){3} \"b\"", {"b", "ab", "aaab"}, {"aaaab"}},
    {"root ::= [\xce\xb1-\xcf\x89]{2}", {"\xce\xb1\xcf\x89", "\xce\xbb\xce\xbb"}, {"\xce\xb1", "\xce\xb1\xcf\x8a", "\xce\xb0\xce\xb1"}},
};

static void test_gbnf(void)
{
    for (size_t i = 0; i < sizeof gbnf / sizeof *gbnf; i++) {
        struct rt_grammar *grammar = NULL;
        CHECK_THAT(!rt_grammar_open_gbnf(&grammar, gbnf[i].grammar, strlen(gbnf[i].grammar), &error), "%s: %s", gbnf[i].grammar,
                   error.text);
        if (grammar)
            check_case(&gbnf[i], grammar);
        rt_grammar_close(&grammar);
    }
}

static const struct {
    const char *grammar, *why;
} bad_gbnf[] = {
    {"", "no rule \"root\""},
    {"a ::= \"b\"", "no rule \"root\""},
    {"root ::= a", "line 1: a: no such rule"},
    {"root ::= \"a\"\nroot ::= \"b\"", "line 2: root: defined twice"},
    {"root ::= root \"a\" | \"a\"", "root: refers to itself before any character"},
    {"root ::= a\na ::= b? c\nb ::= \"x\"\nc ::= a \"y\" | \"z\"", "refers to itself before any character"},
    {"root ::= \"a\" b\nb ::= \"x\" b", "line 2: b: no text can ever end it"},
    {"root ::= \"a", "line 1: a literal without its closing quote"},
    {"root ::= [a", "line 1: a character class without its ]"},
    {"root ::= \"x\"\n  ( \"a\"", "line 2: a group without its closing bracket"},
    {"root ::= [z-a]", "runs backwards"},
    {"root ::= \"a\"{3,2}", "m up to n"},
    {"root ::= \"a\"{99999999}", "line 1: a repetition has numbers up to 1048576"},
    {"root ::= \"\\q\"", "unknown escape"},
    {"root ::= \"\\ud800\"", "no Unicode character"},
    {"root ::= \"\xff\"", "not UTF-8"},
    {"root ::= <[1]>", "line 1: not the beginning of a rule"},
    {"root ::= (\"a\"?){99} \"b\"", "take the empty case out"},
    {"root ::= a{1048576}\na ::= b{1048576}\nb ::= \"x\"", "shortest text is longer"},
    {"root ::= []", "without characters"},
};

static void test_bad_gbnf(void)
{
    for (size_t i = 0; i < sizeof bad_gbnf / sizeof *bad_gbnf; i++) {
        struct rt_grammar *grammar = NULL;
        const int failed = rt_grammar_open_gbnf(&grammar, bad_gbnf[i].grammar, strlen(bad_gbnf[i].grammar), &error);
        CHECK_THAT(failed && !grammar && error.code == RT_EXIT_USAGE && strstr(error.text, bad_gbnf[i].why), "%s: %s", bad_gbnf[i].grammar,
                   failed ? error.text : "opened");
        rt_grammar_close(&grammar);
    }
}

static const struct grammar_case schemas[] = {
    {"{\"type\":\"integer\"}", {"0", "-1", "10", "-0", "999999999999999"}, {"", "01", "1.5", "--1", "1e5", "\"1\"", "9999999999999999"}},
    {"{\"type\":\"number\"}", {"0", "-1.5", "1e5", "2.50E-10"}, {"1.", ".5", "1e", "1e100", "NaN"}},
    {"{\"type\":\"integer\",\"minimum\":-5,\"maximum\":12}", {"-5", "0", "9", "12", "-0"}, {"-6", "13", "20", "-10", "012", "120"}},
    {"{\"type\":\"integer\",\"minimum\":95,\"maximum\":1203}", {"95", "99", "100", "1000", "1203"}, {"94", "9", "1204", "1300", "0095"}},
    {"{\"type\":\"integer\",\"exclusiveMinimum\":0}", {"1", "10", "123456"}, {"0", "-1", "-0"}},
    {"{\"type\":\"number\",\"minimum\":0.5,\"exclusiveMaximum\":2}",
     {"0.5", "0.50", "1", "1.99", "0.500001"},
     {"0.49", "0", "2", "2.0", "-1", "0.4999", "5e-1"}},
    {"{\"type\":\"number\",\"exclusiveMinimum\":-1.25,\"maximum\":-1.2}",
     {"-1.2", "-1.24", "-1.2499", "-1.20"},
     {"-1.25", "-1.250", "-1.19", "1.2", "-1", "-2"}},
    {"{\"type\":\"string\",\"minLength\":1,\"maxLength\":2}",
     {"\"a\"", "\"a\xc3\xa9\"", "\"\\n\\u1234\""},
     {"\"\"", "\"abc\"", "\"\\ud83d\"", "a"}},
    {"{\"enum\":[\"a\",\"ab\",\"b\",1,null]}", {"\"a\"", "\"ab\"", "1", "null"}, {"\"abc\"", "2", "a", "\""}},
    {"{\"type\":\"string\",\"enum\":[\"a\",1]}", {"\"a\""}, {"1"}},
    {"{\"type\":[\"boolean\",\"null\"]}", {"true", "false", "null"}, {"0", "\"true\""}},
    {"{\"type\":\"string\",\"nullable\":true}", {"\"x\"", "null"}, {"1"}},
    {"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"integer\"},\"c\":{\"type\":\"integer\"}},"
     "\"required\":[\"b\"]}",
     {"{\"b\":1}", "{\"a\": 1, \"b\": 2}", "{\"b\":1,\"c\":2}", "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}"},
     {"{}", "{\"a\":1}", "{\"b\":1,\"a\":2}", "{\"b\":1,\"d\":2}", "{\"b\":1,}", "{\"b\":1}}", "{  \"b\":1}", "{\"b\" :1}"}},
    {"{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}}}",
     {"{}", "{\"a\":1}", "{\"b\":[]}", "{\"a\":{\"x\":[1,\"2\"]},\"b\":null}"},
     {"{\"c\":1}", "{\"b\":1,\"a\":1}"}},
    {"{\"type\":\"object\",\"properties\":{\"ab\":{\"type\":\"null\"}},\"additionalProperties\":{\"type\":\"integer\"}}",
     {"{}", "{\"ab\":null}", "{\"ab\":null,\"x\":1}", "{\"a\":1}", "{\"abc\":1,\"\":2}"},
     {"{\"ab\":1}", "{\"x\":null}", "{\"x\":1,\"ab\":2}", "{\"\\u0061b\":1}"}},
    {"{\"type\":\"object\"}", {"{}", "{\"a\":{\"b\":[1, 2]}}"}, {"[]", "{a:1}", "{\"a\"}"}},
    {"{\"properties\":{\"a\":{\"type\":\"null\"}},\"required\":[\"a\",\"z\"]}", {"{\"a\":null,\"z\":3}"}, {"{\"a\":null}", "1"}},
    {"{\"type\":\"array\",\"items\":{\"type\":\"null\"},\"minItems\":1,\"maxItems\":3}",
     {"[null]", "[null, null,null]"},
     {"[]", "[null,null,null,null]", "[null,]"}},
    {"{\"type\":\"array\",\"prefixItems\":[{\"const\":1},{\"const\":2}]}", {"[]", "[1]", "[1,2]"}, {"[2]", "[1,2,3]"}},
    {"{\"type\":\"array\",\"maxItems\":0}", {"[]"}, {"[1]"}},
    {"{\"type\":\"string\",\"pattern\":\"^[a-c]+\\\\d{2}$\"}", {"\"a12\"", "\"abc00\""}, {"\"12\"", "\"a1\"", "\"a123\""}},
    {"{\"type\":\"string\",\"pattern\":\"b|^a$\"}", {"\"xbx\"", "\"b\"", "\"a\""}, {"\"x\"", "\"aa\"", "\"\""}},
    {"{\"type\":\"string\",\"pattern\":\"^(a|b(?:c|d)?){2}\\\\.$\"}", {"\"aa.\"", "\"bdb.\""}, {"\"a.\"", "\"aax\""}},
    {"{\"type\":\"string\",\"pattern\":\"^[^a]$\"}", {"\"b\"", "\"\\n\"", "\"\\\"\"", "\"\\\\\""}, {"\"a\"", "\"\"\"", "\"\\\""}},
    {"{\"type\":\"string\",\"format\":\"date\"}",
     {"\"2024-02-29\"", "\"1999-12-31\""},
     {"\"2023-02-29\"", "\"2024-13-01\"", "\"2024-04-31\"", "\"0000-01-01\""}},
    {"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"object\",\"properties\":{\"x\":{\"$ref\":\"#\"}},\"required\":[\"x\"]}]}",
     {"1", "{\"x\":{\"x\":2}}"},
     {"{}", "\"1\""}},
    {"{\"type\":\"string\",\"anyOf\":[{\"maxLength\":1},{\"const\":\"abc\"}]}", {"\"a\"", "\"abc\""}, {"\"ab\"", "1"}},
    {"{\"allOf\":[{\"$ref\":\"#/definitions/"
     "p\"}],\"definitions\":{\"p\":{\"type\":\"integer\",\"minimum\":3}},\"title\":\"t\",\"maximum\":4}",
     {"3", "4"},
     {"2", "5"}},
    {"true", {"1", "[{\"a\":null}]", "\"s\""}, {"", "nul"}},
};

static int open_schema(struct rt_grammar **grammar, const char *text)
{
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    CHECK_THAT(doc, "%s is not JSON", text);
    *grammar = NULL;
    const int failed = doc ? rt_grammar_open_schema(grammar, yyjson_doc_get_root(doc), &error) : -1;
    yyjson_doc_free(doc);
    return failed;
}

static void test_schemas(void)
{
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        struct rt_grammar *grammar;
        CHECK_THAT(!open_schema(&grammar, schemas[i].grammar), "%s: %s", schemas[i].grammar, error.text);
        if (grammar)
            check_case(&schemas[i], grammar);
        rt_grammar_close(&grammar);
    }
}

static const struct {
    const char *schema, *why;
} bad_schemas[] = {
    {"1", "not a schema"},
    {"false", "no text can match"},
    {"{\"type\":\"text\"}", "/type: not a type"},
    {"{\"properties\":{\"age\":{\"not\":{}}}}", "/properties/age/not: not supported"},
    {"{\"items\":{\"minimun\":1}}", "/items/minimun: not a known keyword"},
    {"{\"patternProperties\":{}}", "/patternProperties: not supported"},
    {"{\"uniqueItems\":true}", "/uniqueItems: not supported"},
    {"{\"$ref\":\"#/$defs/x\"}", "/$ref: \"#/$defs/x\": no such place"},
    {"{\"$ref\":\"http://x/y\"}", "no such place"},
    {"{\"$ref\":\"#\"}", "break the circle"},
    {"{\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#/$defs/a\"}]}},\"$ref\":\"#/$defs/a\"}", "no text can match"},
    {"{\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#/$defs/a\"},{\"type\":\"null\"}]}},\"$ref\":\"#/$defs/a\"}", "refers to itself"},
    {"{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}", "no text can match"},
    {"{\"multipleOf\":0.01}", "/multipleOf: only 1 is supported"},
    {"{\"type\":\"string\",\"minLength\":-1}", "/minLength: not a whole number"},
    {"{\"type\":\"string\",\"minLength\":3,\"maxLength\":2}", "no text can match"},
    {"{\"type\":\"integer\",\"minimum\":5,\"maximum\":4}", "no text can match"},
    {"{\"type\":\"integer\",\"minimum\":1e30}", "more than 18 digits"},
    {"{\"type\":\"array\",\"minItems\":1000000000}", "shortest text is longer"},
    {"{\"type\":\"string\",\"pattern\":\"(a)\\\\1\"}", "/pattern: pattern, byte 5: a reference back"},
    {"{\"type\":\"string\",\"pattern\":\"^(?=a)b\"}", "looks around"},
    {"{\"type\":\"string\",\"pattern\":\"\\\\bword\"}", "\\b is not supported"},
    {"{\"type\":\"string\",\"pattern\":\"a^b\"}", "an anchor"},
    {"{\"type\":\"string\",\"pattern\":\"(a\"}", "closing bracket"},
    {"{\"type\":\"string\",\"pattern\":\"^a+b$\",\"maxLength\":3}", "write the length into the pattern"},
    {"{\"enum\":[\"a\"],\"minLength\":1}", "enum or const beside"},
    {"{\"enum\":3}", "/enum: not a list"},
    {"{\"anyOf\":[]}", "/anyOf: not a list"},
    {"{\"required\":[1]}", "/required: not a list of names"},
    {"{\"type\":\"object\",\"required\":[\"a\"],\"additionalProperties\":false}", "no text can match"},
};

static void test_bad_schemas(void)
{
    for (size_t i = 0; i < sizeof bad_schemas / sizeof *bad_schemas; i++) {
        struct rt_grammar *grammar;
        const int failed = open_schema(&grammar, bad_schemas[i].schema);
        CHECK_THAT(failed && !grammar && error.code == RT_EXIT_USAGE && strstr(error.text, bad_schemas[i].why), "%s: %s",
                   bad_schemas[i].schema, failed ? error.text : "opened");
        rt_grammar_close(&grammar);
    }
}

/* --- masks --- */

static uint64_t random_state;
static uint32_t draw(uint32_t below) /* SplitMix64 */
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) % below);
}

static uint32_t draw_allowed(const uint32_t *allowed)
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < VOCAB; id++)
        count += allowed[id / 32] >> id % 32 & 1;
    uint32_t at = draw(count ? count : 1);
    for (uint32_t id = 0; id < VOCAB; id++)
        if ((allowed[id / 32] >> id % 32 & 1) && !at--)
            return id;
    return UINT32_MAX;
}

enum { HISTORY = 2000 };

struct history {
    uint32_t ids[HISTORY], count;
};

static struct rt_constraint *again(const struct rt_grammar *grammar, const struct history *history)
{
    struct rt_constraint *constraint = constrain(grammar);
    for (uint32_t i = 0; i < history->count; i++)
        CHECK(!rt_constraint_accept(constraint, history->ids[i]));
    return constraint;
}

/* The mask allows exactly the tokens that are accepted: all others are tried, and some of those. */
static void check_mask(const struct rt_grammar *grammar, const struct history *history, const uint32_t *allowed, const char *name)
{
    struct rt_constraint *constraint = again(grammar, history);
    for (uint32_t id = 0; id < VOCAB; id++)
        if (!(allowed[id / 32] >> id % 32 & 1))
            CHECK_THAT(rt_constraint_accept(constraint, id), "%s: after %u tokens, token %u comes and is masked", name, history->count, id);
    rt_constraint_close(&constraint);
    for (int i = 0; i < 5; i++) {
        const uint32_t id = draw_allowed(allowed);
        constraint = again(grammar, history);
        CHECK_THAT(!rt_constraint_accept(constraint, id), "%s: after %u tokens, token %u is refused and not masked", name, history->count,
                   id);
        rt_constraint_close(&constraint);
    }
}

static int allows(const uint32_t *allowed, uint32_t id)
{
    return allowed[id / 32] >> id % 32 & 1;
}

/* A token that brings most texts nearer to their end. */
static uint32_t draw_closing(const uint32_t *allowed)
{
    static const uint32_t first[] = {END, '"', '}', ']'}, then[] = {'@', '.', ':', '-', ',', '0', 'Z', 'a'};
    const size_t closing = draw(8) ? sizeof first / sizeof *first : 2;
    for (size_t i = 0; i < closing; i++)
        if (allows(allowed, first[i]))
            return first[i];
    const uint32_t some = then[draw(sizeof then / sizeof *then)];
    return allows(allowed, some) ? some : draw_allowed(allowed);
}

/* Walks at random; after `bound` tokens towards an end. Returns the text. */
static char *walk(const struct rt_grammar *grammar, uint64_t seed, uint32_t bound, int checked, const char *name)
{
    struct rt_constraint *constraint = constrain(grammar);
    struct history history = {.count = 0};
    uint32_t allowed[WORDS], id = 0;
    char *text = calloc(1, 16 * HISTORY);
    size_t bytes = 0, count;
    random_state = seed * 7919 + 17;
    while (history.count < HISTORY && id != END) {
        rt_constraint_mask(constraint, allowed);
        if (checked && draw(4) == 0)
            check_mask(grammar, &history, allowed, name);
        id = history.count < bound ? draw_allowed(allowed) : draw_closing(allowed);
        if (id == UINT32_MAX || rt_constraint_accept(constraint, id))
            break;
        history.ids[history.count++] = id;
        if (id != END && !rt_tokenizer_bytes(tokenizer, id, text + bytes, 16, &count))
            bytes += count;
    }
    CHECK_THAT(id == END, "%s, seed %llu: does not end: %.200s", name, (unsigned long long)seed, text);
    rt_constraint_close(&constraint);
    return text;
}

static void test_masks(void)
{
    for (size_t i = 0; i < GRAMMAR_SCHEMAS; i++) {
        struct rt_grammar *grammar;
        CHECK_THAT(!open_schema(&grammar, grammar_schemas[i].text), "%s: %s", grammar_schemas[i].name, error.text);
        for (uint64_t seed = 0; grammar && seed < 3; seed++)
            free(walk(grammar, seed, 30, 1, grammar_schemas[i].name));
        rt_grammar_close(&grammar);
    }
    static const char *const others[] = {"root ::= [^\"]* \"\\\"\" [a-z]{1,9} [^x]{0,5} \"!\"",
                                         "root ::= ([^\\n]{1,4} \",\"?){2,5} \"\\n\"",
                                         "root ::= ([a-z ]+ | \"abc\" .{2})+ \"\\n\"",
                                         "root ::= (([a-z] | \"ab\" | \"aaa\"){1,999}){1,99} \"!\"",
                                         "root ::= ([a-z]{1,200} \" \"?){1,2000}",
                                         "root ::= [a-z]{3,30} \"!\"",
                                         "root ::= ([a-z]{1,30} [^a-z]{0,12}){1,20} \"!\"",
                                         "root ::= [^\\\\]{1,3} \"abc\\n\" | [^\\n]{1,9} \"\\n\""};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct rt_grammar *grammar = NULL;
        CHECK_THAT(!rt_grammar_open_gbnf(&grammar, others[i], strlen(others[i]), &error), "%s", error.text);
        for (uint64_t seed = 0; grammar && seed < 6; seed++) {
            struct rt_constraint *constraint = constrain(grammar);
            struct history history = {.count = 0};
            uint32_t allowed[WORDS];
            random_state = seed;
            while (history.count < 20) {
                rt_constraint_mask(constraint, allowed);
                check_mask(grammar, &history, allowed, others[i]);
                const uint32_t id = draw_allowed(allowed);
                CHECK(id != UINT32_MAX && !rt_constraint_accept(constraint, id));
                history.ids[history.count++] = id;
                if (id == END)
                    break;
            }
            rt_constraint_close(&constraint);
        }
        rt_grammar_close(&grammar);
    }
}

static void test_walks(void)
{
    for (size_t i = 0; i < GRAMMAR_SCHEMAS; i++) {
        struct rt_grammar *grammar;
        CHECK_THAT(!open_schema(&grammar, grammar_schemas[i].text), "%s: %s", grammar_schemas[i].name, error.text);
        for (uint64_t seed = 0; grammar && seed < 60; seed++) {
            char *text = walk(grammar, seed, 10 + (uint32_t)seed * 3, 0, grammar_schemas[i].name);
            yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
            CHECK_THAT(doc, "%s, seed %llu: not JSON: %s", grammar_schemas[i].name, (unsigned long long)seed, text);
            yyjson_doc_free(doc);
            free(text);
        }
        rt_grammar_close(&grammar);
    }
}

/* --- single rules --- */

static void test_json_object(void)
{
    struct rt_grammar *grammar = NULL;
    CHECK_THAT(!rt_grammar_open_json(&grammar, &error), "%s", error.text);
    static const struct grammar_case row = {
        "json",
        {"{}", "{\"a\": [1, -2.5e3, true, {\"b\": \"\\u00e9\"}]}", "{\n    \"a\": {},\n    \"b\": []\n}"},
        {"[]", "1", "{\"a\":1", "{\"a\":}", "{\"a\":\"\\ud800\"}", "{\"a\":\t1}"}};
    check_case(&row, grammar);
    for (uint64_t seed = 0; seed < 100; seed++) {
        char *text = walk(grammar, seed, 40, 0, "json");
        yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
        CHECK_THAT(yyjson_is_obj(yyjson_doc_get_root(doc)), "not an object: %s", text);
        yyjson_doc_free(doc);
        free(text);
    }
    rt_grammar_close(&grammar);
}

static void test_nesting_ends(void)
{
    static char text[4096];
    struct rt_grammar *grammar;
    struct rt_constraint *constraint;
    CHECK(!open_schema(&grammar, "{\"type\":\"array\"}"));
    constraint = constrain(grammar);
    uint32_t allowed[WORDS], depth = 0;
    for (;; depth++) {
        rt_constraint_mask(constraint, allowed);
        if (!(allowed['[' / 32] >> '[' % 32 & 1) || depth == sizeof text)
            break;
        CHECK(!rt_constraint_accept(constraint, '['));
    }
    CHECK_THAT(depth > 50 && depth < sizeof text, "%u deep", depth);
    for (uint32_t i = 0; i < depth; i++)
        CHECK(!rt_constraint_accept(constraint, ']'));
    CHECK(!rt_constraint_accept(constraint, END));
    rt_constraint_close(&constraint);
    rt_grammar_close(&grammar);
}

static void test_halves_and_stops(void)
{
    struct rt_grammar *grammar = NULL;
    static const char euro[] = "root ::= \"\xe2\x82\xac\"";
    CHECK(!rt_grammar_open_gbnf(&grammar, euro, sizeof euro - 1, &error));
    struct rt_constraint *constraint = constrain(grammar);
    uint32_t allowed[WORDS];
    rt_constraint_mask(constraint, allowed);
    for (uint32_t id = 0; id < VOCAB; id++)
        CHECK((int)(allowed[id / 32] >> id % 32 & 1) == (id == 0xe2 || id == 256 + 37));
    CHECK(rt_constraint_accept(constraint, END) == -1);
    CHECK(rt_constraint_accept(constraint, END + 1) == -1);
    CHECK(rt_constraint_accept(constraint, UINT32_MAX) == -1);
    CHECK(!rt_constraint_accept(constraint, 256 + 37));
    CHECK(!rt_constraint_accept(constraint, 0xac));
    rt_constraint_mask(constraint, allowed);
    for (uint32_t id = 0; id < VOCAB; id++)
        CHECK((int)(allowed[id / 32] >> id % 32 & 1) == (id == END));
    CHECK(!rt_constraint_accept(constraint, END));
    CHECK(rt_constraint_accept(constraint, 'a') == -1);
    rt_constraint_mask(constraint, allowed);
    CHECK(allowed[END / 32] == 1u << END % 32);
    rt_constraint_close(&constraint);
    CHECK(rt_constraint_open(&constraint, grammar, token_bytes, VOCAB, (const uint32_t[]){VOCAB}, 1, &error) &&
          error.code == RT_EXIT_USAGE);
    CHECK(rt_constraint_open(&constraint, grammar, token_bytes, 10, NULL, 0, &error) && error.code == RT_EXIT_USAGE);
    rt_grammar_close(&grammar);
}

/* --- hostile ones --- */

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* head, then `count` times body with its number for each @, then tail. */
static char *repeat(const char *head, const char *body, unsigned count, const char *tail)
{
    const size_t room = strlen(head) + count * (strlen(body) + 40) + strlen(tail) + 1;
    char *text = malloc(room);
    size_t used = (size_t)snprintf(text, room, "%s", head);
    for (unsigned i = 0; i < count; i++) {
        unsigned numbers[3] = {i, i + 1, i + 1}, at = 0;
        for (const char *c = body; *c; c++) {
            if (*c == '@')
                used += (size_t)snprintf(text + used, room - used, "%u", numbers[at++ % 3]);
            else
                text[used++] = *c;
        }
    }
    snprintf(text + used, room - used, "%s", tail);
    return text;
}

static const struct {
    const char *head, *body;
    unsigned count;
    const char *tail, *why; /* why NULL: it opens */
} hostile[] = {
    {"{\"$ref\":\"#/$defs/a0\",\"$defs\":{", "\"a@\":{\"allOf\":[{\"$ref\":\"#/$defs/a@\"},{\"$ref\":\"#/$defs/a@\"}]},", 30,
     "\"a30\":{}}}", "refers to itself, or"},
    {"{\"$ref\":\"#/$defs/a0\",\"$defs\":{", "\"a@\":{\"anyOf\":[{\"$ref\":\"#/$defs/a@\"},{\"$ref\":\"#/$defs/a@\"}],\"title\":\"t\"},",
     30, "\"a30\":{}}}", NULL},
    {"{\"allOf\":[", "{\"anyOf\":[{\"minimum\":@},{\"maximum\":@}]},", 6, "{}]}", NULL},
    {"{\"allOf\":[", "{\"anyOf\":[{\"minimum\":@},{\"maximum\":@},{\"type\":\"integer\"},{\"type\":\"number\"}]},", 7, "{}]}",
     "make it simpler"},
    {"{\"enum\":[", "\"value @\",", 20000, "0]}", NULL},
    {"{\"allOf\":[{\"type\":\"null\"},{\"enum\":[", "\"value @\",", 20000, "null]},{\"enum\":[1,null]}]}", NULL},
    {"{\"properties\":{", "\"p@\":{\"type\":\"integer\"},", 999, "\"last\":{}}}", NULL},
    {"{\"properties\":{", "\"p@\":{\"type\":\"integer\"},", 2000, "\"last\":{}}}", "more than 1000 properties"},
    {"{\"type\":\"array\",\"minItems\":", "9", 9, "}", "shortest text is longer"},
    {"root ::= ", "(", 100000, "", "groups in more than 32 groups"},
    {"root ::= r0\n", "r@ ::= \"a\" r@\n", 20000, "", "rules"},
    {"root ::= r0\n", "r@ ::= r@\n", 9000, "r9000 ::= \"a\"", "rules call rules"},
    {"root ::= r0\n", "r@ ::= r@\n", 1000, "r1000 ::= \"a\"", NULL},
    {"root ::= ", "[a-z]? ", 3000, "", NULL},
    {"root ::= (\"a\" | \"aa\" | \"aaa\"){1,", "9", 5, "}", NULL},
    {"root ::= (([a-z] | \"ab\"){1,", "9", 3, "}){1,99} \"!\"", NULL},
    {"root ::= ", "\"word @\" | ", 900, "\"\"", NULL},
    {"root ::= ", "\"word @\" | ", 1000, "\"\"", "more than 1000 alternatives"},
    {"{\"enum\":[", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],", 1,
     "1e300]}", "deep; make it flatter"},
    {"{\"enum\":[", "", 0, "1e300,-1e300,0.5],\"type\":\"integer\"}", NULL},
    {"root ::= x\nx ::= ", "\"a\" x? ", 500, "| \"b\"", NULL},
};

static void test_hostile(void)
{
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        char *text = repeat(hostile[i].head, hostile[i].body, hostile[i].count, hostile[i].tail);
        struct rt_grammar *grammar = NULL;
        const double begin = cpu_seconds();
        const int failed = *text == '{' ? open_schema(&grammar, text) : rt_grammar_open_gbnf(&grammar, text, strlen(text), &error);
        CHECK_THAT(failed ? hostile[i].why && strstr(error.text, hostile[i].why) : !hostile[i].why, "%.60s: %s", text,
                   failed ? error.text : "opened");
        CHECK_THAT(cpu_seconds() - begin < 1, "%.60s: %.3f s to open", text, cpu_seconds() - begin);
        struct rt_constraint *constraint = grammar ? constrain(grammar) : NULL;
        uint32_t allowed[WORDS];
        for (int step = 0; constraint && step < 50; step++) {
            rt_constraint_mask(constraint, allowed);
            const uint32_t id = draw_allowed(allowed);
            CHECK(!rt_constraint_accept(constraint, id));
            if (id == END)
                break;
        }
        CHECK_THAT(cpu_seconds() - begin < 3, "%.60s: %.3f s for 50 tokens", text, cpu_seconds() - begin);
        rt_constraint_close(&constraint);
        rt_grammar_close(&grammar);
        free(text);
    }
}

static void test_close(void)
{
    rt_token_bytes_close(&token_bytes);
    rt_tokenizer_close(&tokenizer);
    CHECK(!token_bytes && !tokenizer);
}

CHECK_MAIN(CHECK_TEST(test_vocabulary), CHECK_TEST(test_gbnf), CHECK_TEST(test_bad_gbnf), CHECK_TEST(test_schemas),
           CHECK_TEST(test_bad_schemas), CHECK_TEST(test_json_object), CHECK_TEST(test_nesting_ends), CHECK_TEST(test_halves_and_stops),
           CHECK_TEST(test_walks), CHECK_TEST(test_masks), CHECK_TEST(test_hostile), CHECK_TEST(test_close))
