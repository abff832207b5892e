/* test_sampler.c: greedy ties, each truncation alone and together, penalties, and that a draw depends on seed and position alone. */
#include "runtime/sampler.h"
#include "tests/check.h"
#include "tests/contexts.h"

enum { VOCAB = 8, DRAWS = 20000 };

static struct rt_error error;
/* Probabilities in proportion 16 : 8 : 4 : 2 : 1 : 1 : 0.5 : 0.5 at temperature 1, not in order. */
static const float logits[VOCAB] = {0.6931472f, 2.7725887f, 0, -0.6931472f, 2.0794415f, 1.3862944f, 0, -0.6931472f};

static const struct rt_sampling plain = {.temperature = 1, .top_p = 1, .repeat_penalty = 1, .seed = 5};

static void count_draws(struct rt_sampling sampling, const uint32_t *seen, size_t seen_count, int counts[VOCAB])
{
    struct rt_sampler *sampler = NULL;
    float copy[VOCAB];
    memset(counts, 0, VOCAB * sizeof *counts);
    CHECK(!rt_sampler_open(&sampler, contexts[KN_PORTABLE], VOCAB, &sampling, &error));
    for (size_t i = 0; i < seen_count; i++)
        rt_sampler_see(sampler, seen[i]);
    for (uint64_t position = 0; position < DRAWS; position++) {
        memcpy(copy, logits, sizeof copy);
        uint32_t id = rt_sampler_pick(sampler, copy, position);
        CHECK(id < VOCAB);
        counts[id % VOCAB]++;
    }
    rt_sampler_close(&sampler);
}

/* Within five standard deviations of share · DRAWS. */
static void expect_share(const int counts[VOCAB], uint32_t id, double share)
{
    double expected = share * DRAWS, off = counts[id] - expected;
    CHECK_THAT(off * off <= 25 * expected * (1 - share) + 1e-9, "token %u drawn %d times, expected %.0f", id, counts[id], expected);
}

static void greedy_takes_the_lowest_of_equals(void)
{
    struct rt_sampler *sampler = NULL;
    float tied[VOCAB] = {1, 3, 2, 3, 0, 3, -1, 2};
    CHECK(!rt_sampler_open(&sampler, contexts[KN_PORTABLE], VOCAB, &(struct rt_sampling){.top_p = 1, .repeat_penalty = 1}, &error));
    CHECK(rt_sampler_pick(sampler, tied, 0) == 1);
    rt_sampler_close(&sampler);
}

static void shares_follow_softmax(void)
{
    int counts[VOCAB];
    count_draws(plain, NULL, 0, counts);
    expect_share(counts, 1, 16 / 33.0);
    expect_share(counts, 4, 8 / 33.0);
    expect_share(counts, 5, 4 / 33.0);
    expect_share(counts, 7, 0.5 / 33.0);
}

static void temperature_sharpens(void)
{
    int counts[VOCAB];
    struct rt_sampling sampling = plain;
    sampling.temperature = 0.5f;
    count_draws(sampling, NULL, 0, counts);
    expect_share(counts, 1, 256 / 342.5);
    expect_share(counts, 4, 64 / 342.5);
}

static void top_k_keeps_the_largest(void)
{
    int counts[VOCAB];
    struct rt_sampling sampling = plain;
    sampling.top_k = 3;
    count_draws(sampling, NULL, 0, counts);
    expect_share(counts, 1, 16 / 28.0);
    expect_share(counts, 4, 8 / 28.0);
    expect_share(counts, 5, 4 / 28.0);
}

static void top_p_keeps_the_smallest_sufficient_set(void)
{
    int counts[VOCAB];
    struct rt_sampling sampling = plain;
    sampling.top_p = 0.6f; /* 16/33 is less, 24/33 is enough */
    count_draws(sampling, NULL, 0, counts);
    expect_share(counts, 1, 16 / 24.0);
    expect_share(counts, 4, 8 / 24.0);
    sampling.top_k = 2; /* the share is then of the two: 16/24 is enough */
    count_draws(sampling, NULL, 0, counts);
    expect_share(counts, 1, 1);
}

static void min_p_is_relative_to_the_largest(void)
{
    int counts[VOCAB];
    struct rt_sampling sampling = plain;
    sampling.min_p = 0.2f; /* 16, 8, 4 of 16 pass; 2 does not */
    count_draws(sampling, NULL, 0, counts);
    expect_share(counts, 1, 16 / 28.0);
    expect_share(counts, 5, 4 / 28.0);
    sampling.top_k = 2;
    count_draws(sampling, NULL, 0, counts);
    expect_share(counts, 4, 8 / 24.0);
}

static void penalty_lowers_what_was_seen(void)
{
    int counts[VOCAB];
    const uint32_t seen[] = {1, 3, VOCAB + 5};
    struct rt_sampling sampling = plain;
    sampling.repeat_penalty = 2; /* e^(2.77/2) = 4 for token 1; e^(-0.69·2) = 0.25 for token 3 */
    count_draws(sampling, seen, 3, counts);
    expect_share(counts, 1, 4 / 20.75);
    expect_share(counts, 3, 0.25 / 20.75);
}

static void draw_depends_on_seed_and_position_alone(void)
{
    struct rt_sampler *a = NULL, *b = NULL, *other = NULL;
    struct rt_sampling reseeded = plain;
    reseeded.seed = 6;
    CHECK(!rt_sampler_open(&a, contexts[KN_PORTABLE], VOCAB, &plain, &error) &&
          !rt_sampler_open(&b, contexts[KN_PORTABLE], VOCAB, &plain, &error) &&
          !rt_sampler_open(&other, contexts[KN_PORTABLE], VOCAB, &reseeded, &error));
    int differs = 0;
    for (uint64_t position = 100; position-- > 0;) { /* in any order */
        float x[VOCAB], y[VOCAB], z[VOCAB];
        memcpy(x, logits, sizeof x);
        memcpy(y, logits, sizeof y);
        memcpy(z, logits, sizeof z);
        uint32_t id = rt_sampler_pick(a, x, position);
        CHECK(id == rt_sampler_pick(b, y, position));
        differs += id != rt_sampler_pick(other, z, position);
    }
    CHECK(differs > 20);
    rt_sampler_close(&a);
    rt_sampler_close(&b);
    rt_sampler_close(&other);
}

static const struct check_test tests[] = {
    CHECK_TEST(greedy_takes_the_lowest_of_equals),
    CHECK_TEST(shares_follow_softmax),
    CHECK_TEST(temperature_sharpens),
    CHECK_TEST(top_k_keeps_the_largest),
    CHECK_TEST(top_p_keeps_the_smallest_sufficient_set),
    CHECK_TEST(min_p_is_relative_to_the_largest),
    CHECK_TEST(penalty_lowers_what_was_seen),
    CHECK_TEST(draw_depends_on_seed_and_position_alone),
};

int main(void)
{
    open_contexts();
    int failed = check_run(tests, sizeof tests / sizeof *tests);
    close_contexts();
    return failed;
}
