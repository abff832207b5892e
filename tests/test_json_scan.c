/* test_json_scan.c: where a JSON text ends, and at which byte it is seen to be none. */
#include "tests/check.h"

#include "runtime/json_scan.h"

/* What the scan says last, after how many bytes. */
static enum rt_json_step scan(const char *text, size_t bytes, size_t *taken)
{
    struct rt_json_scan state = {0};
    enum rt_json_step step = RT_JSON_MORE;
    for (*taken = 0; *taken < bytes && step == RT_JSON_MORE; ++*taken)
        step = rt_json_scan(&state, (unsigned char)text[*taken]);
    return step;
}

static void finds_the_end(void)
{
    static const char *const whole[] = {
        "{}",
        "[]",
        " \t\r\n{ }",
        "{\"a\":1}",
        "{\"a\" : [1, -2.5e+3,\n0] , \"b\":{\"\":null}}",
        "[true,false,null]",
        "[[],[[]],{}]",
        "[\"]}\"]",
        "[\"\\\"]\",\"\\\\\"]",
        "[\"\\u00e9\\ud83D\\ude00\\/\\b\\f\\n\\r\\t\"]",
        "{\"\\\"}\":\"\\\\\"}",
        "[\"größer\"]",
        "[1]",
        "[1 ]",
        "{\"a\":1 }",
    };
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        char more[128];
        size_t taken;
        CHECK_THAT(scan(whole[i], strlen(whole[i]), &taken) == RT_JSON_WHOLE && taken == strlen(whole[i]), "%s: %zu", whole[i], taken);
        CHECK_THAT(scan(whole[i], strlen(whole[i]) - 1, &taken) == RT_JSON_MORE, "%s", whole[i]);
        snprintf(more, sizeof more, "%s}{", whole[i]);
        CHECK_THAT(scan(more, strlen(more), &taken) == RT_JSON_WHOLE && taken == strlen(whole[i]), "%s: %zu", more, taken);
    }
}

/* Each is broken at its last byte, not before. */
static void sees_early_what_is_none(void)
{
    static const char *const broken[] = {
        "1",        "\"",        "t",          "}",          "]",      "a",         "{1",       "{a",        "{]",   "{\"a\"}", "{\"a\",",
        "{\"a\":}", "{\"a\":1]", "{\"a\":1,}", "{\"a\":1 2", "[}",     "[1}",       "[,",       "[1,]",      "[1 2", "[1a",     "[tru ",
        "[truee",   "[nulx",     "[\"\n",      "{\"\t",      "[\"\\x", "[\"\\u00g", "[\"\\u\"", "{\"\\u1\"", "[--a", "[+",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        size_t taken;
        CHECK_THAT(scan(broken[i], strlen(broken[i]), &taken) == RT_JSON_BROKEN && taken == strlen(broken[i]), "%s: %zu", broken[i], taken);
    }
    size_t taken;
    CHECK(scan("[\0", 2, &taken) == RT_JSON_BROKEN && scan("[\"\\\0", 4, &taken) == RT_JSON_BROKEN &&
          scan("[1\0", 3, &taken) == RT_JSON_BROKEN);
}

static void bounds_depth(void)
{
    char deep[RT_JSON_DEPTH_MAX + 1];
    size_t taken;
    memset(deep, '[', sizeof deep);
    CHECK(scan(deep, RT_JSON_DEPTH_MAX, &taken) == RT_JSON_MORE);
    CHECK(scan(deep, RT_JSON_DEPTH_MAX + 1, &taken) == RT_JSON_BROKEN && taken == RT_JSON_DEPTH_MAX + 1);
}

CHECK_MAIN(CHECK_TEST(finds_the_end), CHECK_TEST(sees_early_what_is_none), CHECK_TEST(bounds_depth))
