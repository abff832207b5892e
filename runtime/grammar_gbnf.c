/* grammar_gbnf.c: GBNF, llama.cpp's notation (https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md): rules of literals, character
 * classes, groups, alternatives and repetitions. A rule ends where the next one's name and "::=" stand, so that lines may be broken anywhere.
 * Names of tokens (<[id]>) are refused. Of one thread. */
#include <stdlib.h>
#include <string.h>

#include "runtime/grammar_parts.h"
#include "runtime/scope.h"
#include "runtime/tokenizer_parts.h"

enum { GROUPS_MAX = 32, REPEAT_MAX = 1 << 20, LITERAL_MAX = 4096 };

struct gbnf {
    struct rt_build build;
    const char *at, *end;
    uint32_t line;
    int groups;
    uint32_t *slots; /* hash of names: 1 + rule */
};
enum { NAME_SLOTS = RT_RULES_MAX * 2 };

static uint32_t alternatives(struct gbnf *gbnf);

static void fail(struct gbnf *gbnf, const char *what)
{
    rt_build_fail(&gbnf->build, "line %u: %s", gbnf->line, what);
}

static int sees(const struct gbnf *gbnf, const char *text)
{
    const size_t count = strlen(text);
    return (size_t)(gbnf->end - gbnf->at) >= count && !memcmp(gbnf->at, text, count);
}

static int takes(struct gbnf *gbnf, const char *text)
{
    const int there = sees(gbnf, text);
    gbnf->at += there ? strlen(text) : 0;
    return there;
}

static void skip_space(struct gbnf *gbnf)
{
    for (; gbnf->at < gbnf->end; gbnf->at++) {
        if (*gbnf->at == '#')
            while (gbnf->at + 1 < gbnf->end && gbnf->at[1] != '\n')
                gbnf->at++;
        else if (*gbnf->at == '\n')
            gbnf->line++;
        else if (*gbnf->at != ' ' && *gbnf->at != '\t' && *gbnf->at != '\r')
            return;
    }
}

static int sees_one(const struct gbnf *gbnf, const char *characters)
{
    return gbnf->at < gbnf->end && *gbnf->at && strchr(characters, *gbnf->at);
}

/* --- names --- */

static int is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static size_t name_bytes(const struct gbnf *gbnf)
{
    size_t count = 0;
    while (gbnf->at + count < gbnf->end && is_name(gbnf->at[count]))
        count++;
    return count;
}

/* Whether what comes is the beginning of a rule. */
static int at_definition(const struct gbnf *gbnf)
{
    struct gbnf ahead = *gbnf;
    const size_t bytes = name_bytes(&ahead);
    ahead.at += bytes;
    skip_space(&ahead);
    return bytes && sees(&ahead, "::=");
}

static uint32_t take_rule(struct gbnf *gbnf)
{
    const char *name = gbnf->at;
    const size_t bytes = name_bytes(gbnf);
    uint32_t slot = 0;
    gbnf->at += bytes;
    for (size_t i = 0; i < bytes; i++)
        slot = (slot ^ (uint8_t)name[i]) * 0x01000193u;
    for (slot = (slot ^ slot >> 15) % NAME_SLOTS; gbnf->slots[slot]; slot = (slot + 1) % NAME_SLOTS) {
        const char *other = rt_rule_name(&gbnf->build, gbnf->slots[slot] - 1);
        if (strlen(other) == bytes && !memcmp(other, name, bytes))
            return gbnf->slots[slot] - 1;
    }
    const uint32_t rule = rt_rule_new(&gbnf->build, name, bytes, gbnf->line);
    if (!gbnf->build.failed)
        gbnf->slots[slot] = rule + 1;
    return rule;
}

/* --- characters --- */

static uint32_t take_hex(struct gbnf *gbnf, int digits)
{
    uint32_t value = 0;
    for (int i = 0; i < digits; i++, gbnf->at++) {
        const char c = gbnf->at < gbnf->end ? *gbnf->at : 0;
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) {
            fail(gbnf, "hexadecimal digits are missing: \\xHH, \\uHHHH, \\UHHHHHHHH");
            return 0;
        }
        value = value << 4 | (uint32_t)digit;
    }
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        fail(gbnf, "an escape that is no Unicode character");
    return value;
}

static uint32_t take_escape(struct gbnf *gbnf)
{
    const char c = gbnf->at < gbnf->end ? *gbnf->at++ : 0;
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'x': return take_hex(gbnf, 2);
    case 'u': return take_hex(gbnf, 4);
    case 'U': return take_hex(gbnf, 8);
    default:
        if (!c || !strchr("\\\"[]-^", c))
            fail(gbnf, "an unknown escape; there are \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\^ \\xHH \\uHHHH \\UHHHHHHHH");
        return (uint8_t)c;
    }
}

static uint32_t take_character(struct gbnf *gbnf)
{
    uint32_t character = 0;
    size_t length = 1;
    if (takes(gbnf, "\\"))
        return take_escape(gbnf);
    if (rt_utf8_check(gbnf->at, (size_t)(gbnf->end - gbnf->at), &length) != RT_UTF8_WHOLE)
        fail(gbnf, "not UTF-8");
    else
        rt_utf8_read(gbnf->at, length, &character);
    gbnf->line += character == '\n';
    gbnf->at += length;
    return character;
}

static uint32_t literal(struct gbnf *gbnf)
{
    char text[LITERAL_MAX + 4];
    size_t count = 0;
    while (!gbnf->build.failed && !takes(gbnf, "\"")) {
        if (gbnf->at == gbnf->end || count >= LITERAL_MAX)
            fail(gbnf, gbnf->at == gbnf->end ? "a literal without its closing quote" : "a literal of more than 4096 bytes");
        else
            count += rt_utf8_write(take_character(gbnf), text + count);
    }
    return rt_expr_bytes(&gbnf->build, text, count);
}

static uint32_t character_class(struct gbnf *gbnf)
{
    struct rt_chars chars = {0};
    const int negated = takes(gbnf, "^");
    while (!gbnf->build.failed && !takes(gbnf, "]")) {
        if (gbnf->at == gbnf->end) {
            fail(gbnf, "a character class without its ]");
            break;
        }
        const uint32_t low = take_character(gbnf);
        uint32_t high = low;
        if (gbnf->end - gbnf->at > 1 && gbnf->at[0] == '-' && gbnf->at[1] != ']') {
            gbnf->at++;
            high = take_character(gbnf);
        }
        if (high < low)
            fail(gbnf, "a range of characters that runs backwards");
        rt_chars_add(&gbnf->build, &chars, low, high);
    }
    if (negated)
        rt_chars_negate(&gbnf->build, &chars);
    if (!chars.count)
        fail(gbnf, "a character class without characters");
    return rt_expr_chars(&gbnf->build, &chars);
}

/* --- sequences --- */

static uint32_t take_number(struct gbnf *gbnf)
{
    uint32_t value = 0;
    const char *begin = gbnf->at;
    for (; gbnf->at < gbnf->end && *gbnf->at >= '0' && *gbnf->at <= '9' && value <= REPEAT_MAX; gbnf->at++)
        value = value * 10 + (uint32_t)(*gbnf->at - '0');
    if (gbnf->at == begin || value > REPEAT_MAX)
        fail(gbnf, "a repetition is {m}, {m,} or {m,n} with numbers up to 1048576");
    return value;
}

static uint32_t repeated(struct gbnf *gbnf, uint32_t body)
{
    uint32_t min = 0, max = RT_NO_LIMIT;
    if (takes(gbnf, "?")) {
        max = 1;
    } else if (takes(gbnf, "+")) {
        min = 1;
    } else if (!takes(gbnf, "*")) {
        gbnf->at++;
        skip_space(gbnf);
        min = max = sees(gbnf, ",") ? 0 : take_number(gbnf);
        skip_space(gbnf);
        if (takes(gbnf, ",")) {
            skip_space(gbnf);
            max = sees(gbnf, "}") ? RT_NO_LIMIT : take_number(gbnf);
        }
        skip_space(gbnf);
        if (!takes(gbnf, "}") || max < min)
            fail(gbnf, "a repetition is {m}, {m,} or {m,n} with m up to n");
    }
    return rt_expr_repeat(&gbnf->build, body, min, max);
}

static uint32_t group(struct gbnf *gbnf)
{
    uint32_t inside = 0;
    if (++gbnf->groups > GROUPS_MAX)
        fail(gbnf, "groups in more than 32 groups; make rules of some");
    else
        inside = alternatives(gbnf);
    gbnf->groups--;
    if (!takes(gbnf, ")"))
        fail(gbnf, "a group without its closing bracket");
    return inside;
}

static uint32_t any_character(struct gbnf *gbnf)
{
    return rt_expr_chars(&gbnf->build, &(struct rt_chars){.count = 1, .at = {{0, 0x10ffff}}});
}

static uint32_t element(struct gbnf *gbnf)
{
    uint32_t body;
    if (takes(gbnf, "\""))
        body = literal(gbnf);
    else if (takes(gbnf, "["))
        body = character_class(gbnf);
    else if (takes(gbnf, "("))
        body = group(gbnf);
    else if (takes(gbnf, "."))
        body = any_character(gbnf);
    else
        body = rt_expr_rule(&gbnf->build, take_rule(gbnf));
    skip_space(gbnf);
    for (int times = 0; !gbnf->build.failed && sees_one(gbnf, "*+?{"); times++) {
        body = repeated(gbnf, body);
        if (times == GROUPS_MAX)
            fail(gbnf, "repetitions of repetitions; one says as much");
        skip_space(gbnf);
    }
    return body;
}

static int begins_element(const struct gbnf *gbnf)
{
    return sees_one(gbnf, "\"[(.") || (name_bytes(gbnf) && !at_definition(gbnf));
}

static uint32_t alternatives(struct gbnf *gbnf)
{
    const uint32_t list = rt_expr_list(&gbnf->build, RT_EXPR_ALT);
    do {
        const uint32_t sequence = rt_expr_list(&gbnf->build, RT_EXPR_SEQ);
        skip_space(gbnf);
        while (!gbnf->build.failed && begins_element(gbnf))
            rt_expr_add(&gbnf->build, sequence, element(gbnf));
        rt_expr_add(&gbnf->build, list, sequence);
    } while (!gbnf->build.failed && takes(gbnf, "|"));
    return list;
}

static void definition(struct gbnf *gbnf)
{
    if (!at_definition(gbnf)) {
        fail(gbnf, "not the beginning of a rule, name ::= …");
        return;
    }
    const uint32_t line = gbnf->line, rule = take_rule(gbnf);
    skip_space(gbnf);
    takes(gbnf, "::=");
    if (!gbnf->build.failed && gbnf->build.rules[rule].expr)
        rt_build_fail(&gbnf->build, "line %u: %s: defined twice", line, rt_rule_name(&gbnf->build, rule));
    const uint32_t expr = alternatives(gbnf);
    if (gbnf->build.failed)
        return;
    gbnf->build.rules[rule].expr = expr;
    gbnf->build.rules[rule].line = line;
    skip_space(gbnf);
}

static int find_undefined(struct gbnf *gbnf)
{
    struct rt_build *build = &gbnf->build;
    for (size_t i = 1; i < build->rule_count && !build->failed; i++)
        if (!build->rules[i].expr)
            rt_build_fail(build, "line %u: %s: no such rule; define it as %s ::= …", build->rules[i].line, rt_rule_name(build, (uint32_t)i),
                          rt_rule_name(build, (uint32_t)i));
    if (!build->failed && !build->rules[0].expr)
        rt_build_fail(build, "there is no rule \"root\"; an answer begins with it");
    return build->failed;
}

static void free_gbnf(struct gbnf *gbnf)
{
    rt_build_free(&gbnf->build);
    free(gbnf->slots);
}

int rt_grammar_open_gbnf(struct rt_grammar **out, const char *text, size_t bytes, struct rt_error *error)
{
    RT_CLEAN(free_gbnf) struct gbnf gbnf = {.build.error = error, .at = "root", .line = 1};
    *out = NULL;
    if (bytes > RT_GRAMMAR_BYTES)
        return rt_fail(error, RT_EXIT_USAGE, "grammar: longer than %d bytes; make it shorter", RT_GRAMMAR_BYTES);
    gbnf.slots = calloc(NAME_SLOTS, sizeof *gbnf.slots);
    if (!gbnf.slots)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a grammar's rules");
    gbnf.end = gbnf.at + 4;
    take_rule(&gbnf);
    gbnf.at = text;
    gbnf.end = text + bytes;
    skip_space(&gbnf);
    while (!gbnf.build.failed && gbnf.at < gbnf.end)
        definition(&gbnf);
    return find_undefined(&gbnf) || rt_grammar_make(out, &gbnf.build, 0, 1) ? rt_wrap(error, "grammar") : 0;
}
