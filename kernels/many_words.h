/* many_words.h: tiles of int16: rows and weights are widened, vpmaddwd multiplies two inputs at a time, and nothing can saturate. Takes w8,
 * and w4 of any codebook. Included after many_chunk.h.
 *
 * Of each 64 inputs first those of even k come, two of each four together, then the odd ones: so widening needs no shuffle. */

enum { WORDS_PIECE = PIECE_BYTES / STRIP / 2 /* inputs */ };

static void words_row(int16_t *out, const int8_t *x, size_t kp)
{
    for (size_t k = 0; k < kp; k += 64) {
        struct bytes b = bytes_load((const uint8_t *)x + k);
        words_store(out + k, words_even(b));
        words_store(out + k + 32, words_odd(b));
    }
}

/* Sixteen outputs' four inputs, to where step `step` of 64 inputs begins. */
LANES_INLINE void words_put(int16_t *out, struct bytes b)
{
    words_store(out, words_even(b));
    words_store(out + 16 * STRIP * 2, words_odd(b));
}

/* int16 [inputs/2][STRIP][2] from the outputs `column` … of a w8 panel. */
static void words_of_w8(int16_t *out, const uint8_t *panel, size_t column, size_t k, size_t inputs)
{
    const uint8_t *from = panel + kn_w8_index(column, k);
    for (size_t i = 0; i < inputs; i += 64, out += 64 * STRIP)
        for (size_t step = 0; step < 16; step++, from += ROW_BYTES)
            for (size_t j = 0; j < TILE_WIDE; j++)
                words_put(out + step * STRIP * 2 + j * 32, bytes_load(from + j * INTS_BYTES));
}

/* Likewise of a w4 panel; a group's multipliers are looked up for every four inputs: this is for codebooks that are not many_codes.h's. */
static void words_of_w4(int16_t *out, const struct kn_pass *p, size_t kp, size_t column, size_t k, size_t inputs)
{
    struct tables t = tables_of(p->w->codebook);
    for (size_t i = 0; i < inputs; i += 8) {
        const uint8_t *from = p->panel + kn_w4_index(column, k + i), *groups = p->panel + kn_w4_group_index(kp, column, k + i);
        int16_t *to = out + i / 64 * 64 * STRIP + i % 64 / 4 * STRIP * 2;
        for (size_t j = 0; j < TILE_WIDE; j++) {
            struct ints multiplier = group_multipliers(&t, groups + j * KN_LANES, kn_w4_group_shift(k + i));
            struct bytes both = bytes_load(from + j * INTS_BYTES);
            words_put(to + j * 32, bytes_multiply(bytes_look_up_low(t.codes, both), multiplier));
            words_put(to + STRIP * 2 + j * 32, bytes_multiply(bytes_look_up_high(t.codes, both), multiplier));
        }
    }
}

LANES_INLINE void words_rows(const struct tile *t, size_t rows, struct ahead *ahead)
{
    struct ints acc[TILE_ROWS][TILE_WIDE];
    const size_t ldx = t->c->row_bytes / sizeof(int16_t);
    const int16_t *x = (const int16_t *)(const void *)tile_row(t) + t->k, *w = (const int16_t *)(const void *)t->c->piece;
    int32_t *sums = tile_sums(t);
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < TILE_WIDE; j++)
            acc[r][j] = ints_load(sums + r * KN_PANEL + j * KN_LANES);
    for (size_t k = 0; k < t->inputs; k += 64) {
        ahead_fetch(ahead);
#pragma clang loop unroll(disable)
        for (size_t i = 0; i < 64; i += 2, w += STRIP * 2, x += 2) {
            struct words two[TILE_WIDE];
            for (size_t j = 0; j < TILE_WIDE; j++)
                two[j] = words_load(w + j * 32);
#pragma clang loop unroll(full)
            for (size_t r = 0; r < rows; r++) {
                struct words one = words_two(x + r * ldx);
                for (size_t j = 0; j < TILE_WIDE; j++)
                    acc[r][j] = ints_dot2(acc[r][j], one, two[j]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < TILE_WIDE; j++)
            ints_store(sums + r * KN_PANEL + j * KN_LANES, acc[r][j]);
}

static void words_tile(const struct tile *t, size_t rows, struct ahead *ahead)
{
    switch (rows) {
    case 1: words_rows(t, 1, ahead); break;
    case 2: words_rows(t, 2, ahead); break;
    case 3: words_rows(t, 3, ahead); break;
    case 4: words_rows(t, 4, ahead); break;
    case 5: words_rows(t, 5, ahead); break;
    default: words_rows(t, TILE_ROWS, ahead); break;
    }
}
