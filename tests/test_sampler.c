/* test_sampler.c: greedy ties, each truncation alone and together, penalties, biases, what is allowed, and that a draw depends on seed and position alone. */
#include "runtime/sampler.h"
#include "tests/check.h"
#include "tests/contexts.h"

enum { VOCAB = 8, DRAWS = 20000 };

static struct rt_error error;
static struct rt_sampler_space *space;
/* Probabilities in proportion 16 : 8 : 4 : 2 : 1 : 1 : 0.5 : 0.5 at temperature 1, not in order. */
static const float logits[VOCAB] = {0.6931472f, 2.7725887f, 0, -0.6931472f, 2.0794415f, 1.3862944f, 0, -0.6931472f};

static const struct rt_sampling plain = {.temperature = 1, .top_p = 1, .repeat_penalty = 1, .seed = 5};

struct past { /* tokens that were there before */
    const uint32_t *prompt, *answer;
    size_t prompt_count, answer_count;
};

/* allowed: a bit for each token; NULL: all. */
static void count_allowed(struct rt_sampling sampling, struct past past, const uint32_t *allowed, int counts[VOCAB])
{
    struct rt_sampler *sampler = NULL;
    memset(counts, 0, VOCAB * sizeof *counts);
    CHECK(!rt_sampler_open(&sampler, contexts[KN_PORTABLE], VOCAB, &sampling, &error));
    for (size_t i = 0; i < past.prompt_count; i++)
        rt_sampler_see(sampler, past.prompt[i]);
    for (size_t i = 0; i < past.answer_count; i++)
        rt_sampler_answer(sampler, past.answer[i]);
    for (uint64_t position = 0; position < DRAWS; position++) {
        uint32_t id = rt_sampler_pick(sampler, space, logits, allowed, position);
        CHECK(id < VOCAB);
        counts[id % VOCAB]++;
    }
    rt_sampler_close(&sampler);
}

static void count_draws(struct rt_sampling sampling, const uint32_t *seen, size_t seen_count, int counts[VOCAB])
{
    count_allowed(sampling, (struct past){.prompt = seen, .prompt_count = seen_count}, NULL, counts);
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
    CHECK(rt_sampler_pick(sampler, space, tied, NULL, 0) == 1);
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

static void counts_of_the_answer_are_subtracted(void)
{
    int counts[VOCAB];
    const uint32_t prompt[] = {4, 4, 4}, answer[] = {1, 1, 5, VOCAB + 5};
    struct rt_sampling sampling = plain;
    sampling.frequency_penalty = 0.6931472f; /* half for each time */
    sampling.presence_penalty = 1.3862944f;  /* and a quarter for being there */
    count_allowed(sampling, (struct past){prompt, answer, 3, 4}, NULL, counts);
    expect_share(counts, 1, 1 / 14.5); /* 16 / 4 / 4 */
    expect_share(counts, 5, 0.5 / 14.5);
    expect_share(counts, 4, 8 / 14.5); /* the prompt does not count */
}

static void biases_are_added(void)
{
    int counts[VOCAB];
    const struct rt_bias biases[] = {{1, -100}, {7, 2.0794415f}, {7, 0.6931472f}, {VOCAB + 1, 5}};
    struct rt_sampling sampling = plain;
    sampling.biases = biases;
    sampling.bias_count = 4;
    count_draws(sampling, NULL, 0, counts);
    expect_share(counts, 1, 0);
    expect_share(counts, 7, 8 / 24.5);
    expect_share(counts, 4, 8 / 24.5);
}

static void only_what_is_allowed_is_drawn(void)
{
    static const uint32_t two = 1 << 4 | 1 << 7, one = 1 << 3;
    int counts[VOCAB];
    struct rt_sampling sampling = plain;
    count_allowed(sampling, (struct past){0}, &two, counts);
    expect_share(counts, 4, 8 / 8.5);
    expect_share(counts, 7, 0.5 / 8.5);
    sampling.top_k = 5; /* more than there are */
    count_allowed(sampling, (struct past){0}, &two, counts);
    expect_share(counts, 4, 8 / 8.5);
    sampling.top_p = 0.99f;
    count_allowed(sampling, (struct past){0}, &one, counts);
    expect_share(counts, 3, 1);
    sampling.temperature = 0;
    count_allowed(sampling, (struct past){0}, &two, counts);
    expect_share(counts, 4, 1);
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
        uint32_t id = rt_sampler_pick(a, space, logits, NULL, position);
        CHECK(id == rt_sampler_pick(b, space, logits, NULL, position));
        differs += id != rt_sampler_pick(other, space, logits, NULL, position);
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
    CHECK_TEST(counts_of_the_answer_are_subtracted),
    CHECK_TEST(biases_are_added),
    CHECK_TEST(only_what_is_allowed_is_drawn),
    CHECK_TEST(draw_depends_on_seed_and_position_alone),
};

int main(void)
{
    open_contexts();
    if (rt_sampler_space_open(&space, VOCAB, &error))
        return 1;
    int failed = check_run(tests, sizeof tests / sizeof *tests);
    rt_sampler_space_close(&space);
    close_contexts();
    return failed;
}
