/* grammar_number.c: numbers between bounds, exactly: digit by digit, along the lower bound, along the upper, or free of both. Where there is a
 * bound there is no exponent, and no more digits than a double tells apart. Of one thread. */
#include <stdlib.h>
#include <string.h>

#include "runtime/grammar_parts.h"
#include "runtime/scope.h"

enum { PLACES = 15 }; /* behind the point, with those before it */
#define WHOLE_MAX UINT64_C(999999999999999999)
#define OPEN_MAX UINT64_C(999999999999999)

struct decimal { /* of a number's size */
    uint64_t whole;
    char places[PLACES + 1]; /* digits '0' … '9' */
    int strict;              /* as a bound: itself not */
};

static uint32_t digit(struct rt_build *build, int low, int high)
{
    return low > high ? rt_expr_list(build, RT_EXPR_ALT)
                      : rt_expr_chars(build, &(struct rt_chars){.count = 1, .at = {{(uint32_t)low, (uint32_t)high}}});
}

static uint32_t digits(struct rt_build *build, uint32_t min, uint32_t max)
{
    return rt_expr_repeat(build, digit(build, '0', '9'), min, max);
}

static uint32_t pair(struct rt_build *build, uint32_t first, uint32_t second)
{
    return RT_EXPR_OF(build, RT_EXPR_SEQ, first, second);
}

/* --- whole numbers --- */

/* `count` digits between low's and high's; NULL: no bound on that side any more. */
static uint32_t same_length(struct rt_build *build, const char *low, const char *high, uint32_t count)
{
    if (!count || (!low && !high))
        return digits(build, count, count);
    const int from = low ? *low : '0' - 1, to = high ? *high : '9' + 1;
    if (from == to)
        return pair(build, digit(build, from, to), same_length(build, low + 1, high + 1, count - 1));
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    rt_expr_add(build, list, pair(build, digit(build, from + 1, to - 1), digits(build, count - 1, count - 1)));
    if (low)
        rt_expr_add(build, list, pair(build, digit(build, from, from), same_length(build, low + 1, NULL, count - 1)));
    if (high)
        rt_expr_add(build, list, pair(build, digit(build, to, to), same_length(build, NULL, high + 1, count - 1)));
    return list;
}

static uint32_t whole_between(struct rt_build *build, uint64_t low, uint64_t high)
{
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    uint64_t first = 0, last = 9;
    for (uint32_t length = 1; first <= high && length <= 19; length++, first = last + 1, last = last * 10 + 9) {
        char from[32], to[32];
        if (last < low || low > high)
            continue;
        snprintf(from, sizeof from, "%llu", (unsigned long long)(low > first ? low : first));
        snprintf(to, sizeof to, "%llu", (unsigned long long)(high < last ? high : last));
        rt_expr_add(build, list, same_length(build, from, to, length));
    }
    return list;
}

/* --- places behind the point --- */

struct places {
    struct rt_build *build;
    const struct decimal *low, *high;
    uint32_t count; /* at most */
};

static int is_zero_from(const struct decimal *bound, uint32_t at)
{
    return strspn(bound->places + at, "0") == strlen(bound->places + at);
}

/* Whether the number may end before place `at`, and it has been along the bounds up to here. */
static int may_end(const struct places *places, uint32_t at, int on_low, int on_high)
{
    return (!on_low || (is_zero_from(places->low, at) && !places->low->strict)) &&
           (!on_high || !is_zero_from(places->high, at) || !places->high->strict);
}

static uint32_t places_from(const struct places *places, uint32_t at, int on_low, int on_high);

/* At least one more. */
static uint32_t more_places(const struct places *places, uint32_t at, int on_low, int on_high)
{
    struct rt_build *build = places->build;
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    const int from = on_low ? places->low->places[at] : '0' - 1, to = on_high ? places->high->places[at] : '9' + 1;
    if (at == places->count)
        return list;
    rt_expr_add(build, list, pair(build, digit(build, from + 1, to - 1), places_from(places, at + 1, 0, 0)));
    if (on_low && on_high && from == to)
        rt_expr_add(build, list, pair(build, digit(build, from, from), places_from(places, at + 1, 1, 1)));
    if (on_low && from < to)
        rt_expr_add(build, list, pair(build, digit(build, from, from), places_from(places, at + 1, 1, 0)));
    if (on_high && from < to)
        rt_expr_add(build, list, pair(build, digit(build, to, to), places_from(places, at + 1, 0, 1)));
    return list;
}

static uint32_t places_from(const struct places *places, uint32_t at, int on_low, int on_high)
{
    struct rt_build *build = places->build;
    if (on_low && is_zero_from(places->low, at) && !places->low->strict)
        on_low = 0;
    if (!on_low && !on_high)
        return digits(build, 0, places->count - at);
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    if (may_end(places, at, on_low, on_high))
        rt_expr_add(build, list, rt_expr_text(build, ""));
    rt_expr_add(build, list, more_places(places, at, on_low, on_high));
    return list;
}

static uint32_t fraction(const struct places *places, int on_low, int on_high)
{
    struct rt_build *build = places->build;
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    if (may_end(places, 0, on_low, on_high))
        rt_expr_add(build, list, rt_expr_text(build, ""));
    rt_expr_add(build, list, pair(build, rt_expr_text(build, "."), more_places(places, 0, on_low, on_high)));
    return list;
}

/* --- sizes --- */

static uint32_t size_between(struct rt_build *build, const struct decimal *low, const struct decimal *high, int integer)
{
    if (integer) {
        const uint64_t from = low->whole + (low->strict || !is_zero_from(low, 0)), less = high->strict && is_zero_from(high, 0);
        return high->whole < less ? rt_expr_list(build, RT_EXPR_ALT) : whole_between(build, from, high->whole - less);
    }
    uint32_t count = PLACES;
    for (uint64_t whole = high->whole; whole && count > 1; whole /= 10)
        count--;
    for (uint32_t i = count; i < PLACES; i++)
        if (low->places[i] != '0' || high->places[i] != '0')
            count = i + 1;
    const struct places places = {build, low, high, count};
    if (low->whole > high->whole)
        return rt_expr_list(build, RT_EXPR_ALT);
    if (low->whole == high->whole && strcmp(low->places, high->places) > 0)
        return rt_expr_list(build, RT_EXPR_ALT);
    if (low->whole == high->whole)
        return pair(build, whole_between(build, low->whole, low->whole), fraction(&places, 1, 1));
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    rt_expr_add(build, list, pair(build, whole_between(build, low->whole, low->whole), fraction(&places, 1, 0)));
    rt_expr_add(build, list, pair(build, whole_between(build, high->whole, high->whole), fraction(&places, 0, 1)));
    if (low->whole + 1 < high->whole)
        rt_expr_add(build, list, pair(build, whole_between(build, low->whole + 1, high->whole - 1), fraction(&places, 0, 0)));
    return list;
}

/* --- bounds --- */

/* The digits of a number as JSON writes it, "-12.5e-3". */
static void read_digits(struct rt_build *build, const char *text, struct decimal *size)
{
    long point = 0, at = 0;
    const char *mantissa = text + (*text == '-'), *exponent = strpbrk(mantissa, "eE"), *dot = strchr(mantissa, '.');
    const char *end = exponent ? exponent : mantissa + strlen(mantissa);
    point = (dot ? dot : end) - mantissa + (exponent ? strtol(exponent + 1, NULL, 10) : 0);
    for (const char *c = mantissa; c < end; c++) {
        if (c == dot)
            continue;
        if (at >= point && at - point >= PLACES && *c != '0')
            rt_build_fail(build, "%s: a bound with more than %d digits behind the point; round it", text, PLACES);
        else if (at >= point && at - point < PLACES)
            size->places[at - point] = *c;
        else if (at < point && size->whole <= WHOLE_MAX)
            size->whole = size->whole * 10 + (uint64_t)(*c - '0');
        at++;
    }
    for (; at < point && size->whole && size->whole <= WHOLE_MAX; at++)
        size->whole *= 10;
    if (size->whole > WHOLE_MAX)
        rt_build_fail(build, "%s: a bound of more than 18 digits; leave it out or make it smaller", text);
}

/* Returns whether it is below zero. */
static int read_bound(struct rt_build *build, const struct rt_bound *bound, struct decimal *size)
{
    *size = (struct decimal){.places = "000000000000000", .strict = bound->exclusive};
    RT_FREE char *text = yyjson_val_write(bound->value, YYJSON_WRITE_NOFLAG, NULL);
    if (!text) {
        rt_build_fail(build, "a bound that cannot be written as a number");
        return 0;
    }
    read_digits(build, text, size);
    return *text == '-';
}

uint32_t rt_expr_json_number_between(struct rt_build *build, struct rt_bound low, struct rt_bound high, int integer)
{
    const struct decimal zero = {.places = "000000000000000"};
    struct decimal from = zero, to = zero;
    const int from_below = low.there ? read_bound(build, &low, &from) : 1, to_below = high.there ? read_bound(build, &high, &to) : 0;
    if (!low.there)
        from.whole = high.there && to.whole > OPEN_MAX ? WHOLE_MAX : OPEN_MAX;
    if (!high.there)
        to.whole = low.there && from.whole > OPEN_MAX ? WHOLE_MAX : OPEN_MAX;
    const uint32_t list = rt_expr_list(build, RT_EXPR_ALT);
    if (from_below) {
        const struct decimal least = to_below ? to
                                              : (struct decimal){.places = "000000000000000",
                                                                 .strict = high.exclusive && !to.whole && is_zero_from(&to, 0)};
        rt_expr_add(build, list, pair(build, rt_expr_text(build, "-"), size_between(build, &least, &from, integer)));
    }
    if (!to_below)
        rt_expr_add(build, list, size_between(build, from_below ? &zero : &from, &to, integer));
    return list;
}
