/* test_numerics.c: what the arithmetic of n1 is worth: accuracy of exp, sine and cosine against long double, errors of the weight
 * formats against the design's figures, random numbers against the paper's vector, routing against its definition. */
#include "kernels/kernels.h"
#include "kernels/reference.h"
#include "tests/check.h"
#include "tests/contexts.h"
#include "tests/guarded.h"

#include <math.h>
#include <stdlib.h>

/* |got - exact| in units of the last place of a float of that size. */
static double ulps(float got, long double exact)
{
    int exponent;
    frexpl(exact, &exponent);
    if (exponent < -125)
        exponent = -125;
    return (double)(fabsl((long double)got - exact) / ldexpl(1, exponent - 24));
}

static void exp_is_accurate(void)
{
    double worst = 0, worst_denormal = 0;
    for (float x = -103.0f; x < 88.7f; x += 1.0f / 4096) {
        double error = ulps(kn_reference_exp(x), expl((long double)x));
        double *most = x < -87.3f ? &worst_denormal : &worst;
        *most = error > *most ? error : *most;
    }
    CHECK_THAT(worst < 1.0, "%.3f ulp", worst);
    CHECK_THAT(worst_denormal < 1.0, "%.3f ulp", worst_denormal);
}

static float exp_of(const struct kn_context *c, float x)
{
    float y;
    kn_weigh(c, &y, &x, 1, 0, 1);
    return y;
}

static void exp_is_the_same_everywhere(void)
{
    for (int isa = KN_PORTABLE; isa <= KN_AMX && contexts[isa]; isa++) {
        const struct kn_context *c = contexts[isa];
        for (float x = -103.0f; x < 88.7f; x += 1.0f / 4096)
            CHECK_THAT(exp_of(c, x) == kn_reference_exp(x), "%s, %g", kn_isa_name((enum kn_isa)isa), (double)x);
        CHECK(exp_of(c, 0) == 1 && exp_of(c, -INFINITY) == 0 && isinf(exp_of(c, 89)) && isinf(exp_of(c, INFINITY)) &&
              exp_of(c, -104.5f) == 0);
    }
}

static void rope_angles_are_accurate(void)
{
    enum { HALF = 64 };
    float inv_freq[HALF], cs[2 * HALF];
    double worst = 0;
    for (int i = 0; i < HALF; i++)
        inv_freq[i] = (float)pow(10000, -i / (double)HALF);
    for (uint32_t position = 0; position < 0x80000000u; position += 1 + position / 97) {
        kn_rope_angles(cs, inv_freq, HALF, position, 1.0f);
        for (int i = 0; i < HALF; i++) {
            long double angle = (long double)((float)position * inv_freq[i]);
            double c = ulps(cs[2 * i], cosl(angle)), s = ulps(cs[2 * i + 1], sinl(angle));
            worst = fmax(worst, fmax(c, s));
        }
    }
    CHECK_THAT(worst < 0.51, "%.4f ulp", worst);
    kn_rope_angles(cs, inv_freq, 1, 0, 1.5f);
    CHECK(cs[0] == 1.5f && cs[1] == 0);
}

/* ---- weight formats ---- */

enum { K = 1024 };

/* Student's t: heavier tails with fewer degrees of freedom; 0 means normal. */
static float random_student(int freedom)
{
    double squares = 0;
    for (int i = 0; i < freedom; i++) {
        double x = random_normal();
        squares += x * x;
    }
    return freedom ? random_normal() / (float)sqrt(squares / freedom) : random_normal();
}

/* Relative squared error of one packed panel of rows × k. */
static double pack_error(enum kn_format format, const float *rows, size_t count, size_t k, const struct kn_codebook *codebook)
{
    const float *pointers[KN_PANEL];
    for (size_t n = 0; n < count; n++)
        pointers[n] = rows + n * k;
    size_t mark = guarded_mark();
    uint8_t *panel = guarded(kn_panel_bytes(format, k));
    float *back = guarded_floats(KN_PANEL * k);
    kn_panel_pack(format, panel, pointers, count, k, codebook, guarded(kn_pack_scratch(k)));
    kn_panel_unpack(format, back, k, panel, k, codebook);
    double lost = 0, whole = 0;
    for (size_t i = 0; i < count * k; i++) {
        lost += ((double)rows[i] - (double)back[i]) * ((double)rows[i] - (double)back[i]);
        whole += (double)rows[i] * (double)rows[i];
    }
    for (size_t i = count * k; i < KN_PANEL * k; i++)
        CHECK(back[i] == 0);
    guarded_release(mark);
    return lost / whole;
}

static void check_error(enum kn_format format, int freedom, double limit)
{
    float *rows = guarded_floats(KN_PANEL * K);
    for (size_t i = 0; i < (size_t)KN_PANEL * K; i++)
        rows[i] = random_student(freedom);
    double error = pack_error(format, rows, KN_PANEL, K, &kn_codebook_default);
    CHECK_THAT(error < limit && error > limit / 4, "format %d, t%d: %.5f, not %.5f", (int)format, freedom, error, limit);
    guarded_release(0);
}

/* DESIGN's table: 7.2, 9.6 and 13.6 in a thousand. */
static void weights_lose_what_was_promised(void)
{
    check_error(KN_W4, 0, 7.4e-3);
    check_error(KN_W4, 5, 9.7e-3);
    check_error(KN_W4, 3, 13.8e-3);
    check_error(KN_W8, 0, 8e-5);
    check_error(KN_BF16, 0, 4e-6);
}

static void odd_panels_are_packed(void)
{
    float rows[5 * 70];
    random_floats(rows, 5 * 70, 0);
    memset(rows + 70, 0, 70 * sizeof *rows); /* an output of zeros */
    CHECK(pack_error(KN_W4, rows, 5, 70, &kn_codebook_default) < 1.5e-2);
    CHECK(pack_error(KN_W8, rows, 5, 70, &kn_codebook_default) < 2e-4);
    CHECK(pack_error(KN_BF16, rows, 5, 70, &kn_codebook_default) < 1e-5);
}

/* MXFP4: blocks of 32 e2m1 under a power of two, within four octaves of a column, come back exactly. */
static void mxfp4_is_exact(void)
{
    static const float e2m1[8] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
    struct kn_codebook codebook = {.codes = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12},
                                   .multipliers = {1, 2, 4, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8}};
    float *rows = guarded_floats(KN_PANEL * K);
    for (size_t block = 0; block < KN_PANEL * K / KN_GROUP; block++) {
        float scale = ldexpf(1, (int)(random_bits() % 4) - 9);
        for (size_t i = 0; i < KN_GROUP; i++) {
            uint64_t bits = random_bits();
            rows[block * KN_GROUP + i] = e2m1[bits & 7] * (bits & 8 ? -scale : scale);
        }
        rows[block * KN_GROUP] = scale * (random_bits() % 2 ? 4 : 6); /* as its own quantiser leaves it */
    }
    CHECK(kn_codebook_check(&codebook) == 0);
    CHECK(pack_error(KN_W4, rows, KN_PANEL, K, &codebook) == 0);
    guarded_release(0);
}

static void codebooks_are_checked(void)
{
    struct kn_codebook codebook = kn_codebook_default;
    CHECK(kn_codebook_check(&codebook) == 0);
    codebook.codes[0] = -12;
    CHECK(kn_codebook_check(&codebook) < 0);
    codebook.codes[0] = -128;
    CHECK(kn_codebook_check(&codebook) < 0);
    codebook = kn_codebook_default;
    codebook.multipliers[15] = 0;
    CHECK(kn_codebook_check(&codebook) < 0);
}

static void sizes_do_not_overflow(void)
{
    CHECK(kn_panel_bytes(KN_W8, 65) == 128 * 64 + 512);
    CHECK(kn_panel_bytes(KN_W4, 64) == 64 * 32 + 64 + 512);
    CHECK(kn_panel_bytes(KN_BF16, 3) == 3 * 128);
    CHECK(kn_panel_bytes(KN_F32, 64) == 0);
    CHECK(kn_panel_bytes(KN_W8, SIZE_MAX) == 0 && kn_panel_bytes(KN_W4, SIZE_MAX / 64) == 0);
    CHECK(kn_matrix_bytes(KN_W8, 65, 64) == 2 * kn_panel_bytes(KN_W8, 64));
    CHECK(kn_matrix_bytes(KN_W8, SIZE_MAX, 64) == 0);
}

/* ---- sampling and routing ---- */

static void random_is_philox(void)
{
    /* Random123's known answer for counter 0, key 0: 6627e8d5 e169c58d … */
    CHECK(kn_random(0, 0) == (double)(UINT64_C(0xe169c58d6627e8d5) >> 11) * 0x1p-53);
    enum { DRAWS = 160000, BINS = 16 };
    double count[BINS] = {0}, chi = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        double x = kn_random(42, i);
        CHECK(x >= 0 && x < 1);
        count[(int)(x * BINS)]++;
    }
    for (int i = 0; i < BINS; i++)
        chi += (count[i] - DRAWS / BINS) * (count[i] - DRAWS / BINS) / (DRAWS / BINS);
    CHECK_THAT(chi > 3 && chi < 40, "chi square %.1f of 15 degrees", chi);
    CHECK(kn_random(1, 7) != kn_random(2, 7) && kn_random(1, 7) != kn_random(1, 8) && kn_random(1, 7) == kn_random(1, 7));
}

/* §8 word by word: again and again the first of the largest that is left. */
static void choose(uint16_t *ids, const float *probabilities, size_t n, size_t top_k)
{
    uint8_t taken[KN_PANEL] = {0};
    for (size_t i = 0; i < top_k; i++) {
        size_t best = n;
        for (size_t e = 0; e < n; e++)
            if (!taken[e] && (best == n || probabilities[e] > probabilities[best]))
                best = e;
        taken[best] = 1;
    }
    for (size_t e = 0, i = 0; e < n; e++)
        if (taken[e])
            ids[i++] = (uint16_t)e;
}

/* Logits of few values, so that ties abound. */
static void route_trial(const struct kn_context *c, size_t n, size_t top_k, int renormalise)
{
    float logits[KN_PANEL], weights[KN_PANEL], sum = 0;
    uint16_t ids[KN_PANEL], expected[KN_PANEL];
    for (size_t e = 0; e < n; e++)
        logits[e] = (float)(random_bits() % 4);
    kn_route_softmax(c, ids, weights, logits, n, top_k, renormalise);
    choose(expected, logits, n, top_k);
    CHECK_THAT(!memcmp(ids, expected, top_k * sizeof *ids), "n %zu, top %zu", n, top_k);
    for (size_t i = 0; i < top_k; i++) {
        CHECK(renormalise || weights[i] == logits[ids[i]]);
        sum += weights[i];
    }
    CHECK(!renormalise || fabsf(sum - 1) < 1e-5f);
}

static void routing_follows_its_definition(void)
{
    for (int isa = KN_PORTABLE; isa <= KN_AMX && contexts[isa]; isa++)
        for (size_t n = 1; n <= KN_PANEL; n++)
            for (size_t top_k = 1; top_k <= n && top_k <= 8; top_k++)
                route_trial(contexts[isa], n, top_k, (int)(n % 2));
}

static const struct check_test tests[] = {
    CHECK_TEST(exp_is_accurate),          CHECK_TEST(exp_is_the_same_everywhere),
    CHECK_TEST(rope_angles_are_accurate), CHECK_TEST(weights_lose_what_was_promised),
    CHECK_TEST(odd_panels_are_packed),    CHECK_TEST(mxfp4_is_exact),
    CHECK_TEST(codebooks_are_checked),    CHECK_TEST(sizes_do_not_overflow),
    CHECK_TEST(random_is_philox),         CHECK_TEST(routing_follows_its_definition),
};

int main(void)
{
    open_contexts();
    int failed = check_run(tests, sizeof tests / sizeof *tests);
    close_contexts();
    return failed;
}
