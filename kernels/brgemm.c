/* brgemm.c: integer products of many rows (n1 §2) on AMX's tiles, through oneDNN's brgemm ukernel. Owns the generated kernels: one per
 * padded K and row count, all made in kn_brgemm_open; nothing is generated or allocated after it. The only file that knows oneDNN.
 *
 * A kernel fixes the length of its rows: a chunk of rows that lie otherwise is copied into scratch, once for all panels, and the last rows
 * of any chunk, which go through the next larger kernel: what that makes of stale scratch is not stored. A w4 panel is unpacked into
 * scratch once for all rows of the chunk.
 *
 * Only for AMX: with VNNI alone many_vnni.c is faster at every number of rows. */
#include "kernels/brgemm.h"

#include "kernels/layout.h"

#include <oneapi/dnnl/dnnl_ukernel.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 32, /* rows of the largest kernel */
    CHUNK_MAX = 256,
    CHUNK_BYTES = 512 << 10, /* of rows: half of a common L2 */
    SIZES = 3,
};
static const size_t block_rows[SIZES] = {BLOCK, 16, 8};

/* Fewer rows than these go to the panel-streaming kernels, which decode w4 in registers. Estimated. */
enum { ROWS_MIN_W8 = 5, ROWS_MIN_W4 = 9 };

struct shape {
    size_t kp;
    dnnl_brgemm_t kernel[SIZES];
};

struct kn_brgemm {
    size_t scratchpad, count;
    struct shape shapes[];
};

/* What the scratch of one product is cut into. */
struct scratch {
    int8_t *rows;   /* [chunk][kp] */
    uint8_t *panel; /* int8 [kp/4][64][4] */
    int32_t *acc;   /* [BLOCK][64] */
    void *scratchpad;
};

static size_t chunk_rows(size_t kp)
{
    size_t rows = CHUNK_BYTES / kp / BLOCK * BLOCK;
    return rows < BLOCK ? BLOCK : rows > CHUNK_MAX ? CHUNK_MAX : rows;
}

/* At least chunk_rows(kp)·kp for every kp ≤ kp_max. */
static size_t chunk_bytes(size_t kp_max)
{
    size_t whole = CHUNK_MAX * kp_max, least = BLOCK * kp_max;
    size_t most = whole < CHUNK_BYTES ? whole : CHUNK_BYTES;
    return most > least ? most : least;
}

size_t kn_brgemm_scratch(const struct kn_brgemm *brgemm, size_t k_max)
{
    size_t kp = kn_pad(k_max);
    return chunk_bytes(kp) + kp * KN_PANEL + BLOCK * KN_PANEL * sizeof(int32_t) + kn_pad(brgemm->scratchpad);
}

static struct scratch scratch_cut(void *at, size_t kp)
{
    struct scratch s = {.rows = at};
    s.panel = (uint8_t *)at + chunk_rows(kp) * kp;
    s.acc = (int32_t *)(void *)(s.panel + kp * KN_PANEL);
    s.scratchpad = s.acc + BLOCK * KN_PANEL;
    return s;
}

static int kernel_make(struct kn_brgemm *brgemm, dnnl_brgemm_t *out, size_t rows, size_t kp)
{
    size_t scratchpad = 0;
    dnnl_status_t s = dnnl_brgemm_create(out, (dnnl_dim_t)rows, KN_PANEL, (dnnl_dim_t)kp, 1, (dnnl_dim_t)kp, KN_PANEL, KN_PANEL, dnnl_s8,
                                         dnnl_s8, dnnl_s32);
    if (s == dnnl_success)
        s = dnnl_brgemm_set_add_C(*out, 0);
    if (s == dnnl_success)
        s = dnnl_brgemm_finalize(*out);
    if (s == dnnl_success)
        s = dnnl_brgemm_generate(*out);
    if (s == dnnl_success)
        s = dnnl_brgemm_get_scratchpad_size(*out, &scratchpad);
    brgemm->scratchpad = scratchpad > brgemm->scratchpad ? scratchpad : brgemm->scratchpad;
    return s == dnnl_success ? KN_OK : s == dnnl_out_of_memory ? KN_E_MEMORY : KN_E_UNSUPPORTED;
}

static const struct shape *shape_find(const struct kn_brgemm *brgemm, size_t kp)
{
    for (size_t i = 0; i < brgemm->count; i++)
        if (brgemm->shapes[i].kp == kp)
            return &brgemm->shapes[i];
    return NULL;
}

static int shape_add(struct kn_brgemm *brgemm, size_t kp)
{
    struct shape *shape = &brgemm->shapes[brgemm->count++];
    shape->kp = kp;
    for (size_t i = 0; i < SIZES; i++) {
        int status = kernel_make(brgemm, &shape->kernel[i], block_rows[i], kp);
        if (status < 0)
            return status;
    }
    return KN_OK;
}

int kn_brgemm_open(struct kn_brgemm **out, const size_t *k, size_t count)
{
    *out = NULL;
    struct kn_brgemm *brgemm = calloc(1, sizeof *brgemm + count * sizeof brgemm->shapes[0]);
    if (!brgemm)
        return KN_E_MEMORY;
    for (size_t i = 0; i < count; i++) {
        int status = k[i] == 0 || shape_find(brgemm, kn_pad(k[i])) ? KN_OK : shape_add(brgemm, kn_pad(k[i]));
        if (status < 0) {
            kn_brgemm_close(&brgemm);
            return status;
        }
    }
    kn_brgemm_thread_enter(brgemm); /* oneDNN generates what loads and releases tiles at its first use: here, not behind a seal */
    kn_brgemm_thread_leave(brgemm);
    *out = brgemm;
    return KN_OK;
}

void kn_brgemm_close(struct kn_brgemm **brgemm)
{
    if (!*brgemm)
        return;
    for (size_t i = 0; i < (*brgemm)->count; i++)
        for (size_t j = 0; j < SIZES; j++)
            if ((*brgemm)->shapes[i].kernel[j])
                dnnl_brgemm_destroy((*brgemm)->shapes[i].kernel[j]);
    free(*brgemm);
    *brgemm = NULL;
}

void kn_brgemm_thread_enter(const struct kn_brgemm *brgemm)
{
    if (brgemm->count)
        dnnl_brgemm_set_hw_context(brgemm->shapes[0].kernel[0]);
}

void kn_brgemm_thread_leave(const struct kn_brgemm *brgemm)
{
    if (brgemm->count)
        dnnl_brgemm_release_hw_context();
}

int kn_brgemm_takes(const struct kn_brgemm *brgemm, const struct kn_gemm *g)
{
    return g->m >= (g->w->format == KN_W4 ? ROWS_MIN_W4 : ROWS_MIN_W8) && shape_find(brgemm, kn_pad(g->w->k)) != NULL;
}

static void rows_copy(int8_t *out, const struct kn_gemm *g, size_t m, size_t count)
{
    size_t kp = kn_pad(g->w->k);
    for (size_t r = 0; r < count; r++)
        memcpy(out + r * kp, (const int8_t *)g->x + kn_row_of_x(g, m + r) * g->ldx, kp);
}

/* The largest kernel that `rows` fill, or the smallest one. */
static size_t kernel_for(size_t rows)
{
    size_t i = 0;
    while (i + 1 < SIZES && block_rows[i] > rows)
        i++;
    return i;
}

/* Rows m … m+count of the product, which lie in scratch, by one panel of int8. */
static void chunk_by_panel(const struct shape *shape, const struct scratch *s, const uint8_t *panel, size_t m, size_t count,
                           const struct kn_finish *f, const struct kn_ops *ops)
{
    static const dnnl_dim_t offsets[2] = {0, 0};
    size_t used = SIZES;
    for (size_t row = 0; row < count; row += block_rows[used]) {
        size_t kernel = kernel_for(count - row), rows = block_rows[kernel];
        if (kernel != used)
            dnnl_brgemm_set_hw_context(shape->kernel[kernel]); /* the tiles' shape is the kernel's own */
        used = kernel;
        dnnl_brgemm_execute(shape->kernel[kernel], s->rows + row * shape->kp, panel, offsets, s->acc, s->scratchpad);
        ops->finish(f, s->acc, m + row, count - row < rows ? count - row : rows);
    }
}

void kn_brgemm_gemm(const struct kn_brgemm *brgemm, const struct kn_ops *ops, const struct kn_gated *g, size_t panel0, size_t panel1)
{
    const struct shape *shape = shape_find(brgemm, kn_pad(g->gate.w->k));
    struct scratch s = scratch_cut(g->gate.scratch, shape->kp);
    size_t chunk = chunk_rows(shape->kp);
    for (size_t m = 0; m < g->gate.m; m += chunk) {
        size_t count = g->gate.m - m < chunk ? g->gate.m - m : chunk;
        rows_copy(s.rows, &g->gate, m, count);
        for (size_t i = 0; i < kn_passes(g, panel0, panel1); i++) {
            struct kn_pass p = kn_pass_at(g, panel0, panel1, i);
            if (p.w->format == KN_W4)
                ops->unpack_w4((int8_t *)s.panel, p.panel, shape->kp, p.w->codebook);
            chunk_by_panel(shape, &s, p.w->format == KN_W4 ? s.panel : p.panel, m, count, &p.finish, ops);
        }
    }
}
