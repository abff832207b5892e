/* template_number.c: arithmetic on numbers, and numbers in text, as in Python; whole numbers of 64 bits, beyond which it is refused. */
#include "runtime/template_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int too_large(struct rt_render *render)
{
    return rt_render_fail(render, "a number is too large");
}

/* Division rounds down and a remainder has the divisor's sign, as in Python. */
static int divide(struct rt_render *render, int64_t a, int64_t b, int64_t *quotient, int64_t *remainder)
{
    if (!b)
        return rt_render_fail(render, "division by zero");
    if (b == -1) { /* INT64_MIN / -1 traps */
        *remainder = 0;
        return __builtin_sub_overflow(0, a, quotient) ? too_large(render) : 0;
    }
    *quotient = a / b;
    *remainder = a % b;
    if (*remainder && (*remainder < 0) != (b < 0)) {
        *remainder += b;
        --*quotient;
    }
    return 0;
}

static int power(int64_t base, int64_t exponent, int64_t *out)
{
    int overflow = 0;
    for (*out = 1; exponent && !overflow; exponent /= 2) {
        if (exponent % 2)
            overflow = __builtin_mul_overflow(*out, base, out);
        if (exponent > 1)
            overflow |= __builtin_mul_overflow(base, base, &base);
    }
    return overflow;
}

static int calculate(struct rt_render *render, enum rt_operator op, int64_t a, int64_t b, struct rt_value *out)
{
    int64_t quotient = 0, remainder = 0, result;
    int overflow = 0;
    switch (op) {
    case RT_OP_ADD: overflow = __builtin_add_overflow(a, b, &result); break;
    case RT_OP_SUBTRACT: overflow = __builtin_sub_overflow(a, b, &result); break;
    case RT_OP_MULTIPLY: overflow = __builtin_mul_overflow(a, b, &result); break;
    case RT_OP_POWER: overflow = power(a, b, &result); break;
    default:
        if (divide(render, a, b, &quotient, &remainder))
            return -1;
        result = op == RT_OP_REMAINDER ? remainder : quotient;
    }
    *out = rt_value_integer(result);
    return overflow ? too_large(render) : 0;
}

static double float_remainder(double a, double b)
{
    const double remainder = fmod(a, b);
    if (!remainder)
        return copysign(0, b);
    return (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

static double floor_divide(double a, double b)
{
    const double quotient = (a - float_remainder(a, b)) / b;
    if (!quotient)
        return copysign(0, a / b);
    return quotient - floor(quotient) > 0.5 ? floor(quotient) + 1 : floor(quotient);
}

static int calculate_float(struct rt_render *render, enum rt_operator op, double a, double b, struct rt_value *out)
{
    *out = (struct rt_value){.kind = RT_VALUE_FLOAT};
    if (!b && (op == RT_OP_DIVIDE || op == RT_OP_FLOOR_DIVIDE || op == RT_OP_REMAINDER))
        return rt_render_fail(render, "division by zero");
    if (op == RT_OP_POWER && ((!a && b < 0) || (a < 0 && b != floor(b))))
        return rt_render_fail(render, "such a power is not there yet");
    switch (op) {
    case RT_OP_ADD: out->number = a + b; break;
    case RT_OP_SUBTRACT: out->number = a - b; break;
    case RT_OP_MULTIPLY: out->number = a * b; break;
    case RT_OP_DIVIDE: out->number = a / b; break;
    case RT_OP_POWER: out->number = pow(a, b); break;
    case RT_OP_REMAINDER: out->number = float_remainder(a, b); break;
    default: out->number = floor_divide(a, b);
    }
    return op == RT_OP_POWER && isinf(out->number) && isfinite(a) && isfinite(b) ? too_large(render) : 0;
}

int rt_number_apply(struct rt_render *render, enum rt_operator op, const struct rt_value *a, const struct rt_value *b, struct rt_value *out)
{
    const int whole = rt_value_is_integer(a) && rt_value_is_integer(b) && op != RT_OP_DIVIDE && !(op == RT_OP_POWER && b->integer < 0);
    return whole ? calculate(render, op, a->integer, b->integer, out)
                 : calculate_float(render, op, rt_value_double(a), rt_value_double(b), out);
}

double rt_float_round(double number, int precision)
{
    char digits[1024];
    if (!isfinite(number) || precision > 300)
        return number;
    if (precision < 0) {
        const double scale = pow(10, -precision);
        return nearbyint(number / scale) * scale;
    }
    snprintf(digits, sizeof digits, "%.*f", precision, number);
    return strtod(digits, NULL);
}

/* ---- numbers in text ---- */

static struct rt_text strip(struct rt_text text)
{
    size_t begin = 0, end = text.count, step;
    while (begin < end && (step = rt_text_space(text, begin)))
        begin += step;
    while (end > begin && (step = rt_text_space_before(text, end)))
        end -= step;
    return rt_text_part(text, begin, end);
}

static int digit_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'z' ? c - 'a' + 10 : c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
}

/* Skips "0x" and the like, which `base` or, if that is 0, itself says. Plain zeros are the only number that may begin with one then. */
static size_t skip_prefix(struct rt_text text, size_t at, int *base)
{
    const char kind = at + 1 < text.count && text.bytes[at] == '0' ? (char)(text.bytes[at + 1] | 0x20) : 0;
    const int means = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    const int fits = means && (!*base || *base == means);
    if (!*base)
        *base = means ? means : 10;
    return fits ? at + 2 : at;
}

int rt_number_parse(struct rt_text text, int base, int64_t *out)
{
    text = strip(text);
    size_t at = 0;
    const int negative = text.count && text.bytes[0] == '-';
    if (text.count && (text.bytes[0] == '-' || text.bytes[0] == '+'))
        at = 1;
    at = skip_prefix(text, at, &base);
    const size_t first = at;
    for (*out = 0; at < text.count; at++) {
        if (text.bytes[at] == '_' && at > first && at + 1 < text.count && text.bytes[at - 1] != '_')
            continue;
        const int digit = digit_value(text.bytes[at]);
        if (digit >= base || __builtin_mul_overflow(*out, base, out) || __builtin_add_overflow(*out, negative ? -digit : digit, out))
            return -1;
    }
    return at > first ? 0 : -1;
}

static int is_float_character(char c)
{
    return (c >= '0' && c <= '9') || (c && strchr("+-.eE", c));
}

int rt_number_parse_float(struct rt_text text, double *out)
{
    char copy[512], *end;
    size_t count = 0;
    text = strip(text);
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] == '_' && i && i + 1 < text.count && digit_value(text.bytes[i - 1]) < 10 && digit_value(text.bytes[i + 1]) < 10)
            continue;
        if (count + 1 == sizeof copy || !is_float_character(text.bytes[i]))
            return -1;
        copy[count++] = text.bytes[i];
    }
    copy[count] = 0;
    *out = strtod(copy, &end);
    return count && !*end ? 0 : -1;
}
