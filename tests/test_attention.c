/* test_attention.c: attention over the paged cache. The plain C reference is held against a softmax in double over the same rows, and every
 * instruction set against the reference, bit for bit: tiles of odd shapes, across the blocks' borders, between guard pages, with NaN in
 * every slot that no row sees. */
#include "tests/check.h"
#include "tests/contexts.h"
#include "tests/guarded.h"

#include <math.h>
#include <stdlib.h>

enum { PAGES_MAX = 30, DIM_MAX = 200 };

struct shape {
    size_t keys, positions, group, k_dim, v_dim; /* keys: what the first position sees */
};

struct scene { /* one head's cache and a tile on it */
    enum kn_kv kv;
    struct shape shape;
    const uint8_t *pages[PAGES_MAX];
    float *keys, *values; /* [tokens][k_dim], [tokens][v_dim], rounded as the cache has them */
    float *q;
    size_t out_floats;
};

static size_t tokens_of(const struct shape *s)
{
    return s->keys + s->positions - 1;
}

/* What the cache makes of a row. */
static void round_row(enum kn_kv kv, float *x, size_t dim)
{
    uint16_t halves[DIM_MAX];
    int8_t bytes[DIM_MAX + KN_PANEL];
    float scale;
    if (kv == KN_KV_BF16) {
        kn_bf16_from_f32(contexts[KN_PORTABLE], halves, x, dim);
        kn_f32_from_bf16(contexts[KN_PORTABLE], x, halves, dim);
    } else if (kv == KN_KV_INT8) {
        kn_quantize(contexts[KN_PORTABLE], bytes, &scale, x, dim);
        for (size_t i = 0; i < dim; i++)
            x[i] = scale * (float)bytes[i];
    }
}

/* `extreme`: values with zeros of both signs, denormals and large numbers among them. */
static void open_scene(struct scene *t, const struct shape *s, enum kn_kv kv, int extreme)
{
    size_t tokens = tokens_of(s), key_bytes = kn_kv_key_bytes(kv, s->k_dim), value_bytes = kn_kv_value_bytes(kv, s->v_dim);
    *t = (struct scene){.kv = kv, .shape = *s};
    t->keys = guarded_floats(tokens * s->k_dim);
    t->values = guarded_floats(tokens * s->v_dim);
    random_floats(t->keys, tokens * s->k_dim, 0);
    random_floats(t->values, tokens * s->v_dim, extreme);
    for (size_t i = 0; i < tokens; i++) {
        uint8_t *page = (uint8_t *)(uintptr_t)t->pages[i / KN_KV_BLOCK];
        if (i % KN_KV_BLOCK == 0) {
            t->pages[i / KN_KV_BLOCK] = page = guarded(key_bytes + value_bytes);
            memset(page, 0xff, key_bytes + value_bytes);
        }
        kn_kv_store_key(contexts[KN_PORTABLE], kv, page, i % KN_KV_BLOCK, t->keys + i * s->k_dim, s->k_dim);
        kn_kv_store_value(contexts[KN_PORTABLE], kv, page + key_bytes, i % KN_KV_BLOCK, t->values + i * s->v_dim, s->v_dim);
        round_row(kv, t->keys + i * s->k_dim, s->k_dim);
        round_row(kv, t->values + i * s->v_dim, s->v_dim);
    }
    t->q = guarded_floats(s->positions * (s->group * (s->k_dim + 3) + 7));
    random_floats(t->q, s->positions * (s->group * (s->k_dim + 3) + 7), 0);
    t->out_floats = s->positions * (s->group * (s->v_dim + 5) + 1);
}

/* The tile's positions [first, first + count). */
static struct kn_attention tile_of(const struct scene *t, size_t first, size_t count, float *out)
{
    const struct shape *s = &t->shape;
    size_t ldq = s->k_dim + 3, ldo = s->v_dim + 5, q_position = s->group * ldq + 7, out_position = s->group * ldo + 1;
    return (struct kn_attention){.kv = t->kv,
                                 .pages = t->pages,
                                 .v_offset = kn_kv_key_bytes(t->kv, s->k_dim),
                                 .keys = s->keys + first,
                                 .positions = count,
                                 .group = s->group,
                                 .q = t->q + first * q_position,
                                 .ldq = ldq,
                                 .q_position = q_position,
                                 .k_dim = s->k_dim,
                                 .v_dim = s->v_dim,
                                 .scale = 0.3f,
                                 .out = out + first * out_position,
                                 .ldo = ldo,
                                 .out_position = out_position};
}

static void run_tile(const struct scene *t, int isa, size_t first, size_t count, float *out)
{
    const struct shape *s = &t->shape;
    size_t mark = guarded_mark();
    struct kn_attention a = tile_of(t, first, count, out);
    a.scratch = guarded(kn_scratch_bytes(contexts[isa], 1, s->k_dim > s->v_dim ? s->k_dim : s->v_dim, s->group));
    kn_attention(contexts[isa], &a);
    guarded_release(mark);
}

/* As many threads would: the blocks in any order, then the rows. */
static void run_halves(const struct scene *t, int isa, float *out)
{
    const struct shape *s = &t->shape;
    size_t mark = guarded_mark(), rows = s->positions * s->group, blocks = kn_attention_blocks_of(tokens_of(s));
    struct kn_attention a = tile_of(t, 0, s->positions, out);
    a.scratch = guarded(kn_scratch_bytes(contexts[isa], 1, s->k_dim > s->v_dim ? s->k_dim : s->v_dim, s->group));
    uint8_t *parts = guarded(blocks * kn_attention_part_bytes(rows, s->v_dim));
    kn_attention_blocks(contexts[isa], &a, parts, blocks / 2, blocks);
    kn_attention_blocks(contexts[isa], &a, parts, 0, blocks / 2);
    kn_attention_merge(contexts[isa], &a, parts, rows / 3, rows);
    kn_attention_merge(contexts[isa], &a, parts, 0, rows / 3);
    guarded_release(mark);
}

static void expect_same(const struct scene *t, int isa, const char *how, const float *expected, const float *got)
{
    const struct shape *s = &t->shape;
    size_t differ = differing(expected, got, t->out_floats);
    CHECK_THAT(differ == 0, "%s, %s, kv %d, keys %zu, positions %zu, group %zu, dims %zu %zu: %zu of %zu differ",
               kn_isa_name((enum kn_isa)isa), how, (int)t->kv, s->keys, s->positions, s->group, s->k_dim, s->v_dim, differ, t->out_floats);
}

static void compare_ways(const struct shape *s, enum kn_kv kv)
{
    struct scene t;
    open_scene(&t, s, kv, 1);
    float *expected = guarded_floats(t.out_floats);
    run_tile(&t, KN_PORTABLE, 0, s->positions, expected);
    for (int isa = KN_PORTABLE; isa <= KN_AMX && contexts[isa]; isa++) {
        size_t mark = guarded_mark();
        float *whole = guarded_floats(t.out_floats), *halves = guarded_floats(t.out_floats), *single = guarded_floats(t.out_floats);
        run_tile(&t, isa, 0, s->positions, whole);
        run_halves(&t, isa, halves);
        for (size_t i = 0; i < s->positions; i++)
            run_tile(&t, isa, i, 1, single);
        expect_same(&t, isa, "as one tile", expected, whole);
        expect_same(&t, isa, "in two halves", expected, halves);
        expect_same(&t, isa, "position by position", expected, single);
        guarded_release(mark);
    }
    guarded_release(0);
}

static void every_way_gives_the_reference(void)
{
    static const size_t keys[] = {1, 2, 16, 31, 33, 63, 64, 65, 200, 505, 512, 513, 1020, 1100}, dims[] = {1, 15, 16, 40, 64, 80, 128, 200};
    enum { DIMS = sizeof dims / sizeof *dims };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        for (size_t j = 0; j < DIMS; j++) {
            size_t group = 1 + (i * 5 + j) % 13, positions = 1 + (i + 3 * j) % (KN_ATTENTION_ROWS / group);
            struct shape s = {keys[i], positions, group, dims[j], dims[(j + i) % DIMS]};
            guarded_use((i + j) % 2 ? GUARD_AFTER : GUARD_BEFORE);
            if ((i * DIMS + j) % thinned() == 0)
                compare_ways(&s, (enum kn_kv)((i + j) % 3));
        }
}

static void large_tiles_and_groups_too(void)
{
    static const struct shape shapes[] = {{490, 48, 1, 64, 64}, {1500, 6, 8, 128, 128}, {70, 1, 70, 32, 96}, {510, 2, 24, 20, 33}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int kv = KN_KV_F32; kv <= KN_KV_INT8; kv++)
            if ((i * 3 + (size_t)kv) % thinned() == 0)
                compare_ways(&shapes[i], (enum kn_kv)kv);
}

/* ---- the reference itself ---- */

/* Softmax over all keys at once, in double. */
static void plain_row(const struct scene *t, const struct kn_attention *a, size_t position, size_t head, double *out)
{
    static double p[PAGES_MAX * KN_KV_BLOCK];
    const float *q = a->q + position * a->q_position + head * a->ldq;
    double most = -INFINITY, sum = 0;
    size_t count = a->keys + position;
    for (size_t j = 0; j < count; j++) {
        p[j] = 0;
        for (size_t d = 0; d < a->k_dim; d++)
            p[j] += (double)q[d] * (double)t->keys[j * a->k_dim + d];
        p[j] *= (double)a->scale;
        most = p[j] > most ? p[j] : most;
    }
    for (size_t j = 0; j < count; j++)
        sum += p[j] = exp(p[j] - most);
    for (size_t d = 0; d < a->v_dim; d++) {
        out[d] = 0;
        for (size_t j = 0; j < count; j++)
            out[d] += p[j] / sum * (double)t->values[j * a->v_dim + d];
    }
}

static void reference_is_a_softmax(void)
{
    static const struct shape shapes[] = {{1, 3, 2, 16, 16}, {500, 20, 2, 40, 33}, {1200, 2, 5, 64, 80}};
    for (size_t i = 0; i < 3 * sizeof shapes / sizeof *shapes; i += thinned()) {
        struct scene t;
        const struct shape *s = &shapes[i / 3];
        open_scene(&t, s, (enum kn_kv)(i % 3), 0);
        float *out = guarded_floats(t.out_floats);
        struct kn_attention a = tile_of(&t, 0, s->positions, out);
        run_tile(&t, KN_PORTABLE, 0, s->positions, out);
        for (size_t row = 0; row < s->positions * s->group; row++) {
            double plain[DIM_MAX], worst = 0;
            size_t position = row / s->group, head = row % s->group;
            plain_row(&t, &a, position, head, plain);
            for (size_t d = 0; d < s->v_dim; d++)
                worst = fmax(worst, fabs(plain[d] - (double)out[position * a.out_position + head * a.ldo + d]));
            CHECK_THAT(worst < 3e-6, "shape %zu, row %zu: off by %g", i, row, worst);
        }
        guarded_release(0);
    }
}

/* ---- what a smaller cache costs ---- */

/* The relative error of a whole tile's output, root mean square, where keys and values are rounded. */
static double loss(const struct shape *s, enum kn_kv kv, const float *keys, const float *values, const float *q, const float *exact)
{
    struct scene t;
    size_t tokens = tokens_of(s), mark = guarded_mark();
    double error = 0, square = 0;
    open_scene(&t, s, kv, 0);
    for (size_t i = 0; i < tokens; i++) {
        uint8_t *page = (uint8_t *)(uintptr_t)t.pages[i / KN_KV_BLOCK];
        kn_kv_store_key(contexts[KN_PORTABLE], kv, page, i % KN_KV_BLOCK, keys + i * s->k_dim, s->k_dim);
        kn_kv_store_value(contexts[KN_PORTABLE], kv, page + kn_kv_key_bytes(kv, s->k_dim), i % KN_KV_BLOCK, values + i * s->v_dim,
                          s->v_dim);
    }
    memcpy(t.q, q, s->group * (s->k_dim + 3) * sizeof *q);
    float *out = guarded_floats(t.out_floats);
    run_tile(&t, KN_PORTABLE, 0, 1, out);
    for (size_t i = 0; i < t.out_floats; i++) {
        error += ((double)out[i] - (double)exact[i]) * ((double)out[i] - (double)exact[i]);
        square += (double)exact[i] * (double)exact[i];
    }
    guarded_release(mark);
    return sqrt(error / square);
}

/* Gaussian keys, values and queries: the scores' standard deviation is 0.3·sqrt(128) = 3.4, so few keys have most of the weight. */
static void smaller_caches_lose_little(void)
{
    static const struct shape s = {1500, 1, 8, 128, 128};
    struct scene t;
    open_scene(&t, &s, KN_KV_F32, 0);
    float *exact = guarded_floats(t.out_floats);
    run_tile(&t, KN_PORTABLE, 0, 1, exact);
    double bf16 = loss(&s, KN_KV_BF16, t.keys, t.values, t.q, exact), int8 = loss(&s, KN_KV_INT8, t.keys, t.values, t.q, exact);
    printf("     relative error of the output: bf16 %.2g, int8 %.2g\n", bf16, int8);
    CHECK_THAT(bf16 > 1e-4 && bf16 < 8e-3, "bf16: %g", bf16);
    CHECK_THAT(int8 > bf16 && int8 < 3e-2, "int8: %g", int8);
    guarded_release(0);
}

static const struct check_test tests[] = {
    CHECK_TEST(reference_is_a_softmax),
    CHECK_TEST(every_way_gives_the_reference),
    CHECK_TEST(large_tiles_and_groups_too),
    CHECK_TEST(smaller_caches_lose_little),
};

int main(void)
{
    open_contexts();
    int failed = check_run(tests, sizeof tests / sizeof *tests);
    close_contexts();
    return failed;
}
