/* cache.h: the paged cache of keys and values. A page holds KN_KV_BLOCK tokens of every attention block of the model; where a block's
 * rows lie inside a page is its plan. Pages are touched only when a sequence takes them. A page can have several holders, sequences that begin
 * alike, and be kept for later ones besides (prefix.h says under which name). One thread takes and gives; workers read and write the pages. */
#ifndef CLOISTER_CACHE_H
#define CLOISTER_CACHE_H

#include "kernels/kernels.h"
#include "runtime/error.h"
#include "runtime/model.h"

struct rt_cache;

/* Where a block's head h lies in a page: keys at offset + h·head_bytes, values value_offset further on. */
struct rt_cache_plan {
    size_t offset, head_bytes, value_offset;
};

/* What --kv says: "f32", "bf16" or "int8"; RT_EXIT_USAGE for anything else. */
RT_MUST_CHECK int rt_cache_kind(enum kn_kv *out, const char *given, struct rt_error *error);
/* Bytes of a page of this model. */
size_t rt_cache_page_bytes(const struct rt_model *model, enum kn_kv kv);
RT_MUST_CHECK int rt_cache_open(struct rt_cache **out, const struct rt_model *model, enum kn_kv kv, uint32_t pages, struct rt_error *error);
void rt_cache_close(struct rt_cache **cache);
/* The plan of block `block` of layer `layer`; it must be one that keeps keys and values. */
const struct rt_cache_plan *rt_cache_plan(const struct rt_cache *cache, uint32_t layer, uint32_t block);
/* Has the kernel fill in one of `parts` equal parts of the cache. Any thread. */
RT_MUST_CHECK int rt_cache_touch(const struct rt_cache *cache, unsigned part, unsigned parts);
uint32_t rt_cache_pages(const struct rt_cache *cache);
uint32_t rt_cache_free_pages(const struct rt_cache *cache);
uint8_t *rt_cache_take(struct rt_cache *cache);            /* a page with one holder; NULL when none is free */
void rt_cache_hold(struct rt_cache *cache, uint8_t *page); /* one holder more */
void rt_cache_give(struct rt_cache *cache, uint8_t *page); /* one less; the last one's page is free unless it is kept */
/* Pages are numbered, for who keeps them. */
uint32_t rt_cache_number(const struct rt_cache *cache, const uint8_t *page);
uint8_t *rt_cache_page(const struct rt_cache *cache, uint32_t number);
void rt_cache_keep(struct rt_cache *cache, uint32_t number);
void rt_cache_forget(struct rt_cache *cache, uint32_t number);    /* free if nobody holds it */
int rt_cache_idle(const struct rt_cache *cache, uint32_t number); /* kept, and nobody holds it */
uint32_t rt_cache_idle_pages(const struct rt_cache *cache);

#endif
