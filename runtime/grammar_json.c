/* grammar_json.c: JSON as rules, the parts that every schema uses. White space is what json.dumps and its indented form write, and no more, so
 * that a model cannot write spaces for ever: a space, or a line's end and some spaces, inside brackets and behind commas; a space behind a colon.
 * Numbers have up to 15 digits before and behind the point, which a double holds, and an exponent below 100. Of one thread. */
#include <stdlib.h>
#include <string.h>

#include "runtime/grammar_parts.h"
#include "runtime/scope.h"
#include "runtime/tokenizer_parts.h"

enum { INDENT_MAX = 32, DIGITS_MAX = 15, CHOICE_DEPTH = 64 };

static uint32_t class(struct rt_build *build, const char *pairs)
{
    struct rt_chars chars = {0};
    for (; *pairs; pairs += 2)
        rt_chars_add(build, &chars, (uint8_t)pairs[0], (uint8_t)pairs[1]);
    return rt_expr_chars(build, &chars);
}

static uint32_t digits(struct rt_build *build, uint32_t min, uint32_t max)
{
    return rt_expr_repeat(build, class(build, "09"), min, max);
}

/* --- the rules --- */

static uint32_t space(struct rt_json_rules *rules)
{
    struct rt_build *build = rules->build;
    const uint32_t indent = rt_expr_repeat(build, rt_expr_text(build, " "), 0, INDENT_MAX);
    return RT_EXPR_OF(build, RT_EXPR_ALT, rt_expr_text(build, ""), rt_expr_text(build, " "),
                      RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_text(build, "\n"), indent));
}

static uint32_t any(struct rt_json_rules *rules)
{
    struct rt_build *build = rules->build;
    return RT_EXPR_OF(build, RT_EXPR_ALT, rt_expr_json(rules, RT_JSON_OBJECT), rt_expr_json(rules, RT_JSON_ARRAY),
                      rt_expr_json(rules, RT_JSON_STRING), rt_expr_json(rules, RT_JSON_NUMBER), rt_expr_text(build, "true"),
                      rt_expr_text(build, "false"), rt_expr_text(build, "null"));
}

static uint32_t member(struct rt_json_rules *rules)
{
    return RT_EXPR_OF(rules->build, RT_EXPR_SEQ, rt_expr_json(rules, RT_JSON_STRING), rt_expr_json_colon(rules),
                      rt_expr_json(rules, RT_JSON_ANY));
}

static uint32_t object(struct rt_json_rules *rules)
{
    struct rt_build *build = rules->build;
    const uint32_t more = RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_json_separator(rules), member(rules));
    const uint32_t members = RT_EXPR_OF(build, RT_EXPR_SEQ, member(rules), rt_expr_repeat(build, more, 0, RT_NO_LIMIT));
    return rt_expr_json_brackets(rules, "{", members, 1, "}");
}

static uint32_t array(struct rt_json_rules *rules)
{
    struct rt_build *build = rules->build;
    const uint32_t more = RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_json_separator(rules), rt_expr_json(rules, RT_JSON_ANY));
    const uint32_t all = RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_json(rules, RT_JSON_ANY), rt_expr_repeat(build, more, 0, RT_NO_LIMIT));
    return rt_expr_json_brackets(rules, "[", all, 1, "]");
}

static uint32_t tail(struct rt_json_rules *rules)
{
    struct rt_build *build = rules->build;
    const uint32_t characters = rt_expr_repeat(build, rt_expr_json_character(build), 0, RT_NO_LIMIT);
    return RT_EXPR_OF(build, RT_EXPR_SEQ, characters, rt_expr_text(build, "\""));
}

static uint32_t string(struct rt_json_rules *rules)
{
    return RT_EXPR_OF(rules->build, RT_EXPR_SEQ, rt_expr_text(rules->build, "\""), rt_expr_json(rules, RT_JSON_TAIL));
}

static uint32_t integer(struct rt_json_rules *rules)
{
    struct rt_build *build = rules->build;
    const uint32_t many = RT_EXPR_OF(build, RT_EXPR_SEQ, class(build, "19"), digits(build, 0, DIGITS_MAX - 1));
    return RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_optional(build, rt_expr_text(build, "-")),
                      RT_EXPR_OF(build, RT_EXPR_ALT, rt_expr_text(build, "0"), many));
}

static uint32_t number(struct rt_json_rules *rules)
{
    struct rt_build *build = rules->build;
    const uint32_t fraction = RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_text(build, "."), digits(build, 1, DIGITS_MAX));
    const uint32_t exponent = RT_EXPR_OF(build, RT_EXPR_SEQ, class(build, "eeEE"), rt_expr_optional(build, class(build, "++--")),
                                         rt_expr_optional(build, class(build, "19")), class(build, "09"));
    return RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_json(rules, RT_JSON_INTEGER), rt_expr_optional(build, fraction),
                      rt_expr_optional(build, exponent));
}

static const struct {
    const char *name;
    uint32_t (*make)(struct rt_json_rules *rules);
} makers[RT_JSON_RULES] = {
    [RT_JSON_SPACE] = {"white space", space}, [RT_JSON_ANY] = {"any value", any},          [RT_JSON_OBJECT] = {"any object", object},
    [RT_JSON_ARRAY] = {"any array", array},   [RT_JSON_STRING] = {"string", string},       [RT_JSON_NUMBER] = {"number", number},
    [RT_JSON_INTEGER] = {"integer", integer}, [RT_JSON_TAIL] = {"rest of a string", tail},
};

uint32_t rt_expr_json(struct rt_json_rules *rules, enum rt_json_rule rule)
{
    struct rt_build *build = rules->build;
    if (!rules->made[rule]) {
        const uint32_t number = rt_rule_new(build, makers[rule].name, strlen(makers[rule].name), 0);
        rules->made[rule] = number + 1;
        const uint32_t expr = makers[rule].make(rules);
        if (build->failed)
            return 0;
        build->rules[number].expr = expr;
    }
    return rt_expr_rule(build, rules->made[rule] - 1);
}

/* --- the parts --- */

uint32_t rt_expr_json_separator(struct rt_json_rules *rules)
{
    return RT_EXPR_OF(rules->build, RT_EXPR_SEQ, rt_expr_text(rules->build, ","), rt_expr_json(rules, RT_JSON_SPACE));
}

uint32_t rt_expr_json_colon(struct rt_json_rules *rules)
{
    return RT_EXPR_OF(rules->build, RT_EXPR_SEQ, rt_expr_text(rules->build, ":"),
                      rt_expr_optional(rules->build, rt_expr_text(rules->build, " ")));
}

uint32_t rt_expr_json_brackets(struct rt_json_rules *rules, const char *open, uint32_t body, int optional, const char *close)
{
    struct rt_build *build = rules->build;
    const uint32_t inside = RT_EXPR_OF(build, RT_EXPR_SEQ, body, rt_expr_json(rules, RT_JSON_SPACE));
    return RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_text(build, open), rt_expr_json(rules, RT_JSON_SPACE),
                      optional ? rt_expr_optional(build, inside) : inside, rt_expr_text(build, close));
}

/* Escapes that are halves of surrogate pairs are left out. */
uint32_t rt_expr_json_character(struct rt_build *build)
{
    struct rt_chars plain = {.count = 3, .at = {{0x20, 0x21}, {0x23, 0x5b}, {0x5d, 0x10ffff}}};
    const uint32_t low = RT_EXPR_OF(build, RT_EXPR_SEQ, class(build, "09ACacEFef"), class(build, "09AFaf"));
    const uint32_t high = RT_EXPR_OF(build, RT_EXPR_SEQ, class(build, "DDdd"), class(build, "07"));
    const uint32_t code = RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_text(build, "u"), RT_EXPR_OF(build, RT_EXPR_ALT, low, high),
                                     class(build, "09AFaf"), class(build, "09AFaf"));
    const uint32_t escape = RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_text(build, "\\"),
                                       RT_EXPR_OF(build, RT_EXPR_ALT, class(build, "\"\"\\\\//bbffnnrrtt"), code));
    return RT_EXPR_OF(build, RT_EXPR_ALT, rt_expr_chars(build, &plain), escape);
}

uint32_t rt_expr_json_chars(struct rt_build *build, const struct rt_chars *chars)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    struct rt_chars plain = {0};
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    for (uint32_t i = 0; i < chars->count; i++) {
        static const struct rt_char_range bare[] = {{0x20, 0x21}, {0x23, 0x5b}, {0x5d, 0x10ffff}};
        for (int j = 0; j < 3; j++) {
            const uint32_t low = chars->at[i].low > bare[j].low ? chars->at[i].low : bare[j].low;
            const uint32_t high = chars->at[i].high < bare[j].high ? chars->at[i].high : bare[j].high;
            if (low <= high)
                rt_chars_add(build, &plain, low, high);
        }
    }
    if (plain.count)
        rt_expr_add(build, list, rt_expr_chars(build, &plain));
    for (uint32_t character = 0; character <= '\\'; character++) {
        char text[8] = "\\";
        const char *name = memchr(named, (int)character, sizeof named - 1);
        if ((character >= 0x20 && character != '"' && character != '\\') || !rt_chars_has(chars, character))
            continue;
        if (name && (name - named) % 2 == 0)
            text[1] = name[1];
        else
            snprintf(text, sizeof text, "\\u%04x", character);
        rt_expr_add(build, list, rt_expr_text(build, text));
    }
    return list;
}

uint32_t rt_expr_json_literal(struct rt_build *build, yyjson_val *value)
{
    size_t bytes = 0;
    RT_FREE char *text = yyjson_val_write(value, YYJSON_WRITE_NOFLAG, &bytes);
    if (!text)
        rt_build_fail(build, "a value that cannot be written as JSON");
    return text ? rt_expr_bytes(build, text, bytes) : 0;
}

/* --- choices --- */

static int compare_names(const void *a, const void *b)
{
    const struct rt_name *x = a, *y = b;
    const int order = memcmp(x->text, y->text, x->bytes < y->bytes ? x->bytes : y->bytes);
    return order ? order : x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* Sorted texts that are alike up to `at`; what they begin with together is tried once. */
static uint32_t choice(struct rt_build *build, const struct rt_name *texts, size_t count, size_t at, int depth)
{
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    for (size_t i = 0, end; i < count && !build->failed; i = end) {
        const struct rt_name *text = &texts[i];
        size_t same = text->bytes;
        for (end = i + 1; end < count && text->bytes > at && texts[end].bytes > at && texts[end].text[at] == text->text[at]; end++)
            ;
        for (size_t j = at; end > i + 1 && j < same; j++)
            if (texts[end - 1].bytes <= j || texts[end - 1].text[j] != text->text[j])
                same = j;
        if (end == i + 1 || depth == CHOICE_DEPTH) {
            end = i + 1;
            rt_expr_add(build, list, rt_expr_bytes(build, text->text + at, text->bytes - at));
            continue;
        }
        const uint32_t begin = rt_expr_bytes(build, text->text + at, same - at);
        rt_expr_add(build, list, RT_EXPR_OF(build, RT_EXPR_SEQ, begin, choice(build, text, end - i, same, depth + 1)));
    }
    return list;
}

uint32_t rt_expr_choice(struct rt_build *build, struct rt_name *texts, size_t count)
{
    qsort(texts, count, sizeof *texts, compare_names);
    return choice(build, texts, count, 0, 0);
}

/* Behind `at` bytes that all of the names begin with. */
static uint32_t other_key(struct rt_json_rules *rules, const struct rt_name *names, size_t count, size_t at, int depth)
{
    struct rt_build *build = rules->build;
    struct rt_chars others = {.count = 3, .at = {{0, 0x1f}, {'"', '"'}, {'\\', '\\'}}};
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    if (!count || names[0].bytes > at)
        rt_expr_add(build, list, rt_expr_text(build, "\""));
    for (size_t i = 0, end; i < count && !build->failed; i = end) {
        uint32_t character, other;
        end = i + 1;
        if (names[i].bytes == at)
            continue;
        const size_t length = rt_utf8_read(names[i].text + at, names[i].bytes - at, &character);
        while (end < count && names[end].bytes > at && rt_utf8_read(names[end].text + at, names[end].bytes - at, &other) &&
               other == character)
            end++;
        rt_chars_add(build, &others, character, character);
        if (depth < CHOICE_DEPTH && character >= 0x20 && character != '"' && character != '\\')
            rt_expr_add(build, list,
                        RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_bytes(build, names[i].text + at, length),
                                   other_key(rules, names + i, end - i, at + length, depth + 1)));
    }
    rt_chars_negate(build, &others);
    rt_expr_add(build, list, RT_EXPR_OF(build, RT_EXPR_SEQ, rt_expr_chars(build, &others), rt_expr_json(rules, RT_JSON_TAIL)));
    return list;
}

uint32_t rt_expr_json_other_key(struct rt_json_rules *rules, struct rt_name *names, size_t count)
{
    if (!count)
        return rt_expr_json(rules, RT_JSON_STRING);
    qsort(names, count, sizeof *names, compare_names);
    return RT_EXPR_OF(rules->build, RT_EXPR_SEQ, rt_expr_text(rules->build, "\""), other_key(rules, names, count, 0, 0));
}

int rt_grammar_open_json(struct rt_grammar **out, struct rt_error *error)
{
    RT_CLEAN(rt_build_free) struct rt_build build = {.error = error};
    struct rt_json_rules rules = {.build = &build};
    *out = NULL;
    rt_expr_json(&rules, RT_JSON_OBJECT);
    return rt_grammar_make(out, &build, 0, 0);
}
