/* rope_tables.c: the four scalings. Where PyTorch divides a number by a tensor it multiplies by the reciprocal, and so does this.
 * Powers are rounded from double: PyTorch's own float power differs from machine to machine by a unit in the last place. */
#include "packaging/pack/rope_tables.h"

#include <math.h>
#include <string.h>

static const char *const scaling_names[] = {"default", "linear", "llama3", "yarn"};

int pk_rope_scaling_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof scaling_names / sizeof *scaling_names); i++)
        if (strcmp(scaling_names[i], name) == 0)
            return i;
    return -1;
}

const char *pk_rope_scaling_name(enum pk_rope_scaling scaling)
{
    return scaling_names[scaling];
}

/* theta^(2i/dim), the exponent a float. */
static float position_frequency(double theta, uint32_t i, uint32_t dim)
{
    return (float)pow((double)(float)theta, (double)((float)(2 * i) / (float)dim));
}

static float scale_llama3(float inv_freq, const struct pk_rope *rope)
{
    float factor = (float)rope->factor, low = (float)rope->low_freq_factor, context = (float)rope->original_context;
    float wavelength = 1.0f / inv_freq * (float)(2 * M_PI);
    if (wavelength < (float)(rope->original_context / rope->high_freq_factor))
        return inv_freq;
    if (wavelength > (float)(rope->original_context / rope->low_freq_factor))
        return inv_freq / factor;
    float smooth = (1.0f / wavelength * context - low) / (float)(rope->high_freq_factor - rope->low_freq_factor);
    return (1.0f - smooth) * inv_freq / factor + smooth * inv_freq;
}

/* The dimension that turns `rotations` times over the original context. */
static double yarn_dimension(double rotations, const struct pk_rope *rope, uint32_t dim)
{
    return dim * log(rope->original_context / (rotations * 2 * M_PI)) / (2 * log(rope->theta));
}

static void yarn_range(double *low, double *high, const struct pk_rope *rope, uint32_t dim)
{
    *low = yarn_dimension(rope->beta_fast, rope, dim);
    *high = yarn_dimension(rope->beta_slow, rope, dim);
    if (rope->truncate) {
        *low = floor(*low);
        *high = ceil(*high);
    }
    *low = fmax(*low, 0);
    *high = fmin(*high, dim - 1.0);
    if (*low == *high)
        *high += 0.001;
}

static void yarn_table(float *inv_freq, const struct pk_rope *rope, uint32_t dim)
{
    double low, high;
    yarn_range(&low, &high, rope, dim);
    for (uint32_t i = 0; i < dim / 2; i++) {
        float frequency = position_frequency(rope->theta, i, dim);
        float ramp = fminf(fmaxf(((float)i - (float)low) / (float)(high - low), 0.0f), 1.0f);
        float keep = 1.0f - ramp;
        inv_freq[i] = 1.0f / ((float)rope->factor * frequency) * (1.0f - keep) + 1.0f / frequency * keep;
    }
}

void pk_rope_table(float *inv_freq, const struct pk_rope *rope, uint32_t dim)
{
    if (rope->scaling == PK_ROPE_YARN) {
        yarn_table(inv_freq, rope, dim);
        return;
    }
    for (uint32_t i = 0; i < dim / 2; i++) {
        inv_freq[i] = 1.0f / position_frequency(rope->theta, i, dim);
        if (rope->scaling == PK_ROPE_LINEAR)
            inv_freq[i] /= (float)rope->factor;
        else if (rope->scaling == PK_ROPE_LLAMA3)
            inv_freq[i] = scale_llama3(inv_freq[i], rope);
    }
}

static double yarn_magnitude(double scale, double mscale)
{
    return scale <= 1 ? 1.0 : 0.1 * mscale * log(scale) + 1.0;
}

double pk_rope_attention_factor(const struct pk_rope *rope)
{
    if (rope->scaling != PK_ROPE_YARN)
        return 1.0;
    if (rope->attention_factor > 0)
        return rope->attention_factor;
    if (rope->mscale > 0 && rope->mscale_all_dim > 0)
        return yarn_magnitude(rope->factor, rope->mscale) / yarn_magnitude(rope->factor, rope->mscale_all_dim);
    return yarn_magnitude(rope->factor, 1.0);
}
