/* panel.c: sizes of panels, and packing and unpacking them (n1 §4, §11); w4's search is panel_w4.c. Knows no instruction set; called by
 * the packer and by tests, and for sizes by the loader. Any thread. */
#include "kernels/panel.h"

#include "kernels/layout.h"
#include "kernels/numerics.h"
#include "kernels/reference.h"

#include <math.h>
#include <string.h>

const struct kn_codebook kn_codebook_default = {
    .codes = {-11, -8, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 11},
    .multipliers = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, 11, 11, 11, 11},
};

int kn_codebook_check(const struct kn_codebook *codebook)
{
    int code = 0, multiplier = 0;
    for (int i = 0; i < 16; i++) {
        int magnitude = codebook->codes[i] < 0 ? -codebook->codes[i] : codebook->codes[i];
        code = magnitude > code ? magnitude : code;
        multiplier = codebook->multipliers[i] > multiplier ? codebook->multipliers[i] : multiplier;
        if (!codebook->multipliers[i])
            return -1;
    }
    return code * multiplier <= 127 ? 0 : -1;
}

size_t kn_panel_bytes(enum kn_format format, size_t k)
{
    if (k > KN_K_MAX)
        return 0;
    switch (format) {
    case KN_BF16: return k * KN_PANEL * sizeof(uint16_t);
    case KN_W8:
    case KN_W4: return kn_scale_offset(format, kn_pad(k)) + KN_PANEL * (sizeof(float) + sizeof(int32_t));
    case KN_F32: break;
    }
    return 0;
}

size_t kn_matrix_bytes(enum kn_format format, size_t n, size_t k)
{
    size_t panel = kn_panel_bytes(format, k), panels = n / KN_PANEL + (n % KN_PANEL != 0);
    return panel && panels > SIZE_MAX / panel ? 0 : panels * panel;
}

static void pack_bf16(uint16_t *panel, const float *const *rows, size_t count, size_t k)
{
    for (size_t i = 0; i < k; i++)
        for (size_t n = 0; n < KN_PANEL; n++)
            panel[i * KN_PANEL + n] = n < count ? kn_bf16_round(rows[n][i]) : 0;
}

static float row_absmax(const float *row, size_t k)
{
    float largest = 0;
    for (size_t i = 0; i < k; i++)
        largest = fabsf(row[i]) > largest ? fabsf(row[i]) : largest;
    return largest;
}

/* One output of a KN_W8 panel. */
static void pack_w8_row(uint8_t *panel, size_t n, const float *row, size_t k)
{
    size_t kp = kn_pad(k);
    struct kn_panel_tail tail = kn_panel_tail(panel + kn_scale_offset(KN_W8, kp));
    float largest = row_absmax(row, k);
    if (!(largest >= KN_QUANTIZE_MIN))
        return;
    float inverse = 127.0f / largest;
    tail.scale[n] = largest / 127.0f;
    for (size_t i = 0; i < k; i++) {
        int8_t q = (int8_t)lrintf(fminf(fmaxf(row[i] * inverse, -127.0f), 127.0f));
        panel[kn_w8_index(n, i)] = (uint8_t)q;
        tail.sum[n] += q;
    }
}

size_t kn_pack_scratch(size_t k)
{
    return kn_w4_scratch(kn_pad(k));
}

void kn_panel_pack(enum kn_format format, uint8_t *panel, const float *const *rows, size_t count, size_t k,
                   const struct kn_codebook *codebook, void *scratch)
{
    memset(panel, 0, kn_panel_bytes(format, k));
    if (format == KN_BF16)
        pack_bf16((uint16_t *)(void *)panel, rows, count, k);
    for (size_t n = 0; n < count && format == KN_W8; n++)
        pack_w8_row(panel, n, rows[n], k);
    if (format == KN_W4)
        kn_w4_pack(panel, rows, count, k, codebook, scratch);
}

void kn_panel_unpack(enum kn_format format, float *out, size_t ld, const uint8_t *panel, size_t k, const struct kn_codebook *codebook)
{
    size_t kp = kn_pad(k);
    const uint16_t *halves = (const uint16_t *)(const void *)panel;
    const float *scale = (const float *)(const void *)(panel + kn_scale_offset(format, kp));
    for (size_t n = 0; n < KN_PANEL; n++)
        for (size_t i = 0; i < k; i++) {
            float *value = out + n * ld + i;
            if (format == KN_BF16)
                *value = kn_bf16_value(halves[i * KN_PANEL + n]);
            else if (format == KN_W8)
                *value = scale[n] * (float)(int8_t)panel[kn_w8_index(n, i)];
            else
                *value = scale[n] * (float)kn_w4_value(panel, kp, codebook, n, i);
        }
}
