/* cache.c: pages of keys and values, in one anonymous mapping with a stack of free ones. */
#include "runtime/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/scope.h"

struct rt_cache {
    uint8_t *memory;
    size_t page_bytes, bytes;
    uint32_t free_count;
    uint8_t **free_pages;
    struct rt_cache_plan *plans; /* [layer][RT_BLOCKS_MAX] */
};

/* Lays out one page; plans may be NULL when only the size is wanted. */
static size_t plan_page(const struct rt_model *model, enum kn_kv kv, struct rt_cache_plan *plans)
{
    size_t offset = 0;
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t b = 0; b < model->layers[l].count; b++) {
            const struct rt_block *block = &model->layers[l].blocks[b];
            if (block->kind != RT_BLOCK_ATTENTION)
                continue;
            size_t rows = KN_KV_BLOCK * kn_kv_bytes(kv, block->attention.head_dim);
            size_t aligned = (rows + 63) / 64 * 64;
            if (plans)
                plans[l * RT_BLOCKS_MAX + b] = (struct rt_cache_plan){offset, 2 * aligned, aligned};
            offset += block->attention.kv_heads * 2 * aligned;
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
    if (!cache->plans || !cache->free_pages)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the cache");
    cache->page_bytes = plan_page(model, kv, cache->plans);
    cache->bytes = cache->page_bytes * pages;
    void *memory = mmap(NULL, cache->bytes + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a cache of %zu MiB: %s; give a smaller --ctx", cache->bytes >> 20,
                       strerror(errno));
    cache->memory = memory;
    for (uint32_t i = 0; i < pages; i++) /* the first page is taken first */
        cache->free_pages[cache->free_count++] = cache->memory + (size_t)(pages - 1 - i) * cache->page_bytes;
    *out = RT_MOVE(cache);
    return 0;
}

void rt_cache_close(struct rt_cache **cache)
{
    if (!*cache)
        return;
    if ((*cache)->memory)
        munmap((*cache)->memory, (*cache)->bytes + 1);
    free((*cache)->free_pages);
    free((*cache)->plans);
    free(*cache);
    *cache = NULL;
}

const struct rt_cache_plan *rt_cache_plan(const struct rt_cache *cache, uint32_t layer, uint32_t block)
{
    return &cache->plans[layer * RT_BLOCKS_MAX + block];
}

uint32_t rt_cache_free_pages(const struct rt_cache *cache)
{
    return cache->free_count;
}

uint8_t *rt_cache_take(struct rt_cache *cache)
{
    return cache->free_count ? cache->free_pages[--cache->free_count] : NULL;
}

void rt_cache_give(struct rt_cache *cache, uint8_t *page)
{
    cache->free_pages[cache->free_count++] = page;
}
