/* grammar_regex.c: the regular part of ECMA-262's regular expressions, as the inside of a JSON string: a character that JSON escapes is written
 * with its escape. Refused by name: references back, assertions that look around, \b, \p, and anchors but at the ends of a whole alternative.
 * Unanchored, anything may stand before and behind, as "pattern" says. Of one thread. */
#include <string.h>

#include "runtime/grammar_parts.h"
#include "runtime/tokenizer_parts.h"

enum { GROUPS_MAX = 32 };

struct regex {
    struct rt_build *build;
    struct rt_reader reader;
    int groups;
    uint32_t terms; /* of the alternative that is read */
    int is_class;   /* the last term is a class, repeated `repeat` times */
    struct rt_counts repeat;
};

static uint32_t alternatives(struct regex *regex);

static void fail(struct regex *regex, const char *what)
{
    rt_reader_fail(&regex->reader, what);
}

static int takes(struct regex *regex, const char *text)
{
    return rt_reader_takes(&regex->reader, text);
}

static int sees(const struct regex *regex, const char *characters)
{
    return rt_reader_sees_one(&regex->reader, characters);
}

/* --- characters --- */

static uint32_t take_unicode(struct regex *regex)
{
    uint32_t value = 0;
    if (!takes(regex, "{")) {
        value = rt_reader_hex(&regex->reader, 4);
        if (value >= 0xd800 && value < 0xdc00 && takes(regex, "\\u"))
            value = 0x10000 + ((value - 0xd800) << 10) + ((rt_reader_hex(&regex->reader, 4) - 0xdc00) & 0x3ff);
    } else {
        do
            value = value << 4 | rt_reader_hex(&regex->reader, 1);
        while (!regex->build->failed && value <= 0x10ffff && !takes(regex, "}"));
    }
    rt_reader_check_character(&regex->reader, value);
    return value;
}

/* \d and its kin: adds them and returns 1. */
static int take_kind(struct regex *regex, struct rt_chars *chars)
{
    static const struct rt_char_range space[] = {{9, 13},          {32, 32},         {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
                                                 {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}};
    static const struct rt_char_range word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    const char kind = sees(regex, "dDwWsS") ? *regex->reader.at++ : 0;
    const struct rt_char_range *ranges = kind == 's' || kind == 'S' ? space : word;
    const size_t count = ranges == space ? sizeof space / sizeof *space : kind == 'd' || kind == 'D' ? 1 : sizeof word / sizeof *word;
    struct rt_chars set = {0};
    if (!kind)
        return 0;
    for (size_t i = 0; i < count; i++)
        rt_chars_add(regex->build, &set, ranges[i].low, ranges[i].high);
    if (kind < 'a')
        rt_chars_negate(regex->build, &set);
    for (uint32_t i = 0; i < set.count; i++)
        rt_chars_add(regex->build, chars, set.at[i].low, set.at[i].high);
    return 1;
}

/* Behind a backslash. */
static uint32_t take_escape(struct regex *regex, int in_class)
{
    static const char named[] = "t\tn\nr\rf\fv\v";
    if (regex->reader.at == regex->reader.end) {
        fail(regex, "a backslash at the end");
        return 0;
    }
    const uint32_t c = rt_reader_character(&regex->reader);
    const char *name = c < 0x80 && c ? strchr(named, (int)c) : NULL;
    if (name && (name - named) % 2 == 0)
        return (uint8_t)name[1];
    switch (c) {
    case 'x': return rt_reader_hex(&regex->reader, 2);
    case 'u': return take_unicode(regex);
    case 'c':
        return sees(regex, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ? (uint32_t)*regex->reader.at++ & 31
                                                                                   : (fail(regex, "\\c without a letter"), 0);
    case '0': return 0;
    case 'b':
        if (in_class)
            return '\b';
        fail(regex, "\\b is not supported; say what stands there");
        return 0;
    }
    if (c == 'k' || (c >= '1' && c <= '9'))
        fail(regex, "a reference back to a group is not supported; write the group again");
    else if (c == 'p' || c == 'P')
        fail(regex, "\\p is not supported; use ranges of characters");
    else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        fail(regex, "an unknown escape");
    return c;
}

static void take_class(struct regex *regex, struct rt_chars *chars)
{
    const int negated = takes(regex, "^");
    while (!regex->build->failed && !takes(regex, "]")) {
        uint32_t low, high;
        if (regex->reader.at == regex->reader.end) {
            fail(regex, "a character class without its ]");
            return;
        }
        const int escaped = takes(regex, "\\");
        if (escaped && take_kind(regex, chars))
            continue;
        low = high = escaped ? take_escape(regex, 1) : rt_reader_character(&regex->reader);
        if (regex->reader.end - regex->reader.at > 1 && regex->reader.at[0] == '-' && regex->reader.at[1] != ']') {
            regex->reader.at++;
            high = takes(regex, "\\") ? take_escape(regex, 1) : rt_reader_character(&regex->reader);
        }
        if (high < low)
            fail(regex, "a range of characters that runs backwards");
        rt_chars_add(regex->build, chars, low, high);
    }
    if (negated)
        rt_chars_negate(regex->build, chars);
    rt_chars_sort(chars);
}

/* --- terms --- */

static uint32_t take_group(struct regex *regex)
{
    if (takes(regex, "?=") || takes(regex, "?!") || takes(regex, "?<=") || takes(regex, "?<!"))
        fail(regex, "an assertion that looks around is not supported; say directly what may stand there");
    if (takes(regex, "?<"))
        while (regex->reader.at < regex->reader.end && !takes(regex, ">"))
            regex->reader.at++;
    else if (takes(regex, "?") && !takes(regex, ":"))
        fail(regex, "an unknown kind of group");
    if (++regex->groups > GROUPS_MAX)
        fail(regex, "groups in more than 32 groups; make it simpler");
    const uint32_t inside = regex->build->failed ? 0 : alternatives(regex);
    regex->groups--;
    regex->is_class = 0;
    if (!takes(regex, ")"))
        fail(regex, "a group without its closing bracket");
    return inside;
}

static uint32_t take_atom(struct regex *regex)
{
    struct rt_chars chars = {0};
    regex->is_class = 0;
    if (takes(regex, "("))
        return take_group(regex);
    if (sees(regex, "*+?"))
        fail(regex, "a repetition of nothing");
    if (sees(regex, "^$"))
        fail(regex, "an anchor but at the ends of the pattern or of one of its alternatives is not supported");
    if (takes(regex, ".")) {
        chars = (struct rt_chars){.count = 3, .at = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}};
        rt_chars_negate(regex->build, &chars);
    } else if (takes(regex, "[")) {
        take_class(regex, &chars);
    } else {
        const int escaped = takes(regex, "\\");
        if (!escaped || !take_kind(regex, &chars)) {
            const uint32_t character = escaped ? take_escape(regex, 0) : rt_reader_character(&regex->reader);
            rt_chars_add(regex->build, &chars, character, character);
        }
        rt_chars_sort(&chars);
    }
    regex->is_class = 1;
    return rt_expr_json_chars(regex->build, &chars);
}

/* {m}, {m,}, {m,n}; else nothing is taken, and the bracket stands for itself. */
static int take_braces(struct regex *regex, struct rt_counts *counts)
{
    const char *begin = regex->reader.at;
    if (takes(regex, "{") && rt_reader_number(&regex->reader, &counts->min)) {
        counts->max = counts->min;
        if (takes(regex, ",") && !rt_reader_number(&regex->reader, &counts->max))
            counts->max = RT_NO_LIMIT;
        if (takes(regex, "}"))
            return 1;
    }
    regex->reader.at = begin;
    return 0;
}

static uint32_t take_term(struct regex *regex)
{
    const uint32_t atom = take_atom(regex);
    struct rt_counts counts = {1, 1};
    if (takes(regex, "*"))
        counts = (struct rt_counts){0, RT_NO_LIMIT};
    else if (takes(regex, "+"))
        counts = (struct rt_counts){1, RT_NO_LIMIT};
    else if (takes(regex, "?"))
        counts = (struct rt_counts){0, 1};
    else if (!take_braces(regex, &counts))
        counts = (struct rt_counts){1, 1};
    else if (counts.max < counts.min)
        fail(regex, "a repetition whose limits are the wrong way round");
    if (!regex->build->failed && regex->reader.at > regex->reader.begin && strchr("*+?}", regex->reader.at[-1]))
        takes(regex, "?"); /* lazy or not, the texts are the same */
    regex->repeat = counts;
    return rt_expr_repeat(regex->build, atom, counts.min, counts.max);
}

static uint32_t sequence(struct regex *regex)
{
    const uint32_t list = rt_expr_list(regex->build, RT_EXPR_SEQ);
    regex->terms = 0;
    while (!regex->build->failed && regex->reader.at < regex->reader.end && !sees(regex, "|)") && !(sees(regex, "$") && !regex->groups)) {
        const uint32_t term = take_term(regex);
        rt_expr_add(regex->build, list, term);
        regex->terms++;
    }
    return list;
}

static uint32_t alternatives(struct regex *regex)
{
    const uint32_t list = rt_expr_list(regex->build, RT_EXPR_ALT);
    uint32_t terms = regex->terms;
    do
        rt_expr_add(regex->build, list, sequence(regex));
    while (!regex->build->failed && takes(regex, "|"));
    regex->terms = terms;
    return list;
}

/* --- the whole --- */

static uint32_t anything(struct regex *regex)
{
    return rt_expr_repeat(regex->build, rt_expr_json_character(regex->build), 0, RT_NO_LIMIT);
}

/* The only term, with both its own and the wanted limits. */
static void limit(struct regex *regex, uint32_t list, struct rt_counts wanted)
{
    struct rt_expr *term = &regex->build->exprs[regex->build->exprs[list].first];
    if (wanted.min > term->min)
        term->min = wanted.min;
    if (wanted.max < term->max)
        term->max = wanted.max;
    if (term->min > term->max)
        fail(regex, "no text is as long as minLength and maxLength want; change one of them");
}

/* One alternative with its anchors. */
static uint32_t whole(struct regex *regex, struct rt_counts wanted)
{
    const int limited = wanted.min || wanted.max != RT_NO_LIMIT, from_start = takes(regex, "^");
    const uint32_t list = rt_expr_list(regex->build, RT_EXPR_SEQ), inside = sequence(regex);
    const int to_end = takes(regex, "$");
    if (regex->reader.at < regex->reader.end && !sees(regex, "|"))
        fail(regex, "a closing bracket too many, or an anchor before the end");
    if (limited && !regex->build->failed) {
        if (from_start && to_end && regex->terms == 1 && regex->is_class)
            limit(regex, inside, wanted);
        else
            fail(regex, "minLength and maxLength beside a pattern that is not ^[…]*$ are not supported; write the length into the pattern");
    }
    if (!from_start)
        rt_expr_add(regex->build, list, anything(regex));
    rt_expr_add(regex->build, list, inside);
    if (!to_end)
        rt_expr_add(regex->build, list, anything(regex));
    return list;
}

uint32_t rt_expr_json_pattern(struct rt_json_rules *rules, const char *pattern, size_t bytes, uint32_t least, uint32_t most)
{
    struct rt_build *build = rules->build;
    struct regex regex = {.build = build, .reader = {build, pattern, pattern, pattern + bytes, 0, "pattern, byte"}};
    const uint32_t list = rt_expr_list(regex.build, RT_EXPR_ALT);
    do
        rt_expr_add(regex.build, list, whole(&regex, (struct rt_counts){least, most}));
    while (!regex.build->failed && takes(&regex, "|"));
    return list;
}
