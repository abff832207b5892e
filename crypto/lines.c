/* lines.c: lines, base64 and comments of minisign's files. */
#include "crypto/lines.h"

#include "crypto/crypto.h"

#include <sodium/utils.h>
#include <string.h>

int cr_line_take(struct cr_span *line, struct cr_span *rest)
{
    const char *end = rest->bytes ? memchr(rest->at, '\n', rest->bytes) : NULL;
    if (!end)
        return CR_E_FORMAT;
    *line = (struct cr_span){rest->at, (size_t)(end - rest->at)};
    *rest = (struct cr_span){end + 1, rest->bytes - line->bytes - 1};
    return CR_OK;
}

int cr_prefix_take(struct cr_span *line, const char *prefix)
{
    size_t bytes = strlen(prefix);
    if (line->bytes < bytes || memcmp(line->at, prefix, bytes) != 0)
        return CR_E_FORMAT;
    *line = (struct cr_span){line->at + bytes, line->bytes - bytes};
    return CR_OK;
}

int cr_span_is(const struct cr_span *line, const char *text)
{
    return line->bytes == strlen(text) && memcmp(line->at, text, line->bytes) == 0;
}

static int is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
}

int cr_base64_line(uint8_t *out, size_t bytes, const struct cr_span *line)
{
    size_t written = 0;
    if (line->bytes != (bytes + 2) / 3 * 4)
        return CR_E_FORMAT;
    for (size_t i = 0; i < line->bytes; i++)
        if (!is_base64(line->at[i])) /* libsodium 1.0.18 takes '+' or '/' with the top bit set for the same without it */
            return CR_E_FORMAT;
    /* It refuses bits set beyond the last byte, though, so that no two lines decode to the same bytes. */
    if (sodium_base642bin(out, bytes, line->at, line->bytes, NULL, &written, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return CR_E_FORMAT;
    return written == bytes ? CR_OK : CR_E_FORMAT;
}

/* Bytes of the well-formed UTF-8 sequence at `s` (Unicode 15, table 3-7), 0 for none; *code gets its code point. */
static size_t utf8_sequence(uint32_t *code, const uint8_t *s, size_t bytes)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (length == 0 || length > bytes)
        return 0;
    *code = length == 1 ? s[0] : s[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        *code = *code << 6 | (s[i] & 0x3f);
    }
    if (*code < smallest[length] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
        return 0;
    return length;
}

int cr_comment_check(const struct cr_span *comment)
{
    if (comment->bytes > CR_COMMENT_MAX_BYTES)
        return CR_E_FORMAT;
    for (size_t i = 0; i < comment->bytes;) {
        uint32_t code;
        size_t length = utf8_sequence(&code, (const uint8_t *)comment->at + i, comment->bytes - i);
        if (length == 0 || (code < 0x20 && code != '\t') || (code >= 0x7f && code < 0xa0))
            return CR_E_FORMAT;
        i += length;
    }
    return CR_OK;
}
