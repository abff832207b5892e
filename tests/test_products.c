/* test_products.c: matrix products and the packer's search in every instruction set that this processor has, held bit for bit against
 * the plain C reference, on codes of the whole range, between guard pages. */
#include "kernels/layout.h"
#include "kernels/ops.h"
#include "runtime/seal.h"
#include "tests/check.h"
#include "tests/contexts.h"
#include "tests/guarded.h"

#include <math.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Random codes of the whole range, so that the sums are as large as they can be; scales and sums as the packer would write them. */
static void random_panel(uint8_t *panel, const struct kn_matrix *w)
{
    size_t kp = kn_pad(w->k), codes = kn_scale_offset(w->format, kp);
    float *scale = (float *)(void *)(panel + codes);
    int32_t *sum = (int32_t *)(void *)(scale + KN_PANEL);
    random_bytes(panel, codes);
    for (size_t n = 0; n < KN_PANEL; n++) {
        scale[n] = fabsf(random_normal());
        sum[n] = 0;
        for (size_t k = 0; k < kp; k++)
            sum[n] += w->format == KN_W8 ? (int8_t)panel[kn_w8_index(n, k)] : kn_w4_value(panel, kp, w->codebook, n, k);
    }
}

static void random_matrix_by(struct kn_matrix *w, enum kn_format format, size_t n, size_t k, const struct kn_codebook *codebook)
{
    size_t panel = kn_panel_bytes(format, k), bytes = kn_matrix_bytes(format, n, k);
    uint8_t *panels = guarded(bytes);
    *w = (struct kn_matrix){.format = format, .n = (uint32_t)n, .k = (uint32_t)k, .panels = panels, .codebook = codebook};
    if (format == KN_BF16)
        for (size_t i = 0; i < bytes / 2; i++)
            kn_bf16_from_f32(contexts[KN_PORTABLE], (uint16_t *)(void *)panels + i, &(float){random_normal()}, 1);
    else
        for (size_t p = 0; p < kn_panels(n); p++)
            random_panel(panels + p * panel, w);
}

static void random_matrix(struct kn_matrix *w, enum kn_format format, size_t n, size_t k)
{
    random_matrix_by(w, format, n, k, &kn_codebook_default);
}

/* int8 of ±127, a third of them at the ends; zero past k. */
static void random_activations(int8_t *x, size_t rows, size_t k)
{
    for (size_t m = 0; m < rows; m++)
        for (size_t i = 0; i < k; i++) {
            int value = (int)(random_bits() % 255) - 127;
            x[m * kn_pad(k) + i] = (int8_t)(random_bits() % 3 ? value : value < 0 ? -127 : 127);
        }
}

/* A product or, where `up` is there, a gated one. */
static void multiply(const struct kn_context *c, const struct kn_gated *g, size_t panel0, size_t panel1)
{
    if (g->up)
        kn_gated(c, g, panel0, panel1);
    else
        kn_gemm(c, &g->gate, panel0, panel1);
}

static void compare_product(const struct kn_gated *in, size_t panel0, size_t panel1)
{
    const struct kn_gemm *gate = &in->gate;
    size_t mark = guarded_mark(), count = gate->m * gate->ldy;
    struct kn_gated g = *in;
    float *expected = g.gate.y = guarded_floats(count);
    g.gate.scratch = guarded(kn_scratch_bytes(contexts[KN_PORTABLE], gate->w->k, 64, 8));
    multiply(contexts[KN_PORTABLE], &g, panel0, panel1);
    for (int isa = KN_AVX2; isa <= KN_AMX && contexts[isa]; isa++) {
        size_t inner = guarded_mark();
        g.gate.y = guarded_floats(count);
        g.gate.scratch = guarded(kn_scratch_bytes(contexts[isa], gate->w->k, 64, 8));
        kn_thread_enter(contexts[isa]);
        multiply(contexts[isa], &g, panel0, panel1);
        kn_thread_leave(contexts[isa]);
        size_t differ = differing(expected, g.gate.y, count);
        CHECK_THAT(differ == 0, "format %d, %s, m %zu, k %u, %s%s: %zu differ", (int)gate->w->format, kn_isa_name((enum kn_isa)isa),
                   gate->m, gate->w->k, g.up ? "gated" : "plain", gate->rows ? " by index" : "", differ);
        guarded_release(inner);
    }
    guarded_release(mark);
}

/* All panels, then one panel of a matrix that begins with it. */
static void compare_panels(const struct kn_gated *in, size_t panels)
{
    struct kn_gated g = *in;
    struct kn_matrix w = *g.gate.w;
    compare_product(&g, 0, panels);
    w.first_panel = 1;
    w.panels = kn_panel_at(g.gate.w, 1);
    g.gate.w = &w;
    compare_product(&g, 1, 2);
}

static const uint32_t *random_indices(size_t count, size_t below)
{
    uint32_t *rows = guarded(count * sizeof *rows);
    for (size_t i = 0; i < count; i++)
        rows[i] = (uint32_t)(random_bits() % below);
    return rows;
}

static const void *random_rows(enum kn_format format, size_t count, size_t k)
{
    if (format != KN_BF16) {
        int8_t *x = guarded(count * kn_pad(k));
        random_activations(x, count, k);
        return x;
    }
    float *x = guarded_floats(count * kn_pad(k));
    random_floats(x, count * kn_pad(k), 1);
    return x;
}

/* Plain and gated, dense and by index; odd m have biases. */
static void gemm_trial(enum kn_format format, size_t k, size_t m)
{
    enum { N = 150, PANELS = 3 };
    size_t there = m + 5;
    struct kn_matrix w, up;
    random_matrix(&w, format, N, k);
    random_matrix(&up, format, N, k);
    float *sx = guarded_floats(there), *bias = guarded_floats(kn_pad(N)), *up_bias = guarded_floats(kn_pad(N));
    random_floats(sx, there, 0);
    random_floats(bias, kn_pad(N), 1);
    random_floats(up_bias, kn_pad(N), 1);
    struct kn_gated g = {.gate = {.w = &w, .sx = sx, .ldx = kn_pad(k), .m = m, .ldy = kn_pad(N) + 16}};
    g.gate.x = random_rows(format, there, k);
    g.gate.bias = m % 2 ? bias : NULL;
    compare_panels(&g, PANELS);
    g.gate.rows = random_indices(m, there);
    compare_product(&g, 1, PANELS);
    g.up = &up;
    g.up_bias = m % 2 ? up_bias : NULL;
    compare_panels(&g, PANELS);
    g.gate.rows = NULL;
    compare_product(&g, 1, PANELS);
    guarded_release(0);
}

/* A matrix that begins with panel 1, and one that begins with panel 0, give the same panel 1. */
static void first_panel_is_where_panels_begin(void)
{
    enum { M = 2, N = 192, K = 64 };
    struct kn_matrix w, rest;
    random_matrix(&w, KN_W8, N, K);
    rest = w;
    rest.first_panel = 1;
    rest.panels += kn_panel_bytes(KN_W8, K);
    float *sx = guarded_floats(M), *y[2] = {guarded_floats(M * N), guarded_floats(M * N)};
    random_floats(sx, M, 0);
    struct kn_gemm g = {.w = &w, .x = random_rows(KN_W8, M, K), .sx = sx, .ldx = K, .m = M, .y = y[0], .ldy = N};
    kn_gemm(contexts[KN_PORTABLE], &g, 1, 3);
    g.w = &rest;
    g.y = y[1];
    kn_gemm(contexts[KN_PORTABLE], &g, 1, 3);
    CHECK(differing(y[0], y[1], M * N) == 0);
    guarded_release(0);
}

static void gemm_equals_reference(enum kn_format format)
{
    static const size_t rows[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 19, 24, 31, 32, 33, 40};
    enum { ROWS = sizeof rows / sizeof *rows };
    for (size_t i = 0; i < CONTEXT_INPUTS; i++)
        for (size_t j = 0; j < ROWS; j++) {
            guarded_use((i + j) % 2 ? GUARD_AFTER : GUARD_BEFORE);
            if ((context_inputs[i] <= 200 || rows[j] <= 9 || rows[j] == 33) && (i * ROWS + j) % thinned() == 0)
                gemm_trial(format, context_inputs[i], rows[j]);
        }
}

/* Codes at and past what a kernel may add up in int16 before it widens: alone, and one kind for the gate, the other for up. Rows of nothing
 * but 127 and -127 meet columns of nothing but the largest code. */
static void codebook_trial(const struct kn_codebook *codebook, const struct kn_codebook *other, size_t k, size_t m)
{
    enum { N = 100 };
    struct kn_matrix w, up;
    random_matrix_by(&w, KN_W4, N, k, codebook);
    random_matrix_by(&up, KN_W4, N, k, other);
    float *sx = guarded_floats(m);
    random_floats(sx, m, 0);
    int8_t *x = guarded(m * kn_pad(k));
    random_activations(x, m, k);
    memset(x, 127, k);
    memset(x + (m - 1) * kn_pad(k), -127, k);
    struct kn_gated g = {.gate = {.w = &w, .x = x, .sx = sx, .ldx = kn_pad(k), .m = m, .ldy = kn_pad(N)}};
    compare_product(&g, 0, 2);
    g.up = &up;
    compare_product(&g, 0, 2);
    guarded_release(0);
}

static void codebooks_equal_reference(void)
{
    static const int8_t extremes[] = {16, -16, 15, 17, -17, 127, -127, 1};
    static const size_t rows[] = {1, 2, 4, 7, 13};
    struct kn_codebook books[sizeof extremes + 1] = {
        {{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}, {1, 2, 4, 8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}}; /* MXFP4 */
    for (size_t i = 0; i < sizeof extremes; i++) {
        memset(books[i + 1].codes, extremes[i], sizeof books->codes);
        memset(books[i + 1].multipliers, 127 / abs(extremes[i]), sizeof books->multipliers);
        books[i + 1].codes[0] = i % 2 ? (int8_t)-extremes[i] : extremes[i];
    }
    for (size_t i = 0; i <= sizeof extremes; i++) {
        CHECK(kn_codebook_check(&books[i]) == 0);
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++) {
            codebook_trial(&books[i], &books[(i + 3) % (sizeof extremes + 1)], 512, rows[j]);
            codebook_trial(&books[i], &books[i], 65, rows[j]);
        }
    }
}

/* The definition: each product written down, then n1 §6's gate. */
static void gated_is_silu_of_products(void)
{
    enum { M = 3, N = 128, K = 65 };
    const struct kn_context *c = contexts[KN_PORTABLE];
    struct kn_matrix w, up;
    random_matrix(&w, KN_W8, N, K);
    random_matrix(&up, KN_W8, N, K);
    float *sx = guarded_floats(M), *bias = guarded_floats(N), *both[2] = {guarded_floats(M * N), guarded_floats(M * N)};
    random_floats(sx, M, 0);
    random_floats(bias, N, 0);
    struct kn_gemm gate = {.w = &w, .sx = sx, .ldx = kn_pad(K), .m = M, .ldy = N, .bias = bias, .x = random_rows(KN_W8, M, K)},
                   other = gate;
    struct kn_gated g = {.gate = gate, .up = &up};
    other.w = &up;
    other.bias = NULL;
    gate.y = both[0];
    other.y = both[1];
    kn_gemm(c, &gate, 0, 2);
    kn_gemm(c, &other, 0, 2);
    kn_silu_mul(c, both[0], both[0], both[1], M * N);
    g.gate.y = guarded_floats(M * N);
    g.gate.scratch = guarded(kn_scratch_bytes(c, K, 64, 8));
    kn_gated(c, &g, 0, 2);
    CHECK(differing(both[0], g.gate.y, M * N) == 0);
    guarded_release(0);
}

static void w8_equals_reference(void)
{
    gemm_equals_reference(KN_W8);
}

static void w4_equals_reference(void)
{
    gemm_equals_reference(KN_W4);
}

static void bf16_equals_reference(void)
{
    gemm_equals_reference(KN_BF16);
}

/* More rows than a chunk of them, and a K that no kernel was generated for. */
static void gemm_long_shapes(void)
{
    if (thinned() == 1)
        gemm_trial(KN_W8, 1088, 300);
    gemm_trial(KN_W4, 65, 530);
    gemm_trial(KN_W4, 2112, 14);
    gemm_trial(KN_W8, 130, 33);
    gemm_trial(KN_W4, 130, 33);
}

/* Rows so long that few make a chunk. */
static void gemm_long_rows(void)
{
    enum { M = 53, K = 20000 };
    struct kn_matrix w, up;
    random_matrix(&w, KN_W8, KN_PANEL, K);
    random_matrix(&up, KN_W8, KN_PANEL, K);
    float *sx = guarded_floats(M);
    random_floats(sx, M, 0);
    struct kn_gated g = {.gate = {.w = &w, .sx = sx, .ldx = kn_pad(K), .m = M, .ldy = KN_PANEL}, .up = &up};
    g.gate.x = random_rows(KN_W8, M, K);
    g.gate.rows = random_indices(M, M);
    compare_product(&g, 0, 1);
    guarded_release(0);
}

/* The packer's search must choose alike everywhere. */
static void search_equals_reference(void)
{
    enum { GROUPS = 64 };
    struct kn_ops reference, ops;
    struct kn_ladder ladder = {.multipliers = 5, .top = 20};
    float *w = guarded_floats(GROUPS * KN_GROUP), absmax[GROUPS] = {0};
    random_floats(w, GROUPS * KN_GROUP, 0);
    for (size_t i = 0; i < GROUPS * KN_GROUP; i++)
        absmax[i / KN_GROUP] = fmaxf(absmax[i / KN_GROUP], fabsf(w[i]));
    for (int j = 0; j < 16; j++) {
        ladder.value[j] = (float)(j * j) / 8 - 12;
        ladder.multiplier[j] = (float)(j + 1);
    }
    for (int j = 0; j < 15; j++)
        ladder.bound[j] = (ladder.value[j] + ladder.value[j + 1]) / 2;
    struct kn_w4_row row = {w, absmax, GROUPS};
    kn_ops_fill(&reference, KN_PORTABLE);
    for (int isa = KN_AVX2; isa <= KN_AMX && contexts[isa]; isa++)
        for (int i = 1; i < 40; i++) {
            uint8_t expected[GROUPS], got[GROUPS];
            kn_ops_fill(&ops, (enum kn_isa)isa);
            float lost = reference.try_w4(expected, &row, (float)i * 0.004f, &ladder);
            CHECK(ops.try_w4(got, &row, (float)i * 0.004f, &ladder) == lost && !memcmp(expected, got, GROUPS));
        }
    guarded_release(0);
}

/* Under seccomp's strict mode any system call but write and exit kills: products need none, so they can run sealed. */
static void products_need_no_system_call(void)
{
    if (RT_SANITIZED)
        CHECK_SKIP("a sanitizer's runtime makes system calls of its own");
    enum { M = 40, K = 512 };
    struct kn_context *c = contexts[kn_isa_best(kn_cpu())];
    struct kn_matrix w8, w4;
    random_matrix(&w8, KN_W8, 64, K);
    random_matrix(&w4, KN_W4, 64, K);
    struct kn_gemm g = {.w = &w8,
                        .x = guarded(M * K),
                        .sx = guarded_floats(M),
                        .ldx = K,
                        .m = M,
                        .y = guarded_floats(M * 64),
                        .ldy = 64,
                        .scratch = guarded(kn_scratch_bytes(c, K, 64, 8))};
    pid_t child = fork();
    if (child == 0) {
        if (prctl(PR_SET_SECCOMP, 1))
            _exit(9);
        kn_thread_enter(c);
        for (; g.m > 0; g.m--) {
            g.w = g.m % 2 ? &w8 : &w4;
            kn_gemm(c, &g, 0, 1);
        }
        kn_thread_leave(c);
        syscall(SYS_exit, 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK_THAT(status == 0, "status %d", status);
    guarded_release(0);
}

static const struct check_test tests[] = {
    CHECK_TEST(gated_is_silu_of_products), CHECK_TEST(first_panel_is_where_panels_begin),
    CHECK_TEST(w8_equals_reference),       CHECK_TEST(w4_equals_reference),
    CHECK_TEST(bf16_equals_reference),     CHECK_TEST(codebooks_equal_reference),
    CHECK_TEST(gemm_long_shapes),          CHECK_TEST(gemm_long_rows),
    CHECK_TEST(search_equals_reference),   CHECK_TEST(products_need_no_system_call),
};

int main(void)
{
    open_contexts();
    int failed = check_run(tests, sizeof tests / sizeof *tests);
    close_contexts();
    return failed;
}
