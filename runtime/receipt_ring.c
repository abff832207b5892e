/* receipt_ring.c: see receipt_ring.h. */
#include "runtime/receipt_ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_BYTES = 64 };

struct kept {
    char id[ID_BYTES];
    uint64_t owner;
    char *text;
    size_t bytes;
};

struct rt_receipt_ring {
    size_t bytes, bytes_max;
    uint32_t first, count, room;
    struct kept kept[];
};

int rt_receipt_ring_open(struct rt_receipt_ring **out, uint32_t count, size_t bytes, struct rt_error *error)
{
    *out = calloc(1, sizeof **out + count * sizeof(struct kept));
    if (!*out)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for receipts");
    (*out)->bytes_max = bytes;
    (*out)->room = count;
    return 0;
}

static struct kept *nth(struct rt_receipt_ring *ring, uint32_t i)
{
    return &ring->kept[(ring->first + i) % ring->room];
}

static void drop_oldest(struct rt_receipt_ring *ring)
{
    struct kept *oldest = nth(ring, 0);
    ring->bytes -= oldest->bytes;
    free(oldest->text);
    *oldest = (struct kept){0};
    ring->first = (ring->first + 1) % ring->room;
    ring->count--;
}

void rt_receipt_ring_close(struct rt_receipt_ring **ring)
{
    while (*ring && (*ring)->count)
        drop_oldest(*ring);
    free(*ring);
    *ring = NULL;
}

void rt_receipt_ring_add(struct rt_receipt_ring *ring, uint64_t owner, const char *id, char *text)
{
    const size_t bytes = strlen(text) + 1;
    if (bytes > ring->bytes_max || !ring->room) {
        free(text);
        return;
    }
    while (ring->count == ring->room || ring->bytes + bytes > ring->bytes_max)
        drop_oldest(ring);
    struct kept *kept = nth(ring, ring->count++);
    snprintf(kept->id, sizeof kept->id, "%s", id);
    kept->owner = owner;
    kept->text = text;
    kept->bytes = bytes;
    ring->bytes += bytes;
}

const char *rt_receipt_ring_find(const struct rt_receipt_ring *ring, uint64_t owner, const char *id)
{
    for (uint32_t i = 0; i < ring->count; i++) {
        const struct kept *kept = &ring->kept[(ring->first + i) % ring->room];
        if (kept->owner == owner && !strcmp(kept->id, id))
            return kept->text;
    }
    return NULL;
}
