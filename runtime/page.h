/* page.h: the web page at "/", for people, with the headers it wants to be sent with. It is one file, needs nothing from anywhere but this server's
 * API under its own address, and is put together from runtime/page/ when the program is built. Knows no HTTP. Any thread. */
#ifndef CLOISTER_PAGE_H
#define CLOISTER_PAGE_H

#include <stddef.h>

/* UTF-8, not ended by 0. */
const char *rt_page(size_t *bytes);

/* The value of Content-Security-Policy: nothing runs but the page's own script and style, which it names by their SHA-256; nothing is loaded;
 * it speaks to its own server only; text cannot become HTML (Trusted Types). */
const char *rt_page_policy(void);

struct rt_page_header {
    const char *name, *value;
};
/* All headers that the page is to be sent with, Content-Type and the policy included; ended by a NULL name. */
const struct rt_page_header *rt_page_headers(void);

#endif
