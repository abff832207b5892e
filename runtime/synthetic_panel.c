/* synthetic_panel.c: see synthetic_panel.h. A piece is 256 bytes of a quantised panel, all 64 outputs for 4 inputs (w8) or 8 inputs (w4), or 64
 * floats; what is random about a panel is which pieces it has, its scales and, in w4, its multipliers. */
#include "runtime/synthetic_panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/layout.h"

enum {
    PIECES = 2048, /* with the sums 1.4 MB a format: they stay in the second-level cache */
    PIECE_BITS = 11,
    PIECE_BYTES = 4 * KN_PANEL,
    W8_DEVIATION = 36, /* of codes, so that the widest of GAUSSIAN_MAX deviations is 127 */
    W4_DEVIATION = 5,
    MULTIPLIER_FIRST = 4, /* indices into the default codebook's multipliers: 5 … 11, as most groups of real weights have */
    MULTIPLIER_COUNT = 7,
    ZERO_CODE = 8, /* the index of 0 in the default codebook */
};
#define MULTIPLIER_DEVIATION 8.2462113f /* the root of the mean square of 5 … 11 */

struct piece {
    uint8_t bytes[PIECE_BYTES];
    int16_t sum[KN_PANEL]; /* of the codes of each output */
};

struct rt_panel_pool {
    uint64_t seed;
    float w4_deviation; /* of the codes drawn */
    struct piece w8[PIECES], w4[PIECES];
    float floats[PIECES][KN_PANEL];
};

/* ---- the pool ---- */

/* Nearly Gaussian, deviation 1, never beyond 3.47: the sum of four uniform numbers. */
static float gaussian(uint64_t *state)
{
    uint64_t bits = rt_random_next(state);
    float sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (float)(bits >> 16 * i & 0xffff) / 65536 - 0.5f;
    return sum * 1.7320508f;
}

static void make_w8(struct piece *piece, uint64_t *state)
{
    for (size_t i = 0; i < PIECE_BYTES; i++) {
        int code = (int)lrintf(W8_DEVIATION * gaussian(state));
        piece->bytes[i] = (uint8_t)(int8_t)code;
        piece->sum[i / 4] = (int16_t)(piece->sum[i / 4] + code);
    }
}

static unsigned nearest_code(float value)
{
    unsigned best = 0;
    for (unsigned q = 1; q < 16; q++)
        if (fabsf(value - kn_codebook_default.codes[q]) < fabsf(value - kn_codebook_default.codes[best]))
            best = q;
    return best;
}

/* Adds the squares of the codes to *square. */
static void make_w4(struct piece *piece, uint64_t *state, double *square)
{
    for (size_t i = 0; i < PIECE_BYTES; i++)
        for (int shift = 0; shift < 8; shift += 4) {
            unsigned q = nearest_code(W4_DEVIATION * gaussian(state));
            int code = kn_codebook_default.codes[q];
            piece->bytes[i] |= (uint8_t)(q << shift);
            piece->sum[i / 4] = (int16_t)(piece->sum[i / 4] + code);
            *square += code * code;
        }
}

struct rt_panel_pool *rt_panel_pool_open(uint64_t seed)
{
    struct rt_panel_pool *pool = calloc(1, sizeof *pool);
    uint64_t state = seed;
    double square = 0;
    if (!pool)
        return NULL;
    pool->seed = rt_random_next(&state);
    for (size_t i = 0; i < PIECES; i++) {
        make_w8(&pool->w8[i], &state);
        make_w4(&pool->w4[i], &state, &square);
        for (size_t n = 0; n < KN_PANEL; n++)
            pool->floats[i][n] = gaussian(&state);
    }
    pool->w4_deviation = (float)sqrt(square / (2.0 * PIECES * PIECE_BYTES));
    return pool;
}

void rt_panel_pool_close(struct rt_panel_pool **pool)
{
    free(*pool);
    *pool = NULL;
}

/* ---- random pieces ---- */

struct draw { /* several small numbers from each large one */
    uint64_t state, bits;
    int left;
};

static struct draw draw_open(const struct rt_panel_pool *pool, uint64_t number)
{
    struct draw draw = {.state = pool->seed ^ number * UINT64_C(0xd1342543de82ef95)};
    (void)rt_random_next(&draw.state);
    return draw;
}

static size_t draw_piece(struct draw *draw)
{
    if (!draw->left) {
        draw->bits = rt_random_next(&draw->state);
        draw->left = 64 / PIECE_BITS;
    }
    size_t piece = draw->bits & (PIECES - 1);
    draw->bits >>= PIECE_BITS;
    draw->left--;
    return piece;
}

/* ---- panels ---- */

static void fill_scales(struct draw *draw, float *scale, float around)
{
    for (size_t n = 0; n < KN_PANEL; n++)
        scale[n] = around * (0.8f + 0.4f * (float)(rt_random_next(&draw->state) >> 40) / (1 << 24));
}

static void take_piece(uint8_t *out, int32_t *sum, const struct piece *piece)
{
    memcpy(out, piece->bytes, PIECE_BYTES);
    for (size_t n = 0; n < KN_PANEL; n++)
        sum[n] += piece->sum[n];
}

static void fill_w8(const struct rt_panel_pool *pool, struct draw *draw, uint8_t *panel, int32_t *sum, size_t kp)
{
    memset(sum, 0, KN_PANEL * sizeof *sum);
    for (size_t i = 0; i < kp / 4; i++)
        take_piece(panel + i * PIECE_BYTES, sum, &pool->w8[draw_piece(draw)]);
}

static unsigned draw_multiplier(struct draw *draw)
{
    return MULTIPLIER_FIRST + (unsigned)(rt_random_next(&draw->state) >> 32) % MULTIPLIER_COUNT;
}

/* A group's codes, then its multipliers, one for each output; `at` is the first byte of its four pieces. */
static void fill_group(const struct rt_panel_pool *pool, struct draw *draw, uint8_t *at, uint8_t *multipliers, int shift, int32_t *sum)
{
    int32_t codes[KN_PANEL] = {0};
    for (size_t i = 0; i < KN_GROUP / 8; i++)
        take_piece(at + i * PIECE_BYTES, codes, &pool->w4[draw_piece(draw)]);
    unsigned start = draw_multiplier(draw) - MULTIPLIER_FIRST;
    for (size_t n = 0; n < KN_PANEL; n++) {
        unsigned g = MULTIPLIER_FIRST + (unsigned)(start + n) % MULTIPLIER_COUNT;
        multipliers[n] = (uint8_t)((shift ? multipliers[n] : 0) | g << shift);
        sum[n] += codes[n] * kn_codebook_default.multipliers[g];
    }
}

static void fill_w4(const struct rt_panel_pool *pool, struct draw *draw, uint8_t *panel, int32_t *sum, size_t kp)
{
    memset(sum, 0, KN_PANEL * sizeof *sum);
    for (size_t group = 0; group < kp / KN_GROUP; group++)
        fill_group(pool, draw, panel + group * (KN_GROUP / 8) * PIECE_BYTES, panel + kn_w4_codes(kp) + group / 2 * KN_PANEL,
                   group % 2 ? 4 : 0, sum);
}

static void clear_code(enum kn_format format, uint8_t *panel, size_t n, size_t k)
{
    if (format == KN_W8) {
        panel[kn_w8_index(n, k)] = 0;
        return;
    }
    uint8_t *byte = &panel[kn_w4_index(n, k)];
    *byte = (uint8_t)((*byte & ~(15 << kn_w4_shift(k))) | ZERO_CODE << kn_w4_shift(k));
}

static int code_value(enum kn_format format, const uint8_t *panel, size_t kp, size_t n, size_t k)
{
    return format == KN_W8 ? (int8_t)panel[kn_w8_index(n, k)] : kn_w4_value(panel, kp, &kn_codebook_default, n, k);
}

/* Zeros where the matrix ends inside the panel, and the sums that are left. */
static void trim(enum kn_format format, uint8_t *panel, size_t count, size_t k, float *scale, int32_t *sum)
{
    size_t kp = kn_pad(k);
    for (size_t n = 0; n < KN_PANEL; n++) {
        for (size_t i = n < count ? k : 0; i < kp; i++)
            clear_code(format, panel, n, i);
        sum[n] = 0;
        for (size_t i = 0; i < k; i++)
            sum[n] += code_value(format, panel, kp, n, i);
        if (n >= count)
            scale[n] = 0;
    }
}

static void fill_quantised(const struct rt_panel_pool *pool, struct draw *draw, enum kn_format format, uint8_t *panel, size_t count,
                           size_t k, float deviation)
{
    size_t kp = kn_pad(k);
    float *scale = (float *)(void *)(panel + kn_scale_offset(format, kp));
    int32_t *sum = (int32_t *)(void *)(scale + KN_PANEL);
    if (format == KN_W8) {
        fill_w8(pool, draw, panel, sum, kp);
        fill_scales(draw, scale, deviation / W8_DEVIATION);
    } else {
        fill_w4(pool, draw, panel, sum, kp);
        fill_scales(draw, scale, deviation / (pool->w4_deviation * MULTIPLIER_DEVIATION));
    }
    if (count < KN_PANEL || k < kp)
        trim(format, panel, count, k, scale, sum);
}

static void fill_bf16(const struct rt_panel_pool *pool, struct draw *draw, uint16_t *out, size_t n, float deviation)
{
    for (size_t i = 0; i < n; i += KN_PANEL) {
        const float *from = pool->floats[draw_piece(draw)];
        size_t end = n - i < KN_PANEL ? n - i : KN_PANEL;
        for (size_t j = 0; j < end; j++) {
            float value = deviation * from[j];
            uint32_t bits;
            memcpy(&bits, &value, sizeof bits);
            out[i + j] = (uint16_t)(bits >> 16);
        }
    }
}

void rt_bf16_fill(const struct rt_panel_pool *pool, uint16_t *out, size_t n, float deviation, uint64_t number)
{
    struct draw draw = draw_open(pool, number);
    fill_bf16(pool, &draw, out, n, deviation);
}

void rt_panel_fill(const struct rt_panel_pool *pool, enum kn_format format, uint8_t *panel, size_t count, size_t k, float deviation,
                   uint64_t number)
{
    struct draw draw = draw_open(pool, number);
    if (format != KN_BF16) {
        fill_quantised(pool, &draw, format, panel, count, k, deviation);
        return;
    }
    uint16_t *values = (uint16_t *)(void *)panel;
    fill_bf16(pool, &draw, values, k * KN_PANEL, deviation);
    for (size_t i = 0; i < k && count < KN_PANEL; i++)
        memset(values + i * KN_PANEL + count, 0, (KN_PANEL - count) * sizeof *values);
}
