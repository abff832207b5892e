/* gemm_integer.h: the exact integer products of w8 and w4 (n1 §2), written once over 16 outputs' sums. Included by gemm_<isa>.c after
 * integers_<isa>.h. Few rows at a time stream a panel once and decode w4 in registers; many rows are many_vnni.c's and many_integer.h's. */

#include "kernels/integer_finish.h"
#include "kernels/integer_w4.h"

enum {
    BYTES_AHEAD = 8192, /* so far ahead codes are fetched: about what one core can have under way */
    BLOCK_INPUTS = KN_GROUP,
};

/* One panel, read for the rows from m on. */
struct strip {
    const uint8_t *codes, *next; /* what is read after this */
    const int8_t *x[INTS_ROWS];
    size_t kp, m;
    const struct kn_finish *finish;
};

/* What will be read BYTES_AHEAD after the codes at `offset`. */
LANES_INLINE const uint8_t *strip_ahead(const struct strip *s, size_t offset, size_t codes_bytes)
{
    size_t at = offset + BYTES_AHEAD;
    return at < codes_bytes ? s->codes + at : s->next + (at - codes_bytes);
}

/* Some columns of a strip. */
struct sums {
    struct ints acc[INTS_ROWS][INTS_WIDE_ONE];
};

LANES_INLINE void sums_clear(struct sums *s, size_t rows, size_t wide)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < wide; i++)
            s->acc[r][i] = ints_zero();
}

LANES_INLINE void sums_finish(const struct sums *s, const struct strip *strip, size_t rows, size_t wide, size_t column)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < wide; i++)
            finish_dots(strip->finish, s->acc[r][i], strip->m + r, column + i * KN_LANES);
}

/* Four inputs from k on. */
LANES_INLINE void w8_step(struct sums *s, const struct strip *strip, const uint8_t *at, const uint8_t *ahead, size_t k, size_t rows,
                          size_t wide)
{
    struct bytes w[INTS_WIDE_ONE];
    for (size_t i = 0; i < wide; i++) {
        w[i] = bytes_load(at + i * INTS_BYTES);
        _mm_prefetch((const char *)ahead + i * INTS_BYTES, _MM_HINT_T0);
    }
    for (size_t r = 0; r < rows; r++) {
        struct bytes x = bytes_activations(strip->x[r] + k);
        for (size_t i = 0; i < wide; i++)
            s->acc[r][i] = ints_dot4(s->acc[r][i], x, w[i]);
    }
}

/* The loops over a block are left rolled: hardware follows the few loads of a short loop by their even stride, not those of a long one. */
LANES_INLINE void w8_block(struct sums *s, const struct strip *strip, const uint8_t *at, const uint8_t *ahead, size_t k, size_t rows,
                           size_t wide)
{
#pragma clang loop unroll(disable)
    for (size_t i = 0; i < BLOCK_INPUTS; i += 4, at += ROW_BYTES, ahead += ROW_BYTES)
        w8_step(s, strip, at, ahead, k + i, rows, wide);
}

LANES_INLINE void w8_rows(const struct strip *strip, size_t rows, size_t wide)
{
    for (size_t column = 0; column < KN_PANEL; column += wide * KN_LANES) {
        struct sums s;
        sums_clear(&s, rows, wide);
        for (size_t k = 0; k < strip->kp; k += BLOCK_INPUTS) {
            size_t offset = k / 4 * ROW_BYTES;
            w8_block(&s, strip, strip->codes + offset + column * 4, strip_ahead(strip, offset, kn_w8_codes(strip->kp)) + column * 4, k,
                     rows, wide);
        }
        sums_finish(&s, strip, rows, wide, column);
    }
}

static void w8_strip(const struct strip *strip, size_t rows)
{
    switch (rows) {
    case 1: w8_rows(strip, 1, INTS_WIDE_ONE); break;
    case 2: w8_rows(strip, 2, INTS_WIDE_MANY); break;
    case 3: w8_rows(strip, 3, INTS_WIDE_MANY); break;
    default: w8_rows(strip, 4, INTS_WIDE_MANY); break;
    }
}

/* Eight inputs from k on, codes alone. */
LANES_INLINE void w4_step(struct sums *part, const struct strip *strip, const struct tables *t, const uint8_t *at, const uint8_t *ahead,
                          size_t k, size_t rows, size_t wide)
{
    struct bytes low[INTS_WIDE_ONE], high[INTS_WIDE_ONE];
    for (size_t i = 0; i < wide; i++) {
        struct bytes both = bytes_load(at + i * INTS_BYTES);
        _mm_prefetch((const char *)ahead + i * INTS_BYTES, _MM_HINT_T0);
        low[i] = bytes_look_up_low(t->codes, both);
        high[i] = bytes_look_up_high(t->codes, both);
    }
    for (size_t r = 0; r < rows; r++) {
        const int8_t *x = strip->x[r] + k;
        struct bytes x_low = bytes_activations(x), x_high = bytes_activations(x + 4);
        for (size_t i = 0; i < wide; i++)
            part->acc[r][i] = ints_dot4(ints_dot4(part->acc[r][i], x_low, low[i]), x_high, high[i]);
    }
}

/* acc += the group of inputs k … k+31: its sum over codes, times its multipliers. */
LANES_INLINE void w4_block(struct sums *s, const struct strip *strip, const struct tables *t, size_t column, size_t k, size_t rows,
                           size_t wide)
{
    struct sums part;
    size_t offset = k / 8 * ROW_BYTES;
    const uint8_t *at = strip->codes + offset + column * 4, *groups = strip->codes + kn_w4_group_index(strip->kp, column, k);
    const uint8_t *ahead = strip_ahead(strip, offset, kn_w4_codes(strip->kp)) + column * 4;
    _mm_prefetch((const char *)strip->next + kn_w4_group_index(strip->kp, 0, k), _MM_HINT_T0); /* a whole panel ahead */
    sums_clear(&part, rows, wide);
#pragma clang loop unroll(disable)
    for (size_t i = 0; i < BLOCK_INPUTS; i += 8, at += ROW_BYTES, ahead += ROW_BYTES)
        w4_step(&part, strip, t, at, ahead, k + i, rows, wide);
    for (size_t i = 0; i < wide; i++) {
        struct ints multiplier = group_multipliers(t, groups + i * KN_LANES, kn_w4_group_shift(k));
        for (size_t r = 0; r < rows; r++)
            s->acc[r][i] = ints_mul_add(s->acc[r][i], part.acc[r][i], multiplier);
    }
}

LANES_INLINE void w4_rows(const struct strip *strip, const struct tables *t, size_t rows, size_t wide)
{
    for (size_t column = 0; column < KN_PANEL; column += wide * KN_LANES) {
        struct sums s;
        sums_clear(&s, rows, wide);
        for (size_t k = 0; k < strip->kp; k += BLOCK_INPUTS)
            w4_block(&s, strip, t, column, k, rows, wide);
        sums_finish(&s, strip, rows, wide, column);
    }
}

static void w4_strip(const struct strip *strip, const struct tables *t, size_t rows)
{
    switch (rows) {
    case 1: w4_rows(strip, t, 1, INTS_WIDE_ONE); break;
    case 2: w4_rows(strip, t, 2, INTS_WIDE_CODES); break;
    case 3: w4_rows(strip, t, 3, INTS_WIDE_CODES); break;
    default: w4_rows(strip, t, 4, INTS_WIDE_CODES); break;
    }
}

/* One pass over a panel by all rows; tables where it is w4. */
static void all_rows(const struct kn_gemm *g, const struct kn_pass *p, const uint8_t *codes, const struct tables *t)
{
    for (size_t m = 0; m < g->m; m += INTS_ROWS) {
        size_t rows = g->m - m < INTS_ROWS ? g->m - m : INTS_ROWS;
        struct strip strip = {.codes = codes, .kp = kn_pad(g->w->k), .m = m, .finish = &p->finish};
        strip.next = m + rows == g->m && p->next ? p->next : codes;
        for (size_t r = 0; r < rows; r++)
            strip.x[r] = (const int8_t *)g->x + kn_row_of_x(g, m + r) * g->ldx;
        if (t)
            w4_strip(&strip, t, rows);
        else
            w8_strip(&strip, rows);
    }
}

static void few_w8(const struct kn_gated *g, size_t panel0, size_t panel1)
{
    for (size_t i = 0; i < kn_passes(g, panel0, panel1); i++) {
        struct kn_pass p = kn_pass_at(g, panel0, panel1, i);
        all_rows(&g->gate, &p, p.panel, NULL);
    }
}

static void few_w4(const struct kn_gated *g, size_t panel0, size_t panel1)
{
    for (size_t i = 0; i < kn_passes(g, panel0, panel1); i++) {
        struct kn_pass p = kn_pass_at(g, panel0, panel1, i);
        struct tables t = tables_of(p.w->codebook);
        all_rows(&g->gate, &p, p.panel, &t);
    }
}

static void finish(const struct kn_finish *f, const int32_t *acc, size_t m, size_t count)
{
    for (size_t r = 0; r < count; r++)
        for (size_t column = 0; column < KN_PANEL; column += KN_LANES)
            finish_sums(f, ints_load(acc + r * KN_PANEL + column), m + r, column);
}

static void integer_fill(struct kn_ops *ops)
{
    ops->few_w8 = few_w8;
    ops->few_w4 = few_w4;
    ops->unpack_w4 = unpack_w4;
    ops->finish = finish;
}
