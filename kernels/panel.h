/* panel.h: what panel.c and panel_w4.c share. */
#ifndef CLOISTER_PANEL_H
#define CLOISTER_PANEL_H

#include "kernels/kernels.h"

struct kn_panel_tail { /* the last 512 bytes of an integer panel */
    float *scale;
    int32_t *sum;
};

static inline struct kn_panel_tail kn_panel_tail(uint8_t *at)
{
    float *scale = (float *)(void *)at;
    return (struct kn_panel_tail){scale, (int32_t *)(void *)(scale + KN_PANEL)};
}

size_t kn_w4_scratch(size_t kp);
/* Fills a zeroed KN_W4 panel. */
void kn_w4_pack(uint8_t *panel, const float *const *rows, size_t count, size_t k, const struct kn_codebook *codebook, void *scratch);

#endif
