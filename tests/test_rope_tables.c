/* test_rope_tables.c: inverse frequencies against those that transformers 5.12 computes (LlamaRotaryEmbedding on PyTorch). */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "packaging/pack/rope_tables.h"
#include "tests/check.h"

#define YARN(base, times, context) \
    .scaling = PK_ROPE_YARN, .theta = base, .factor = times, .original_context = context, .beta_fast = 32, .beta_slow = 1, .truncate = 1

static const struct rope_case {
    const char *name;
    struct pk_rope rope;
    uint32_t dim;
    double attention_factor;
    struct {
        int at;
        float inv_freq;
    } expected[8];
} cases[] = {
    {"default",
     {.scaling = PK_ROPE_DEFAULT, .theta = 1e6},
     64,
     1.0,
     {{0, 1.0f},
      {1, 0.649381638f},
      {8, 0.0316227786f},
      {12, 0.00562341325f},
      {16, 0.00100000005f},
      {19, 0.000273841957f},
      {24, 3.16227743e-05f},
      {31, 1.53992653e-06f}}},
    {"linear",
     {.scaling = PK_ROPE_LINEAR, .theta = 1e4, .factor = 4},
     32,
     1.0,
     {{0, 0.25f},
      {1, 0.140585333f},
      {4, 0.0250000004f},
      {6, 0.00790569466f},
      {8, 0.00249999994f},
      {9, 0.00140585331f},
      {12, 0.000250000012f},
      {15, 4.44569851e-05f}}},
    {"llama3 factor 8",
     {.scaling = PK_ROPE_LLAMA3, .theta = 5e5, .factor = 8, .low_freq_factor = 1, .high_freq_factor = 4, .original_context = 8192},
     128,
     1.0,
     {{0, 1.0f},
      {1, 0.814617217f},
      {16, 0.0376060307f},
      {25, 0.00594073068f},
      {32, 0.000524846022f},
      {38, 5.16590699e-05f},
      {48, 6.64786967e-06f},
      {63, 3.06892588e-07f}}},
    {"llama3 factor 32",
     {.scaling = PK_ROPE_LLAMA3, .theta = 5e5, .factor = 32, .low_freq_factor = 1, .high_freq_factor = 4, .original_context = 8192},
     64,
     1.0,
     {{0, 1.0f},
      {1, 0.663601279f},
      {8, 0.0376060307f},
      {12, 0.00729266508f},
      {16, 0.000429556705f},
      {19, 1.29147675e-05f},
      {24, 1.66196742e-06f},
      {31, 9.41830649e-08f}}},
    {"yarn",
     {YARN(1e6, 4, 32768)},
     128,
     1.138629436111989,
     {{0, 1.0f},
      {1, 0.805842221f},
      {16, 0.0316227786f},
      {25, 0.0041317381f},
      {32, 0.000602941145f},
      {38, 9.26230132e-05f},
      {48, 7.90569356e-06f},
      {63, 3.10234441e-07f}}},
    {"yarn mscale",
     {YARN(1e4, 40, 4096), .mscale = 1, .mscale_all_dim = 0.707},
     64,
     1.0857263992561355,
     {{0, 1.0f},
      {1, 0.749894202f},
      {8, 0.100000001f},
      {12, 0.0268793609f},
      {16, 0.00550000044f},
      {19, 0.00137051346f},
      {24, 2.49999994e-05f},
      {31, 3.33380353e-06f}}},
    {"yarn without truncate",
     {.scaling = PK_ROPE_YARN, .theta = 150000, .factor = 32, .original_context = 4096, .beta_fast = 32, .beta_slow = 1},
     64,
     1.3465735902799727,
     {{0, 1.0f},
      {1, 0.689044297f},
      {8, 0.0508132726f},
      {12, 0.00679495931f},
      {16, 0.000456483918f},
      {19, 2.63964685e-05f},
      {24, 4.09997847e-06f},
      {31, 3.0235114e-07f}}},
    {"yarn attention_factor",
     {.scaling = PK_ROPE_YARN,
      .theta = 5000,
      .factor = 8,
      .original_context = 16,
      .beta_fast = 8,
      .beta_slow = 2,
      .truncate = 1,
      .attention_factor = 1.25},
     20,
     1.25,
     {{0, 1.0f},
      {1, 0.0533350855f},
      {2, 0.0227570534f},
      {4, 0.00414306717f},
      {5, 0.00176776701f},
      {6, 0.000754271925f},
      {7, 0.00032183333f},
      {9, 5.85918351e-05f}}},
};

static int32_t bits(float value)
{
    int32_t out;
    memcpy(&out, &value, sizeof out);
    return out;
}

/* PyTorch's float power is off by a unit in the last place now and then, in another way on each kind of CPU. */
static void test_frequencies(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float table[128];
        pk_rope_table(table, &cases[i].rope, cases[i].dim);
        for (size_t j = 0; j < sizeof cases[i].expected / sizeof *cases[i].expected; j++) {
            float want = cases[i].expected[j].inv_freq, got = table[cases[i].expected[j].at];
            CHECK_THAT(want > 0 && abs(bits(got) - bits(want)) <= 1, "%s [%d]: %.9g instead of %.9g", cases[i].name,
                       cases[i].expected[j].at, (double)got, (double)want);
        }
    }
}

static void test_attention_factor(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double got = pk_rope_attention_factor(&cases[i].rope);
        CHECK_THAT(fabs(got - cases[i].attention_factor) < 1e-15, "%s: %.17g", cases[i].name, got);
    }
}

static void test_names(void)
{
    CHECK(pk_rope_scaling_find("yarn") == PK_ROPE_YARN && pk_rope_scaling_find("llama3") == PK_ROPE_LLAMA3);
    CHECK(pk_rope_scaling_find("longrope") == -1 && pk_rope_scaling_find("") == -1);
    CHECK(strcmp(pk_rope_scaling_name(PK_ROPE_LINEAR), "linear") == 0);
}

CHECK_MAIN(CHECK_TEST(test_frequencies), CHECK_TEST(test_attention_factor), CHECK_TEST(test_names))
