/* test_products.c: matrix products and the packer's search in every instruction set that this processor has, held bit for bit against
 * the plain C reference, on codes of the whole range, between guard pages. */
#include "kernels/layout.h"
#include "kernels/ops.h"
#include "runtime/seal.h"
#include "tests/check.h"
#include "tests/contexts.h"
#include "tests/guarded.h"

#include <math.h>
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

static void random_matrix(struct kn_matrix *w, enum kn_format format, size_t n, size_t k)
{
    size_t panel = kn_panel_bytes(format, k), bytes = kn_matrix_bytes(format, n, k);
    uint8_t *panels = guarded(bytes);
    *w = (struct kn_matrix){.format = format, .n = (uint32_t)n, .k = (uint32_t)k, .panels = panels, .codebook = &kn_codebook_default};
    if (format == KN_BF16)
        for (size_t i = 0; i < bytes / 2; i++)
            kn_bf16_from_f32(contexts[KN_PORTABLE], (uint16_t *)(void *)panels + i, &(float){random_normal()}, 1);
    else
        for (size_t p = 0; p < kn_panels(n); p++)
            random_panel(panels + p * panel, w);
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

static void compare_gemm(const struct kn_gemm *in, size_t panel0, size_t panel1)
{
    size_t mark = guarded_mark(), count = in->m * in->ldy;
    struct kn_gemm g = *in;
    float *expected = g.y = guarded_floats(count);
    kn_gemm(contexts[KN_PORTABLE], &g, panel0, panel1);
    for (int isa = KN_AVX2; isa <= KN_AMX && contexts[isa]; isa++) {
        size_t inner = guarded_mark();
        g.y = guarded_floats(count);
        g.scratch = guarded(kn_scratch_bytes(contexts[isa], in->w->k, 64, 8));
        kn_thread_enter(contexts[isa]);
        kn_gemm(contexts[isa], &g, panel0, panel1);
        kn_thread_leave(contexts[isa]);
        size_t differ = differing(expected, g.y, count);
        CHECK_THAT(differ == 0, "format %d, %s, m %zu, k %u: %zu differ", (int)in->w->format, kn_isa_name((enum kn_isa)isa), in->m,
                   in->w->k, differ);
        guarded_release(inner);
    }
    guarded_release(mark);
}

static void gemm_trial(enum kn_format format, size_t k, size_t m)
{
    size_t n = 150, ldy = kn_pad(n) + 16;
    struct kn_matrix w;
    random_matrix(&w, format, n, k);
    struct kn_gemm g = {.w = &w, .ldx = kn_pad(k), .m = m, .ldy = ldy};
    float *sx = guarded_floats(m), *bias = guarded_floats(kn_pad(n));
    random_floats(sx, m, 0);
    random_floats(bias, kn_pad(n), 1);
    if (format == KN_BF16) {
        float *x = guarded_floats(m * g.ldx);
        random_floats(x, m * g.ldx, 1);
        g.x = x;
    } else {
        int8_t *x = guarded(m * g.ldx);
        random_activations(x, m, k);
        g.x = x;
    }
    g.sx = sx;
    g.bias = m % 2 ? bias : NULL;
    compare_gemm(&g, 0, 3);
    compare_gemm(&g, 1, 2);
    guarded_release(0);
}

static void gemm_equals_reference(enum kn_format format)
{
    static const size_t rows[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 40};
    for (size_t i = 0; i < CONTEXT_INPUTS; i++)
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++) {
            guarded_use((i + j) % 2 ? GUARD_AFTER : GUARD_BEFORE);
            if (context_inputs[i] <= 200 || rows[j] <= 9 || rows[j] == 33)
                gemm_trial(format, context_inputs[i], rows[j]);
        }
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

/* More rows than a chunk, and a K that no kernel was generated for. */
static void gemm_long_shapes(void)
{
    gemm_trial(KN_W8, 1088, 300);
    gemm_trial(KN_W4, 65, 300);
    gemm_trial(KN_W8, 130, 33);
    gemm_trial(KN_W4, 130, 33);
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
    CHECK_TEST(w8_equals_reference), CHECK_TEST(w4_equals_reference),     CHECK_TEST(bf16_equals_reference),
    CHECK_TEST(gemm_long_shapes),    CHECK_TEST(search_equals_reference), CHECK_TEST(products_need_no_system_call),
};

int main(void)
{
    open_contexts();
    int failed = check_run(tests, sizeof tests / sizeof *tests);
    close_contexts();
    return failed;
}
