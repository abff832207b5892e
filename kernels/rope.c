/* rope.c: rotary angles (n1 §7): sine and cosine in double, without libm, rounded once to float. Multiplications and additions only,
 * none fused, so every machine gives the same bits. Any thread. */
#include "kernels/kernels.h"

/* π/2 in three parts; the first two have 21 and 20 bits, so their products with a quadrant number below 2^32 are exact. */
#define HALF_PI_HIGH 0x1.921fbp+0
#define HALF_PI_MIDDLE 0x1.5110ap-22
#define HALF_PI_LOW 0x1.4611a62633146p-42
#define TWO_OVER_PI 0x1.45f306dc9c883p-1
#define ROUND_TO_INTEGER 0x1.8p+52

/* Taylor's series on |r| ≤ π/4: the first term left out is below 2^-45. */
static double sine(double r)
{
    double z = r * r;
    double p = 1.0 / 6227020800.0; /* 1/13! */
    p = p * z - 1.0 / 39916800.0;
    p = p * z + 1.0 / 362880.0;
    p = p * z - 1.0 / 5040.0;
    p = p * z + 1.0 / 120.0;
    p = p * z - 1.0 / 6.0;
    return r + r * (z * p);
}

static double cosine(double r)
{
    double z = r * r;
    double p = -1.0 / 87178291200.0; /* 1/14! */
    p = p * z + 1.0 / 479001600.0;
    p = p * z - 1.0 / 3628800.0;
    p = p * z + 1.0 / 40320.0;
    p = p * z - 1.0 / 720.0;
    p = p * z + 1.0 / 24.0;
    p = p * z - 1.0 / 2.0;
    return 1.0 + z * p;
}

static void sine_cosine(float angle, float *s, float *c)
{
    double x = angle;
    double quadrant = (x * TWO_OVER_PI + ROUND_TO_INTEGER) - ROUND_TO_INTEGER;
    double r = ((x - quadrant * HALF_PI_HIGH) - quadrant * HALF_PI_MIDDLE) - quadrant * HALF_PI_LOW;
    double sr = sine(r), cr = cosine(r);
    switch ((int64_t)quadrant & 3) {
    case 0: *s = (float)sr, *c = (float)cr; break;
    case 1: *s = (float)cr, *c = (float)-sr; break;
    case 2: *s = (float)-sr, *c = (float)-cr; break;
    default: *s = (float)-cr, *c = (float)sr; break;
    }
}

void kn_rope_angles(float *cs, const float *inv_freq, size_t half, uint32_t position, float factor)
{
    for (size_t i = 0; i < half; i++) {
        float s, c;
        sine_cosine((float)position * inv_freq[i], &s, &c);
        cs[2 * i] = c * factor;
        cs[2 * i + 1] = s * factor;
    }
}
