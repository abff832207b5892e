/* ladder.h: what the search of w4 scales (n1 §11) walks on. Filled by panel_w4.c; tried by an operation of the table. */
#ifndef CLOISTER_LADDER_H
#define CLOISTER_LADDER_H

#include <stddef.h>
#include <stdint.h>

/* A codebook in ascending order; t belongs to value[j] where bound[j-1] <= t < bound[j]. */
struct kn_ladder {
    float value[16];
    float bound[15];  /* midpoints */
    uint8_t code[16]; /* value[j] is codes[code[j]] */
    float multiplier[16];
    uint8_t group[16]; /* multiplier[j] is multipliers[group[j]] */
    int multipliers;   /* distinct ones */
    float top, second; /* the largest |value|, and the largest below it */
};

struct kn_w4_row {       /* one output's weights, while its scale is searched */
    const float *w;      /* 32 · groups */
    const float *absmax; /* of each group */
    size_t groups;
};

/* §11: the multipliers that a group tries are those from one below the first that reaches its absmax to two above. */
static inline int kn_ladder_first(const struct kn_ladder *ladder, float scale, float absmax)
{
    int j = 0;
    while (j + 1 < ladder->multipliers && scale * ladder->multiplier[j] * ladder->top < absmax)
        j++;
    return j > 0 ? j - 1 : 0;
}

static inline int kn_ladder_end(const struct kn_ladder *ladder, int first)
{
    return first + 4 < ladder->multipliers ? first + 4 : ladder->multipliers;
}

#endif
