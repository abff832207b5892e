/* gemm_integer.h: the exact integer products of w8 and w4 (n1 §2), written once over 16 outputs' sums. Included by gemm_<isa>.c after
 * integers_<isa>.h. Few rows decode w4 in registers while they stream a panel; for many a w4 panel is unpacked into scratch first. */

#include "kernels/layout.h"
#include "kernels/ops.h"

enum {
    ROW_BYTES = KN_PANEL * 4, /* of a panel, per four inputs (w8) or eight (w4) */
    INTS_BYTES = 64,          /* of them, for 16 outputs */
    PREFETCH_BYTES = 2048,    /* ahead of where a panel is read: hardware stops at each page */
};

/* One panel, read for some rows. */
struct strip {
    const uint8_t *codes;
    const int8_t *x;
    size_t ldx, kp;
};

/* Sums to y: columns 16·i …+15 of the panel. */
LANES_INLINE void finish_lanes(const struct kn_finish *f, struct ints acc, size_t row, size_t column)
{
    if (f->sum)
        acc = ints_sub_scaled(acc, ints_load(f->sum + column));
    struct lanes scale = lanes_mul(lanes_set(f->sx[row]), lanes_load(f->scale + column));
    struct lanes y = lanes_mul(ints_to_lanes(acc), scale);
    lanes_store(f->y + row * f->ldy + column, f->bias ? lanes_add(y, lanes_load(f->bias + column)) : y);
}

static void finish(const struct kn_finish *f)
{
    for (size_t row = 0; row < f->rows; row++)
        for (size_t column = 0; column < KN_PANEL; column += KN_LANES)
            finish_lanes(f, ints_load(f->acc + row * KN_PANEL + column), row, column);
}

static struct kn_finish finish_of(const struct kn_gemm *g, size_t panel_index, size_t m)
{
    const uint8_t *panel = kn_panel_at(g->w, panel_index);
    return (struct kn_finish){.sum = INTS_OFFSET ? kn_panel_sum(g->w, panel) : NULL,
                              .scale = kn_panel_scale(g->w, panel),
                              .sx = g->sx + m,
                              .bias = g->bias ? g->bias + panel_index * KN_PANEL : NULL,
                              .y = g->y + m * g->ldy + panel_index * KN_PANEL,
                              .ldy = g->ldy};
}

LANES_INLINE void w8_strip(const struct strip *s, const struct kn_finish *f, size_t rows, size_t wide, size_t column)
{
    struct ints acc[INTS_ROWS][INTS_WIDE_ONE];
    const uint8_t *at = s->codes + column * 4;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < wide; i++)
            acc[r][i] = ints_zero();
    for (size_t k = 0; k < s->kp; k += 4, at += ROW_BYTES) {
        struct bytes w[INTS_WIDE_ONE];
        for (size_t i = 0; i < wide; i++) {
            w[i] = bytes_load(at + i * INTS_BYTES);
            _mm_prefetch((const char *)at + i * INTS_BYTES + PREFETCH_BYTES, _MM_HINT_T0);
        }
        for (size_t r = 0; r < rows; r++) {
            struct bytes x = bytes_activations(s->x + r * s->ldx + k);
            for (size_t i = 0; i < wide; i++)
                acc[r][i] = ints_dot4(acc[r][i], x, w[i]);
        }
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < wide; i++)
            finish_lanes(f, acc[r][i], r, column + i * KN_LANES);
}

LANES_INLINE void w8_rows(const struct strip *s, const struct kn_finish *f, size_t rows, size_t wide)
{
    for (size_t column = 0; column < KN_PANEL; column += wide * KN_LANES)
        w8_strip(s, f, rows, wide, column);
}

static void w8_panel(const struct strip *s, const struct kn_finish *f, size_t rows)
{
    switch (rows) {
    case 1: w8_rows(s, f, 1, INTS_WIDE_ONE); break;
    case 2: w8_rows(s, f, 2, INTS_WIDE_MANY); break;
    case 3: w8_rows(s, f, 3, INTS_WIDE_MANY); break;
    default: w8_rows(s, f, 4, INTS_WIDE_MANY); break;
    }
}

/* One panel of int8 by all rows. */
static void w8_all_rows(const struct kn_gemm *g, size_t panel_index, const uint8_t *codes)
{
    for (size_t m = 0; m < g->m; m += INTS_ROWS) {
        struct kn_finish f = finish_of(g, panel_index, m);
        struct strip s = {codes, (const int8_t *)g->x + m * g->ldx, g->ldx, kn_pad(g->w->k)};
        w8_panel(&s, &f, g->m - m < INTS_ROWS ? g->m - m : INTS_ROWS);
    }
}

static void gemm_w8(const struct kn_gemm *g, size_t panel0, size_t panel1)
{
    for (size_t p = panel0; p < panel1; p++)
        w8_all_rows(g, p, kn_panel_at(g->w, p));
}

struct tables {
    __m128i codes, multipliers;
};

static struct tables tables_of(const struct kn_codebook *codebook)
{
    return (struct tables){_mm_loadu_si128((const __m128i *)(const void *)codebook->codes),
                           _mm_loadu_si128((const __m128i *)(const void *)codebook->multipliers)};
}

/* The multipliers of 16 outputs for inputs 64i…+31 (half 0) or 64i+32…+63 (half 1). */
LANES_INLINE struct ints group_multipliers(const struct tables *t, const uint8_t *groups, size_t half)
{
    __m128i nibbles = _mm_loadu_si128((const __m128i *)(const void *)groups);
    nibbles = _mm_and_si128(half ? _mm_srli_epi16(nibbles, 4) : nibbles, _mm_set1_epi8(15));
    return ints_of_bytes16(_mm_shuffle_epi8(t->multipliers, nibbles));
}

/* part += eight inputs from k on, codes alone. */
LANES_INLINE void w4_step(struct ints part[INTS_ROWS][INTS_WIDE_ONE], const struct strip *s, const struct tables *t, const uint8_t *at,
                          size_t k, size_t rows, size_t wide)
{
    struct bytes low[INTS_WIDE_ONE], high[INTS_WIDE_ONE];
    for (size_t i = 0; i < wide; i++) {
        struct bytes both = bytes_load(at + i * INTS_BYTES);
        _mm_prefetch((const char *)at + i * INTS_BYTES + PREFETCH_BYTES, _MM_HINT_T0);
        low[i] = bytes_look_up_low(t->codes, both);
        high[i] = bytes_look_up_high(t->codes, both);
    }
    for (size_t r = 0; r < rows; r++) {
        const int8_t *x = s->x + r * s->ldx + k;
        struct bytes x_low = bytes_activations(x), x_high = bytes_activations(x + 4);
        for (size_t i = 0; i < wide; i++)
            part[r][i] = ints_dot4(ints_dot4(part[r][i], x_low, low[i]), x_high, high[i]);
    }
}

/* acc += the group of inputs 64i…+31 (half 0) or 64i+32…+63 (half 1), k = 64i: its sum over codes, times its multipliers. */
LANES_INLINE void w4_group(struct ints acc[INTS_ROWS][INTS_WIDE_ONE], const struct strip *s, const struct tables *t, size_t column,
                           size_t k, size_t half, size_t rows, size_t wide)
{
    struct ints part[INTS_ROWS][INTS_WIDE_ONE];
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < wide; i++)
            part[r][i] = ints_zero();
    size_t first = k + half * KN_GROUP;
    for (size_t step = first; step < first + KN_GROUP; step += 8)
        w4_step(part, s, t, s->codes + step / 8 * ROW_BYTES + column * 4, step, rows, wide);
    const uint8_t *groups = s->codes + kn_w4_group_index(s->kp, column, k);
    for (size_t i = 0; i < wide; i++) {
        struct ints multiplier = group_multipliers(t, groups + i * KN_LANES, half);
        for (size_t r = 0; r < rows; r++)
            acc[r][i] = ints_mul_add(acc[r][i], part[r][i], multiplier);
    }
}

LANES_INLINE void w4_strip(const struct strip *s, const struct tables *t, const struct kn_finish *f, size_t rows, size_t wide,
                           size_t column)
{
    struct ints acc[INTS_ROWS][INTS_WIDE_ONE];
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < wide; i++)
            acc[r][i] = ints_zero();
    for (size_t k = 0; k < s->kp; k += 2 * KN_GROUP) {
        w4_group(acc, s, t, column, k, 0, rows, wide);
        w4_group(acc, s, t, column, k, 1, rows, wide);
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < wide; i++)
            finish_lanes(f, acc[r][i], r, column + i * KN_LANES);
}

LANES_INLINE void w4_rows(const struct strip *s, const struct tables *t, const struct kn_finish *f, size_t rows, size_t wide)
{
    for (size_t column = 0; column < KN_PANEL; column += wide * KN_LANES)
        w4_strip(s, t, f, rows, wide, column);
}

static void w4_panel(const struct strip *s, const struct tables *t, const struct kn_finish *f, size_t rows)
{
    switch (rows) {
    case 1: w4_rows(s, t, f, 1, INTS_WIDE_ONE); break;
    case 2: w4_rows(s, t, f, 2, INTS_WIDE_CODES); break;
    case 3: w4_rows(s, t, f, 3, INTS_WIDE_CODES); break;
    default: w4_rows(s, t, f, 4, INTS_WIDE_CODES); break;
    }
}

/* 64 inputs of 16 outputs. */
LANES_INLINE void unpack_w4_block(int8_t *out, const uint8_t *codes, const uint8_t *groups, const struct tables *t)
{
    for (size_t half = 0; half < 2; half++) {
        struct ints multiplier = group_multipliers(t, groups, half);
        for (size_t step = 0; step < KN_GROUP / 8; step++, codes += ROW_BYTES, out += 2 * ROW_BYTES) {
            struct bytes both = bytes_load(codes);
            _mm_prefetch((const char *)codes + PREFETCH_BYTES, _MM_HINT_T0);
            bytes_store(out, bytes_multiply(bytes_look_up_low(t->codes, both), multiplier));
            bytes_store(out + ROW_BYTES, bytes_multiply(bytes_look_up_high(t->codes, both), multiplier));
        }
    }
}

static void unpack_w4(int8_t *out, const uint8_t *panel, size_t kp, const struct kn_codebook *codebook)
{
    struct tables t = tables_of(codebook);
    for (size_t k = 0; k < kp; k += 64)
        for (size_t column = 0; column < KN_PANEL; column += KN_LANES)
            unpack_w4_block(out + k / 4 * ROW_BYTES + column * 4, panel + k / 8 * ROW_BYTES + column * 4,
                            panel + kn_w4_group_index(kp, column, k), &t);
}

/* One panel of w4 by all rows, decoded again for every few. */
static void w4_all_rows(const struct kn_gemm *g, size_t panel_index, const uint8_t *panel, const struct tables *t)
{
    for (size_t m = 0; m < g->m; m += INTS_ROWS) {
        struct kn_finish f = finish_of(g, panel_index, m);
        struct strip s = {panel, (const int8_t *)g->x + m * g->ldx, g->ldx, kn_pad(g->w->k)};
        w4_panel(&s, t, &f, g->m - m < INTS_ROWS ? g->m - m : INTS_ROWS);
    }
}

static void gemm_w4(const struct kn_gemm *g, size_t panel0, size_t panel1)
{
    struct tables t = tables_of(g->w->codebook);
    for (size_t p = panel0; p < panel1; p++) {
        const uint8_t *panel = kn_panel_at(g->w, p);
        if (g->m <= INTS_FUSED_ROWS) {
            w4_all_rows(g, p, panel, &t);
        } else {
            unpack_w4(g->scratch, panel, kn_pad(g->w->k), g->w->codebook);
            w8_all_rows(g, p, g->scratch);
        }
    }
}

static void integer_fill(struct kn_ops *ops)
{
    ops->gemm_w8 = gemm_w8;
    ops->gemm_w4 = gemm_w4;
    ops->unpack_w4 = unpack_w4;
    ops->finish = finish;
}
