/* moe_down.c: the last product of a mixture's experts, and the sum over them. A column of a row is summed by one worker, in ascending order of
 * expert, so the bits do not depend on who works. Run by all workers together. */
#include <string.h>

#include "runtime/moe_parts.h"

/* ---- whoever sums a column also computes it ---- */

/* The panels from `first` on, counted from 0. */
static struct rt_linear panels_from(const struct rt_linear *linear, size_t first)
{
    struct rt_linear part = *linear;
    part.w.panels += (first - part.w.first_panel) * kn_panel_bytes(part.w.format, part.w.k);
    part.w.first_panel = 0;
    return part;
}

/* Uses [first, last) of one expert onto their rows' sums, in the rectangle's columns, through a tile that stays in cache. */
static void add_expert(const struct rt_engine *e, unsigned worker, const struct rt_linear *down, const struct rt_rows *inner,
                       const struct rt_uses *uses, size_t first, size_t last, const struct rt_rect *rect)
{
    float *tile = e->own[worker].tile;
    size_t wide = RT_TILE_FLOATS / KN_PANEL / (last - first);
    for (size_t p = rect->panel0, next; p < rect->panel1; p = next) {
        next = rect->panel1 - p < wide ? rect->panel1 : p + wide;
        size_t left = p * KN_PANEL, width = (next - p) * KN_PANEL;
        struct rt_linear part = panels_from(down, p);
        struct rt_product product = {&part, NULL, last - first, tile, width};
        struct kn_gemm gemm = rt_gemm(e, worker, &product, inner, &(struct rt_rect){.row0 = first, .row1 = last});
        gemm.y = tile;
        kn_gemm(e->kernels, &gemm, 0, next - p);
        for (size_t i = first; i < last; i++)
            kn_axpy(e->kernels, e->mixed + uses->row[i] * e->widths.hidden + left, uses->weight[i], tile + (i - first) * width, width);
    }
}

/* The first use from `at` on whose row is not before `row`; rows ascend. */
static size_t use_of_row(const struct rt_uses *uses, size_t at, size_t end, size_t row)
{
    while (at < end && uses->row[at] < row)
        at++;
    return at;
}

static void clear(const struct rt_engine *e, const struct rt_rect *rect)
{
    size_t left = rect->panel0 * KN_PANEL, width = rect->panel1 * KN_PANEL - left;
    for (size_t row = rect->row0; row < rect->row1; row++)
        memset(e->mixed + row * e->widths.hidden + left, 0, width * sizeof *e->mixed);
}

static void compute_and_sum(const struct rt_engine *e, unsigned worker, const struct rt_moe *part, const struct rt_rows *inner,
                            const struct rt_uses *uses, const struct rt_rect *rect)
{
    const size_t most = RT_TILE_FLOATS / KN_PANEL;
    for (uint32_t i = 0; i < uses->active; i++) {
        struct rt_linear down = rt_expert(&part->down, part->down_stride, uses->expert[i]);
        size_t first = use_of_row(uses, uses->start[i], uses->start[i + 1], rect->row0);
        size_t last = use_of_row(uses, first, uses->start[i + 1], rect->row1);
        for (; first < last; first += most)
            add_expert(e, worker, &down, inner, uses, first, last - first < most ? last : first + most, rect);
    }
}

/* ---- few rows and fewer panels than workers: all experts' panels are shared out first ---- */

static void compute_uses(const struct rt_engine *e, unsigned worker, const struct rt_moe *part, const struct rt_rows *inner,
                         const struct rt_uses *uses)
{
    size_t total = 0;
    for (uint32_t i = 0; i < uses->active; i++)
        total += rt_share_cost(e, worker, e->model->hidden, rt_uses_of(uses, i));
    struct rt_cut cut = rt_share_start(e, worker, total);
    for (uint32_t i = 0; i < uses->active && cut.passed < cut.to; i++) {
        struct rt_rects rects = rt_share_next(e, worker, &cut, e->model->hidden, rt_uses_of(uses, i));
        struct rt_linear down = rt_expert(&part->down, part->down_stride, uses->expert[i]);
        struct rt_product product = {&down, NULL, uses->start[uses->active], e->expert_out, e->widths.hidden};
        for (unsigned r = 0; r < rects.count; r++) {
            struct rt_rect rect = rects.list[r];
            rect.row0 += uses->start[i];
            rect.row1 += uses->start[i];
            struct kn_gemm gemm = rt_gemm(e, worker, &product, inner, &rect);
            kn_gemm(e->kernels, &gemm, rect.panel0, rect.panel1);
        }
    }
}

static void sum_uses(const struct rt_engine *e, const struct rt_uses *uses, const struct rt_rect *rect)
{
    size_t left = rect->panel0 * KN_PANEL, width = rect->panel1 * KN_PANEL - left;
    for (size_t i = 0; i < uses->start[uses->active]; i++)
        if (uses->row[i] >= rect->row0 && uses->row[i] < rect->row1)
            kn_axpy(e->kernels, e->mixed + uses->row[i] * e->widths.hidden + left, uses->weight[i],
                    e->expert_out + i * e->widths.hidden + left, width);
}

void rt_moe_down(const struct rt_engine *e, unsigned worker, const struct rt_moe *part, const struct rt_rows *inner,
                 const struct rt_uses *uses, size_t rows)
{
    struct rt_rects rects = rt_share(e, worker, e->model->hidden, rows);
    int by_use = rows <= e->expert_out_rows;
    if (by_use) {
        compute_uses(e, worker, part, inner, uses);
        rt_meet(e, worker);
    }
    for (unsigned r = 0; r < rects.count; r++) {
        clear(e, &rects.list[r]);
        if (by_use)
            sum_uses(e, uses, &rects.list[r]);
        else
            compute_and_sum(e, worker, part, inner, uses, &rects.list[r]);
    }
}
