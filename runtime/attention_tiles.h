/* attention_tiles.h: how the attention of one block is cut for the workers. A tile is a few consecutive positions of one sequence; with one
 * key/value head it is an item, the unit of work. Where there are too few items for the workers, as when one long sequence is
 * decoded, their blocks of keys are shared out instead, and the partial results are merged afterwards. The bits are the same either
 * way. One worker cuts; all read. */
#ifndef CLOISTER_ATTENTION_TILES_H
#define CLOISTER_ATTENTION_TILES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct rt_row;
struct rt_live;

struct rt_tile {
    uint32_t row, count; /* live rows */
    uint32_t blocks;     /* of keys, that its last row sees */
    uint32_t unit;       /* blocks of all heads of the tiles before it */
};

struct rt_tiles {
    _Atomic uint32_t next; /* the first item that no worker has taken; items are numbered from the last tile to the first */
    uint32_t count, heads, group;
    uint32_t units;    /* blocks of all heads of all tiles */
    int shared_blocks; /* workers share units, not items */
    size_t part_bytes; /* of one unit's result */
    struct rt_tile *list;
    uint8_t *parts; /* [units] of part_bytes */
    size_t parts_bytes;
};

/* Cuts the live rows. tiles->list has room for as many and tiles->parts for parts_bytes. */
void rt_tiles_cut(struct rt_tiles *tiles, const struct rt_row *rows, const struct rt_live *live, uint32_t heads, uint32_t group,
                  uint32_t v_dim, unsigned workers);
/* Bytes of parts that let every sequence of a full cache share its blocks while it is decoded; part_bytes: of one block of all heads. */
size_t rt_tiles_parts_bytes(size_t part_bytes, uint32_t max_tokens, uint32_t max_sequences);

#endif
