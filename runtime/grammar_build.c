/* grammar_build.c: the rules and expressions of a grammar while it is read. Knows no notation. Of one thread. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/grammar_parts.h"

void rt_build_free(struct rt_build *build)
{
    free(build->exprs);
    free(build->rules);
    free(build->ranges);
    free(build->bytes);
}

void rt_build_fail(struct rt_build *build, const char *format, ...)
{
    char text[sizeof build->error->text];
    va_list args;
    if (build->failed)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    build->failed = rt_fail(build->error, RT_EXIT_USAGE, "%s%s%s", build->place, *build->place ? ": " : "", text);
}

void rt_build_no_memory(struct rt_build *build, const char *what)
{
    if (!build->failed)
        build->failed = rt_fail(build->error, RT_EXIT_RESOURCES, "no memory for %s", what);
}

/* The array with room for `want` elements; NULL, and the build has failed. */
void *rt_build_grow(struct rt_build *build, void *array, size_t *room, size_t want, size_t element, size_t most, const char *what)
{
    if (build->failed)
        return NULL;
    if (want > most) {
        rt_build_fail(build, "more than %zu %s; make it simpler", most, what);
        return NULL;
    }
    if (array && want <= *room)
        return array;
    const size_t grown = want + want / 2 + 64;
    void *bigger = realloc(array, grown * element);
    if (bigger)
        *room = grown;
    else
        rt_build_no_memory(build, what);
    return bigger;
}

/* --- expressions --- */

static uint32_t new_expr(struct rt_build *build, struct rt_expr expr)
{
    struct rt_expr *exprs = rt_build_grow(build, build->exprs, &build->expr_room, build->expr_count + 2, sizeof *exprs, RT_EXPRS_MAX,
                                          "parts");
    if (!exprs)
        return 0;
    build->exprs = exprs;
    if (!build->expr_count)
        exprs[build->expr_count++] = (struct rt_expr){.kind = RT_EXPR_ALT};
    exprs[build->expr_count] = expr;
    return (uint32_t)build->expr_count++;
}

static uint32_t keep_bytes(struct rt_build *build, const char *bytes, size_t count)
{
    char *all = rt_build_grow(build, build->bytes, &build->byte_room, build->byte_count + count + 1, 1, 1 << 24, "bytes of text");
    if (!all)
        return 0;
    build->bytes = all;
    const uint32_t at = (uint32_t)build->byte_count;
    if (count)
        memcpy(all + at, bytes, count);
    all[at + count] = 0;
    build->byte_count += count + 1;
    return at;
}

uint32_t rt_expr_bytes(struct rt_build *build, const char *bytes, size_t count)
{
    const uint32_t at = keep_bytes(build, bytes, count);
    return new_expr(build, (struct rt_expr){.kind = RT_EXPR_BYTES, .first = at, .last = (uint32_t)count});
}

uint32_t rt_expr_text(struct rt_build *build, const char *text)
{
    return rt_expr_bytes(build, text, strlen(text));
}

uint32_t rt_expr_chars(struct rt_build *build, struct rt_chars *chars)
{
    rt_chars_sort(chars);
    struct rt_char_range *ranges = rt_build_grow(build, build->ranges, &build->range_room, build->range_count + chars->count + 1,
                                                 sizeof *ranges, RT_EXPRS_MAX, "character ranges");
    if (!ranges)
        return 0;
    build->ranges = ranges;
    const uint32_t at = (uint32_t)build->range_count;
    memcpy(ranges + at, chars->at, chars->count * sizeof *ranges);
    build->range_count += chars->count;
    return new_expr(build, (struct rt_expr){.kind = RT_EXPR_CHARS, .first = at, .last = chars->count});
}

uint32_t rt_expr_list(struct rt_build *build, enum rt_expr_kind kind)
{
    return new_expr(build, (struct rt_expr){.kind = kind});
}

void rt_expr_add(struct rt_build *build, uint32_t list, uint32_t child)
{
    if (build->failed)
        return;
    struct rt_expr *exprs = build->exprs, *parent = &exprs[list];
    exprs[child].before = parent->last;
    exprs[child].next = 0;
    if (parent->last)
        exprs[parent->last].next = child;
    else
        parent->first = child;
    parent->last = child;
}

uint32_t rt_expr_of(struct rt_build *build, enum rt_expr_kind kind, const uint32_t *children, size_t count)
{
    const uint32_t list = rt_expr_list(build, kind);
    for (size_t i = 0; i < count; i++)
        rt_expr_add(build, list, children[i]);
    return list;
}

uint32_t rt_expr_repeat(struct rt_build *build, uint32_t body, uint32_t min, uint32_t max)
{
    return new_expr(build, (struct rt_expr){.kind = RT_EXPR_REPEAT, .first = body, .min = min, .max = max});
}

uint32_t rt_expr_optional(struct rt_build *build, uint32_t body)
{
    return rt_expr_repeat(build, body, 0, 1);
}

uint32_t rt_expr_rule(struct rt_build *build, uint32_t rule)
{
    return new_expr(build, (struct rt_expr){.kind = RT_EXPR_RULE, .first = rule});
}

uint32_t rt_rule_new(struct rt_build *build, const char *name, size_t bytes, uint32_t line)
{
    const uint32_t at = keep_bytes(build, name, bytes);
    struct rt_rule *rules = rt_build_grow(build, build->rules, &build->rule_room, build->rule_count + 1, sizeof *rules, RT_RULES_MAX,
                                          "rules");
    if (!rules)
        return 0;
    build->rules = rules;
    rules[build->rule_count] = (struct rt_rule){.name = at, .line = line, .shortest = RT_NO_LIMIT};
    return (uint32_t)build->rule_count++;
}

const char *rt_rule_name(const struct rt_build *build, uint32_t rule)
{
    return build->bytes + build->rules[rule].name;
}

/* --- character classes --- */

void rt_chars_add(struct rt_build *build, struct rt_chars *chars, uint32_t low, uint32_t high)
{
    if (chars->count == RT_CHARS_MAX)
        rt_chars_sort(chars);
    if (chars->count == RT_CHARS_MAX)
        rt_build_fail(build, "more than %d ranges in a character class; make it simpler", RT_CHARS_MAX);
    else
        chars->at[chars->count++] = (struct rt_char_range){low, high};
}

static int compare_ranges(const void *a, const void *b)
{
    const struct rt_char_range *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

/* In order, and none touches the next. */
void rt_chars_sort(struct rt_chars *chars)
{
    uint32_t kept = 0;
    qsort(chars->at, chars->count, sizeof *chars->at, compare_ranges);
    for (uint32_t i = 0; i < chars->count; i++) {
        const struct rt_char_range range = chars->at[i];
        if (kept && range.low <= chars->at[kept - 1].high + 1)
            chars->at[kept - 1].high = range.high > chars->at[kept - 1].high ? range.high : chars->at[kept - 1].high;
        else
            chars->at[kept++] = range;
    }
    chars->count = kept;
}

void rt_chars_negate(struct rt_build *build, struct rt_chars *chars)
{
    struct rt_chars rest = {0};
    uint32_t low = 0;
    rt_chars_sort(chars);
    for (uint32_t i = 0; i < chars->count; i++) {
        if (chars->at[i].low > low)
            rt_chars_add(build, &rest, low, chars->at[i].low - 1);
        low = chars->at[i].high + 1;
    }
    if (low <= 0x10ffff)
        rt_chars_add(build, &rest, low, 0x10ffff);
    *chars = rest;
}

int rt_chars_has(const struct rt_chars *chars, uint32_t character)
{
    for (uint32_t i = 0; i < chars->count; i++)
        if (character >= chars->at[i].low && character <= chars->at[i].high)
            return 1;
    return 0;
}
