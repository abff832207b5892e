/* test_attention_tiles.c: how attention is cut for the workers. Every live row lies in one tile, no tile crosses sequences, the work is even
 * on few and on many workers; and an engine whose workers share the blocks of a long sequence gives the bits of one worker alone. */
#include <stdlib.h>

#include "runtime/engine_parts.h"
#include "tests/check.h"
#include "tests/random_model.h"
#include "tests/unpinned_workers.h"

enum { ROWS_MAX = 600, WORKERS_MAX = 56 };

struct cut { /* rows of some sequences, cut */
    struct rt_row rows[ROWS_MAX];
    uint32_t count;
    struct rt_tile list[ROWS_MAX];
    struct rt_tiles tiles;
};

static const struct rt_sequence *sequence_number(uint32_t i)
{
    static const struct rt_sequence sequences[64];
    return &sequences[i];
}

static void add_rows(struct cut *c, uint32_t sequence, uint32_t depth, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        c->rows[c->count++] = (struct rt_row){.sequence = sequence_number(sequence), .position = depth + i};
}

static void cut_rows(struct cut *c, uint32_t heads, uint32_t group, unsigned workers, size_t parts_bytes)
{
    struct rt_live live = {NULL, c->count};
    c->tiles = (struct rt_tiles){.list = c->list, .parts_bytes = parts_bytes};
    rt_tiles_cut(&c->tiles, c->rows, &live, heads, group, 128, workers);
}

static void every_row_lies_in_one_tile(void)
{
    static const uint32_t groups[] = {1, 5, 8, 48, 70};
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        static struct cut c;
        uint32_t row = 0, unit = 0;
        c.count = 0;
        add_rows(&c, 0, 700, 1);
        add_rows(&c, 1, 0, 200);
        add_rows(&c, 2, 500, 50);
        add_rows(&c, 2, 560, 3); /* live rows may leave positions out */
        cut_rows(&c, 4, groups[g], 2, 0);
        for (uint32_t i = 0; i < c.tiles.count; i++) {
            const struct rt_tile *tile = &c.list[i];
            const struct rt_row *first = &c.rows[row], *last = &c.rows[row + tile->count - 1];
            CHECK_THAT(tile->row == row && tile->count && tile->unit == unit, "tile %u", i);
            CHECK(tile->count * groups[g] <= KN_ATTENTION_ROWS || tile->count == 1);
            CHECK(first->sequence == last->sequence && last->position - first->position == tile->count - 1);
            CHECK(tile->blocks == last->position / KN_ATTENTION_BLOCK + 1);
            row += tile->count;
            unit += 4 * tile->blocks;
        }
        CHECK(row == c.count && unit == c.tiles.units);
    }
}

static size_t parts_of(uint32_t heads, uint32_t group, uint32_t tokens, uint32_t sequences)
{
    return rt_tiles_parts_bytes(heads * kn_attention_part_bytes(group, 128), tokens, sequences);
}

/* Of what the busiest worker does, the part that the mean one does. Rows × blocks; items are taken in turn, blocks are shared evenly. */
static double evenness(const struct cut *c, unsigned workers)
{
    double load[WORKERS_MAX] = {0}, sum = 0, most = 0;
    if (c->tiles.shared_blocks)
        return (double)c->tiles.units / workers / ((c->tiles.units + workers - 1) / workers);
    for (uint32_t i = 0; i < c->tiles.count * c->tiles.heads; i++) {
        const struct rt_tile *tile = &c->list[c->tiles.count - 1 - i / c->tiles.heads];
        unsigned idle = 0;
        for (unsigned w = 1; w < workers; w++)
            idle = load[w] < load[idle] ? w : idle;
        load[idle] += (double)tile->blocks * tile->count;
    }
    for (unsigned w = 0; w < workers; w++) {
        sum += load[w];
        most = load[w] > most ? load[w] : most;
    }
    return sum / workers / most;
}

static void work_is_even(void)
{
    static struct cut c;
    static const unsigned workers[] = {1, 2, 3, 16, 56};
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        unsigned w = workers[i];
        c.count = 0;
        add_rows(&c, 0, 8191, 1); /* one long sequence is decoded: 64 blocks of 4 heads */
        cut_rows(&c, 4, 8, w, parts_of(4, 8, 8192, 1));
        CHECK_THAT(evenness(&c, w) >= 0.57, "decode, %u workers: %.2f", w, evenness(&c, w));
        CHECK_THAT(c.tiles.shared_blocks == (w > 2), "%u workers", w);
        c.count = 0;
        add_rows(&c, 0, 7680, 512);
        cut_rows(&c, 4, 8, w, parts_of(4, 8, 8192, 1));
        CHECK_THAT(evenness(&c, w) >= 0.85, "prefill at depth, %u workers: %.2f", w, evenness(&c, w));
        c.count = 0;
        add_rows(&c, 0, 0, 512);
        cut_rows(&c, 4, 8, w, parts_of(4, 8, 8192, 1));
        CHECK_THAT(evenness(&c, w) >= 0.85, "prefill, %u workers: %.2f", w, evenness(&c, w));
        c.count = 0;
        for (uint32_t s = 0; s < 16; s++)
            add_rows(&c, s, 500 * s, 1); /* a batch of all lengths */
        cut_rows(&c, 4, 8, w, parts_of(4, 8, 65536, 16));
        CHECK_THAT(evenness(&c, w) >= 0.85, "batch, %u workers: %.2f", w, evenness(&c, w));
    }
}

static void blocks_are_not_shared_without_room(void)
{
    static struct cut c;
    c.count = 0;
    add_rows(&c, 0, 8191, 1);
    cut_rows(&c, 4, 8, 56, parts_of(4, 8, 8192, 1) / 2);
    CHECK(!c.tiles.shared_blocks);
}

/* ---- in an engine ---- */

enum { PROMPT = 700, ANSWER = 6, VOCAB = 130, CHUNK = 100 };
static struct rt_error error;

/* A long and a short sequence, first the one alone and then both decoded; the long one's last logits. */
static void run_engine(enum kn_kv kv, unsigned threads, float *logits)
{
    struct random_model random;
    struct rt_workers *workers = unpinned_workers(threads, 1);
    struct kn_context *kernels;
    struct rt_engine *engine;
    struct rt_engine_options options = {.kv = kv, .max_tokens = 2048, .max_sequences = 2, .max_rows = CHUNK, .max_logits = 2};
    uint32_t tokens[PROMPT + ANSWER];
    random_model_open(&random, KN_W8, 7);
    if (!workers || kn_context_open(&kernels, kn_isa_best(kn_cpu()), (size_t[]){72, 120, 100, 44}, 4) ||
        rt_engine_open(&engine, (const struct rt_model *[]){&random.model}, kernels, workers, &options, &error)) {
        CHECK_THAT(0, "%s", error.text);
        exit(1);
    }
    for (uint32_t i = 0; i < PROMPT + ANSWER; i++)
        tokens[i] = (i * 37 + i * i % 13) % VOCAB;
    struct rt_sequence *first = rt_sequence_open(engine), *second = rt_sequence_open(engine);
    for (uint32_t done = 0; done < PROMPT; done += CHUNK)
        CHECK(!rt_engine_step(engine, &(struct rt_run){.sequence = first, .tokens = tokens + done, .count = CHUNK}, 1, &error));
    for (uint32_t i = 0; i < ANSWER; i++) {
        struct rt_run runs[] = {{.sequence = first, .tokens = tokens + PROMPT + i, .count = 1},
                                {.sequence = second, .tokens = tokens + i, .count = 1 + i % 3}};
        CHECK(!rt_engine_step(engine, runs, 1 + i % 2, &error));
        memcpy(logits + i * VOCAB, rt_engine_logits(engine, 0), VOCAB * sizeof *logits);
    }
    rt_engine_close(&engine);
    kn_context_close(&kernels);
    rt_workers_close(&workers);
    random_model_close(&random);
}

static void shared_blocks_give_the_same_bits(void)
{
    static const unsigned threads[] = {2, 4, 5};
    static float alone[ANSWER * VOCAB], shared[ANSWER * VOCAB];
    for (int kv = KN_KV_F32; kv <= KN_KV_INT8; kv++) {
        run_engine((enum kn_kv)kv, 1, alone);
        CHECK(alone[0] == alone[0] && alone[0] != alone[1]);
        for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
            run_engine((enum kn_kv)kv, threads[i], shared);
            CHECK_THAT(!memcmp(alone, shared, sizeof alone), "kv %d, %u threads", kv, threads[i]);
        }
    }
}

CHECK_MAIN(CHECK_TEST(every_row_lies_in_one_tile), CHECK_TEST(work_is_even), CHECK_TEST(blocks_are_not_shared_without_room),
           CHECK_TEST(shared_blocks_give_the_same_bits))
