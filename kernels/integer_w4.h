/* integer_w4.h: w4's codes and multipliers, looked up in registers, and a panel of them written out as int8. Written once over 16 outputs;
 * included after integers_<isa>.h. */
#ifndef CLOISTER_INTEGER_W4_H
#define CLOISTER_INTEGER_W4_H

#include "kernels/layout.h"

enum {
    ROW_BYTES = KN_PANEL * 4, /* of a panel, per four inputs (w8) or eight (w4) */
    INTS_BYTES = 64,          /* of them, for 16 outputs */
    UNPACK_AHEAD = 2048,      /* bytes ahead of where a panel is read: hardware stops at each page */
};

struct tables {
    __m128i codes, multipliers;
};

LANES_INLINE struct tables tables_of(const struct kn_codebook *codebook)
{
    return (struct tables){_mm_loadu_si128((const __m128i *)(const void *)codebook->codes),
                           _mm_loadu_si128((const __m128i *)(const void *)codebook->multipliers)};
}

/* The multipliers of 16 outputs, from the nibbles at `shift`: kn_w4_group_shift. */
LANES_INLINE struct ints group_multipliers(const struct tables *t, const uint8_t *groups, unsigned shift)
{
    __m128i nibbles = _mm_loadu_si128((const __m128i *)(const void *)groups);
    nibbles = _mm_and_si128(_mm_srli_epi16(nibbles, (int)shift), _mm_set1_epi8(15));
    return ints_of_bytes16(_mm_shuffle_epi8(t->multipliers, nibbles));
}

/* Half of 64 inputs of all outputs of a panel. */
LANES_INLINE void unpack_w4_half(int8_t *out, const uint8_t *codes, const uint8_t *groups, const struct tables *t, unsigned shift)
{
    struct ints multiplier[KN_PANEL / KN_LANES];
    for (size_t i = 0; i < KN_PANEL / KN_LANES; i++)
        multiplier[i] = group_multipliers(t, groups + i * KN_LANES, shift);
    for (size_t step = 0; step < KN_GROUP / 8; step++, codes += ROW_BYTES, out += 2 * ROW_BYTES)
        for (size_t i = 0; i < KN_PANEL / KN_LANES; i++) {
            struct bytes both = bytes_load(codes + i * INTS_BYTES);
            _mm_prefetch((const char *)codes + i * INTS_BYTES + UNPACK_AHEAD, _MM_HINT_T0);
            bytes_store(out + i * INTS_BYTES, bytes_multiply(bytes_look_up_low(t->codes, both), multiplier[i]));
            bytes_store(out + i * INTS_BYTES + ROW_BYTES, bytes_multiply(bytes_look_up_high(t->codes, both), multiplier[i]));
        }
}

static inline void unpack_w4(int8_t *out, const uint8_t *panel, size_t kp, const struct kn_codebook *codebook)
{
    enum { HALF = KN_GROUP / 8 * ROW_BYTES };
    struct tables t = tables_of(codebook);
    const uint8_t *codes = panel, *groups = panel + kn_w4_codes(kp);
    for (size_t k = 0; k < kp; k += 2 * KN_GROUP, codes += 2 * HALF, groups += KN_PANEL, out += 4 * HALF) {
        unpack_w4_half(out, codes, groups, &t, 0);
        unpack_w4_half(out + 2 * HALF, codes + HALF, groups, &t, 4);
    }
}

#endif
