/* grammar_read.c: reads a notation character by character, with the place for messages. Knows none. Of one thread. */
#include <string.h>

#include "runtime/grammar_parts.h"
#include "runtime/tokenizer_parts.h"

void rt_reader_fail(struct rt_reader *reader, const char *what)
{
    const size_t place = reader->line ? reader->line : (size_t)(reader->at - reader->begin);
    rt_build_fail(reader->build, "%s %zu: %s", reader->where, place, what);
}

int rt_reader_sees(const struct rt_reader *reader, const char *text)
{
    const size_t count = strlen(text);
    return (size_t)(reader->end - reader->at) >= count && !memcmp(reader->at, text, count);
}

int rt_reader_takes(struct rt_reader *reader, const char *text)
{
    const int there = rt_reader_sees(reader, text);
    reader->at += there ? strlen(text) : 0;
    return there;
}

int rt_reader_sees_one(const struct rt_reader *reader, const char *characters)
{
    return reader->at < reader->end && *reader->at && strchr(characters, *reader->at);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint32_t rt_reader_hex(struct rt_reader *reader, int digits)
{
    uint32_t value = 0;
    for (int i = 0; i < digits; i++, reader->at++) {
        const int digit = reader->at < reader->end ? hex_digit(*reader->at) : -1;
        if (digit < 0) {
            rt_reader_fail(reader, "hexadecimal digits are missing");
            return 0;
        }
        value = value << 4 | (uint32_t)digit;
    }
    return value;
}

void rt_reader_check_character(struct rt_reader *reader, uint32_t character)
{
    if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
        rt_reader_fail(reader, "an escape that is no Unicode character");
}

uint32_t rt_reader_character(struct rt_reader *reader)
{
    uint32_t character = 0;
    size_t length = 0;
    if (reader->at == reader->end)
        rt_reader_fail(reader, "it ends too early");
    else if (rt_utf8_check(reader->at, (size_t)(reader->end - reader->at), &length) != RT_UTF8_WHOLE)
        rt_reader_fail(reader, "not UTF-8");
    else
        rt_utf8_read(reader->at, length, &character);
    reader->line += reader->line && character == '\n';
    reader->at += length;
    return character;
}

int rt_reader_number(struct rt_reader *reader, uint32_t *value)
{
    const char *begin = reader->at;
    for (*value = 0; rt_reader_sees_one(reader, "0123456789") && *value <= RT_TIMES_MAX; reader->at++)
        *value = *value * 10 + (uint32_t)(*reader->at - '0');
    if (*value > RT_TIMES_MAX)
        rt_reader_fail(reader, "a repetition has numbers up to 1048576");
    return reader->at > begin;
}
