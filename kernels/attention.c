/* attention.c: the walk over a tile's blocks of keys, alone or shared among threads, and the memory it takes. Knows no instruction set; the
 * arithmetic is reached through the table. Any thread. */
#include "kernels/attention_tile.h"

#include "kernels/ops.h"

static size_t whole_lines(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

static size_t part_floats(size_t rows, size_t v_dim)
{
    return 2 * whole_lines(rows) + rows * kn_slices(v_dim) * KN_SLICE;
}

size_t kn_attention_part_bytes(size_t rows, size_t v_dim)
{
    return part_floats(rows, v_dim) * sizeof(float);
}

struct kn_part kn_part_at(void *memory, size_t rows, size_t v_dim)
{
    float *maximum = memory, *sum = maximum + whole_lines(rows);
    return (struct kn_part){maximum, sum, sum + whole_lines(rows), kn_slices(v_dim) * KN_SLICE};
}

void *kn_tile_scratch(const struct kn_attention *a)
{
    return (float *)a->scratch + 2 * part_floats(kn_tile_rows(a), a->v_dim);
}

size_t kn_attention_scratch(size_t group_max, size_t head_dim_max)
{
    size_t rows = group_max > KN_ATTENTION_ROWS ? group_max : KN_ATTENTION_ROWS;
    return (2 * part_floats(rows, head_dim_max) +
            (rows + KN_ROWS_PAD) * (head_dim_max + KN_WEIGHTS_LD + kn_slices(head_dim_max) * KN_SLICE)) *
           sizeof(float);
}

static size_t block_count(const struct kn_attention *a)
{
    return kn_attention_blocks_of(a->keys + a->positions - 1);
}

void kn_tile_attend(const struct kn_ops *ops, const struct kn_attention *a)
{
    size_t rows = kn_tile_rows(a);
    struct kn_part run = kn_part_at(a->scratch, rows, a->v_dim);
    struct kn_part part = kn_part_at((float *)a->scratch + part_floats(rows, a->v_dim), rows, a->v_dim);
    ops->attention_begin(a);
    ops->attention_block(a, 0, &run);
    for (size_t block = 1; block < block_count(a); block++) {
        ops->attention_block(a, block, &part);
        for (size_t row = 0; row < rows; row++)
            ops->attention_merge(&run, &part, row);
    }
    for (size_t row = 0; row < rows; row++)
        ops->attention_end(a, &run, row);
}

static struct kn_part part_of_block(const struct kn_attention *a, void *parts, size_t block)
{
    size_t rows = kn_tile_rows(a);
    return kn_part_at((float *)parts + block * part_floats(rows, a->v_dim), rows, a->v_dim);
}

void kn_tile_blocks(const struct kn_ops *ops, const struct kn_attention *a, void *parts, size_t first, size_t last)
{
    ops->attention_begin(a);
    for (size_t block = first; block < last; block++) {
        struct kn_part part = part_of_block(a, parts, block);
        ops->attention_block(a, block, &part);
    }
}

void kn_tile_merge(const struct kn_ops *ops, const struct kn_attention *a, void *parts, size_t row0, size_t row1)
{
    struct kn_part run = part_of_block(a, parts, 0);
    for (size_t row = row0; row < row1; row++) {
        for (size_t block = 1; block < block_count(a); block++) {
            struct kn_part part = part_of_block(a, parts, block);
            ops->attention_merge(&run, &part, row);
        }
        ops->attention_end(a, &run, row);
    }
}
