/* test_kernels.c: every operation in every instruction set that this processor has, held bit for bit against the plain C reference, on
 * random data of odd sizes between guard pages. `--bench` measures instead (kernels_bench.c). */
#include "kernels/layout.h"
#include "kernels/ops.h"
#include "tests/check.h"
#include "tests/guarded.h"
#include "tests/kernels_bench.h"

#include <math.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t sizes[] = {1, 3, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 127, 200, 1000, 2048};
enum { SIZE_COUNT = sizeof sizes / sizeof *sizes };
static const size_t inputs[] = {1, 32, 64, 65, 200, 512, 1088};
enum { INPUT_COUNT = sizeof inputs / sizeof *inputs };

static struct kn_context *contexts[KN_AMX + 1]; /* [KN_PORTABLE] is the reference */

static int open_contexts(void)
{
    for (int isa = KN_PORTABLE; isa <= (int)kn_isa_best(kn_cpu()); isa++)
        if (kn_context_open(&contexts[isa], (enum kn_isa)isa, inputs, INPUT_COUNT) < 0)
            return -1;
    return 0;
}

static void close_contexts(void)
{
    for (int isa = KN_PORTABLE; isa <= KN_AMX; isa++)
        kn_context_close(&contexts[isa]);
}

/* Bit for bit; any NaN equals any other. */
static size_t differing(const float *a, const float *b, size_t count)
{
    size_t differ = 0;
    for (size_t i = 0; i < count; i++)
        differ += memcmp(a + i, b + i, sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]));
    return differ;
}

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
    {"quantize", row_quantize}, {"rms_norm", row_rms_norm}, {"add", row_add},   {"axpy", row_axpy}, {"scale", row_scale},
    {"silu_mul", row_silu_mul}, {"softmax", row_softmax},   {"bf16", row_bf16}, {"rope", row_rope},
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

/* ---- matrix products ---- */

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
    for (size_t i = 0; i < INPUT_COUNT; i++)
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++) {
            guarded_use((i + j) % 2 ? GUARD_AFTER : GUARD_BEFORE);
            if (inputs[i] <= 200 || rows[j] <= 9 || rows[j] == 33)
                gemm_trial(format, inputs[i], rows[j]);
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

/* ---- attention ---- */

struct attention_shape {
    size_t keys, group, k_dim, v_dim;
};

/* Pages with one head's keys, then its values, then a guard. */
static void random_pages(const uint8_t **pages, const struct attention_shape *s, enum kn_kv kv)
{
    float row[256];
    for (size_t p = 0; p * KN_KV_BLOCK < s->keys; p++) {
        size_t key_bytes = KN_KV_BLOCK * kn_kv_bytes(kv, s->k_dim);
        uint8_t *page = guarded(key_bytes + KN_KV_BLOCK * kn_kv_bytes(kv, s->v_dim));
        pages[p] = page;
        for (size_t slot = 0; slot < KN_KV_BLOCK && p * KN_KV_BLOCK + slot < s->keys; slot++) {
            random_floats(row, s->k_dim, 0);
            kn_kv_store(contexts[KN_PORTABLE], kv, page, slot, row, s->k_dim);
            random_floats(row, s->v_dim, 0);
            kn_kv_store(contexts[KN_PORTABLE], kv, page + key_bytes, slot, row, s->v_dim);
        }
    }
}

static void attention_trial(const struct attention_shape *s, enum kn_kv kv)
{
    const uint8_t *pages[16];
    random_pages(pages, s, kv);
    size_t ldq = s->k_dim + 3, ldo = s->v_dim + 5;
    float *q = guarded_floats(s->group * ldq), *expected = guarded_floats(s->group * ldo);
    random_floats(q, s->group * ldq, 0);
    struct kn_attention a = {.kv = kv,
                             .pages = pages,
                             .k_offset = 0,
                             .v_offset = KN_KV_BLOCK * kn_kv_bytes(kv, s->k_dim),
                             .keys = s->keys,
                             .q = q,
                             .ldq = ldq,
                             .group = s->group,
                             .k_dim = s->k_dim,
                             .v_dim = s->v_dim,
                             .scale = 0.7f,
                             .out = expected,
                             .ldo = ldo};
    kn_attention(contexts[KN_PORTABLE], &a);
    for (int isa = KN_AVX2; isa <= KN_AMX && contexts[isa]; isa++) {
        size_t mark = guarded_mark();
        a.out = guarded_floats(s->group * ldo);
        a.scratch = guarded(kn_scratch_bytes(contexts[isa], 1, s->v_dim, s->group));
        kn_attention(contexts[isa], &a);
        size_t differ = differing(expected, a.out, s->group * ldo);
        CHECK_THAT(differ == 0, "%s, kv %d, keys %zu, group %zu, dims %zu %zu: %zu differ", kn_isa_name((enum kn_isa)isa), (int)kv, s->keys,
                   s->group, s->k_dim, s->v_dim, differ);
        guarded_release(mark);
    }
    guarded_release(0);
}

static void attention_equals_reference(void)
{
    static const size_t keys[] = {1, 2, 5, 16, 63, 64, 65, 127, 128, 200, 700}, dims[] = {1, 15, 16, 40, 64, 80, 128, 200};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        for (size_t j = 0; j < sizeof dims / sizeof *dims; j++) {
            size_t group = 1 + (i * 5 + j) % 9;
            struct attention_shape s = {keys[i], group, dims[j], dims[(j + i) % (sizeof dims / sizeof *dims)]};
            guarded_use((i + j) % 2 ? GUARD_AFTER : GUARD_BEFORE);
            attention_trial(&s, KN_KV_F32);
            attention_trial(&s, KN_KV_BF16);
        }
}

/* ---- promises of the context ---- */

static void unsupported_is_refused(void)
{
    struct kn_context *c = contexts[KN_PORTABLE];
    if (kn_isa_best(kn_cpu()) == KN_AMX)
        CHECK_SKIP("this processor has every instruction set");
    CHECK(kn_context_open(&c, KN_AMX, NULL, 0) == KN_E_UNSUPPORTED && c == NULL);
}

/* Under seccomp's strict mode any system call but write and exit kills: products need none, so they can run sealed. */
static void products_need_no_system_call(void)
{
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
    CHECK_TEST(rows_equal_reference),       CHECK_TEST(w8_equals_reference),    CHECK_TEST(w4_equals_reference),
    CHECK_TEST(bf16_equals_reference),      CHECK_TEST(gemm_long_shapes),       CHECK_TEST(search_equals_reference),
    CHECK_TEST(attention_equals_reference), CHECK_TEST(unsupported_is_refused), CHECK_TEST(products_need_no_system_call),
};

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--bench"))
        return kernels_bench();
    if (open_contexts()) {
        fputs("cannot open a context\n", stderr);
        return 1;
    }
    int failed = check_run(tests, sizeof tests / sizeof *tests);
    close_contexts();
    return failed;
}
