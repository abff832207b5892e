/* engine_prefix.c: sequences that begin like an earlier one take over its pages. What is kept is whole pages, which nobody writes to any more. */
#include "runtime/engine_parts.h"

void rt_engine_make_free(struct rt_engine *e, uint32_t pages)
{
    if (!e->prefix)
        return;
    for (uint32_t page = rt_prefix_oldest(e->prefix), next; page != RT_NO_PAGE && rt_cache_free_pages(e->cache) < pages; page = next) {
        next = rt_prefix_newer(e->prefix, page);
        if (!rt_cache_idle(e->cache, page))
            continue;
        rt_prefix_remove(e->prefix, page);
        rt_cache_forget(e->cache, page);
    }
}

/* From the last page to the first, so that of a beginning its end is given up first: without its first page nothing of it is found. */
static void use_pages(struct rt_engine *e, const struct rt_sequence *s)
{
    for (uint32_t i = s->kept; i-- > 0;)
        rt_prefix_use(e->prefix, rt_cache_number(e->cache, s->pages[i]));
}

/* The sequence's page gets a name; where another sequence has made the same page, that one serves both. */
static void name_page(struct rt_engine *e, const struct rt_prefix_name *name, uint8_t **page)
{
    uint32_t number = rt_prefix_find(e->prefix, name);
    if (number == RT_NO_PAGE) {
        number = rt_cache_number(e->cache, *page);
        rt_prefix_add(e->prefix, name, number);
        rt_cache_keep(e->cache, number);
        return;
    }
    rt_cache_give(e->cache, *page);
    *page = rt_cache_page(e->cache, number);
    rt_cache_hold(e->cache, *page);
}

uint32_t rt_sequence_adopt(struct rt_engine *e, struct rt_sequence *s, uint64_t domain, const uint32_t *tokens, uint32_t count)
{
    if (!e->prefix)
        return 0;
    s->name = rt_prefix_domain(domain);
    for (uint32_t at = 0; at + KN_KV_BLOCK < count; at += KN_KV_BLOCK) {
        const struct rt_prefix_name name = rt_prefix_next(&s->name, tokens + at, KN_KV_BLOCK);
        const uint32_t page = rt_prefix_find(e->prefix, &name);
        if (page == RT_NO_PAGE)
            break;
        s->name = name;
        s->pages[s->page_count++] = rt_cache_page(e->cache, page);
        rt_cache_hold(e->cache, s->pages[s->kept++]);
    }
    use_pages(e, s);
    return s->length = s->kept * KN_KV_BLOCK;
}

void rt_sequence_keep(struct rt_engine *e, struct rt_sequence *s, uint64_t domain, const uint32_t *tokens, uint32_t count)
{
    if (!e->prefix)
        return;
    if (!s->kept)
        s->name = rt_prefix_domain(domain);
    for (; (s->kept + 1) * KN_KV_BLOCK <= count; s->kept++) {
        s->name = rt_prefix_next(&s->name, tokens + s->kept * KN_KV_BLOCK, KN_KV_BLOCK);
        name_page(e, &s->name, &s->pages[s->kept]);
    }
    use_pages(e, s);
}
