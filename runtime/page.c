/* page.c: the page's bytes, as runtime/page/assemble.py has written them into the build, and its headers. */
#include "runtime/page.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions" /* #embed */

static const unsigned char page[] = {
#embed "page.html"
};

static const char policy[] = {
#embed "page.policy"
    , 0};

#pragma clang diagnostic pop

static const struct rt_page_header headers[] = {
    {"Content-Type", "text/html; charset=utf-8"},
    {"Content-Security-Policy", policy},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Frame-Options", "DENY"}, /* for what does not know frame-ancestors */
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"},
    {"Cache-Control", "no-cache"}, /* kept, but asked for again: a new program has a new page at once */
    {NULL, NULL},
};

const char *rt_page(size_t *bytes)
{
    *bytes = sizeof page;
    return (const char *)page;
}

const char *rt_page_policy(void)
{
    return policy;
}

const struct rt_page_header *rt_page_headers(void)
{
    return headers;
}
