/* template_format.c: '%s' % x, |format and '{}'.format(x), as Python formats text and numbers. */
#include "runtime/template_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH_MAX = 1024, NUMBER_BYTES = 2 * WIDTH_MAX };

struct specification { /* how to write one value */
    struct rt_text fill;
    char align, sign, type; /* 0 where it is not said */
    int alternate, zero, comma;
    int width, precision; /* precision: -1 where it is not said */
};

/* ---- one value ---- */

static int put_aligned(struct rt_render *render, struct rt_builder *builder, struct rt_text text, const struct specification *how,
                       char otherwise)
{
    const char align = how->align ? how->align : otherwise;
    const size_t length = rt_text_length(text), room = (size_t)how->width > length ? (size_t)how->width - length : 0;
    const size_t left = align == '<' ? 0 : align == '^' ? room / 2 : room;
    if (rt_builder_fill(render, builder, how->fill, left) || rt_builder_put(render, builder, text))
        return -1;
    return rt_builder_fill(render, builder, how->fill, room - left);
}

static int put_text(struct rt_render *render, struct rt_builder *builder, struct rt_text text, const struct specification *how,
                    char otherwise)
{
    if (how->precision >= 0)
        text = rt_text_part(text, 0, rt_text_offset(text, (size_t)how->precision));
    return put_aligned(render, builder, text, how, otherwise);
}

/* Digits of a whole number without its sign. */
static void write_digits(uint64_t number, const struct specification *how, char *out, size_t room)
{
    switch (how->type) {
    case 'x': snprintf(out, room, how->alternate ? "0x%.*llx" : "%.*llx", how->precision, (unsigned long long)number); break;
    case 'X': snprintf(out, room, how->alternate ? "0X%.*llX" : "%.*llX", how->precision, (unsigned long long)number); break;
    case 'o': snprintf(out, room, how->alternate ? "0o%.*llo" : "%.*llo", how->precision, (unsigned long long)number); break;
    default: snprintf(out, room, "%.*llu", how->precision, (unsigned long long)number);
    }
}

static void write_float(double number, const struct specification *how, char *out, size_t room)
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
                      const struct specification *how)
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

static int put_integer(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value, const struct specification *how)
{
    char digits[NUMBER_BYTES];
    const int64_t number = value->integer;
    write_digits(number < 0 ? 0 - (uint64_t)number : (uint64_t)number, how, digits, sizeof digits);
    return put_digits(render, builder, digits, number < 0, value->foreign, how);
}

static int put_float(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value, const struct specification *how)
{
    char digits[NUMBER_BYTES];
    const double number = rt_value_double(value);
    write_float(fabs(number), how, digits, sizeof digits);
    return put_digits(render, builder, digits, signbit(number) != 0, value->foreign, how);
}

static int wrong_type(struct rt_render *render, const struct rt_value *value, char type)
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

/* The digits at *at as a number; `otherwise` if there are none. */
static int read_count(struct rt_render *render, struct rt_text text, size_t *at, int otherwise, int *out)
{
    const size_t begin = *at;
    while (*at < text.count && text.bytes[*at] >= '0' && text.bytes[*at] <= '9')
        ++*at;
    *out = otherwise;
    if (*at > begin && read_number(rt_text_part(text, begin, *at), out))
        return rt_render_fail(render, "a width of more than %d", WIDTH_MAX);
    return 0;
}

/* ---- '%' ---- */

struct source { /* where the values come from */
    const struct rt_value *values;
    struct rt_list list; /* a tuple's items, or the one value */
    size_t taken;
};

static int take_value(struct rt_render *render, struct source *source, const struct rt_value **out)
{
    if (source->taken == source->list.count)
        return rt_render_fail(render, "a format has fewer values than it needs");
    *out = &source->list.items[source->taken++];
    return 0;
}

/* %(name)s: the value of that name. */
static int take_named(struct rt_render *render, struct source *source, struct rt_text format, size_t *at, const struct rt_value **out)
{
    size_t end;
    const struct rt_text rest = rt_text_part(format, *at, format.count);
    *out = NULL;
    if (!rest.count || rest.bytes[0] != '(')
        return 0;
    if (!rt_text_find(rest, rt_text_of(")"), &end) || !rt_value_is_dict(source->values))
        return rt_render_fail(render, "a format names a value, and there is no mapping");
    *at += end + 1;
    *out = rt_map_find(source->values->map, rt_text_part(rest, 1, end));
    source->taken = source->list.count;
    return *out ? 0 : rt_render_fail(render, "a format names a value that is not there");
}

static int read_percent(struct rt_render *render, struct rt_text format, size_t *at, struct specification *how)
{
    *how = (struct specification){.fill = rt_text_of(" "), .precision = -1};
    for (; *at < format.count && format.bytes[*at] && strchr("-+ #0", format.bytes[*at]); ++*at) {
        const char flag = format.bytes[*at];
        how->align = flag == '-' ? '<' : how->align;
        how->sign = flag == '+' || (flag == ' ' && how->sign != '+') ? flag : how->sign;
        how->alternate |= flag == '#';
        how->zero |= flag == '0';
    }
    if (read_count(render, format, at, 0, &how->width))
        return -1;
    if (*at < format.count && format.bytes[*at] == '.') {
        ++*at;
        if (read_count(render, format, at, 0, &how->precision))
            return -1;
    }
    if (*at == format.count)
        return rt_render_fail(render, "a format that ends within a value");
    how->type = format.bytes[(*at)++];
    return 0;
}

static int put_percent(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value, struct specification *how)
{
    struct rt_builder repr = {0};
    struct rt_value whole = *value;
    struct rt_text text;
    switch (how->type) {
    case 's': return rt_value_print(render, value, &text) ? -1 : put_text(render, builder, text, how, '>');
    case 'r': return rt_value_repr(render, &repr, value) ? -1 : put_text(render, builder, rt_builder_text(&repr), how, '>');
    case 'd':
    case 'i':
    case 'u':
        if (value->kind == RT_VALUE_FLOAT && fabs(value->number) < 9e18)
            whole = (struct rt_value){.kind = RT_VALUE_INTEGER, .foreign = value->foreign, .integer = (int64_t)value->number};
        return rt_value_is_integer(&whole) ? put_integer(render, builder, &whole, how) : wrong_type(render, value, how->type);
    case 'x':
    case 'X':
    case 'o': return rt_value_is_integer(value) ? put_integer(render, builder, value, how) : wrong_type(render, value, how->type);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': return rt_value_is_number(value) ? put_float(render, builder, value, how) : wrong_type(render, value, how->type);
    default: return wrong_type(render, value, how->type);
    }
}

static int put_next_percent(struct rt_render *render, struct rt_builder *builder, struct rt_text format, size_t *at, struct source *source)
{
    struct specification how;
    const struct rt_value *value;
    if (take_named(render, source, format, at, &value) || read_percent(render, format, at, &how))
        return -1;
    if (how.type == '%')
        return rt_builder_put_bytes(render, builder, "%", 1, format.foreign && format.foreign[*at - 1]);
    if (!value && take_value(render, source, &value))
        return -1;
    return put_percent(render, builder, value, &how);
}

int rt_format_percent(struct rt_render *render, struct rt_text format, const struct rt_value *values, struct rt_value *out)
{
    const int is_tuple = values->kind == RT_VALUE_LIST && values->list.form == RT_LIST_TUPLE;
    struct source source = {.values = values, .list = is_tuple ? values->list : (struct rt_list){values, 1, RT_LIST_PLAIN, NULL}};
    struct rt_builder builder = {0};
    size_t at = 0;
    if (format.markup)
        return rt_render_fail(render, "formatting escaped text is not there yet");
    while (at < format.count) {
        const char *found = memchr(format.bytes + at, '%', format.count - at);
        const size_t end = found ? (size_t)(found - format.bytes) : format.count;
        if (rt_builder_put(render, &builder, rt_text_part(format, at, end)))
            return -1;
        at = end + 1;
        if (found && put_next_percent(render, &builder, format, &at, &source))
            return -1;
    }
    if (source.taken < source.list.count && !rt_value_is_dict(values) && !(values->kind == RT_VALUE_LIST && !is_tuple))
        return rt_render_fail(render, "a format has more values than it needs");
    *out = rt_value_text(rt_builder_text(&builder));
    return 0;
}

/* The arguments by place as a tuple, or those with names as a mapping. */
static int gather(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_value *items;
    struct rt_map *map;
    size_t placed = 0;
    if (rt_render_take(render, call->count, sizeof *items, &items) || rt_render_take(render, 1, sizeof *map, &map))
        return -1;
    for (size_t i = 0; i < call->count; i++) {
        if (!call->arguments[i].keyword.count)
            items[placed++] = call->arguments[i].value;
        else if (rt_map_set(render, map, call->arguments[i].keyword, &call->arguments[i].value))
            return -1;
    }
    if (placed && map->count)
        return rt_render_fail(render, "a format with values by place and by name");
    *out = map->count ? (struct rt_value){.kind = RT_VALUE_MAP, .map = map} : rt_value_list(items, placed, RT_LIST_TUPLE);
    return 0;
}

int rt_call_format_filter(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    struct rt_text format;
    struct rt_value values;
    if (rt_call_self_text(render, call, &format) || gather(render, call, &values))
        return -1;
    return rt_format_percent(render, format, &values, out);
}

/* ---- '{}'.format() ---- */

/* [[fill]align][sign][#][0][width][,][.precision][type] */
static int read_specification(struct rt_render *render, struct rt_text text, struct specification *how)
{
    size_t at = rt_text_step(text, 0);
    *how = (struct specification){.fill = rt_text_of(" "), .precision = -1};
    if (at < text.count && text.bytes[at] && strchr("<>^", text.bytes[at])) {
        how->fill = rt_text_part(text, 0, at);
        how->align = text.bytes[at++];
    } else {
        at = 0;
        if (text.count && text.bytes[0] && strchr("<>^", text.bytes[0]))
            how->align = text.bytes[at++];
    }
    if (at < text.count && text.bytes[at] && strchr("+- ", text.bytes[at]))
        how->sign = text.bytes[at++];
    if (at < text.count && text.bytes[at] == '#')
        how->alternate = text.bytes[at++] == '#';
    if (at < text.count && text.bytes[at] == '0')
        how->zero = text.bytes[at++] == '0';
    if (read_count(render, text, &at, 0, &how->width))
        return -1;
    if (at < text.count && text.bytes[at] == ',')
        how->comma = text.bytes[at++] == ',';
    if (at < text.count && text.bytes[at] == '.' && (++at == text.count || read_count(render, text, &at, -1, &how->precision)))
        return rt_render_fail(render, "a format without a precision");
    if (at < text.count)
        how->type = text.bytes[at++];
    return at == text.count ? 0 : rt_render_fail(render, "such a format is not there yet");
}

static int put_formatted(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value, struct rt_text specification)
{
    struct specification how;
    struct rt_text text;
    if (read_specification(render, specification, &how))
        return -1;
    const int is_integer = value->kind == RT_VALUE_INTEGER || (value->kind == RT_VALUE_BOOL && how.type && how.type != 's');
    if (is_integer && (!how.type || strchr("dxXo", how.type)) && how.precision < 0)
        return put_integer(render, builder, value, &how);
    if (rt_value_is_number(value) && how.type && strchr("eEfFgG%", how.type))
        return put_float(render, builder, value, &how);
    if ((how.type && (how.type != 's' || value->kind != RT_VALUE_TEXT)) || how.comma || how.sign ||
        (specification.count && value->kind != RT_VALUE_TEXT && !rt_value_is_number(value)) ||
        (how.precision >= 0 && value->kind != RT_VALUE_TEXT))
        return wrong_type(render, value, how.type ? how.type : '?');
    if (rt_value_print(render, value, &text))
        return -1;
    return put_text(render, builder, text, &how, rt_value_is_number(value) ? '>' : '<');
}

/* The value of a field: by place, by name, or the next one. */
static int find_field(struct rt_render *render, const struct rt_call *call, struct rt_text name, int64_t *next, const struct rt_value **out)
{
    int64_t place = *next;
    *out = NULL;
    if (!name.count)
        ++*next;
    if (name.count && rt_number_parse(name, 10, &place)) {
        for (size_t i = 0; i < call->count; i++)
            if (call->arguments[i].keyword.count && rt_text_equal(call->arguments[i].keyword, name))
                *out = &call->arguments[i].value;
    } else if (place >= 0 && place < (int64_t)call->count && !call->arguments[place].keyword.count) {
        *out = &call->arguments[place].value;
    }
    return *out ? 0 : rt_render_fail(render, "a format names a value that is not there");
}

/* NAME!r:SPECIFICATION */
static int put_field(struct rt_render *render, struct rt_builder *builder, const struct rt_call *call, struct rt_text field, int64_t *next)
{
    size_t colon, mark;
    const struct rt_value *value;
    struct rt_value shown;
    struct rt_builder repr = {0};
    if (!rt_text_find(field, rt_text_of(":"), &colon))
        colon = field.count;
    const struct rt_text specification = colon < field.count ? rt_text_part(field, colon + 1, field.count) : rt_text_of("");
    const struct rt_text head = rt_text_part(field, 0, colon);
    const int converts = rt_text_find(head, rt_text_of("!"), &mark);
    const struct rt_text conversion = converts ? rt_text_part(head, mark + 1, head.count) : rt_text_of("");
    if (find_field(render, call, converts ? rt_text_part(head, 0, mark) : head, next, &value))
        return -1;
    shown = *value;
    if (rt_text_is(conversion, "r")) {
        if (rt_value_repr(render, &repr, value))
            return -1;
        shown = rt_value_text(rt_builder_text(&repr));
    } else if (rt_text_is(conversion, "s")) {
        shown.kind = RT_VALUE_TEXT;
        if (rt_value_print(render, value, &shown.text))
            return -1;
    } else if (converts) {
        return rt_render_fail(render, "such a format is not there yet");
    }
    return put_formatted(render, builder, &shown, specification);
}

int rt_call_format(struct rt_render *render, const struct rt_call *call, struct rt_value *out)
{
    const struct rt_text text = call->self->text;
    struct rt_builder builder = {0};
    int64_t next = 0;
    if (text.markup)
        return rt_render_fail(render, "formatting escaped text is not there yet");
    for (size_t at = 0, end; at < text.count; at = end) {
        const char c = text.bytes[at];
        const int is_double = at + 1 < text.count && text.bytes[at + 1] == c;
        size_t length;
        end = at + 1;
        if ((c == '{' || c == '}') && is_double) {
            end++;
        } else if (c == '{') {
            if (!rt_text_find(rt_text_part(text, at, text.count), rt_text_of("}"), &length))
                return rt_render_fail(render, "a format without the closing bracket");
            end = at + length + 1;
            if (put_field(render, &builder, call, rt_text_part(text, at + 1, at + length), &next))
                return -1;
            continue;
        } else if (c == '}') {
            return rt_render_fail(render, "a format with a single closing bracket");
        }
        if (rt_builder_put(render, &builder, rt_text_part(text, at, at + 1)))
            return -1;
    }
    *out = rt_value_text(rt_builder_text(&builder));
    return 0;
}
