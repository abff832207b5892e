/* test_safetensors.c: headers of .safetensors files, good and hostile, and the conversions to f32. */
#include <math.h>

#include "packaging/pack/dtypes.h"
#include "tests/check.h"

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"

static int parse(struct pk_header *header, const char *json, uint64_t data_bytes, struct rt_error *error)
{
    return pk_header_parse(header, json, strlen(json), data_bytes, "x.safetensors", error);
}

static void test_good(void)
{
    struct rt_error error;
    struct pk_header header;
    const char *json = "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"BF16\",\"shape\":[5],\"data_offsets\":[24,34]}," A
                       ",\"empty\":{\"dtype\":\"F16\",\"shape\":[0,7],\"data_offsets\":[24,24]}}   ";
    CHECK_THAT(parse(&header, json, 34, &error) == 0, "%s", error.text);
    CHECK(header.count == 3);
    CHECK(strcmp(header.tensors[0].name, "a") == 0 && header.tensors[0].dims == 2 && header.tensors[0].shape[1] == 3);
    CHECK(strcmp(header.tensors[1].name, "empty") == 0 && header.tensors[1].bytes == 0);
    CHECK(strcmp(header.tensors[2].name, "b") == 0 && header.tensors[2].begin == 24 && header.tensors[2].bytes == 10);
    pk_header_close(&header);
    CHECK(parse(&header, "{}", 0, &error) == 0 && header.count == 0);
    pk_header_close(&header);
}

static void test_hostile(void)
{
    static const struct {
        const char *json;
        uint64_t data_bytes;
        enum rt_exit code;
        const char *text;
    } cases[] = {
        {"", 0, RT_EXIT_FAILED, "not JSON"},
        {"[]", 0, RT_EXIT_FAILED, "not a JSON object"},
        {"{" A, 24, RT_EXIT_FAILED, "not JSON"},
        {"{\"a\":[[[[[[1]]]]]]}", 0, RT_EXIT_FAILED, "nested deeper"},
        {"{\"a\":7}", 0, RT_EXIT_FAILED, "broken header"},
        {"{\"a\\u0000b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, RT_EXIT_FAILED, "broken header"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, RT_EXIT_UNSUPPORTED, "unknown data type"},
        {"{\"a\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, RT_EXIT_UNSUPPORTED, "unknown data type \"F4\""},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, RT_EXIT_FAILED, "impossible shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, RT_EXIT_FAILED, "impossible shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, RT_EXIT_FAILED, "impossible shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, RT_EXIT_FAILED, "impossible shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0, RT_EXIT_FAILED, "impossible shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, RT_EXIT_FAILED, "impossible shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, RT_EXIT_FAILED, "impossible data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, RT_EXIT_FAILED, "impossible data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, RT_EXIT_FAILED, "impossible data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":\"04\"}}", 4, RT_EXIT_FAILED, "impossible data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, RT_EXIT_FAILED, "its shape needs 4 bytes"},
        {"{" A "}", 23, RT_EXIT_FAILED, "a: truncated"},
        {"{" A "}", 25, RT_EXIT_FAILED, "1 bytes after the last tensor"},
        {"{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[23,24]}}", 24, RT_EXIT_FAILED, "b: its data overlaps"},
        {"{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[25,26]}}", 26, RT_EXIT_FAILED, "b: its data leaves a hole"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[18446744073709551614,18446744073709551615]}}", 4, RT_EXIT_FAILED,
         "hole"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rt_error error = {0};
        struct pk_header header;
        int status = parse(&header, cases[i].json, cases[i].data_bytes, &error);
        CHECK_THAT(status == -1 && error.code == cases[i].code && strstr(error.text, cases[i].text), "%s: %d \"%s\"", cases[i].json,
                   error.code, error.text);
        if (status == 0)
            pk_header_close(&header);
    }
}

static void test_length(void)
{
    struct rt_error error;
    uint64_t length;
    CHECK(pk_header_length(&length, (const uint8_t[8]){0x10, 1}, 0x118, "x", &error) == 0 && length == 0x110);
    CHECK(pk_header_length(&length, (const uint8_t[8]){0x10, 1}, 0x117, "x", &error) == -1 && strstr(error.text, "truncated"));
    CHECK(pk_header_length(&length, (const uint8_t[8]){0x10, 1}, 3, "x", &error) == -1);
    CHECK(pk_header_length(&length, (const uint8_t[8]){0}, 100, "x", &error) == -1 && strstr(error.text, "not a safetensors file"));
    CHECK(pk_header_length(&length, (const uint8_t[8]){0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, UINT64_MAX, "x", &error) == -1);
    CHECK(pk_header_length(&length, (const uint8_t[8]){1, 0, 0x40, 6}, UINT64_MAX, "x", &error) == -1); /* 100 MiB and one */
}

static void test_f16(void)
{
    static const uint16_t in[] = {0, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x83ff, 0x0400, 0x3555, 0x7c00, 0xfc00, 0x7e00};
    static const float want[] = {0, -0.0f, 1, -2, 65504, 0x1p-24f, -1023 * 0x1p-24f, 0x1p-14f, 0x1.554p-2f, INFINITY, -INFINITY};
    float out[12];
    pk_dtype_find("F16")->widen(out, in, 12);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        CHECK_THAT(memcmp(&out[i], &want[i], sizeof *want) == 0, "%04x: %g", in[i], (double)out[i]);
    CHECK(isnan(out[11]));
}

static void test_bf16(void)
{
    static const uint16_t in[] = {0x3f80, 0xc049, 0x0001, 0x7f80};
    float out[4];
    pk_dtype_find("BF16")->widen(out, in, 4);
    CHECK(out[0] == 1 && out[1] == -3.140625f && out[2] == 0x1p-133f && isinf(out[3]));
    CHECK(pk_bf16_round(1.0f) == 0x3f80 && pk_bf16_round(-3.140625f) == 0xc049);
    CHECK(pk_bf16_round(0x1.01p0f) == 0x3f80); /* half way: to even, down */
    CHECK(pk_bf16_round(0x1.03p0f) == 0x3f82); /* half way: to even, up */
    CHECK(pk_bf16_round(0x1.010002p0f) == 0x3f81);
    CHECK(pk_bf16_round(0x1.fffffep-1f) == 0x3f80);
}

static void test_unfit(void)
{
    const float largest = 0x1.fep127f; /* of bf16 */
    float values[] = {0, -1, largest, -largest, 0x1.fefffep127f, 1e-45f};
    CHECK(pk_first_unfit(values, 6) == 6);
    static const float bad[] = {NAN, INFINITY, -INFINITY, 0x1.ffp127f, -0x1.fffffep127f};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        values[3] = bad[i];
        CHECK_THAT(pk_first_unfit(values, 6) == 3, "%g", (double)bad[i]);
    }
    CHECK(pk_first_unfit(values, 3) == 3);
}

static void test_types(void)
{
    CHECK(pk_dtype_find(NULL) == NULL && pk_dtype_find("f32") == NULL && pk_dtype_find("") == NULL);
    CHECK(pk_dtype_find("F8_E4M3")->bytes == 1 && pk_dtype_find("F8_E4M3")->widen == NULL);
    CHECK(pk_dtype_find("I64")->bytes == 8 && pk_dtype_find("F32")->widen != NULL);
}

CHECK_MAIN(CHECK_TEST(test_good), CHECK_TEST(test_hostile), CHECK_TEST(test_length), CHECK_TEST(test_f16), CHECK_TEST(test_bf16),
           CHECK_TEST(test_unfit), CHECK_TEST(test_types))
