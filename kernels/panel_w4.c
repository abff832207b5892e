/* panel_w4.c: quantises to w4 (n1 §11): per output one scale, per group of 32 inputs a multiplier, per input a code, chosen by a
 * deterministic search. Knows the layout of a panel; the search's inner loop is an operation of the table. Any thread. */
#include "kernels/layout.h"
#include "kernels/numerics.h"
#include "kernels/ops.h"
#include "kernels/panel.h"

#include <math.h>
#include <string.h>

enum { SCALES = 9 }; /* candidates per output */

struct search { /* one output's state; everything lies in the caller's scratch */
    struct kn_ops ops;
    struct kn_ladder ladder;
    const struct kn_codebook *codebook;
    size_t kp;
    float *w;                 /* [kp], zero past k */
    float *absmax;            /* [kp / 32] */
    uint8_t *chosen, *trying; /* [kp / 32]: places in the ladder */
};

static void ladder_values(struct kn_ladder *ladder, const int8_t codes[16])
{
    for (uint8_t i = 0; i < 16; i++) {
        int j = i;
        for (; j > 0 && codes[ladder->code[j - 1]] > codes[i]; j--)
            ladder->code[j] = ladder->code[j - 1];
        ladder->code[j] = i;
    }
    ladder->top = ladder->second = 0;
    for (int j = 0; j < 16; j++) {
        float magnitude = fabsf((float)codes[j]);
        ladder->value[j] = (float)codes[ladder->code[j]];
        ladder->top = magnitude > ladder->top ? magnitude : ladder->top;
    }
    for (int j = 0; j < 15; j++)
        ladder->bound[j] = (ladder->value[j] + ladder->value[j + 1]) * 0.5f;
    for (int j = 0; j < 16; j++) {
        float magnitude = fabsf((float)codes[j]);
        ladder->second = magnitude > ladder->second && magnitude < ladder->top ? magnitude : ladder->second;
    }
}

static void ladder_multipliers(struct kn_ladder *ladder, const uint8_t multipliers[16])
{
    ladder->multipliers = 0;
    for (int value = 1; value < 128; value++)
        for (uint8_t i = 0; i < 16; i++)
            if (multipliers[i] == value) {
                ladder->multiplier[ladder->multipliers] = (float)value;
                ladder->group[ladder->multipliers++] = i;
                break;
            }
}

/* Candidate i: the largest weight becomes the largest product, clipped by sixteenths; the last gives it the second largest code, so
 * that weights which already lie on such a grid are met exactly. */
static float candidate(const struct kn_ladder *ladder, float largest, int i)
{
    float multiplier = ladder->multiplier[ladder->multipliers - 1];
    if (i == SCALES - 1)
        return largest / (ladder->second * multiplier);
    return largest / (ladder->top * multiplier) * (1.0f - (float)i * 0.0625f);
}

static float find_absmax(struct search *s)
{
    float largest = 0;
    for (size_t g = 0; g < s->kp / KN_GROUP; g++) {
        s->absmax[g] = 0;
        for (size_t i = g * KN_GROUP; i < (g + 1) * KN_GROUP; i++)
            s->absmax[g] = fabsf(s->w[i]) > s->absmax[g] ? fabsf(s->w[i]) : s->absmax[g];
        largest = s->absmax[g] > largest ? s->absmax[g] : largest;
    }
    return largest;
}

/* The scale that loses least, with its multipliers in s->chosen; 0 for a row of zeros. */
static float search_scale(struct search *s)
{
    struct kn_w4_row row = {s->w, s->absmax, s->kp / KN_GROUP};
    float largest = find_absmax(s), least = INFINITY, best = 0;
    memset(s->chosen, 0, row.groups);
    if (!(largest >= KN_QUANTIZE_MIN) || s->ladder.second == 0.0f)
        return 0;
    for (int i = 0; i < SCALES; i++) {
        float scale = candidate(&s->ladder, largest, i);
        float lost = s->ops.try_w4(s->trying, &row, scale, &s->ladder);
        if (lost < least) {
            least = lost;
            best = scale;
            memcpy(s->chosen, s->trying, row.groups);
        }
    }
    return best;
}

/* rank[i] = the place in the ladder of w[i] / step. */
static void group_ranks(uint8_t rank[KN_GROUP], const struct kn_ladder *ladder, const float *w, float inverse)
{
    int32_t reached[KN_GROUP] = {0};
    for (int j = 0; j < 15; j++)
        for (int i = 0; i < KN_GROUP; i++)
            reached[i] += w[i] * inverse >= ladder->bound[j];
    for (int i = 0; i < KN_GROUP; i++)
        rank[i] = (uint8_t)reached[i];
}

static void store_group(uint8_t *panel, size_t n, const struct search *s, size_t group, float scale)
{
    struct kn_panel_tail tail = kn_panel_tail(panel + kn_scale_offset(KN_W4, s->kp));
    size_t k = group * KN_GROUP;
    float step = scale * s->ladder.multiplier[s->chosen[group]];
    uint8_t rank[KN_GROUP], multiplier = s->ladder.group[s->chosen[group]];
    group_ranks(rank, &s->ladder, s->w + k, scale > 0 ? 1.0f / step : 0.0f);
    int32_t sum = 0;
    for (size_t i = 0; i < KN_GROUP; i++) {
        uint8_t code = s->ladder.code[rank[i]];
        panel[kn_w4_index(n, k + i)] |= (uint8_t)(code << kn_w4_shift(k + i));
        sum += s->codebook->codes[code];
    }
    panel[kn_w4_group_index(s->kp, n, k)] |= (uint8_t)(multiplier << kn_w4_group_shift(k));
    tail.sum[n] += sum * s->codebook->multipliers[multiplier];
}

static void pack_row(uint8_t *panel, size_t n, struct search *s)
{
    float scale = search_scale(s);
    kn_panel_tail(panel + kn_scale_offset(KN_W4, s->kp)).scale[n] = scale;
    for (size_t g = 0; g < s->kp / KN_GROUP; g++)
        store_group(panel, n, s, g, scale);
}

size_t kn_w4_scratch(size_t kp)
{
    return kn_pad(sizeof(struct search)) + kp * sizeof(float) + kp / KN_GROUP * (sizeof(float) + 2);
}

static struct search *search_in(void *scratch, size_t kp, const struct kn_codebook *codebook)
{
    struct search *s = scratch;
    s->codebook = codebook;
    s->kp = kp;
    s->w = (float *)(void *)((uint8_t *)scratch + kn_pad(sizeof *s));
    s->absmax = s->w + kp;
    s->chosen = (uint8_t *)(s->absmax + kp / KN_GROUP);
    s->trying = s->chosen + kp / KN_GROUP;
    kn_ops_fill(&s->ops, kn_isa_best(kn_cpu()));
    ladder_values(&s->ladder, codebook->codes);
    ladder_multipliers(&s->ladder, codebook->multipliers);
    memset(s->w, 0, kp * sizeof *s->w);
    return s;
}

void kn_w4_pack(uint8_t *panel, const float *const *rows, size_t count, size_t k, const struct kn_codebook *codebook, void *scratch)
{
    struct search *s = search_in(scratch, kn_pad(k), codebook);
    for (size_t n = 0; n < KN_PANEL; n++) {
        if (n < count)
            memcpy(s->w, rows[n], k * sizeof *s->w);
        else
            memset(s->w, 0, k * sizeof *s->w);
        pack_row(panel, n, s);
    }
}
