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

void rt_lexer_take(struct rt_lexer *lexer, struct rt_token *token, enum rt_token_kind kind, size_t count)
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
    rt_lexer_take(lexer, token, lexer->inside, sign == '-' || sign == '+' ? 3 : 2);
}

/* ---- raw blocks ---- */

/* Bytes of the opening `{%`, `{%-` or `{%+`, the word and the white space around it at `at`, if that is what is there. */
static size_t match_word(const struct rt_lexer *lexer, size_t at, const char *word)
{
    const size_t count = strlen(word), begin = at;
    size_t step;
    if (lexer->bytes - at < 2 || memcmp(lexer->source + at, "{%", 2))
        return 0;
    at += 2;
    at += at < lexer->bytes && (lexer->source[at] == '-' || lexer->source[at] == '+');
    while ((step = rt_text_space(whole(lexer), at)))
        at += step;
    if (lexer->bytes - at < count || memcmp(lexer->source + at, word, count))
        return 0;
    for (at += count; (step = rt_text_space(whole(lexer), at)); at += step)
        ;
    return at - begin;
}

/* Bytes of a block's closing bracket at `at`, and its sign. */
static size_t match_end(const struct rt_lexer *lexer, size_t at, char *sign)
{
    *sign = at < lexer->bytes && (lexer->source[at] == '-' || lexer->source[at] == '+') ? lexer->source[at] : 0;
    const size_t count = *sign ? 3 : 2;
    return lexer->bytes - at >= count && !memcmp(lexer->source + at + count - 2, "%}", 2) ? count : 0;
}

/* `{% raw %}` … `{% endraw %}` at `at`: its text, which may be empty. 0 where there is none. */
static int take_raw(struct rt_lexer *lexer, struct rt_token *token)
{
    char sign;
    size_t word = match_word(lexer, lexer->at, "raw");
    const size_t end = word ? match_end(lexer, lexer->at + word, &sign) : 0;
    if (!end || sign == '+')
        return 0;
    advance(lexer, word + end);
    lexer->line_starts = 0;
    if (sign == '-')
        skip_space(lexer);
    for (size_t at = lexer->at; at < lexer->bytes; at++) {
        word = match_word(lexer, at, "endraw");
        const size_t closing = word ? match_end(lexer, at + word, &sign) : 0;
        if (!closing)
            continue;
        const size_t kept = text_end(lexer, at);
        rt_lexer_take(lexer, token, RT_TOKEN_TEXT, kept - lexer->at);
        advance(lexer, at - kept + word + closing);
        after_block(lexer, sign);
        return 1;
    }
    return fail(lexer, "a raw block without an end");
}

static int next_outside(struct rt_lexer *lexer, struct rt_token *token)
{
    for (;;) {
        const size_t tag = find_tag(lexer), end = text_end(lexer, tag);
        if (end > lexer->at) {
            rt_lexer_take(lexer, token, RT_TOKEN_TEXT, end - lexer->at);
            advance(lexer, tag - end);
            return 0;
        }
        advance(lexer, tag - lexer->at);
        if (tag == lexer->bytes) {
            rt_lexer_take(lexer, token, RT_TOKEN_END, 0);
            return 0;
        }
        const int raw = take_raw(lexer, token);
        if (raw)
            return raw < 0 ? -1 : 0;
        if (!sees(lexer, "{#")) {
            open_tag(lexer, token);
            return 0;
        }
        if (skip_comment(lexer))
            return -1;
    }
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
        rt_lexer_take(lexer, token, RT_TOKEN_OPERATOR, strlen(operators[i]));
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
    rt_lexer_take(lexer, token, is_output ? RT_TOKEN_OUTPUT_END : RT_TOKEN_BLOCK_END, sign ? 3 : 2);
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
        return rt_lexer_string(lexer, token);
    if (c >= '0' && c <= '9')
        return rt_lexer_number(lexer, token);
    if (!is_name(c, 1))
        return take_operator(lexer, token);
    size_t end = lexer->at;
    while (end < lexer->bytes && is_name(lexer->source[end], 0))
        end++;
    rt_lexer_take(lexer, token, RT_TOKEN_NAME, end - lexer->at);
    return 0;
}

int rt_lexer_next(struct rt_lexer *lexer, struct rt_token *token)
{
    return lexer->inside == RT_TOKEN_TEXT ? next_outside(lexer, token) : next_inside(lexer, token);
}
