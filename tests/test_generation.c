/* test_generation.c: generation.json as a bundle brings it: what is taken, what is left as it was, and what is refused. */
#include "runtime/generation_defaults.h"
#include "tests/check.h"

static struct rt_error error;

static struct rt_generation greedy(void)
{
    return (struct rt_generation){.sampling = {.top_p = 1, .repeat_penalty = 1, .seed = 3}};
}

static int read_text(struct rt_generation *generation, const char *text)
{
    *generation = greedy();
    return rt_generation_read(generation, text, strlen(text), &error);
}

static void every_value_is_taken(void)
{
    struct rt_generation g;
    CHECK(!read_text(&g, "{\"eos_ids\":[2,0],\"bos_id\":1,\"temperature\":0.5,\"top_k\":20,\"top_p\":0.25,\"min_p\":0.125,"
                         "\"repetition_penalty\":1.5}"));
    CHECK(g.stop_count == 2 && g.stop_ids[0] == 2 && g.stop_ids[1] == 0);
    CHECK(g.sampling.temperature == 0.5f && g.sampling.top_k == 20 && g.sampling.top_p == 0.25f && g.sampling.min_p == 0.125f);
    CHECK(g.sampling.repeat_penalty == 1.5f && g.sampling.seed == 3);
}

static void what_is_not_given_stays(void)
{
    struct rt_generation g;
    CHECK(!read_text(&g, "{\"top_k\":4294967295}"));
    CHECK(g.stop_count == 0 && g.sampling.top_k == UINT32_MAX);
    CHECK(g.sampling.temperature == 0 && g.sampling.top_p == 1 && g.sampling.min_p == 0 && g.sampling.repeat_penalty == 1);
}

static void nonsense_is_refused_by_name(void)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "not a JSON object"},
        {"[1]", "not a JSON object"},
        {"{\"top_k\":-1}", "\"top_k\""},
        {"{\"top_k\":1e300}", "\"top_k\""},
        {"{\"temperature\":-0.5}", "\"temperature\""},
        {"{\"temperature\":\"1\"}", "\"temperature\""},
        {"{\"top_p\":1.5}", "\"top_p\""},
        {"{\"min_p\":true}", "\"min_p\""},
        {"{\"repetition_penalty\":0}", "\"repetition_penalty\""},
        {"{\"eos_ids\":2}", "\"eos_ids\""},
        {"{\"eos_ids\":[-1]}", "\"eos_ids\""},
        {"{\"eos_ids\":[4294967296]}", "\"eos_ids\""},
        {"{\"eos_ids\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}", "\"eos_ids\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rt_generation g;
        CHECK_THAT(read_text(&g, bad[i].text) == -1 && error.code == RT_EXIT_TRUST && strstr(error.text, bad[i].why), "%s: %s", bad[i].text,
                   error.text);
    }
}

CHECK_MAIN(CHECK_TEST(every_value_is_taken), CHECK_TEST(what_is_not_given_stays), CHECK_TEST(nonsense_is_refused_by_name))
