/* tokenizer_unicode.c: NFC, NFD, NFKC, NFKD. utf8proc decomposes and composes single characters; the order of
 * combining marks in between is made here, because utf8proc sorts them by insertion, which a text of nothing but marks
 * turns into minutes. Unicode 15; Hugging Face's tables are of Unicode 9, so that the two may differ on characters that
 * came in between. Any thread. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "runtime/tokenizer_parts.h"

enum { FEW_MARKS = 32 }; /* up to here insertion is quicker */

static int add_decomposed(struct rt_normal_scratch *scratch, size_t *count, uint32_t character, unsigned options, struct rt_error *error)
{
    int32_t buffer[32]; /* the longest decomposition has 18 */
    int boundary = 0;
    utf8proc_ssize_t length = utf8proc_decompose_char((utf8proc_int32_t)character, buffer, 32, (utf8proc_option_t)options, &boundary);
    if (length < 0 || length > 32)
        return rt_fail(error, RT_EXIT_FAILED, "cannot normalize U+%04X", character);
    int32_t *characters = rt_grow(scratch->characters, &scratch->room, *count + (size_t)length + 1, sizeof *characters, error);
    if (!characters)
        return -1;
    scratch->characters = characters;
    memcpy(characters + *count, buffer, (size_t)length * sizeof *buffer);
    *count += (size_t)length;
    return 0;
}

static unsigned combining_class(int32_t character)
{
    return (unsigned)utf8proc_get_property(character)->combining_class;
}

static void sort_few(int32_t *marks, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        int32_t mark = marks[i];
        unsigned class = combining_class(mark);
        size_t at = i;
        for (; at && combining_class(marks[at - 1]) > class; at--)
            marks[at] = marks[at - 1];
        marks[at] = mark;
    }
}

/* By counting: stable and linear. */
static int sort_many(int32_t *marks, size_t count, struct rt_error *error)
{
    size_t first[257] = {0};
    int32_t *sorted = malloc(count * sizeof *sorted);
    if (!sorted)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to order %zu combining marks", count);
    for (size_t i = 0; i < count; i++)
        first[(combining_class(marks[i]) & 0xff) + 1]++;
    for (size_t class = 1; class < 257; class ++)
        first[class] += first[class - 1];
    for (size_t i = 0; i < count; i++)
        sorted[first[combining_class(marks[i]) & 0xff]++] = marks[i];
    memcpy(marks, sorted, count * sizeof *sorted);
    free(sorted);
    return 0;
}

/* Canonical order (Unicode 3.11, D109): marks between two starters by combining class. */
static int order_marks(int32_t *characters, size_t count, struct rt_error *error)
{
    for (size_t start = 0, end; start < count; start = end) {
        end = start + 1;
        if (!combining_class(characters[start]))
            continue;
        while (end < count && combining_class(characters[end]))
            end++;
        if (end - start <= FEW_MARKS)
            sort_few(characters + start, end - start);
        else if (sort_many(characters + start, end - start, error))
            return -1;
    }
    return 0;
}

static int is_ascii(const struct rt_text *text)
{
    for (size_t i = 0; i < text->len; i++)
        if ((unsigned char)text->at[i] >= 0x80)
            return 0;
    return 1;
}

int rt_unicode_normalize(struct rt_text *text, struct rt_normal_scratch *scratch, unsigned options, struct rt_error *error)
{
    size_t count = 0;
    if (is_ascii(text))
        return 0;
    for (size_t at = 0; at < text->len;) {
        uint32_t character;
        at += rt_utf8_read(text->at + at, text->len - at, &character);
        if (add_decomposed(scratch, &count, character, UTF8PROC_DECOMPOSE | (options & UTF8PROC_COMPAT), error))
            return -1;
    }
    if (order_marks(scratch->characters, count, error))
        return -1;
    if (options & UTF8PROC_COMPOSE) {
        utf8proc_ssize_t composed = utf8proc_normalize_utf32(scratch->characters, (utf8proc_ssize_t)count,
                                                             UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        if (composed < 0)
            return rt_fail(error, RT_EXIT_FAILED, "cannot normalize a text: %s", utf8proc_errmsg(composed));
        count = (size_t)composed;
    }
    text->len = 0;
    for (size_t i = 0; i < count; i++)
        if (rt_text_append_char(text, (uint32_t)scratch->characters[i], error))
            return -1;
    return 0;
}
