/* dtypes.c: conversions to f32, exact for all three kinds. Portable C: reading from the disk takes longer. */
#include "packaging/pack/dtypes.h"

#include <string.h>

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void widen_f32(float *out, const void *in, size_t count)
{
    memcpy(out, in, count * sizeof *out);
}

static void widen_bf16(float *out, const void *in, size_t count)
{
    const uint16_t *half = in;
    for (size_t i = 0; i < count; i++)
        out[i] = float_of_bits((uint32_t)half[i] << 16);
}

static float float_of_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff;
    if (exponent == 31)
        return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent > 0)
        return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float magnitude = (float)fraction * 0x1p-24f;
    return sign ? -magnitude : magnitude;
}

static void widen_f16(float *out, const void *in, size_t count)
{
    const uint16_t *half = in;
    for (size_t i = 0; i < count; i++)
        out[i] = float_of_f16(half[i]);
}

static const struct pk_dtype dtypes[] = {
    {"F32", 4, widen_f32}, {"F16", 2, widen_f16}, {"BF16", 2, widen_bf16}, {"F64", 8, NULL},  {"F8_E4M3", 1, NULL}, {"F8_E5M2", 1, NULL},
    {"F8_E8M0", 1, NULL},  {"I64", 8, NULL},      {"I32", 4, NULL},        {"I16", 2, NULL},  {"I8", 1, NULL},      {"U64", 8, NULL},
    {"U32", 4, NULL},      {"U16", 2, NULL},      {"U8", 1, NULL},         {"BOOL", 1, NULL},
};

const struct pk_dtype *pk_dtype_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtypes[i].name, name) == 0)
            return &dtypes[i];
    return NULL;
}

size_t pk_first_unfit(const float *values, size_t count)
{
    const uint32_t first_too_large = 0x7f7f8000; /* half way from bf16's largest to its infinity */
    size_t i = 0;
    while (i < count && (bits_of_float(values[i]) & 0x7fffffff) < first_too_large)
        i++;
    return i;
}

uint16_t pk_bf16_round(float value)
{
    uint32_t bits = bits_of_float(value);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
