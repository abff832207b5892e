/* panel_w4.c: quantises to w4 (n1 §11): per output one scale, per group of 32 inputs a multiplier, per input a code, chosen by a
 * deterministic search. Knows the layout of a panel; the search's inner loop is an operation of the table. Any thread. */
#include "kernels/layout.h"
#include "kernels/numerics.h"
#include "kernels/ops.h"
#include "kernels/panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SCALES = 16 }; /* candidates per output */

static void ladder_fill(struct kn_ladder *ladder, const struct kn_codebook *codebook)
{
    int code = 0, multiplier = 0;
    for (uint8_t i = 0; i < 16; i++) {
        int j = i;
        for (; j > 0 && codebook->codes[ladder->code[j - 1]] > codebook->codes[i]; j--)
            ladder->code[j] = ladder->code[j - 1];
        ladder->code[j] = i;
        code = abs(codebook->codes[i]) > code ? abs(codebook->codes[i]) : code;
        multiplier = codebook->multipliers[i] > multiplier ? codebook->multipliers[i] : multiplier;
        ladder->multiplier[i] = (float)codebook->multipliers[i];
    }
    for (int j = 0; j < 16; j++)
        ladder->value[j] = (float)codebook->codes[ladder->code[j]];
    for (int j = 0; j < 15; j++)
        ladder->bound[j] = (ladder->value[j] + ladder->value[j + 1]) * 0.5f;
    ladder->top = (float)(code * multiplier);
}

struct search { /* one output's state */
    struct kn_ops ops;
    struct kn_ladder ladder;
    float *w;                       /* kp floats, zero past k */
    uint8_t *groups, *groups_tried; /* kp / 32 */
};

/* The scale that loses least, its multipliers in s->groups; 0 for a row of zeros. */
static float search_scale(struct search *s, size_t kp)
{
    float largest = 0, least = INFINITY, best = 0;
    for (size_t i = 0; i < kp; i++)
        largest = fabsf(s->w[i]) > largest ? fabsf(s->w[i]) : largest;
    memset(s->groups, 0, kp / KN_GROUP);
    if (!(largest >= KN_QUANTIZE_MIN) || s->ladder.top == 0.0f)
        return 0;
    for (int i = 0; i < SCALES; i++) {
        float scale = largest / s->ladder.top * (1.0f - (float)i * (1.0f / 32));
        float lost = s->ops.try_w4(s->groups_tried, s->w, kp, scale, &s->ladder);
        if (lost < least) {
            least = lost;
            best = scale;
            memcpy(s->groups, s->groups_tried, kp / KN_GROUP);
        }
    }
    return best;
}

static uint8_t nearest_code(const struct kn_ladder *ladder, float t)
{
    int j = 0;
    while (j < 15 && t >= ladder->bound[j])
        j++;
    return ladder->code[j];
}

static void store_row(uint8_t *panel, size_t n, const struct search *s, size_t kp, float scale, const struct kn_codebook *codebook)
{
    struct kn_panel_tail tail = kn_panel_tail(panel + kn_scale_offset(KN_W4, kp));
    tail.scale[n] = scale;
    for (size_t k = 0; k < kp; k++) {
        uint8_t group = s->groups[k / KN_GROUP];
        float inverse = scale > 0 ? 1.0f / (scale * s->ladder.multiplier[group]) : 0.0f;
        uint8_t code = nearest_code(&s->ladder, s->w[k] * inverse);
        panel[kn_w4_index(n, k)] |= (uint8_t)(code << kn_w4_shift(k));
        if (k % KN_GROUP == 0)
            panel[kn_w4_group_index(kp, n, k)] |= (uint8_t)(group << kn_w4_group_shift(k));
        tail.sum[n] += codebook->codes[code] * codebook->multipliers[group];
    }
}

size_t kn_w4_scratch(size_t kp)
{
    return sizeof(struct search) + KN_PANEL + kp * sizeof(float) + 2 * kp / KN_GROUP;
}

void kn_w4_pack(uint8_t *panel, const float *const *rows, size_t count, size_t k, const struct kn_codebook *codebook, void *scratch)
{
    size_t kp = kn_pad(k);
    struct search *s = scratch;
    s->w = (float *)(void *)((uint8_t *)scratch + (sizeof *s + KN_PANEL - 1) / KN_PANEL * KN_PANEL);
    s->groups = (uint8_t *)(s->w + kp);
    s->groups_tried = s->groups + kp / KN_GROUP;
    kn_ops_fill(&s->ops, kn_isa_best(kn_cpu()));
    ladder_fill(&s->ladder, codebook);
    memset(s->w, 0, kp * sizeof *s->w);
    for (size_t n = 0; n < KN_PANEL; n++) {
        if (n < count)
            memcpy(s->w, rows[n], k * sizeof *s->w);
        else
            memset(s->w, 0, k * sizeof *s->w);
        store_row(panel, n, s, kp, search_scale(s, kp), codebook);
    }
}
