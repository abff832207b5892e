/* grammar_gbnf.c: GBNF, llama.cpp's notation (https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md): rules of literals, character
 * classes, groups, alternatives and repetitions. A rule ends where the next one's name and "::=" stand, so that lines may be broken anywhere.
 * Names of tokens (<[id]>) are refused. Of one thread. */
#include <stdlib.h>
#include <string.h>

#include "runtime/grammar_parts.h"
#include "runtime/scope.h"
#include "runtime/tokenizer_parts.h"

enum { GROUPS_MAX = 32, LITERAL_MAX = 4096 };

struct gbnf {
    struct rt_build build;
    struct rt_reader reader;
    int groups;
    uint32_t *slots; /* hash of names: 1 + rule */
};
enum { NAME_SLOTS = RT_RULES_MAX * 2 };

static uint32_t alternatives(struct gbnf *gbnf);

static void fail(struct gbnf *gbnf, const char *what)
{
    rt_reader_fail(&gbnf->reader, what);
}

static int sees(const struct gbnf *gbnf, const char *text)
{
    return rt_reader_sees(&gbnf->reader, text);
}

static int takes(struct gbnf *gbnf, const char *text)
{
    return rt_reader_takes(&gbnf->reader, text);
}

static void skip_space(struct gbnf *gbnf)
{
    for (; gbnf->reader.at < gbnf->reader.end; gbnf->reader.at++) {
        if (*gbnf->reader.at == '#')
            while (gbnf->reader.at + 1 < gbnf->reader.end && gbnf->reader.at[1] != '\n')
                gbnf->reader.at++;
        else if (*gbnf->reader.at == '\n')
            gbnf->reader.line++;
        else if (*gbnf->reader.at != ' ' && *gbnf->reader.at != '\t' && *gbnf->reader.at != '\r')
            return;
    }
}

/* --- names --- */

static int is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static size_t name_bytes(const struct gbnf *gbnf)
{
    size_t count = 0;
    while (gbnf->reader.at + count < gbnf->reader.end && is_name(gbnf->reader.at[count]))
        count++;
    return count;
}

/* Whether what comes is the beginning of a rule. */
static int at_definition(const struct gbnf *gbnf)
{
    struct gbnf ahead = *gbnf;
    const size_t bytes = name_bytes(&ahead);
    ahead.reader.at += bytes;
    skip_space(&ahead);
    return bytes && sees(&ahead, "::=");
}

static uint32_t take_rule(struct gbnf *gbnf)
{
    const char *name = gbnf->reader.at;
    const size_t bytes = name_bytes(gbnf);
    uint32_t slot = 0;
    gbnf->reader.at += bytes;
    for (size_t i = 0; i < bytes; i++)
        slot = (slot ^ (uint8_t)name[i]) * 0x01000193u;
    for (slot = (slot ^ slot >> 15) % NAME_SLOTS; gbnf->slots[slot]; slot = (slot + 1) % NAME_SLOTS) {
        const char *other = rt_rule_name(&gbnf->build, gbnf->slots[slot] - 1);
        if (strlen(other) == bytes && !memcmp(other, name, bytes))
            return gbnf->slots[slot] - 1;
    }
    const uint32_t rule = rt_rule_new(&gbnf->build, name, bytes, gbnf->reader.line);
    if (!gbnf->build.failed)
        gbnf->slots[slot] = rule + 1;
    return rule;
}

/* --- characters --- */

static uint32_t take_hex(struct gbnf *gbnf, int digits)
{
    const uint32_t character = rt_reader_hex(&gbnf->reader, digits);
    rt_reader_check_character(&gbnf->reader, character);
    return character;
}

static uint32_t take_escape(struct gbnf *gbnf)
{
    const char c = gbnf->reader.at < gbnf->reader.end ? *gbnf->reader.at++ : 0;
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
    return takes(gbnf, "\\") ? take_escape(gbnf) : rt_reader_character(&gbnf->reader);
}

static uint32_t literal(struct gbnf *gbnf)
{
    char text[LITERAL_MAX + 4];
    size_t count = 0;
    while (!gbnf->build.failed && !takes(gbnf, "\"")) {
        if (gbnf->reader.at == gbnf->reader.end || count >= LITERAL_MAX)
            fail(gbnf, gbnf->reader.at == gbnf->reader.end ? "a literal without its closing quote" : "a literal of more than 4096 bytes");
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
        if (gbnf->reader.at == gbnf->reader.end) {
            fail(gbnf, "a character class without its ]");
            break;
        }
        const uint32_t low = take_character(gbnf);
        uint32_t high = low;
        if (gbnf->reader.end - gbnf->reader.at > 1 && gbnf->reader.at[0] == '-' && gbnf->reader.at[1] != ']') {
            gbnf->reader.at++;
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
    uint32_t value;
    if (!rt_reader_number(&gbnf->reader, &value))
        fail(gbnf, "a repetition is {m}, {m,} or {m,n}");
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
        gbnf->reader.at++;
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
    for (int times = 0; !gbnf->build.failed && rt_reader_sees_one(&gbnf->reader, "*+?{"); times++) {
        body = repeated(gbnf, body);
        if (times == GROUPS_MAX)
            fail(gbnf, "repetitions of repetitions; one says as much");
        skip_space(gbnf);
    }
    return body;
}

static int begins_element(const struct gbnf *gbnf)
{
    return rt_reader_sees_one(&gbnf->reader, "\"[(.") || (name_bytes(gbnf) && !at_definition(gbnf));
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
    const uint32_t line = gbnf->reader.line, rule = take_rule(gbnf);
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
    RT_CLEAN(free_gbnf) struct gbnf gbnf = {.build.error = error, .reader = {.at = "root", .line = 1, .where = "line"}};
    gbnf.reader.build = &gbnf.build;
    *out = NULL;
    if (bytes > RT_GRAMMAR_BYTES)
        return rt_fail(error, RT_EXIT_USAGE, "grammar: longer than %d bytes; make it shorter", RT_GRAMMAR_BYTES);
    gbnf.slots = calloc(NAME_SLOTS, sizeof *gbnf.slots);
    if (!gbnf.slots)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a grammar's rules");
    gbnf.reader.end = gbnf.reader.at + 4;
    take_rule(&gbnf);
    gbnf.reader.at = text;
    gbnf.reader.end = text + bytes;
    skip_space(&gbnf);
    while (!gbnf.build.failed && gbnf.reader.at < gbnf.reader.end)
        definition(&gbnf);
    return find_undefined(&gbnf) || rt_grammar_make(out, &gbnf.build, 0, 1) ? rt_wrap(error, "grammar") : 0;
}
