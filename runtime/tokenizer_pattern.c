/* tokenizer_pattern.c: the one place that knows PCRE2. Patterns come from a signed file but are still not trusted
 * to be kind: every match has a limit on steps and memory that grows with the text, so that a pattern that
 * explodes gives an error. Compiled patterns are read-only and shared; a matcher is one thread's. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/tokenizer_onig.h"

enum {
    PATTERN_BYTES_MAX = 16384,
    PATTERN_NESTING_MAX = 64,
    MATCH_HEAP_KIB = 64 * 1024,
    MATCH_STEPS = 1 << 20,     /* for any text */
    MATCH_STEPS_PER_BYTE = 32, /* and on top of that */
};

struct rt_pattern {
    pcre2_code *code;
};

struct rt_matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static void clean_compile_context(pcre2_compile_context **context)
{
    pcre2_compile_context_free(*context);
}

static pcre2_code *compile(const char *regex, size_t bytes, int *code)
{
    pcre2_compile_context *context __attribute__((cleanup(clean_compile_context))) = pcre2_compile_context_create(NULL);
    *code = PCRE2_ERROR_NOMEMORY;
    if (!context)
        return NULL;
    pcre2_set_newline(context, PCRE2_NEWLINE_LF); /* Oniguruma's . ^ $ */
    pcre2_set_parens_nest_limit(context, PATTERN_NESTING_MAX);
    PCRE2_SIZE offset;
    return pcre2_compile((PCRE2_SPTR)regex, bytes,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE, code, &offset, context);
}

int rt_pattern_open_own(struct rt_pattern **out, const char *regex, size_t bytes, struct rt_error *error)
{
    char why[128] = "unknown error";
    int code;
    struct rt_pattern *pattern = calloc(1, sizeof *pattern);
    if (!pattern)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a regular expression");
    pattern->code = compile(regex, bytes, &code);
    if (!pattern->code) {
        free(pattern);
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "the regular expression %.*s: %s", (int)(bytes < 200 ? bytes : 200), regex, why);
    }
    *out = pattern;
    return 0;
}

int rt_pattern_open(struct rt_pattern **out, const char *regex, size_t bytes, struct rt_error *error)
{
    if (bytes > PATTERN_BYTES_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "a regular expression longer than %d bytes", PATTERN_BYTES_MAX);
    struct rt_text pcre = {0};
    int failed = rt_onig_translate(regex, bytes, &pcre, error) || rt_pattern_open_own(out, pcre.at ? pcre.at : "", pcre.len, error);
    free(pcre.at);
    return failed ? -1 : 0;
}

void rt_pattern_close(struct rt_pattern **pattern)
{
    if (*pattern)
        pcre2_code_free((*pattern)->code);
    free(*pattern);
    *pattern = NULL;
}

int rt_matcher_open(struct rt_matcher **out, struct rt_error *error)
{
    struct rt_matcher *matcher = calloc(1, sizeof *matcher);
    if (!matcher)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to match patterns");
    matcher->data = pcre2_match_data_create(1, NULL);
    matcher->context = pcre2_match_context_create(NULL);
    if (!matcher->data || !matcher->context) {
        rt_matcher_close(&matcher);
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to match patterns");
    }
    pcre2_set_heap_limit(matcher->context, MATCH_HEAP_KIB);
    *out = matcher;
    return 0;
}

void rt_matcher_close(struct rt_matcher **matcher)
{
    if (*matcher) {
        pcre2_match_data_free((*matcher)->data);
        pcre2_match_context_free((*matcher)->context);
    }
    free(*matcher);
    *matcher = NULL;
}

static void set_limit(struct rt_matcher *matcher, size_t bytes)
{
    size_t most = (UINT32_MAX - MATCH_STEPS) / MATCH_STEPS_PER_BYTE;
    size_t steps = MATCH_STEPS + MATCH_STEPS_PER_BYTE * (bytes < most ? bytes : most);
    pcre2_set_match_limit(matcher->context, (uint32_t)steps);
}

/* The next match at or after `from`. 1: found, 0: none, -1: failed. */
static int next_match(const struct rt_pattern *pattern, struct rt_matcher *matcher, const char *text, size_t bytes, size_t from,
                      struct rt_span *match, struct rt_error *error)
{
    /* Without NO_UTF_CHECK each call would check the whole text again. */
    int code = pcre2_match(pattern->code, (PCRE2_SPTR)text, bytes, from, PCRE2_NO_UTF_CHECK, matcher->data, matcher->context);
    if (code == PCRE2_ERROR_NOMATCH)
        return 0;
    if (code < 0) {
        char why[128] = "unknown error";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "a pattern of the tokenizer gave up on this text: %s", why);
    }
    const PCRE2_SIZE *found = pcre2_get_ovector_pointer(matcher->data);
    *match = (struct rt_span){found[0], found[1], 1};
    return found[0] >= from && found[0] <= found[1] && found[1] <= bytes ? 1 : 0;
}

/* A match, and before it what lies between it and the one before. */
static int add_match(struct rt_spans *spans, size_t *done, struct rt_span match, struct rt_error *error)
{
    if (*done < match.start && rt_spans_add(spans, *done, match.start, 0, error))
        return -1;
    *done = match.end;
    return rt_spans_add(spans, match.start, match.end, 1, error);
}

int rt_pattern_cut(const struct rt_pattern *pattern, struct rt_matcher *matcher, const char *text, size_t bytes, struct rt_spans *spans,
                   struct rt_error *error)
{
    struct rt_span match;
    size_t done = 0, from = 0, previous_end = SIZE_MAX;
    int found = 1;
    spans->count = 0;
    set_limit(matcher, bytes);
    while (from <= bytes && (found = next_match(pattern, matcher, text, bytes, from, &match, error)) > 0) {
        if (match.start == match.end && match.end == previous_end) { /* an empty match right after a match: step over a character */
            uint32_t character;
            from += from < bytes ? rt_utf8_read(text + from, bytes - from, &character) : 1;
            continue;
        }
        from = previous_end = match.end;
        if (add_match(spans, &done, match, error))
            return -1;
    }
    if (found < 0)
        return -1;
    return done < bytes ? rt_spans_add(spans, done, bytes, 0, error) : 0;
}

int rt_string_cut(const char *needle, size_t needle_bytes, const char *text, size_t bytes, struct rt_spans *spans, struct rt_error *error)
{
    size_t done = 0;
    spans->count = 0;
    for (const char *at = text; (at = memmem(at, bytes - (size_t)(at - text), needle, needle_bytes)); at += needle_bytes) {
        size_t start = (size_t)(at - text);
        if (add_match(spans, &done, (struct rt_span){start, start + needle_bytes, 1}, error))
            return -1;
    }
    return done < bytes ? rt_spans_add(spans, done, bytes, 0, error) : 0;
}
