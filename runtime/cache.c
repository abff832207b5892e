/* cache.c: pages of keys and values, in one mapping with a stack of free ones. */
#include "runtime/cache.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/memory_map.h"
#include "runtime/scope.h"

struct page {
    uint32_t holders;
    int kept;
};

struct rt_cache {
    struct rt_memory memory;
    size_t page_bytes;
    uint32_t page_count, free_count, idle_count;
    uint8_t **free_pages;
    struct page *pages;
    struct rt_cache_plan *plans; /* [layer][RT_BLOCKS_MAX] */
};

int rt_cache_kind(enum kn_kv *out, const char *given, struct rt_error *error)
{
    static const enum kn_kv kinds[] = {KN_KV_F32, KN_KV_BF16, KN_KV_INT8};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(given, kn_kv_name(kinds[i]))) {
            *out = kinds[i];
            return 0;
        }
    return rt_fail(error, RT_EXIT_USAGE, "--kv %.20s: give f32, bf16 or int8", given);
}

/* Lays out one page; plans may be NULL when only the size is wanted. */
static size_t plan_page(const struct rt_model *model, enum kn_kv kv, struct rt_cache_plan *plans)
{
    size_t offset = 0;
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t b = 0; b < model->layers[l].count; b++) {
            const struct rt_block *block = &model->layers[l].blocks[b];
            if (block->kind != RT_BLOCK_ATTENTION)
                continue;
            size_t keys = kn_kv_key_bytes(kv, block->attention.head_dim), values = kn_kv_value_bytes(kv, block->attention.head_dim);
            if (plans)
                plans[l * RT_BLOCKS_MAX + b] = (struct rt_cache_plan){offset, keys + values, keys};
            offset += block->attention.kv_heads * (keys + values);
        }
    return offset;
}

size_t rt_cache_page_bytes(const struct rt_model *model, enum kn_kv kv)
{
    return plan_page(model, kv, NULL);
}

int rt_cache_open(struct rt_cache **out, const struct rt_model *model, enum kn_kv kv, uint32_t pages, struct rt_error *error)
{
    *out = NULL;
    RT_CLEAN(rt_cache_close) struct rt_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the cache");
    cache->plans = calloc((size_t)model->layer_count * RT_BLOCKS_MAX, sizeof *cache->plans);
    cache->free_pages = calloc(pages, sizeof *cache->free_pages);
    cache->pages = calloc(pages, sizeof *cache->pages);
    if (!cache->plans || !cache->free_pages || !cache->pages)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the cache");
    cache->page_bytes = plan_page(model, kv, cache->plans);
    cache->page_count = pages;
    if (rt_memory_map(&cache->memory, cache->page_bytes * pages, RT_NODE_ANY, error))
        return rt_wrap(error, "the cache; give a smaller --ctx");
    for (uint32_t i = 0; i < pages; i++) /* the first page is taken first */
        cache->free_pages[cache->free_count++] = rt_cache_page(cache, pages - 1 - i);
    *out = RT_MOVE(cache);
    return 0;
}

void rt_cache_close(struct rt_cache **cache)
{
    if (!*cache)
        return;
    rt_memory_unmap(&(*cache)->memory);
    free((*cache)->free_pages);
    free((*cache)->pages);
    free((*cache)->plans);
    free(*cache);
    *cache = NULL;
}

const struct rt_cache_plan *rt_cache_plan(const struct rt_cache *cache, uint32_t layer, uint32_t block)
{
    return &cache->plans[layer * RT_BLOCKS_MAX + block];
}

int rt_cache_touch(const struct rt_cache *cache, unsigned part, unsigned parts)
{
    return rt_memory_touch(&cache->memory, part, parts);
}

uint32_t rt_cache_pages(const struct rt_cache *cache)
{
    return cache->page_count;
}

uint32_t rt_cache_free_pages(const struct rt_cache *cache)
{
    return cache->free_count;
}

uint32_t rt_cache_idle_pages(const struct rt_cache *cache)
{
    return cache->idle_count;
}

uint32_t rt_cache_number(const struct rt_cache *cache, const uint8_t *page)
{
    return (uint32_t)((size_t)(page - cache->memory.at) / cache->page_bytes);
}

uint8_t *rt_cache_page(const struct rt_cache *cache, uint32_t number)
{
    return cache->memory.at + (size_t)number * cache->page_bytes;
}

uint8_t *rt_cache_take(struct rt_cache *cache)
{
    if (!cache->free_count)
        return NULL;
    uint8_t *page = cache->free_pages[--cache->free_count];
    cache->pages[rt_cache_number(cache, page)].holders = 1;
    return page;
}

void rt_cache_hold(struct rt_cache *cache, uint8_t *page)
{
    struct page *p = &cache->pages[rt_cache_number(cache, page)];
    cache->idle_count -= p->kept && !p->holders;
    p->holders++;
}

void rt_cache_give(struct rt_cache *cache, uint8_t *page)
{
    struct page *p = &cache->pages[rt_cache_number(cache, page)];
    if (--p->holders)
        return;
    if (p->kept)
        cache->idle_count++;
    else
        cache->free_pages[cache->free_count++] = page;
}

void rt_cache_keep(struct rt_cache *cache, uint32_t number)
{
    cache->pages[number].kept = 1;
}

void rt_cache_forget(struct rt_cache *cache, uint32_t number)
{
    struct page *p = &cache->pages[number];
    p->kept = 0;
    if (p->holders)
        return;
    cache->idle_count--;
    cache->free_pages[cache->free_count++] = rt_cache_page(cache, number);
}

int rt_cache_idle(const struct rt_cache *cache, uint32_t number)
{
    return cache->pages[number].kept && !cache->pages[number].holders;
}
