/* prefix.c: a hash table with chains, and a list by last use; both run through one array of entries, one for each page. */
#include "runtime/prefix.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"

struct entry {
    struct rt_prefix_name name;
    uint32_t chain;        /* the next in its bucket */
    uint32_t older, newer; /* by last use */
};

struct rt_prefix {
    uint32_t pages, oldest, newest, bucket_mask;
    struct entry *entries; /* [pages] */
    uint32_t *buckets;     /* [bucket_mask + 1] */
};

int rt_prefix_open(struct rt_prefix **out, uint32_t pages, struct rt_error *error)
{
    *out = NULL;
    uint32_t buckets = 1;
    while (buckets < pages)
        buckets *= 2;
    RT_CLEAN(rt_prefix_close) struct rt_prefix *prefix = calloc(1, sizeof *prefix);
    if (prefix) {
        *prefix = (struct rt_prefix){.pages = pages, .oldest = RT_NO_PAGE, .newest = RT_NO_PAGE, .bucket_mask = buckets - 1};
        prefix->entries = calloc(pages, sizeof *prefix->entries);
        prefix->buckets = malloc(buckets * sizeof *prefix->buckets);
    }
    if (!prefix || !prefix->entries || !prefix->buckets)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to keep the beginnings of prompts");
    memset(prefix->buckets, 0xff, buckets * sizeof *prefix->buckets);
    *out = RT_MOVE(prefix);
    return 0;
}

void rt_prefix_close(struct rt_prefix **prefix)
{
    if (!*prefix)
        return;
    free((*prefix)->entries);
    free((*prefix)->buckets);
    free(*prefix);
    *prefix = NULL;
}

/* ---- names ---- */

struct rt_prefix_name rt_prefix_domain(uint64_t domain)
{
    struct rt_prefix_name name;
    cr_digest(name.digest, &domain, sizeof domain);
    return name;
}

struct rt_prefix_name rt_prefix_next(const struct rt_prefix_name *before, const uint32_t *tokens, uint32_t count)
{
    struct rt_prefix_name name;
    struct cr_hash hash;
    cr_hash_start(&hash);
    cr_hash_feed(&hash, before->digest, sizeof before->digest);
    cr_hash_feed(&hash, tokens, count * sizeof *tokens);
    cr_hash_end(&hash, name.digest);
    return name;
}

static uint32_t *bucket_of(const struct rt_prefix *prefix, const struct rt_prefix_name *name)
{
    uint32_t word;
    memcpy(&word, name->digest, sizeof word);
    return &prefix->buckets[word & prefix->bucket_mask];
}

uint32_t rt_prefix_find(const struct rt_prefix *prefix, const struct rt_prefix_name *name)
{
    uint32_t page = *bucket_of(prefix, name);
    while (page != RT_NO_PAGE && memcmp(prefix->entries[page].name.digest, name->digest, sizeof name->digest))
        page = prefix->entries[page].chain;
    return page;
}

/* ---- by last use ---- */

static void unlink_use(struct rt_prefix *prefix, uint32_t page)
{
    const struct entry *e = &prefix->entries[page];
    *(e->older == RT_NO_PAGE ? &prefix->oldest : &prefix->entries[e->older].newer) = e->newer;
    *(e->newer == RT_NO_PAGE ? &prefix->newest : &prefix->entries[e->newer].older) = e->older;
}

static void link_newest(struct rt_prefix *prefix, uint32_t page)
{
    struct entry *e = &prefix->entries[page];
    e->older = prefix->newest;
    e->newer = RT_NO_PAGE;
    *(e->older == RT_NO_PAGE ? &prefix->oldest : &prefix->entries[e->older].newer) = page;
    prefix->newest = page;
}

void rt_prefix_use(struct rt_prefix *prefix, uint32_t page)
{
    unlink_use(prefix, page);
    link_newest(prefix, page);
}

uint32_t rt_prefix_oldest(const struct rt_prefix *prefix)
{
    return prefix->oldest;
}

uint32_t rt_prefix_newer(const struct rt_prefix *prefix, uint32_t page)
{
    return prefix->entries[page].newer;
}

/* ---- coming and going ---- */

void rt_prefix_add(struct rt_prefix *prefix, const struct rt_prefix_name *name, uint32_t page)
{
    uint32_t *bucket = bucket_of(prefix, name);
    prefix->entries[page].name = *name;
    prefix->entries[page].chain = *bucket;
    *bucket = page;
    link_newest(prefix, page);
}

void rt_prefix_remove(struct rt_prefix *prefix, uint32_t page)
{
    uint32_t *at = bucket_of(prefix, &prefix->entries[page].name);
    while (*at != page)
        at = &prefix->entries[*at].chain;
    *at = prefix->entries[page].chain;
    unlink_use(prefix, page);
}
