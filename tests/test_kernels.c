/* test_kernels.c: rows of floats in every instruction set that this processor has, held bit for bit against the plain C
 * reference, on random data of odd sizes between guard pages. */
#include "tests/check.h"
#include "tests/contexts.h"
#include "tests/guarded.h"

#include <math.h>

static const size_t sizes[] = {1, 3, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 127, 200, 1000, 2048};
enum { SIZE_COUNT = sizeof sizes / sizeof *sizes };
/* ---- rows of floats ---- */

struct row_case { /* inputs, and what one instruction set made of them */
    const float *x, *y, *z;
    size_t n;
    float *out;    /* 2n floats */
    int8_t *bytes; /* kn_pad(n) */
    uint16_t *halves;
};

typedef void row_operation(const struct kn_context *c, struct row_case *r);

static void row_quantize(const struct kn_context *c, struct row_case *r)
{
    kn_quantize(c, r->bytes, r->out, r->x, r->n);
}

static void row_rms_norm(const struct kn_context *c, struct row_case *r)
{
    kn_rms_norm(c, r->out, r->x, r->y, r->n, 1e-6f);
}

static void row_add(const struct kn_context *c, struct row_case *r)
{
    memcpy(r->out, r->y, r->n * sizeof *r->out);
    kn_add(c, r->out, r->x, r->n);
}

static void row_axpy(const struct kn_context *c, struct row_case *r)
{
    memcpy(r->out, r->y, r->n * sizeof *r->out);
    kn_axpy(c, r->out, 1.7f, r->x, r->n);
}

static void row_scale(const struct kn_context *c, struct row_case *r)
{
    memcpy(r->out, r->y, r->n * sizeof *r->out);
    kn_scale(c, r->out, 0.3f, r->n);
}

static void row_silu_mul(const struct kn_context *c, struct row_case *r)
{
    kn_silu_mul(c, r->out, r->x, r->y, r->n);
}

static void row_softmax(const struct kn_context *c, struct row_case *r)
{
    memcpy(r->out, r->x, r->n * sizeof *r->out);
    kn_softmax(c, r->out, r->n);
}

static void row_weigh(const struct kn_context *c, struct row_case *r)
{
    memcpy(r->out, r->x, r->n * sizeof *r->out);
    r->out[r->n / 2] = -INFINITY; /* what is not allowed */
    kn_weigh(c, r->out, r->out, r->n, 1.5f, 0.7f);
}

static void row_bf16(const struct kn_context *c, struct row_case *r)
{
    kn_bf16_from_f32(c, r->halves, r->x, r->n);
    kn_f32_from_bf16(c, r->out, r->halves, r->n);
}

static void row_rope(const struct kn_context *c, struct row_case *r)
{
    memcpy(r->out, r->x, r->n * sizeof *r->out);
    memcpy(r->out + r->n, r->y, r->n * sizeof *r->out);
    kn_rope_half(c, r->out, r->z, r->n);
}

static const struct {
    const char *name;
    row_operation *run;
} row_operations[] = {
    {"quantize", row_quantize}, {"rms_norm", row_rms_norm}, {"add", row_add},     {"axpy", row_axpy}, {"scale", row_scale},
    {"silu_mul", row_silu_mul}, {"softmax", row_softmax},   {"weigh", row_weigh}, {"bf16", row_bf16}, {"rope", row_rope},
};

static struct row_case row_outputs(const struct row_case *inputs_only)
{
    struct row_case r = *inputs_only;
    r.out = guarded_floats(2 * r.n);
    r.bytes = guarded(kn_pad(r.n));
    r.halves = guarded(r.n * sizeof *r.halves);
    return r;
}

static void compare_rows(const struct row_case *in, size_t operation, int isa)
{
    size_t mark = guarded_mark();
    struct row_case expected = row_outputs(in), got = row_outputs(in);
    row_operations[operation].run(contexts[KN_PORTABLE], &expected);
    row_operations[operation].run(contexts[isa], &got);
    size_t differ = differing(expected.out, got.out, 2 * in->n);
    int same = !memcmp(expected.bytes, got.bytes, kn_pad(in->n)) && !memcmp(expected.halves, got.halves, in->n * 2);
    CHECK_THAT(differ == 0 && same, "%s, %s, n %zu: %zu differ", row_operations[operation].name, kn_isa_name((enum kn_isa)isa), in->n,
               differ);
    guarded_release(mark);
}

static void rows_equal_reference(void)
{
    for (size_t trial = 0; trial < SIZE_COUNT * 2 * GUARD_SIDES; trial++) {
        size_t n = sizes[trial / (2 * GUARD_SIDES)];
        guarded_use((enum guard_side)(trial % GUARD_SIDES));
        float *x = guarded_floats(n), *y = guarded_floats(n), *z = guarded_floats(2 * n);
        random_floats(x, n, trial / GUARD_SIDES % 2);
        random_floats(y, n, trial / GUARD_SIDES % 2);
        random_floats(z, 2 * n, 0);
        struct row_case in = {.x = x, .y = y, .z = z, .n = n};
        for (int isa = KN_AVX2; isa <= KN_AMX && contexts[isa]; isa++)
            for (size_t i = 0; i < sizeof row_operations / sizeof *row_operations; i++)
                compare_rows(&in, i, isa);
        guarded_release(0);
    }
}

/* ---- halves, which random data never meets ---- */

static void bf16_halves_go_to_even(void)
{
    static const struct {
        uint32_t from;
        uint16_t to;
    } cases[] = {{0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f807fff, 0x3f80}, {0x3f808001, 0x3f81}, {0xbf808000, 0xbf80},
                 {0xbf818000, 0xbf82}, {0x7f7fffff, 0x7f80}, {0x7f800000, 0x7f80}, {0x7f800001, 0x7fc0}, {0xffc12345, 0xffc1},
                 {0x00008000, 0x0000}, {0x00018000, 0x0002}, {0x80000000, 0x8000}, {0x0000ffff, 0x0001}};
    enum { COUNT = sizeof cases / sizeof *cases };
    for (int isa = KN_PORTABLE; isa <= KN_AMX && contexts[isa]; isa++)
        for (size_t shift = 0; shift < COUNT; shift++) { /* each in whole registers and behind the last of them */
            uint32_t bits[COUNT + 16];
            float x[COUNT + 16];
            uint16_t halves[COUNT + 16];
            for (size_t i = 0; i < COUNT + 16; i++)
                bits[i] = cases[(i + shift) % COUNT].from;
            memcpy(x, bits, sizeof x);
            kn_bf16_from_f32(contexts[isa], halves, x, COUNT + 16);
            for (size_t i = 0; i < COUNT + 16; i++)
                CHECK_THAT(halves[i] == cases[(i + shift) % COUNT].to, "%s: %08x gives %04x", kn_isa_name((enum kn_isa)isa), bits[i],
                           halves[i]);
        }
}

static void quantised_halves_go_to_even(void)
{
    enum { COUNT = 33 };
    for (int isa = KN_PORTABLE; isa <= KN_AMX && contexts[isa]; isa++) {
        int8_t q[64] __attribute__((aligned(64)));
        float x[COUNT], scale;
        for (int i = 0; i < COUNT; i++)
            x[i] = i ? (float)(i - 16) + 0.5f : 127; /* the inverse is 1 */
        kn_quantize(contexts[isa], q, &scale, x, COUNT);
        CHECK(scale == 1 && q[0] == 127);
        for (int i = 1; i < COUNT; i++)
            CHECK_THAT(q[i] == (int)nearbyint((double)x[i]) && q[i] % 2 == 0, "%s: %g gives %d", kn_isa_name((enum kn_isa)isa),
                       (double)x[i], q[i]);
    }
}

/* ---- promises of the context ---- */

/* What the other tests left out shows as a skip, which REQUIRE can forbid. */
static void avx2_was_compared(void)
{
    if (!contexts[KN_AVX2])
        CHECK_SKIP("this processor lacks avx2");
    CHECK(kn_context_isa(contexts[KN_AVX2]) == KN_AVX2);
}

static void avx512_was_compared(void)
{
    if (!contexts[KN_AVX512])
        CHECK_SKIP("this processor lacks avx512");
    CHECK(kn_context_isa(contexts[KN_AVX512]) == KN_AVX512);
}

static void vnni_was_compared(void)
{
    if (!contexts[KN_VNNI])
        CHECK_SKIP("this processor lacks vnni");
    CHECK(kn_context_isa(contexts[KN_VNNI]) == KN_VNNI);
}

static void amx_was_compared(void)
{
    if (!contexts[KN_AMX])
        CHECK_SKIP("this processor lacks amx");
    CHECK(kn_context_isa(contexts[KN_AMX]) == KN_AMX);
}

static void unsupported_is_refused(void)
{
    struct kn_context *c = contexts[KN_PORTABLE];
    for (int isa = (int)kn_isa_best(kn_cpu()) + 1; isa <= KN_AMX + 1; isa++)
        CHECK(kn_context_open(&c, (enum kn_isa)isa, NULL, 0) == KN_E_UNSUPPORTED && c == NULL);
}

static const struct check_test tests[] = {
    CHECK_TEST(rows_equal_reference),   CHECK_TEST(bf16_halves_go_to_even), CHECK_TEST(quantised_halves_go_to_even),
    CHECK_TEST(unsupported_is_refused), CHECK_TEST(avx2_was_compared),      CHECK_TEST(avx512_was_compared),
    CHECK_TEST(vnni_was_compared),      CHECK_TEST(amx_was_compared),
};

int main(void)
{
    open_contexts();
    int failed = check_run(tests, sizeof tests / sizeof *tests);
    close_contexts();
    return failed;
}
