/* prefix.h: which pages of the cache hold the beginning of which text: a page is named by the digest of its tokens and of its predecessor's name, so
 * equal beginnings have equal names and nothing else has. The first name stands for whose beginnings these are. Knows names and numbers of pages,
 * and which was used longest ago; not what lies in a page or who holds it. One thread; no allocation once open. */
#ifndef CLOISTER_PREFIX_H
#define CLOISTER_PREFIX_H

#include <stdint.h>

#include "crypto/crypto.h"
#include "runtime/error.h"

struct rt_prefix;

struct rt_prefix_name {
    uint8_t digest[CR_DIGEST_BYTES];
};

enum { RT_NO_PAGE = UINT32_MAX };

RT_MUST_CHECK int rt_prefix_open(struct rt_prefix **out, uint32_t pages, struct rt_error *error);
void rt_prefix_close(struct rt_prefix **prefix);

/* The name before the first page, for a domain of beginnings that may be shared. */
struct rt_prefix_name rt_prefix_domain(uint64_t domain);
/* The name of the page that follows `before` and holds tokens[0..count). */
struct rt_prefix_name rt_prefix_next(const struct rt_prefix_name *before, const uint32_t *tokens, uint32_t count);

uint32_t rt_prefix_find(const struct rt_prefix *prefix, const struct rt_prefix_name *name); /* RT_NO_PAGE: not there */
/* The page has no name yet, and the name no page. It counts as used now. */
void rt_prefix_add(struct rt_prefix *prefix, const struct rt_prefix_name *name, uint32_t page);
void rt_prefix_remove(struct rt_prefix *prefix, uint32_t page);
void rt_prefix_use(struct rt_prefix *prefix, uint32_t page); /* now */
/* The page used longest ago, and after a page the one used next longest ago; RT_NO_PAGE: none. */
uint32_t rt_prefix_oldest(const struct rt_prefix *prefix);
uint32_t rt_prefix_newer(const struct rt_prefix *prefix, uint32_t page);

#endif
