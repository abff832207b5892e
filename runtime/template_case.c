/* template_case.c: upper and lower case, and what kinds of characters a text is made of: character by character; of Python's longer
 * mappings only the one that people write. */
#include "runtime/template_value.h"

#include <utf8proc.h>

enum case_rule { CASE_UPPER, CASE_LOWER, CASE_SWAP, CASE_TITLE, CASE_CAPITALIZE, CASE_TITLE_FILTER };

static int is_cased(uint32_t c)
{
    const utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT;
}

static int is_upper(uint32_t c)
{
    return utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_LU;
}

static int put_upper(struct rt_render *render, struct rt_builder *builder, uint32_t c, int as_title, int foreign)
{
    if (c == 0xdf) /* ß */
        return rt_builder_put_bytes(render, builder, as_title ? "Ss" : "SS", 2, foreign);
    const utf8proc_int32_t changed = as_title ? utf8proc_totitle((utf8proc_int32_t)c) : utf8proc_toupper((utf8proc_int32_t)c);
    return rt_builder_put_character(render, builder, (uint32_t)changed, foreign);
}

/* What splits words for the filter `title`. */
static int ends_word(struct rt_text text, size_t at)
{
    const uint32_t c = rt_text_character(text, at);
    return rt_text_space(text, at) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
}

/* Whether the character at `at` becomes upper case; `begins`: it is the first one, or behind one that ends a word. */
static int wants_upper(enum case_rule rule, uint32_t c, int begins)
{
    switch (rule) {
    case CASE_UPPER: return 1;
    case CASE_LOWER: return 0;
    case CASE_SWAP: return !is_upper(c);
    default: return begins;
    }
}

static int change(struct rt_render *render, struct rt_text text, enum case_rule rule, struct rt_value *out)
{
    struct rt_builder builder = {0};
    int begins = 1;
    for (size_t at = 0, step; (step = rt_text_step(text, at)); at += step) {
        const uint32_t c = rt_text_character(text, at);
        const int foreign = text.foreign && text.foreign[at];
        const int upper = wants_upper(rule, c, begins), as_title = rule == CASE_TITLE || rule == CASE_CAPITALIZE;
        int status;
        if (step == 1 && (unsigned char)text.bytes[at] >= 0x80)
            status = rt_builder_put(render, &builder, rt_text_part(text, at, at + step));
        else if (upper)
            status = put_upper(render, &builder, c, as_title, foreign);
        else
            status = rt_builder_put_character(render, &builder, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c), foreign);
        if (status)
            return -1;
        begins = rule == CASE_TITLE ? !is_cased(c) : rule == CASE_TITLE_FILTER ? ends_word(text, at) : 0;
    }
    *out = rt_value_text(rt_builder_text(&builder));
    out->text.markup = text.markup;
    return 0;
}

static int change_self(struct rt_render *render, const struct rt_call *call, enum case_rule rule, struct rt_value *out)
{
    struct rt_text text;
    return rt_call_self_text(render, call, &text) ? -1 : change(render, text, rule, out);
}

int rt_call_upper(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return change_self(render, call, CASE_UPPER, out);
}

int rt_call_lower(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return change_self(render, call, CASE_LOWER, out);
}

int rt_call_swapcase(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return change_self(render, call, CASE_SWAP, out);
}

int rt_call_title(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return change_self(render, call, CASE_TITLE, out);
}

int rt_call_title_filter(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return change_self(render, call, CASE_TITLE_FILTER, out);
}

int rt_call_capitalize(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return change_self(render, call, CASE_CAPITALIZE, out);
}

/* ---- isupper() and its like ---- */

int rt_call_isupper(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text text;
    int cased = 0, other = 0;
    if (rt_call_self_text(render, call, &text))
        return -1;
    rt_render_count(render, text.count);
    for (size_t at = 0, step; (step = rt_text_step(text, at)); at += step) {
        cased |= is_upper(rt_text_character(text, at));
        other |= is_cased(rt_text_character(text, at)) && !is_upper(rt_text_character(text, at));
    }
    *out = rt_value_bool(cased && !other);
    return 0;
}

int rt_call_islower(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text text;
    int cased = 0, other = 0;
    if (rt_call_self_text(render, call, &text))
        return -1;
    rt_render_count(render, text.count);
    for (size_t at = 0, step; (step = rt_text_step(text, at)); at += step) {
        const int category = utf8proc_category((utf8proc_int32_t)rt_text_character(text, at));
        cased |= category == UTF8PROC_CATEGORY_LL;
        other |= category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT;
    }
    *out = rt_value_bool(cased && !other);
    return 0;
}

/* Upper case only where a word begins, lower case only inside it. */
int rt_call_istitle(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text text;
    int inside = 0, cased = 0, wrong = 0;
    if (rt_call_self_text(render, call, &text))
        return -1;
    rt_render_count(render, text.count);
    for (size_t at = 0, step; (step = rt_text_step(text, at)); at += step) {
        const int category = utf8proc_category((utf8proc_int32_t)rt_text_character(text, at));
        const int begins = category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT, lower = category == UTF8PROC_CATEGORY_LL;
        wrong |= (begins && inside) || (lower && !inside);
        cased |= begins || lower;
        inside = begins || lower;
    }
    *out = rt_value_bool(cased && !wrong);
    return 0;
}

static int is_decimal(struct rt_text text, size_t at)
{
    return utf8proc_category((utf8proc_int32_t)rt_text_character(text, at)) == UTF8PROC_CATEGORY_ND;
}

/* Superscripts and the like are digits, but not decimal ones; of all of them those of Latin 1. */
static int is_digit(struct rt_text text, size_t at)
{
    const uint32_t c = rt_text_character(text, at);
    return is_decimal(text, at) || c == 0xb2 || c == 0xb3 || c == 0xb9 || (c >= 0x2070 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089);
}

static int is_numeric(struct rt_text text, size_t at)
{
    const utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)rt_text_character(text, at));
    return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

static int is_alpha(struct rt_text text, size_t at)
{
    const utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)rt_text_character(text, at));
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

static int is_alnum(struct rt_text text, size_t at)
{
    return is_alpha(text, at) || is_numeric(text, at);
}

static int is_space(struct rt_text text, size_t at)
{
    return rt_text_space(text, at) != 0;
}

static int is_ascii(struct rt_text text, size_t at)
{
    return (unsigned char)text.bytes[at] < 0x80;
}

static int all_are(struct rt_render *render, const struct rt_call *call, int (*is)(struct rt_text, size_t), int if_empty,
                   struct rt_value *out)
{
    struct rt_text text;
    if (rt_call_self_text(render, call, &text))
        return -1;
    rt_render_count(render, text.count);
    int all = text.count || if_empty;
    for (size_t at = 0, step; all && (step = rt_text_step(text, at)); at += step)
        all = is(text, at);
    *out = rt_value_bool(all);
    return 0;
}

int rt_call_isdigit(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return all_are(render, call, is_digit, 0, out);
}

int rt_call_isdecimal(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return all_are(render, call, is_decimal, 0, out);
}

int rt_call_isnumeric(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return all_are(render, call, is_numeric, 0, out);
}

int rt_call_isalpha(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return all_are(render, call, is_alpha, 0, out);
}

int rt_call_isalnum(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return all_are(render, call, is_alnum, 0, out);
}

int rt_call_isspace(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return all_are(render, call, is_space, 0, out);
}

int rt_call_isascii(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    return all_are(render, call, is_ascii, 1, out);
}
