/* test_page.c: the page is one file that loads nothing, and its policy lets its own script and style run and nothing else. */
#include <sodium.h>
#include <stdlib.h>

#include "check.h"
#include "runtime/page.h"

/* The page as a string; free it. */
static char *page_text(void)
{
    size_t bytes;
    const char *page = rt_page(&bytes);
    char *text = calloc(bytes + 1, 1);
    if (text)
        memcpy(text, page, bytes);
    CHECK(text && strlen(text) == bytes); /* no 0 in it */
    return text;
}

/* 'sha256-…' of what stands between the only <tag> and its end. */
static void source_of(const char *text, const char *tag, char out[128])
{
    char open[16], close[16], encoded[64];
    unsigned char digest[crypto_hash_sha256_BYTES];
    snprintf(open, sizeof open, "<%s>", tag);
    snprintf(close, sizeof close, "</%s>", tag);
    const char *from = strstr(text, open), *to = from ? strstr(from, close) : NULL;
    out[0] = 0;
    CHECK(to && !strstr(to + 1, close) && !strstr(from + 1, open));
    if (!to)
        return;
    from += strlen(open);
    crypto_hash_sha256(digest, (const unsigned char *)from, (size_t)(to - from));
    sodium_bin2base64(encoded, sizeof encoded, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
    snprintf(out, 128, "%s-src 'sha256-%s'", tag, encoded);
}

static void the_policy_names_the_script_and_the_style(void)
{
    char *text = page_text(), source[128];
    for (int i = 0; text && i < 2; i++) {
        source_of(text, i ? "style" : "script", source);
        CHECK_THAT(source[0] && strstr(rt_page_policy(), source), "%s", source);
    }
    free(text);
}

static void the_policy_allows_nothing_else(void)
{
    const char *policy = rt_page_policy();
    static const char *const said[] = {"default-src 'none'", "connect-src 'self'",     "img-src data:",       "base-uri 'none'",
                                       "form-action 'none'", "frame-ancestors 'none'", "trusted-types 'none'"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        CHECK_THAT(strstr(policy, said[i]), "%s", said[i]);
    CHECK(!strstr(policy, "unsafe") && !strstr(policy, "http") && !strchr(policy, '*'));
}

static void headers_hold_the_policy(void)
{
    int policy = 0, type = 0;
    for (const struct rt_page_header *header = rt_page_headers(); header->name; header++) {
        policy += !strcmp(header->name, "Content-Security-Policy") && !strcmp(header->value, rt_page_policy());
        type += !strcmp(header->name, "Content-Type") && !strcmp(header->value, "text/html; charset=utf-8");
        CHECK_THAT(!strpbrk(header->value, "\r\n"), "%s", header->name);
    }
    CHECK(policy == 1 && type == 1);
}

static void it_loads_nothing(void)
{
    char *text = page_text();
    static const char *const not_there[] = {" src=",          "@import", "url(",    "innerHTML", "outerHTML", "insertAdjacentHTML",
                                            "document.write", "eval(",   "<iframe", "<img",      "<object",   "<embed"};
    for (size_t i = 0; text && i < sizeof not_there / sizeof *not_there; i++)
        CHECK_THAT(!strstr(text, not_there[i]), "%s", not_there[i]);
    CHECK(text && strstr(text, "<link rel=\"icon\" href=\"data:")); /* the only link */
    CHECK(text && strstr(text, "<link") && !strstr(strstr(text, "<link") + 1, "<link"));
    free(text);
}

static void it_is_small(void)
{
    size_t bytes;
    rt_page(&bytes);
    CHECK_THAT(bytes > 50000 && bytes <= 120 * 1024, "%zu bytes", bytes);
}

CHECK_MAIN({"the_policy_names_the_script_and_the_style", the_policy_names_the_script_and_the_style},
           {"the_policy_allows_nothing_else", the_policy_allows_nothing_else}, {"headers_hold_the_policy", headers_hold_the_policy},
           {"it_loads_nothing", it_loads_nothing}, {"it_is_small", it_is_small})
