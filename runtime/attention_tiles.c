/* attention_tiles.c: cuts attention into tiles, and decides whether workers share items or blocks. Knows positions and shapes only. */
#include "runtime/attention_tiles.h"

#include "kernels/kernels.h"
#include "runtime/engine_parts.h"

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* As many positions as a tile may have, but fewer where the workers would not get eight items each. */
static uint32_t tile_positions(uint32_t rows, uint32_t heads, uint32_t group, unsigned workers)
{
    uint32_t most = group < KN_ATTENTION_ROWS ? KN_ATTENTION_ROWS / group : 1;
    uint32_t fair = (uint32_t)((uint64_t)rows * heads / (8 * workers));
    return fair ? smaller(fair, most) : 1;
}

/* How many live rows from `first` on, at most `most`, are neighbouring positions of one sequence. */
static uint32_t positions_in_line(const struct rt_row *rows, const struct rt_live *live, uint32_t first, uint32_t most)
{
    uint32_t n = 1;
    for (; n < most && first + n < live->count; n++) {
        const struct rt_row *before = &rows[rt_live_row(live, first + n - 1)], *row = &rows[rt_live_row(live, first + n)];
        if (row->sequence != before->sequence || row->position != before->position + 1)
            break;
    }
    return n;
}

/* In blocks, how long the busiest worker takes when items are taken one by one: in rounds of the longest, or, where there are many,
 * the mean and one more. */
static uint64_t longest_turn(const struct rt_tiles *tiles, unsigned workers)
{
    uint64_t items = (uint64_t)tiles->count * tiles->heads, longest = 0;
    for (uint32_t i = 0; i < tiles->count; i++)
        longest = tiles->list[i].blocks > longest ? tiles->list[i].blocks : longest;
    uint64_t rounds = (items + workers - 1) / workers * longest, mean = tiles->units / workers + longest;
    return rounds < mean ? rounds : mean;
}

void rt_tiles_cut(struct rt_tiles *tiles, const struct rt_row *rows, const struct rt_live *live, uint32_t heads, uint32_t group,
                  uint32_t v_dim, unsigned workers)
{
    uint32_t positions = tile_positions(live->count, heads, group, workers);
    tiles->count = tiles->units = 0;
    tiles->heads = heads;
    tiles->group = group;
    for (uint32_t row = 0; row < live->count;) {
        uint32_t n = positions_in_line(rows, live, row, positions);
        uint32_t blocks = (uint32_t)kn_attention_blocks_of((size_t)rows[rt_live_row(live, row + n - 1)].position + 1);
        tiles->list[tiles->count++] = (struct rt_tile){row, n, blocks, tiles->units};
        tiles->units += heads * blocks;
        row += n;
    }
    tiles->part_bytes = kn_attention_part_bytes((size_t)positions * group, v_dim);
    uint64_t shared = (tiles->units + workers - 1) / workers;
    tiles->shared_blocks = longest_turn(tiles, workers) * 8 > shared * 9 && tiles->units <= tiles->parts_bytes / tiles->part_bytes;
    atomic_store_explicit(&tiles->next, 0, memory_order_relaxed); /* a barrier follows */
}

size_t rt_tiles_parts_bytes(size_t part_bytes, uint32_t max_tokens, uint32_t max_sequences)
{
    return part_bytes * (max_tokens / KN_ATTENTION_BLOCK + max_sequences);
}
