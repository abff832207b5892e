/* template_format.c: numbers and texts of a given width, precision and type, as Python formats them. */
#include "runtime/template_format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH_MAX = 1024, NUMBER_BYTES = 2 * WIDTH_MAX };

static int put_aligned(struct rt_render *render, struct rt_builder *builder, struct rt_text text, const struct rt_format *how,
                       char otherwise)
{
    const char align = how->align ? how->align : otherwise;
    const size_t length = rt_text_length(text), room = (size_t)how->width > length ? (size_t)how->width - length : 0;
    const size_t left = align == '<' ? 0 : align == '^' ? room / 2 : room;
    if (rt_builder_fill(render, builder, how->fill, left) || rt_builder_put(render, builder, text))
        return -1;
    return rt_builder_fill(render, builder, how->fill, room - left);
}

int rt_format_text(struct rt_render *render, struct rt_builder *builder, struct rt_text text, const struct rt_format *how, char otherwise)
{
    if (how->precision >= 0)
        text = rt_text_part(text, 0, rt_text_offset(text, (size_t)how->precision));
    return put_aligned(render, builder, text, how, otherwise);
}

/* Digits of a whole number without its sign. */
static void write_digits(uint64_t number, const struct rt_format *how, char *out, size_t room)
{
    switch (how->type) {
    case 'x': snprintf(out, room, how->alternate ? "0x%.*llx" : "%.*llx", how->precision, (unsigned long long)number); break;
    case 'X': snprintf(out, room, how->alternate ? "0X%.*llX" : "%.*llX", how->precision, (unsigned long long)number); break;
    case 'o': snprintf(out, room, how->alternate ? "0o%.*llo" : "%.*llo", how->precision, (unsigned long long)number); break;
    default: snprintf(out, room, "%.*llu", how->precision, (unsigned long long)number);
    }
}

static void write_float(double number, const struct rt_format *how, char *out, size_t room)
{
    const char format[] = {'%', '.', '*', how->type == '%' ? 'f' : how->type, how->type == '%' ? '%' : 0, '%', 0};
    snprintf(out, room, format, how->precision < 0 ? 6 : how->precision, how->type == '%' ? 100 * number : number);
}

/* A comma before each three digits from the point. */
static void group_digits(char *digits, size_t room)
{
    size_t whole = strspn(digits, "0123456789"), count = strlen(digits);
    for (size_t at = whole; at > 3 && count + 2 < room; count++) {
        at -= 3;
        memmove(digits + at + 1, digits + at, count - at + 1);
        digits[at] = ',';
    }
}

/* Sign, zeros and fill around digits. */
static int put_digits(struct rt_render *render, struct rt_builder *builder, char *digits, int negative, int foreign,
                      const struct rt_format *how)
{
    struct rt_builder whole = {0};
    const char sign = negative ? '-' : how->sign == '+' || how->sign == ' ' ? how->sign : 0;
    if (how->comma)
        group_digits(digits, NUMBER_BYTES);
    const size_t written = strlen(digits) + (sign != 0);
    const size_t prefix = how->alternate && digits[0] == '0' && digits[1] && strchr("xXo", digits[1]) ? 2 : 0;
    size_t zeros = how->zero && how->align != '<' && (size_t)how->width > written ? (size_t)how->width - written : 0;
    if ((sign && rt_builder_put_bytes(render, &whole, &sign, 1, foreign)) || rt_builder_put_bytes(render, &whole, digits, prefix, foreign))
        return -1;
    for (; zeros; zeros--)
        if (rt_builder_put_bytes(render, &whole, "0", 1, foreign))
            return -1;
    if (rt_builder_put_bytes(render, &whole, digits + prefix, strlen(digits + prefix), foreign))
        return -1;
    return put_aligned(render, builder, rt_builder_text(&whole), how, '>');
}

int rt_format_integer(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value, const struct rt_format *how)
{
    char digits[NUMBER_BYTES];
    const int64_t number = value->integer;
    write_digits(number < 0 ? 0 - (uint64_t)number : (uint64_t)number, how, digits, sizeof digits);
    return put_digits(render, builder, digits, number < 0, value->foreign, how);
}

int rt_format_float(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value, const struct rt_format *how)
{
    char digits[NUMBER_BYTES];
    const double number = rt_value_double(value);
    write_float(fabs(number), how, digits, sizeof digits);
    return put_digits(render, builder, digits, signbit(number) != 0, value->foreign, how);
}

int rt_format_wrong(struct rt_render *render, const struct rt_value *value, char type)
{
    return rt_render_fail(render, "%s cannot be formatted with '%c'", rt_value_type(value), type > ' ' && type < 127 ? type : '?');
}

static int read_number(struct rt_text digits, int *out)
{
    int64_t number;
    if (rt_number_parse(digits, 10, &number) || number < 0 || number > WIDTH_MAX)
        return -1;
    *out = (int)number;
    return 0;
}

int rt_format_count(struct rt_render *render, struct rt_text text, size_t *at, int otherwise, int *out)
{
    const size_t begin = *at;
    while (*at < text.count && text.bytes[*at] >= '0' && text.bytes[*at] <= '9')
        ++*at;
    *out = otherwise;
    if (*at > begin && read_number(rt_text_part(text, begin, *at), out))
        return rt_render_fail(render, "a width of more than %d", WIDTH_MAX);
    return 0;
}
