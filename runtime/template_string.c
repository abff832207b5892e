/* template_string.c: the literals of a template: strings with Python's escapes, and numbers. */
#include "runtime/template_ast.h"

#include <stdlib.h>
#include <string.h>

/* ---- strings ---- */

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    const size_t count = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = count - 1; i; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> count & 0xff) | c);
    return count;
}

static int digit_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Reads at most `most` digits of `base` at text[*at]. */
static size_t read_digits(struct rt_text text, size_t *at, size_t most, int base, uint32_t *out)
{
    size_t count = 0;
    for (*out = 0; count < most && *at < text.count && digit_value(text.bytes[*at]) < base; count++)
        *out = *out * (uint32_t)base + (uint32_t)digit_value(text.bytes[(*at)++]);
    return count;
}

/* One escape of Python's string literals, text[*at] being the character after the backslash. Returns the bytes written to out
 * (room for 4), or -1. */
static int unescape(struct rt_text text, size_t *at, char *out)
{
    static const char names[] = "\\'\"abfnrtv", values[] = "\\'\"\a\b\f\n\r\t\v";
    const char c = text.bytes[*at];
    const char *name = c ? strchr(names, c) : NULL;
    uint32_t code;
    if (name) {
        ++*at;
        out[0] = values[name - names];
        return 1;
    }
    if (c == '\n') {
        ++*at;
        return 0;
    }
    if (c >= '0' && c <= '7') {
        read_digits(text, at, 3, 8, &code);
        return (int)put_utf8(out, code);
    }
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (!digits) { /* Python keeps the backslash of an escape it does not know; \N{…} is one it does */
        out[0] = '\\';
        return c == 'N' ? -1 : 1;
    }
    ++*at;
    if (read_digits(text, at, digits, 16, &code) != digits || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return -1;
    return (int)put_utf8(out, code);
}

int rt_lexer_string(struct rt_lexer *lexer, struct rt_token *token)
{
    const char quote = lexer->source[lexer->at];
    size_t end = lexer->at + 1;
    while (end < lexer->bytes && lexer->source[end] != quote)
        end += lexer->source[end] == '\\' ? 2 : 1;
    if (end >= lexer->bytes)
        return rt_template_fail(lexer->error, RT_EXIT_UNSUPPORTED, lexer->line, "a string without an end");
    rt_lexer_take(lexer, token, RT_TOKEN_STRING, end + 1 - lexer->at);
    const struct rt_text written = rt_text_part(token->text, 1, token->text.count - 1);
    char *out = rt_arena_take(lexer->arena, written.count + 4);
    if (!out)
        return rt_template_fail(lexer->error, RT_EXIT_RESOURCES, token->line, "no memory");
    size_t count = 0;
    for (size_t i = 0; i < written.count;) {
        if (written.bytes[i] != '\\') {
            out[count++] = written.bytes[i++];
            continue;
        }
        i++;
        const int made = unescape(written, &i, out + count);
        if (made < 0)
            return rt_template_fail(lexer->error, RT_EXIT_UNSUPPORTED, token->line, "an escape in a string that is not known");
        count += (size_t)made;
    }
    token->text = (struct rt_text){.bytes = out, .count = count};
    return 0;
}

/* ---- numbers ---- */

static int is_digit(const struct rt_lexer *lexer, size_t at)
{
    return at < lexer->bytes && lexer->source[at] >= '0' && lexer->source[at] <= '9';
}

/* Behind a run of digits; `1_000` is one. */
static size_t skip_digits(const struct rt_lexer *lexer, size_t at)
{
    while (is_digit(lexer, at) || (at < lexer->bytes && lexer->source[at] == '_' && is_digit(lexer, at + 1)))
        at++;
    return at;
}

static size_t skip_fraction(const struct rt_lexer *lexer, size_t at)
{
    if (at < lexer->bytes && lexer->source[at] == '.' && is_digit(lexer, at + 1))
        at = skip_digits(lexer, at + 1);
    if (at < lexer->bytes && (lexer->source[at] == 'e' || lexer->source[at] == 'E')) {
        const size_t sign = at + 1 < lexer->bytes && strchr("+-", lexer->source[at + 1]) && lexer->source[at + 1];
        if (is_digit(lexer, at + 1 + sign))
            at = skip_digits(lexer, at + 1 + sign);
    }
    return at;
}

int rt_lexer_number(struct rt_lexer *lexer, struct rt_token *token)
{
    const size_t end = skip_digits(lexer, lexer->at), behind = skip_fraction(lexer, end);
    rt_lexer_take(lexer, token, behind > end ? RT_TOKEN_FLOAT : RT_TOKEN_INTEGER, behind - lexer->at);
    if (token->kind == RT_TOKEN_FLOAT && !rt_number_parse_float(token->text, &token->number))
        return 0;
    if (token->kind == RT_TOKEN_INTEGER && !rt_number_parse(token->text, 10, &token->integer))
        return 0;
    return rt_template_fail(lexer->error, RT_EXIT_UNSUPPORTED, token->line, "a number that is too large");
}
