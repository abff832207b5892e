/* layout.h: where things lie inside one panel. Knows the formats of kernels.h and nothing about instruction sets. */
#ifndef CLOISTER_LAYOUT_H
#define CLOISTER_LAYOUT_H

#include "kernels/kernels.h"

/* Bytes before the panel's float [64] scale; kp is the padded number of inputs. */
static inline size_t kn_w8_codes(size_t kp)
{
    return kp * KN_PANEL;
}

static inline size_t kn_w4_codes(size_t kp)
{
    return kp * KN_PANEL / 2;
}

static inline size_t kn_w4_groups(size_t kp)
{
    return kp; /* [Kp/64][64] bytes */
}

static inline size_t kn_scale_offset(enum kn_format format, size_t kp)
{
    return format == KN_W4 ? kn_w4_codes(kp) + kn_w4_groups(kp) : kn_w8_codes(kp);
}

static inline const uint8_t *kn_panel_at(const struct kn_matrix *w, size_t panel)
{
    return w->panels + (panel - w->first_panel) * kn_panel_bytes(w->format, w->k);
}

static inline const float *kn_panel_scale(const struct kn_matrix *w, const uint8_t *panel)
{
    return (const float *)(const void *)(panel + kn_scale_offset(w->format, kn_pad(w->k)));
}

static inline const int32_t *kn_panel_sum(const struct kn_matrix *w, const uint8_t *panel)
{
    return (const int32_t *)(const void *)(kn_panel_scale(w, panel) + KN_PANEL);
}

/* Index of w[n][k] among the int8 of a KN_W8 panel, n < 64. */
static inline size_t kn_w8_index(size_t n, size_t k)
{
    return k / 4 * (KN_PANEL * 4) + n * 4 + k % 4;
}

/* A KN_W4 code: its byte, and how far to shift it down. */
static inline size_t kn_w4_index(size_t n, size_t k)
{
    return k / 8 * (KN_PANEL * 4) + n * 4 + k % 4;
}

static inline unsigned kn_w4_shift(size_t k)
{
    return k % 8 < 4 ? 0 : 4;
}

/* The multiplier of w[n][k]'s group, likewise. */
static inline size_t kn_w4_group_index(size_t kp, size_t n, size_t k)
{
    return kn_w4_codes(kp) + k / 64 * KN_PANEL + n;
}

static inline unsigned kn_w4_group_shift(size_t k)
{
    return k % 64 < KN_GROUP ? 0 : 4;
}

static inline int8_t kn_w4_value(const uint8_t *panel, size_t kp, const struct kn_codebook *codebook, size_t n, size_t k)
{
    unsigned code = panel[kn_w4_index(n, k)] >> kn_w4_shift(k) & 15;
    unsigned group = panel[kn_w4_group_index(kp, n, k)] >> kn_w4_group_shift(k) & 15;
    return (int8_t)(codebook->codes[code] * codebook->multipliers[group]);
}

#endif
