/* template_character.c: text as a row of characters: where they begin, which are white space, where one text is in another. */
#include "runtime/template_value.h"

#include <string.h>

struct rt_text rt_text_of(const char *text)
{
    return (struct rt_text){.bytes = text, .count = strlen(text)};
}

struct rt_text rt_text_part(struct rt_text text, size_t from, size_t to)
{
    return (struct rt_text){text.bytes + from, text.foreign ? text.foreign + from : NULL, to - from, text.markup};
}

int rt_text_equal(struct rt_text a, struct rt_text b)
{
    return a.count == b.count && (!a.count || !memcmp(a.bytes, b.bytes, a.count));
}

int rt_text_is(struct rt_text text, const char *other)
{
    return rt_text_equal(text, rt_text_of(other));
}

int rt_text_find(struct rt_text text, struct rt_text part, size_t *at)
{
    const char *found = part.count ? memmem(text.bytes, text.count, part.bytes, part.count) : text.bytes;
    *at = found ? (size_t)(found - text.bytes) : 0;
    return found || !part.count;
}

int rt_text_find_last(struct rt_text text, struct rt_text part, size_t *at)
{
    for (*at = text.count < part.count ? 0 : text.count - part.count + 1; *at;) {
        --*at;
        if (!part.count || !memcmp(text.bytes + *at, part.bytes, part.count))
            return 1;
    }
    return 0;
}

int rt_text_find_cost(struct rt_render *render, struct rt_text text, struct rt_text part)
{
    size_t bytes;
    rt_render_count(render, __builtin_mul_overflow(text.count, part.count + 1, &bytes) ? SIZE_MAX / 2 : bytes);
    return rt_render_check(render);
}

int rt_text_shown(struct rt_text text)
{
    return (int)(text.count > 64 ? 64 : text.count);
}

/* An invalid byte is a character of its own. */
size_t rt_text_step(struct rt_text text, size_t at)
{
    if (at >= text.count)
        return 0;
    const unsigned char first = (unsigned char)text.bytes[at];
    const size_t want = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
    if (want > text.count - at)
        return 1;
    for (size_t i = 1; i < want; i++)
        if (((unsigned char)text.bytes[at + i] & 0xc0) != 0x80)
            return 1;
    return want;
}

size_t rt_text_length(struct rt_text text)
{
    size_t length = 0;
    for (size_t at = 0, step; (step = rt_text_step(text, at)); at += step)
        length++;
    return length;
}

size_t rt_text_offset(struct rt_text text, size_t characters)
{
    size_t at = 0;
    for (size_t step; characters && (step = rt_text_step(text, at)); characters--)
        at += step;
    return at;
}

uint32_t rt_text_character(struct rt_text text, size_t at)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes + at;
    switch (rt_text_step(text, at)) {
    case 1: return bytes[0] < 0x80 ? bytes[0] : 0xfffd;
    case 2: return (bytes[0] & 0x1fU) << 6 | (bytes[1] & 0x3fU);
    case 3: return (bytes[0] & 0x0fU) << 12 | (bytes[1] & 0x3fU) << 6 | (bytes[2] & 0x3fU);
    default: return (bytes[0] & 0x07U) << 18 | (bytes[1] & 0x3fU) << 12 | (bytes[2] & 0x3fU) << 6 | (bytes[3] & 0x3fU);
    }
}

size_t rt_text_space(struct rt_text text, size_t at)
{
    const size_t step = rt_text_step(text, at);
    if (!step)
        return 0;
    const uint32_t c = rt_text_character(text, at);
    if (step == 1)
        return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
    const int is_space = c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
                         c == 0x202f || c == 0x205f || c == 0x3000;
    return is_space ? step : 0;
}

size_t rt_text_space_before(struct rt_text text, size_t at)
{
    for (size_t step = 1; step <= 3 && step <= at; step++)
        if (rt_text_space(text, at - step) == step)
            return step;
    return 0;
}
