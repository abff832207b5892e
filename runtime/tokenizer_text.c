/* tokenizer_text.c: growing texts, UTF-8 and the few character classes that the tokenizer needs. Knows nothing of
 * tokens. Any thread. */
#include "runtime/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

void *rt_grow(void *array, size_t *room, size_t want, size_t element, struct rt_error *error)
{
    if (array && want <= *room)
        return array;
    size_t grown = want < SIZE_MAX / 2 ? want + want / 2 + 16 : want, bytes;
    void *bigger = __builtin_mul_overflow(grown, element, &bytes) ? NULL : realloc(array, bytes);
    if (bigger)
        *room = grown;
    else
        rt_fail(error, RT_EXIT_RESOURCES, "tokenizer: no memory for %zu elements", want);
    return bigger;
}

int rt_text_append(struct rt_text *text, const char *bytes, size_t count, struct rt_error *error)
{
    if (count >= SIZE_MAX - text->len)
        return rt_fail(error, RT_EXIT_RESOURCES, "tokenizer: text too long");
    size_t want = text->len + count;
    char *at = rt_grow(text->at, &text->room, want + 1, 1, error); /* one more, so that even an empty text has an address */
    if (!at)
        return -1;
    text->at = at;
    if (count)
        memcpy(at + text->len, bytes, count);
    text->len = want;
    return 0;
}

int rt_text_append_char(struct rt_text *text, uint32_t character, struct rt_error *error)
{
    char bytes[4];
    return rt_text_append(text, bytes, rt_utf8_write(character, bytes), error);
}

int rt_spans_add(struct rt_spans *spans, size_t start, size_t end, int match, struct rt_error *error)
{
    struct rt_span *at = rt_grow(spans->at, &spans->room, spans->count + 1, sizeof *at, error);
    if (!at)
        return -1;
    spans->at = at;
    at[spans->count++] = (struct rt_span){start, end, match};
    return 0;
}

/* Unicode, table 3-7: how many bytes follow, and what the first of them may be. */
static int utf8_tail(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80)
        return 0;
    if (lead < 0xc2 || lead > 0xf4)
        return -1;
    return lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
}

enum rt_utf8 rt_utf8_check(const char *bytes, size_t count, size_t *length)
{
    unsigned char low, high;
    int tail = utf8_tail((unsigned char)bytes[0], &low, &high);
    *length = 1;
    for (int i = 1; i <= tail; i++) {
        if ((size_t)i == count)
            return RT_UTF8_SHORT;
        unsigned char byte = (unsigned char)bytes[i];
        if (byte < low || byte > high)
            return RT_UTF8_BAD;
        low = 0x80;
        high = 0xbf;
        (*length)++;
    }
    return tail < 0 ? RT_UTF8_BAD : RT_UTF8_WHOLE;
}

size_t rt_utf8_read(const char *text, size_t bytes, uint32_t *character)
{
    unsigned char lead = (unsigned char)text[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length > bytes)
        length = bytes;
    uint32_t value = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        value = value << 6 | ((unsigned char)text[i] & 0x3f);
    *character = value;
    return length;
}

size_t rt_utf8_read_last(const char *text, size_t bytes, uint32_t *character)
{
    size_t length = 1;
    while (length < bytes && length < 4 && ((unsigned char)text[bytes - length] & 0xc0) == 0x80)
        length++;
    return rt_utf8_read(text + bytes - length, length, character);
}

size_t rt_utf8_write(uint32_t character, char out[4])
{
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, character >>= 6)
        out[i] = (char)(0x80 | (character & 0x3f));
    out[0] = (char)((0xf00u >> length & 0xff) | character);
    return length;
}

int rt_is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Bytes that print stand for themselves; the other 68 follow from U+0100 on, in order. */
static int byte_prints(uint32_t byte)
{
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
}

uint32_t rt_byte_to_char(uint8_t byte)
{
    if (byte_prints(byte))
        return byte;
    if (byte <= 0x20)
        return 0x100u + byte;
    return byte == 0xad ? 0x143 : 0x121u + (byte - 0x7fu);
}

int rt_char_to_byte(uint32_t c)
{
    if (c < 0x100)
        return byte_prints(c) ? (int)c : -1;
    if (c <= 0x120)
        return (int)(c - 0x100);
    if (c <= 0x142)
        return (int)(c - 0x121 + 0x7f);
    return c == 0x143 ? 0xad : -1;
}

int rt_text_append_byte_level(struct rt_text *text, const char *bytes, size_t count, struct rt_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (rt_text_append_char(text, rt_byte_to_char((uint8_t)bytes[i]), error))
            return -1;
    return 0;
}
