/* template_lex.c: the text of a template → tokens. The rules on white space are those of jinja2.lexer with trim_blocks and lstrip_blocks
 * on: white space before a block on its line, and the newline behind it, go; '-' takes all white space on its side, '+' none. */
#include "runtime/template_ast.h"

#include <string.h>

static int fail(struct rt_lexer *lexer, const char *what)
{
    return rt_template_fail(lexer->error, RT_EXIT_UNSUPPORTED, lexer->line, "%s", what);
}

static int sees(const struct rt_lexer *lexer, const char *text)
{
    size_t count = strlen(text);
    return lexer->bytes - lexer->at >= count && !memcmp(lexer->source + lexer->at, text, count);
}

static void advance(struct rt_lexer *lexer, size_t count)
{
    for (; count; count--)
        lexer->line += lexer->source[lexer->at++] == '\n';
}

static struct rt_text whole(const struct rt_lexer *lexer)
{
    return (struct rt_text){.bytes = lexer->source, .count = lexer->bytes};
}

static void skip_space(struct rt_lexer *lexer)
{
    size_t step;
    while ((step = rt_text_space(whole(lexer), lexer->at)))
        advance(lexer, step);
}

static void take(struct rt_lexer *lexer, struct rt_token *token, enum rt_token_kind kind, size_t count)
{
    *token = (struct rt_token){.kind = kind, .line = lexer->line, .text = rt_text_part(whole(lexer), lexer->at, lexer->at + count)};
    advance(lexer, count);
}

/* ---- outside tags ---- */

static size_t find_tag(const struct rt_lexer *lexer)
{
    for (size_t i = lexer->at; i + 1 < lexer->bytes; i++)
        if (lexer->source[i] == '{' && strchr("{%#", lexer->source[i + 1]) && lexer->source[i + 1])
            return i;
    return lexer->bytes;
}

/* The end of the text that is kept before the tag at `tag`. */
static size_t text_end(const struct rt_lexer *lexer, size_t tag)
{
    const struct rt_text text = rt_text_part(whole(lexer), lexer->at, tag);
    const char sign = tag + 2 < lexer->bytes ? lexer->source[tag + 2] : 0;
    const int is_output = tag + 1 < lexer->bytes && lexer->source[tag + 1] == '{';
    size_t end = text.count, step;
    if (tag == lexer->bytes || (sign != '-' && (sign == '+' || is_output)))
        return tag;
    while ((step = rt_text_space_before(text, end)) && (sign == '-' || text.bytes[end - 1] != '\n'))
        end -= step;
    const int at_line_start = end ? text.bytes[end - 1] == '\n' : lexer->line_starts;
    return sign == '-' || at_line_start ? lexer->at + end : tag;
}

/* Behind the closing bracket of a block or comment. */
static void after_block(struct rt_lexer *lexer, char sign)
{
    lexer->line_starts = 0;
    if (sign == '-') {
        skip_space(lexer);
    } else if (sign != '+' && sees(lexer, "\n")) {
        advance(lexer, 1);
        lexer->line_starts = 1;
    }
}

static int skip_comment(struct rt_lexer *lexer)
{
    advance(lexer, 2);
    if (sees(lexer, "-") || sees(lexer, "+"))
        advance(lexer, 1);
    const size_t begin = lexer->at;
    while (!sees(lexer, "#}")) {
        if (lexer->at == lexer->bytes)
            return fail(lexer, "a comment without an end");
        advance(lexer, 1);
    }
    const char sign = lexer->at > begin ? lexer->source[lexer->at - 1] : 0;
    advance(lexer, 2);
    after_block(lexer, sign);
    return 0;
}

static void open_tag(struct rt_lexer *lexer, struct rt_token *token)
{
    lexer->inside = sees(lexer, "{{") ? RT_TOKEN_OUTPUT_BEGIN : RT_TOKEN_BLOCK_BEGIN;
    lexer->brackets = 0;
    const char sign = lexer->at + 2 < lexer->bytes ? lexer->source[lexer->at + 2] : 0;
    take(lexer, token, lexer->inside, sign == '-' || sign == '+' ? 3 : 2);
}

static int next_outside(struct rt_lexer *lexer, struct rt_token *token)
{
    for (;;) {
        const size_t tag = find_tag(lexer), end = text_end(lexer, tag);
        if (end > lexer->at) {
            take(lexer, token, RT_TOKEN_TEXT, end - lexer->at);
            advance(lexer, tag - end);
            return 0;
        }
        advance(lexer, tag - lexer->at);
        if (tag == lexer->bytes) {
            take(lexer, token, RT_TOKEN_END, 0);
            return 0;
        }
        if (!sees(lexer, "{#")) {
            open_tag(lexer, token);
            return 0;
        }
        if (skip_comment(lexer))
            return -1;
    }
}

/* ---- literals ---- */

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

static int take_string(struct rt_lexer *lexer, struct rt_token *token)
{
    const char quote = lexer->source[lexer->at];
    size_t end = lexer->at + 1;
    while (end < lexer->bytes && lexer->source[end] != quote)
        end += lexer->source[end] == '\\' ? 2 : 1;
    if (end >= lexer->bytes)
        return fail(lexer, "a string without an end");
    take(lexer, token, RT_TOKEN_STRING, end + 1 - lexer->at);
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

static int take_integer(struct rt_lexer *lexer, struct rt_token *token)
{
    size_t end = lexer->at;
    int64_t value = 0;
    for (; end < lexer->bytes && lexer->source[end] >= '0' && lexer->source[end] <= '9'; end++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, lexer->source[end] - '0', &value))
            return fail(lexer, "a number that is too large");
    if (end + 1 < lexer->bytes && (lexer->source[end] == '_' || (lexer->source[end] == '.' && digit_value(lexer->source[end + 1]) < 10)))
        return fail(lexer, "only plain whole numbers are there yet");
    take(lexer, token, RT_TOKEN_INTEGER, end - lexer->at);
    token->integer = value;
    return 0;
}

/* ---- inside tags ---- */

static int is_name(char c, int first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static int take_operator(struct rt_lexer *lexer, struct rt_token *token)
{
    static const char *const operators[] = {"==", "!=", "<=", ">=", "//", "**", "<", ">", "=", "+", "-", "*", "/",
                                            "%",  "~",  "|",  ".",  ",",  ":",  "(", ")", "[", "]", "{", "}"};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (!sees(lexer, operators[i]))
            continue;
        take(lexer, token, RT_TOKEN_OPERATOR, strlen(operators[i]));
        if (strchr("([{", operators[i][0]))
            lexer->brackets++;
        else if (strchr(")]}", operators[i][0]) && lexer->brackets)
            lexer->brackets--;
        return 0;
    }
    return fail(lexer, "a character that does not belong in a tag");
}

/* Closes the tag if it ends here; an open bracket keeps it open. */
static int take_tag_end(struct rt_lexer *lexer, struct rt_token *token)
{
    const int is_output = lexer->inside == RT_TOKEN_OUTPUT_BEGIN;
    const char sign = sees(lexer, "-") || (sees(lexer, "+") && !is_output) ? lexer->source[lexer->at] : 0;
    struct rt_lexer behind = *lexer;
    advance(&behind, sign ? 1 : 0);
    if (lexer->brackets || !sees(&behind, is_output ? "}}" : "%}"))
        return 0;
    take(lexer, token, is_output ? RT_TOKEN_OUTPUT_END : RT_TOKEN_BLOCK_END, sign ? 3 : 2);
    lexer->inside = RT_TOKEN_TEXT;
    after_block(lexer, is_output && !sign ? '+' : sign);
    return 1;
}

static int next_inside(struct rt_lexer *lexer, struct rt_token *token)
{
    skip_space(lexer);
    if (lexer->at == lexer->bytes)
        return fail(lexer, "a tag without an end");
    if (take_tag_end(lexer, token))
        return 0;
    const char c = lexer->source[lexer->at];
    if (c == '\'' || c == '"')
        return take_string(lexer, token);
    if (c >= '0' && c <= '9')
        return take_integer(lexer, token);
    if (!is_name(c, 1))
        return take_operator(lexer, token);
    size_t end = lexer->at;
    while (end < lexer->bytes && is_name(lexer->source[end], 0))
        end++;
    take(lexer, token, RT_TOKEN_NAME, end - lexer->at);
    return 0;
}

int rt_lexer_next(struct rt_lexer *lexer, struct rt_token *token)
{
    return lexer->inside == RT_TOKEN_TEXT ? next_outside(lexer, token) : next_inside(lexer, token);
}
