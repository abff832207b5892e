/* attention.h: attention over a paged cache (n1 §9), written once over the virtual lanes. Included by attention_<isa>.c after
 * lanes_<isa>.h. A block of keys is read once for LANES_ROWS query heads; the cache's element type is a constant of each copy. */

#include "kernels/ops.h"
#include "kernels/softmax.h"

enum {
    KEYS = 4,              /* keys whose scores are folded together */
    PREFETCH_BYTES = 4096, /* ahead of where the cache is read */
};

struct block { /* one page, seen by all heads of the group */
    const uint8_t *keys, *values;
    size_t count;
};

struct heads {                  /* per query head of the group, in scratch */
    float *p;                   /* [group][64]: the block's weights */
    float *maximum, *sum;       /* of the blocks merged so far */
    float *old_part, *new_part; /* what they and this block are multiplied with */
};

static struct heads heads_in(const struct kn_attention *a)
{
    float *at = a->scratch;
    float *after = at + a->group * KN_KV_BLOCK;
    return (struct heads){at, after, after + a->group, after + 2 * a->group, after + 3 * a->group};
}

/* Elements d … d+15 of a row; past dim they are 0. */
LANES_INLINE struct lanes kv_load(enum kn_kv kv, const uint8_t *rows, size_t row, size_t dim, size_t d)
{
    const uint16_t *halves = (const uint16_t *)(const void *)rows + row * dim + d;
    const float *floats = (const float *)(const void *)rows + row * dim + d;
    _mm_prefetch((kv == KN_KV_BF16 ? (const char *)halves : (const char *)floats) + PREFETCH_BYTES, _MM_HINT_T0);
    if (d + KN_LANES <= dim)
        return kv == KN_KV_BF16 ? lanes_load_bf16(halves) : lanes_load(floats);
    return kv == KN_KV_BF16 ? lanes_load_bf16_n(halves, dim - d) : lanes_load_n(floats, dim - d);
}

LANES_INLINE struct lanes query_load(const struct kn_attention *a, size_t head, size_t d)
{
    const float *q = a->q + head * a->ldq + d;
    return d + KN_LANES <= a->k_dim ? lanes_load(q) : lanes_load_n(q, a->k_dim - d);
}

/* p[head][j … j+keys) = scale · q·k for `rows` heads. */
LANES_INLINE void scores(const struct kn_attention *a, enum kn_kv kv, const struct block *b, float *p, size_t head, size_t rows, size_t j,
                         size_t keys)
{
    struct lanes acc[LANES_ROWS][KEYS];
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < KEYS; i++)
            acc[r][i] = lanes_set(0);
    for (size_t d = 0; d < a->k_dim; d += KN_LANES) {
        struct lanes q[LANES_ROWS];
        for (size_t r = 0; r < rows; r++)
            q[r] = query_load(a, head + r, d);
        for (size_t i = 0; i < keys; i++) {
            struct lanes k = kv_load(kv, b->keys, j + i, a->k_dim, d);
            for (size_t r = 0; r < rows; r++)
                acc[r][i] = lanes_fma(q[r], k, acc[r][i]);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        struct lanes *sum = acc[r];
        __m128 four = lanes_fold4(lanes_fold(sum[0]), lanes_fold(sum[1]), lanes_fold(sum[2]), lanes_fold(sum[3]));
        float score[KEYS];
        _mm_storeu_ps(score, _mm_mul_ps(four, _mm_set1_ps(a->scale)));
        for (size_t i = 0; i < keys; i++)
            p[(head + r) * KN_KV_BLOCK + j + i] = score[i];
    }
}

LANES_INLINE void block_scores(const struct kn_attention *a, enum kn_kv kv, const struct block *b, float *p, size_t head, size_t rows)
{
    size_t j = 0;
    for (; j + KEYS <= b->count; j += KEYS)
        scores(a, kv, b, p, head, rows, j, KEYS);
    for (; j < b->count; j++)
        scores(a, kv, b, p, head, rows, j, 1);
}

/* Scores become weights; the running maximum and sum take the block in. */
static void block_merge(const struct heads *s, size_t head, size_t count, int first)
{
    float *p = s->p + head * KN_KV_BLOCK;
    float block = rows_largest(p, count), before = s->maximum[head];
    float sum = rows_exp_sum(p, count, block);
    float maximum = first || block > before ? block : before;
    s->old_part[head] = first ? 0.0f : lanes_exp_one(before - maximum);
    s->new_part[head] = lanes_exp_one(block - maximum);
    float merged = sum * s->new_part[head];
    s->sum[head] = first ? merged : lanes_scalar_fma(s->sum[head], s->old_part[head], merged);
    s->maximum[head] = maximum;
}

LANES_INLINE void out_merge(float *out, size_t n, struct lanes old_part, struct lanes value)
{
    if (n >= KN_LANES)
        lanes_store(out, lanes_fma(lanes_load(out), old_part, value));
    else
        lanes_store_n(out, lanes_fma(lanes_load_n(out, n), old_part, value), n);
}

/* out[d … d+16·wide) of `rows` heads takes the block's weighted values in. */
LANES_INLINE void values(const struct kn_attention *a, enum kn_kv kv, const struct block *b, const struct heads *s, size_t head,
                         size_t rows, size_t d, size_t wide)
{
    struct lanes acc[LANES_ROWS][LANES_WIDE];
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < wide; i++)
            acc[r][i] = lanes_set(0);
    const float *p = s->p + head * KN_KV_BLOCK;
    for (size_t j = 0; j < b->count; j++) {
        struct lanes v[LANES_WIDE];
        for (size_t i = 0; i < wide; i++)
            v[i] = kv_load(kv, b->values, j, a->v_dim, d + i * KN_LANES);
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < wide; i++)
                acc[r][i] = lanes_fma(lanes_set(p[r * KN_KV_BLOCK + j]), v[i], acc[r][i]);
    }
    for (size_t r = 0; r < rows; r++) {
        struct lanes old_part = lanes_set(s->old_part[head + r]), new_part = lanes_set(s->new_part[head + r]);
        float *out = a->out + (head + r) * a->ldo + d;
        for (size_t i = 0; i < wide; i++)
            out_merge(out + i * KN_LANES, a->v_dim - d - i * KN_LANES, old_part, lanes_mul(acc[r][i], new_part));
    }
}

LANES_INLINE void block_values(const struct kn_attention *a, enum kn_kv kv, const struct block *b, const struct heads *s, size_t head,
                               size_t rows)
{
    size_t d = 0;
    for (; d + LANES_WIDE * KN_LANES <= a->v_dim; d += LANES_WIDE * KN_LANES)
        values(a, kv, b, s, head, rows, d, LANES_WIDE);
    for (; d < a->v_dim; d += KN_LANES)
        values(a, kv, b, s, head, rows, d, 1);
}

LANES_INLINE void block_attend(const struct kn_attention *a, enum kn_kv kv, const struct block *b, const struct heads *s, int first)
{
    size_t h = 0;
    for (; h + LANES_ROWS <= a->group; h += LANES_ROWS)
        block_scores(a, kv, b, s->p, h, LANES_ROWS);
    for (; h < a->group; h++)
        block_scores(a, kv, b, s->p, h, 1);
    for (h = 0; h < a->group; h++)
        block_merge(s, h, b->count, first);
    for (h = 0; h + LANES_ROWS <= a->group; h += LANES_ROWS)
        block_values(a, kv, b, s, h, LANES_ROWS);
    for (; h < a->group; h++)
        block_values(a, kv, b, s, h, 1);
}

static void out_clear(const struct kn_attention *a)
{
    for (size_t h = 0; h < a->group; h++)
        for (size_t d = 0; d < a->v_dim; d++)
            a->out[h * a->ldo + d] = 0;
}

static void out_divide(const struct kn_attention *a, const struct heads *s)
{
    for (size_t h = 0; h < a->group; h++)
        for (size_t d = 0; d < a->v_dim; d++)
            a->out[h * a->ldo + d] /= s->sum[h];
}

LANES_INLINE void attend(const struct kn_attention *a, enum kn_kv kv)
{
    struct heads s = heads_in(a);
    out_clear(a);
    for (size_t key = 0; key < a->keys; key += KN_KV_BLOCK) {
        const uint8_t *page = a->pages[key / KN_KV_BLOCK];
        size_t left = a->keys - key;
        struct block b = {page + a->k_offset, page + a->v_offset, left < KN_KV_BLOCK ? left : KN_KV_BLOCK};
        block_attend(a, kv, &b, &s, key == 0);
    }
    out_divide(a, &s);
}

static void attend_f32(const struct kn_attention *a)
{
    attend(a, KN_KV_F32);
}

static void attend_bf16(const struct kn_attention *a)
{
    attend(a, KN_KV_BF16);
}

static void attention(const struct kn_attention *a)
{
    if (a->kv == KN_KV_BF16)
        attend_bf16(a);
    else
        attend_f32(a);
}
