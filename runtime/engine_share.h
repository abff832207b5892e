/* engine_share.h: which part of a product is whose. The panels of a matrix lie on nodes; on a node the products of a list are laid end to
 * end, panel by panel, each panel in blocks of rows, and cut into contiguous parts of equal cost, one for each of the node's workers. The
 * same list gives the same parts. No result depends on them. */
#ifndef CLOISTER_ENGINE_SHARE_H
#define CLOISTER_ENGINE_SHARE_H

#include "runtime/engine_parts.h"

/* Of a product: panels [panel0, panel1) for rows [row0, row1). */
struct rt_rect {
    size_t row0, row1, panel0, panel1;
};
struct rt_rects {
    unsigned count;
    struct rt_rect list[3]; /* the end of a panel, whole panels, the beginning of a panel */
};

struct rt_cut { /* walks along a list */
    size_t passed, from, to;
};

/* What a product of `rows` rows with a matrix of n outputs costs the worker's node. */
size_t rt_share_cost(const struct rt_engine *engine, unsigned worker, size_t n, size_t rows);
/* The worker's part of a list whose products' costs are `total`; then, product by product in the list's order, what of it is the worker's. */
struct rt_cut rt_share_start(const struct rt_engine *engine, unsigned worker, size_t total);
struct rt_rects rt_share_next(const struct rt_engine *engine, unsigned worker, struct rt_cut *cut, size_t n, size_t rows);
/* Of a list of one product. */
struct rt_rects rt_share(const struct rt_engine *engine, unsigned worker, size_t n, size_t rows);

#endif
