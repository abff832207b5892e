/* brgemm.c: integer products of many rows (n1 §2) through oneDNN's brgemm ukernel. Owns the generated kernels: one per padded K and row
 * count, all made in kn_brgemm_open; nothing is generated or allocated after it. The only file that knows oneDNN.
 *
 * A chunk of rows is copied into scratch, once for all panels: with K as its row length, which a kernel fixes, and without AMX as
 * u8 = x + 128, since the s8 × s8 kernel of oneDNN 3.7 then reads A as u8 without saying so. A w4 panel is unpacked into scratch once
 * for all rows of the chunk. The last rows of a chunk go through the next larger kernel: what it makes of stale scratch is not stored. */
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

/* Fewer rows than these go to the panel-streaming kernels, which decode w4 in registers: measured with VNNI; estimated with AMX. */
static const struct {
    size_t w8, w4;
} rows_min_vnni = {16, 33}, rows_min_amx = {5, 9};

struct shape {
    size_t kp;
    dnnl_brgemm_t kernel[SIZES];
};

struct kn_brgemm {
    int signed_rows; /* AMX multiplies s8 × s8 */
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
    dnnl_data_type_t type = brgemm->signed_rows ? dnnl_s8 : dnnl_u8;
    size_t scratchpad = 0;
    dnnl_status_t s = dnnl_brgemm_create(out, (dnnl_dim_t)rows, KN_PANEL, (dnnl_dim_t)kp, 1, (dnnl_dim_t)kp, KN_PANEL, KN_PANEL, type,
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

int kn_brgemm_open(struct kn_brgemm **out, enum kn_isa isa, const size_t *k, size_t count)
{
    *out = NULL;
    struct kn_brgemm *brgemm = calloc(1, sizeof *brgemm + count * sizeof brgemm->shapes[0]);
    if (!brgemm)
        return KN_E_MEMORY;
    brgemm->signed_rows = isa == KN_AMX;
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
    size_t w8 = brgemm->signed_rows ? rows_min_amx.w8 : rows_min_vnni.w8, w4 = brgemm->signed_rows ? rows_min_amx.w4 : rows_min_vnni.w4;
    return g->m >= (g->w->format == KN_W4 ? w4 : w8) && shape_find(brgemm, kn_pad(g->w->k)) != NULL;
}

static void rows_copy(const struct kn_brgemm *brgemm, int8_t *out, const struct kn_gemm *g, size_t m, size_t count)
{
    size_t kp = kn_pad(g->w->k);
    uint64_t flip = brgemm->signed_rows ? 0 : UINT64_C(0x8080808080808080);
    for (size_t r = 0; r < count; r++) {
        const int8_t *x = (const int8_t *)g->x + (m + r) * g->ldx;
        for (size_t k = 0; k < kp; k += sizeof(uint64_t)) {
            uint64_t eight;
            memcpy(&eight, x + k, sizeof eight);
            eight ^= flip;
            memcpy(out + r * kp + k, &eight, sizeof eight);
        }
    }
}

/* The largest kernel that `rows` fill, or the smallest one. */
static size_t kernel_for(size_t rows)
{
    size_t i = 0;
    while (i + 1 < SIZES && block_rows[i] > rows)
        i++;
    return i;
}

/* Rows m … m+count of a chunk, already in scratch, by one panel of int8. */
static void chunk_by_panel(const struct shape *shape, const struct scratch *s, const uint8_t *panel, size_t count, struct kn_finish *f,
                           const struct kn_ops *ops)
{
    static const dnnl_dim_t offsets[2] = {0, 0};
    size_t used = SIZES;
    for (size_t row = 0; row < count; row += f->rows) {
        size_t kernel = kernel_for(count - row);
        if (kernel != used)
            dnnl_brgemm_set_hw_context(shape->kernel[kernel]); /* the tiles' shape is the kernel's own */
        used = kernel;
        dnnl_brgemm_execute(shape->kernel[kernel], s->rows + row * shape->kp, panel, offsets, s->acc, s->scratchpad);
        f->acc = s->acc;
        f->rows = count - row < block_rows[kernel] ? count - row : block_rows[kernel];
        ops->finish(f);
        f->sx += f->rows;
        f->y += f->rows * f->ldy;
    }
}

void kn_brgemm_gemm(const struct kn_brgemm *brgemm, const struct kn_ops *ops, const struct kn_gemm *g, size_t panel0, size_t panel1)
{
    const struct shape *shape = shape_find(brgemm, kn_pad(g->w->k));
    struct scratch s = scratch_cut(g->scratch, shape->kp);
    size_t chunk = chunk_rows(shape->kp);
    for (size_t m = 0; m < g->m; m += chunk) {
        size_t count = g->m - m < chunk ? g->m - m : chunk;
        rows_copy(brgemm, s.rows, g, m, count);
        for (size_t p = panel0; p < panel1; p++) {
            const uint8_t *panel = kn_panel_at(g->w, p);
            struct kn_finish f = {.sum = brgemm->signed_rows ? NULL : kn_panel_sum(g->w, panel),
                                  .scale = kn_panel_scale(g->w, panel),
                                  .sx = g->sx + m,
                                  .bias = g->bias ? g->bias + p * KN_PANEL : NULL,
                                  .y = g->y + m * g->ldy + p * KN_PANEL,
                                  .ldy = g->ldy};
            if (g->w->format == KN_W4)
                ops->unpack_w4((int8_t *)s.panel, panel, shape->kp, g->w->codebook);
            chunk_by_panel(shape, &s, g->w->format == KN_W4 ? s.panel : panel, count, &f, ops);
        }
    }
}
