/* test_receipt_ring.c: kept receipts are their owner's, and the oldest go when there are too many, or too many bytes. */
#include "tests/check.h"

#include <stdlib.h>

#include "runtime/receipt_ring.h"

static void add(struct rt_receipt_ring *ring, uint64_t owner, const char *id, const char *text)
{
    rt_receipt_ring_add(ring, owner, id, strdup(text));
}

static int has(const struct rt_receipt_ring *ring, uint64_t owner, const char *id, const char *text)
{
    const char *found = rt_receipt_ring_find(ring, owner, id);
    return found && !strcmp(found, text);
}

static void owners_see_their_own(void)
{
    struct rt_receipt_ring *ring = NULL;
    struct rt_error error;
    CHECK(!rt_receipt_ring_open(&ring, 4, 1000, &error));
    CHECK(!rt_receipt_ring_find(ring, 1, "a"));
    add(ring, 1, "a", "one");
    CHECK(has(ring, 1, "a", "one"));
    CHECK(!rt_receipt_ring_find(ring, 2, "a"));
    CHECK(!rt_receipt_ring_find(ring, 1, "b"));
    rt_receipt_ring_close(&ring);
    CHECK(!ring);
}

static void the_oldest_go(void)
{
    struct rt_receipt_ring *ring = NULL;
    struct rt_error error;
    char id[8];
    CHECK(!rt_receipt_ring_open(&ring, 3, 1000, &error));
    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof id, "%d", i);
        add(ring, 1, id, id);
        CHECK(has(ring, 1, id, id));
    }
    CHECK(!rt_receipt_ring_find(ring, 1, "6"));
    CHECK(has(ring, 1, "7", "7") && has(ring, 1, "8", "8") && has(ring, 1, "9", "9"));
    rt_receipt_ring_close(&ring);
}

static void bytes_are_bounded(void)
{
    struct rt_receipt_ring *ring = NULL;
    struct rt_error error;
    CHECK(!rt_receipt_ring_open(&ring, 100, 20, &error));
    add(ring, 1, "a", "123456789");
    add(ring, 1, "b", "123456789");
    CHECK(has(ring, 1, "a", "123456789") && has(ring, 1, "b", "123456789"));
    add(ring, 1, "c", "1");
    CHECK(!rt_receipt_ring_find(ring, 1, "a") && has(ring, 1, "b", "123456789") && has(ring, 1, "c", "1"));
    add(ring, 1, "d", "more than twenty bytes");
    CHECK(!rt_receipt_ring_find(ring, 1, "d") && has(ring, 1, "b", "123456789"));
    rt_receipt_ring_close(&ring);
}

CHECK_MAIN(CHECK_TEST(owners_see_their_own), CHECK_TEST(the_oldest_go), CHECK_TEST(bytes_are_bounded))
