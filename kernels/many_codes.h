/* many_codes.h: tiles of w4's codes. A code + 16 is unsigned, so vpmaddubsw takes it with x as it is, and a group's sums are added in int16
 * before vpmaddwd multiplies them, once, with the group's multiplier: less than two multiplications for 32 inputs of an output where
 * many_words.h has two for 16. Included after many_chunk.h.
 *
 * Exact where |code| ≤ 16: either of the two int16 of an output and group sums up 16 products, at most 16·16·127 = 32512. The sum may wrap
 * on its way: it begins at -16·Σx, which makes up for the codes' offset. */

enum {
    CODES_PIECE = PIECE_BYTES / STRIP, /* inputs */
    CODES_OFFSET = 16,
};

static int codes_fit(const struct kn_codebook *codebook)
{
    for (size_t i = 0; i < sizeof codebook->codes; i++)
        if (codebook->codes[i] < -CODES_OFFSET || codebook->codes[i] > CODES_OFFSET)
            return 0;
    return 1;
}

static size_t codes_row_bytes(size_t kp)
{
    return kp + kp / KN_GROUP * 2 * sizeof(int16_t);
}

/* The row, then what each group's two sums begin at. */
static void codes_row(uint8_t *out, const int8_t *x, size_t kp)
{
    int16_t *starts = (int16_t *)(void *)(out + kp);
    for (size_t k = 0; k < kp; k += 64, starts += 4) {
        struct bytes b = bytes_load((const uint8_t *)x + k);
        bytes_store((int8_t *)out + k, b);
        words_fold(starts, words_sub_dot4(words_zero(), bytes_set(CODES_OFFSET), b));
    }
}

/* uint8 [inputs/4][STRIP][4], then int16 multipliers [inputs/32][STRIP][2]. */
static void codes_of_w4(uint8_t *out, const struct kn_pass *p, size_t kp, size_t column, size_t k, size_t inputs)
{
    struct tables t = tables_of(p->w->codebook);
    __m128i codes = _mm_add_epi8(t.codes, _mm_set1_epi8(CODES_OFFSET));
    const uint8_t *from = p->panel + kn_w4_index(column, k);
    int16_t *multipliers = (int16_t *)(void *)(out + PIECE_BYTES);
    for (size_t i = 0; i < inputs; i += 8, from += ROW_BYTES, out += 8 * STRIP)
        for (size_t j = 0; j < TILE_WIDE; j++) {
            struct bytes both = bytes_load(from + j * INTS_BYTES);
            bytes_store((int8_t *)out + j * INTS_BYTES, bytes_look_up_low(codes, both));
            bytes_store((int8_t *)out + 4 * STRIP + j * INTS_BYTES, bytes_look_up_high(codes, both));
        }
    for (size_t i = 0; i < inputs; i += KN_GROUP)
        for (size_t j = 0; j < TILE_WIDE; j++, multipliers += 32) {
            const uint8_t *groups = p->panel + kn_w4_group_index(kp, column + j * KN_LANES, k + i);
            words_store(multipliers, words_twice(group_multipliers(&t, groups, kn_w4_group_shift(k + i))));
        }
}

/* Sums over one group of codes, then into int32. */
LANES_INLINE void codes_group(int32_t *sums, const uint8_t *codes, const int16_t *multipliers, const uint8_t *x, const int16_t *starts,
                              size_t row_bytes, size_t rows)
{
    struct words acc[TILE_ROWS][TILE_WIDE];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
        struct words start = words_two(starts + r * (row_bytes / sizeof *starts));
        for (size_t j = 0; j < TILE_WIDE; j++)
            acc[r][j] = start;
    }
#pragma clang loop unroll(disable)
    for (size_t i = 0; i < KN_GROUP; i += 4, codes += 4 * STRIP, x += 4) {
        struct bytes four[TILE_WIDE];
        for (size_t j = 0; j < TILE_WIDE; j++)
            four[j] = bytes_load(codes + j * INTS_BYTES);
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            struct bytes one = bytes_activations((const int8_t *)x + r * row_bytes);
            for (size_t j = 0; j < TILE_WIDE; j++)
                acc[r][j] = words_dot4(acc[r][j], four[j], one);
        }
    }
#pragma clang loop unroll(full)
    for (size_t j = 0; j < TILE_WIDE; j++) {
        struct words multiplier = words_load(multipliers + j * 32);
        for (size_t r = 0; r < rows; r++) {
            int32_t *at = sums + r * KN_PANEL + j * KN_LANES;
            ints_store(at, ints_dot2(ints_load(at), acc[r][j], multiplier));
        }
    }
}

LANES_INLINE void codes_rows(const struct tile *t, size_t rows, struct ahead *ahead)
{
    const size_t row_bytes = t->c->row_bytes;
    const uint8_t *codes = t->c->piece, *row = tile_row(t), *x = row + t->k;
    const int16_t *multipliers = (const int16_t *)(const void *)(codes + PIECE_BYTES);
    const int16_t *starts = (const int16_t *)(const void *)(row + t->c->kp) + t->k / KN_GROUP * 2;
    for (size_t k = 0; k < t->inputs; k += KN_GROUP) {
        if (k % 64 == 0)
            ahead_fetch(ahead);
        codes_group(tile_sums(t), codes, multipliers, x, starts, row_bytes, rows);
        codes += KN_GROUP * STRIP;
        multipliers += STRIP * 2;
        x += KN_GROUP;
        starts += 2;
    }
}

static void codes_tile(const struct tile *t, size_t rows, struct ahead *ahead)
{
    switch (rows) {
    case 1: codes_rows(t, 1, ahead); break;
    case 2: codes_rows(t, 2, ahead); break;
    case 3: codes_rows(t, 3, ahead); break;
    case 4: codes_rows(t, 4, ahead); break;
    case 5: codes_rows(t, 5, ahead); break;
    default: codes_rows(t, TILE_ROWS, ahead); break;
    }
}
