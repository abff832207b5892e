/* engine_share.c: see engine_share.h. Any worker; nothing is written. */
#include "runtime/engine_share.h"

enum {
    ROW_BLOCK = 32, /* the most that a generated kernel takes at once */
    ROWS_LEAST = 8, /* a panel by fewer rows costs as much: it has to be read */
};

/* The panels of n outputs that lie on the worker's node: rt_workers_node_share without its search for the node's workers, since this runs
 * for every expert of every token. */
static void node_panels(const struct rt_engine *e, unsigned worker, size_t n, size_t *first, size_t *last)
{
    const struct rt_node *node = e->own[worker].node;
    size_t unused;
    rt_workers_share(e->workers, node->first_worker, kn_panels(n), first, &unused);
    rt_workers_share(e->workers, node->last_worker - 1, kn_panels(n), &unused, last);
}

static size_t blocks_of(size_t rows)
{
    return (rows + ROW_BLOCK - 1) / ROW_BLOCK;
}

/* Of one block of rows by one panel. */
static size_t block_cost(size_t rows)
{
    return rows > ROW_BLOCK ? ROW_BLOCK : rows > ROWS_LEAST ? rows : ROWS_LEAST;
}

size_t rt_share_cost(const struct rt_engine *e, unsigned worker, size_t n, size_t rows)
{
    size_t first, last;
    node_panels(e, worker, n, &first, &last);
    return (last - first) * blocks_of(rows) * block_cost(rows);
}

struct rt_cut rt_share_start(const struct rt_engine *e, unsigned worker, size_t total)
{
    const struct rt_node *node = e->own[worker].node;
    size_t index = worker - node->first_worker, count = node->last_worker - node->first_worker;
    return (struct rt_cut){.from = total * index / count, .to = total * (index + 1) / count};
}

/* How many units of a product lie before a point of the list: those whose middle does. */
static size_t units_before(size_t point, size_t passed, size_t unit, size_t units)
{
    size_t before = point > passed ? (point - passed + (unit - 1) / 2) / unit : 0;
    return before < units ? before : units;
}

static void add_rect(struct rt_rects *rects, size_t rows, struct rt_rect rect)
{
    rect.row0 *= ROW_BLOCK;
    rect.row1 = rect.row1 * ROW_BLOCK < rows ? rect.row1 * ROW_BLOCK : rows;
    if (rect.row0 < rect.row1 && rect.panel0 < rect.panel1)
        rects->list[rects->count++] = rect;
}

struct rt_rects rt_share_next(const struct rt_engine *e, unsigned worker, struct rt_cut *cut, size_t n, size_t rows)
{
    struct rt_rects rects = {0};
    size_t panel0, panel1, blocks = blocks_of(rows), unit = block_cost(rows);
    node_panels(e, worker, n, &panel0, &panel1);
    size_t units = (panel1 - panel0) * blocks;
    size_t first = units_before(cut->from, cut->passed, unit, units), last = units_before(cut->to, cut->passed, unit, units);
    cut->passed += units * unit;
    if (first >= last)
        return rects;
    size_t head = panel0 + first / blocks, tail = panel0 + last / blocks; /* the panels that the part begins and ends in */
    if (head == tail) {
        add_rect(&rects, rows, (struct rt_rect){first % blocks, last % blocks, head, head + 1});
        return rects;
    }
    size_t whole = head + (first % blocks != 0);
    if (whole > head)
        add_rect(&rects, rows, (struct rt_rect){first % blocks, blocks, head, whole});
    add_rect(&rects, rows, (struct rt_rect){0, blocks, whole, tail});
    add_rect(&rects, rows, (struct rt_rect){0, last % blocks, tail, tail + 1});
    return rects;
}

struct rt_rects rt_share(const struct rt_engine *e, unsigned worker, size_t n, size_t rows)
{
    struct rt_cut cut = rt_share_start(e, worker, rt_share_cost(e, worker, n, rows));
    return rt_share_next(e, worker, &cut, n, rows);
}
