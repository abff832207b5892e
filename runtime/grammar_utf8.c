/* grammar_utf8.c: a class of characters as a graph over the bytes of UTF-8 (as Thompson's and RE2's compilers do): ranges are cut where the
 * number of bytes, or the first of them, changes, and sequences that end alike share their ends. Surrogates are no characters. */
#include "runtime/grammar_parts.h"
#include "runtime/tokenizer_parts.h"

enum { HEADS_MAX = 512 };

struct heads { /* first bytes, by what follows them */
    struct rt_lowering *lowering;
    uint32_t next;
    uint32_t count;
    struct {
        uint32_t tail;
        uint64_t set[4];
    } at[HEADS_MAX];
};

static void add_bytes(uint64_t set[4], unsigned low, unsigned high)
{
    for (unsigned byte = low; byte <= high; byte++)
        set[byte >> 6] |= 1ull << (byte & 63);
}

static void add_head(struct heads *heads, unsigned low, unsigned high, uint32_t tail)
{
    uint32_t i = 0;
    while (i < heads->count && heads->at[i].tail != tail)
        i++;
    if (i == HEADS_MAX) {
        rt_build_fail(heads->lowering->build, "a character class of too many parts; make it simpler");
        return;
    }
    if (i == heads->count)
        heads->at[heads->count++].tail = tail;
    add_bytes(heads->at[i].set, low, high);
}

/* Byte by byte anything between low's and high's. */
static void add_sequence(struct heads *heads, const char *low, const char *high, size_t length)
{
    uint32_t tail = heads->next;
    for (size_t i = length - 1; i > 0; i--) {
        uint64_t set[4] = {0};
        add_bytes(set, (uint8_t)low[i], (uint8_t)high[i]);
        tail = rt_lower_set(heads->lowering, set, tail, RT_PLAIN_NONE, 0);
    }
    add_head(heads, (uint8_t)low[0], (uint8_t)high[0], tail);
}

/* low and high have as many bytes. */
static void add_range(struct heads *heads, uint32_t low, uint32_t high)
{
    char first[4], last[4];
    const size_t length = rt_utf8_write(low, first);
    rt_utf8_write(high, last);
    for (unsigned bits = 6 * (unsigned)(length - 1); bits; bits -= 6) { /* the last `bits` bits must be all or alike before them */
        const uint32_t mask = (1u << bits) - 1;
        if ((low & ~mask) == (high & ~mask))
            continue;
        if (low & mask) {
            add_range(heads, low, low | mask);
            add_range(heads, (low | mask) + 1, high);
            return;
        }
        if ((high & mask) != mask) {
            add_range(heads, low, (high & ~mask) - 1);
            add_range(heads, high & ~mask, high);
            return;
        }
    }
    add_sequence(heads, first, last, length);
}

static void add_whole(struct heads *heads, uint32_t low, uint32_t high)
{
    static const struct rt_char_range lengths[] = {{0, 0x7f}, {0x80, 0x7ff}, {0x800, 0xd7ff}, {0xe000, 0xffff}, {0x10000, 0x10ffff}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const uint32_t from = low > lengths[i].low ? low : lengths[i].low, to = high < lengths[i].high ? high : lengths[i].high;
        if (from <= to)
            add_range(heads, from, to);
    }
}

static int has_all_plain(const struct rt_char_range *ranges, uint32_t count)
{
    static const struct rt_char_range plain[] = {{0x20, 0x21}, {0x23, 0x5b}, {0x5d, 0x7e}, {0x80, 0xd7ff}, {0xe000, 0x10ffff}};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        uint32_t at = 0;
        while (at < count && (ranges[at].low > plain[i].low || ranges[at].high < plain[i].high))
            at++;
        if (at == count)
            return 0;
    }
    return 1;
}

uint32_t rt_lower_chars(struct rt_lowering *lowering, const struct rt_char_range *ranges, uint32_t count, uint32_t next)
{
    struct heads heads = {.lowering = lowering, .next = next};
    uint32_t nodes[HEADS_MAX];
    for (uint32_t i = 0; i < count && !lowering->build->failed; i++)
        add_whole(&heads, ranges[i].low, ranges[i].high);
    const int plain = has_all_plain(ranges, count);
    for (uint32_t i = 0; i < heads.count; i++)
        nodes[i] = rt_lower_set(lowering, heads.at[i].set, heads.at[i].tail,
                                !plain                     ? RT_PLAIN_NONE
                                : heads.at[i].tail == next ? RT_PLAIN_ASCII
                                                           : RT_PLAIN_LEAD,
                                next);
    return heads.count == 1 ? nodes[0] : rt_lower_alt(lowering, nodes, heads.count);
}
