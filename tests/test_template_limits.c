/* test_template_limits.c: no template and no conversation makes rendering run long, deep or out of memory. */
#include "tests/render_template.h"

static char *repeat(const char *text, size_t times, const char *before, const char *after)
{
    const size_t bytes = strlen(text);
    char *out = calloc(1, strlen(before) + times * bytes + strlen(after) + 1);
    char *at = out + strlen(before);
    memcpy(out, before, strlen(before));
    for (size_t i = 0; i < times; i++, at += bytes)
        memcpy(at, text, bytes);
    memcpy(at, after, strlen(after));
    return out;
}

static void bounds_nesting(void)
{
    RT_FREE char *brackets = repeat("(", 100000, "{{ ", "");
    RT_FREE char *lists = repeat("[", 100000, "{{ ", "");
    RT_FREE char *subscripts = repeat("a[", 100000, "{{ ", "");
    RT_FREE char *ifs = repeat("{% if a %}", 70, "", "");
    RT_FREE char *elses = repeat("a if b else ", 70, "{{ ", "");
    check_refused(brackets, RT_EXIT_UNSUPPORTED, "nested");
    check_refused(lists, RT_EXIT_UNSUPPORTED, "nested");
    check_refused(subscripts, RT_EXIT_UNSUPPORTED, "nested");
    check_refused(ifs, RT_EXIT_UNSUPPORTED, "nested");
    check_refused(elses, RT_EXIT_UNSUPPORTED, "nested");
}

static void bounds_chains(void)
{
    RT_FREE char *sums = repeat("1+", 100000, "{{ ", "1 }}");
    RT_FREE char *nots = repeat("not ", 100000, "{{ ", "1 }}");
    RT_FREE char *filters = repeat("|trim", 100000, "{{ 1", " }}");
    RT_FREE char *minuses = repeat("-", 100000, "{{ ", "1 }}");
    RT_FREE char *elifs = repeat("{% elif false %}", 10000, "{% if false %}", "{% else %}end{% endif %}");
    RT_FREE char *sum = repeat("1+", 100, "{{ ", "1 }}");
    check_refused(sums, RT_EXIT_FAILED, "nested");
    check_refused(nots, RT_EXIT_FAILED, "nested");
    check_refused(filters, RT_EXIT_FAILED, "nested");
    check_refused(minuses, RT_EXIT_FAILED, "nested");
    check_text(elifs, "end");
    check_text(sum, "101");
}

static void bounds_work(void)
{
    RT_FREE char *doubling = repeat("{% set x = x + x %}", 64, "{% set x = 'abcdefgh' %}", "{{ x }}");
    RT_FREE char *loops = repeat("{% for x in n %}", 10, "{% set n = [1,2,3,4,5,6,7,8,9,10] %}", "x");
    RT_FREE char *closed = repeat("{% endfor %}", 10, loops, "");
    RT_FREE char *names = repeat("x", 70, "", "");
    check_refused(doubling, RT_EXIT_RESOURCES, "16 MiB");
    check_refused(closed, RT_EXIT_FAILED, "too many steps");
    RT_FREE char *output = repeat("{{ x }}", 3000,
                                  "{% set x = '0123456789abcdef' %}"
                                  "{% set x = x + x + x + x + x + x + x + x %}{% set x = x + x + x + x + x + x + x + x %}"
                                  "{% set x = x + x + x + x + x + x + x + x %}",
                                  "");
    check_refused(output, RT_EXIT_RESOURCES, "16 MiB");
    RT_FREE char *large = repeat(" ", (1 << 20) + 1, "", "");
    check_refused(large, RT_EXIT_UNSUPPORTED, "1 MiB");
}

/* What JSON may bring along. */
static void bounds_conversations(void)
{
    struct rt_error error = {0};
    RT_FREE char *deep = repeat("[", 300, "", "");
    RT_FREE char *nested = repeat("]", 300, deep, "");
    RT_FREE char *too_deep = render_json("x", nested, &error);
    CHECK_THAT(!too_deep && error.code == RT_EXIT_FAILED && strstr(error.text, "nested"), "%s", error.text);
    RT_FREE char *too_large = render_json("x", "[{\"n\": 18446744073709551615}]", &error);
    CHECK_THAT(!too_large && strstr(error.text, "63 bits"), "%s", error.text);
    RT_FREE char *twice = render_json("{{ messages[0] }}", "[{\"a\": 1, \"b\": 2, \"a\": 3}]", &error);
    CHECK_THAT(twice && !strcmp(twice, "{'a': 3, 'b': 2}"), "%s", twice ? twice : error.text);
    RT_FREE char *zero = render_json("{{ messages[0] | tojson }}", "[\"a\\u0000b\"]", &error);
    CHECK_THAT(zero && !strcmp(zero, "\"a\\u0000b\""), "%s", zero ? zero : error.text);
}

static void bounds_values(void)
{
    RT_FREE char *deep = repeat("{% set x = [x] %}", 300, "{% set x = [] %}", "{{ x }}");
    RT_FREE char *json = repeat("{% set x = [x] %}", 300, "{% set x = [] %}", "{{ x | tojson }}");
    RT_FREE char *equal = repeat("{% set x = [x] %}{% set y = [y] %}", 300, "{% set x = [] %}{% set y = [] %}", "{{ x == y }}{{ 1 }}");
    RT_FREE char *wide = repeat("{% set x = [x, x] %}", 40, "{% set x = [] %}", "{{ x }}");
    RT_FREE char *alike = repeat("{% set x = [x, x] %}{% set y = [y, y] %}", 40, "{% set x = [] %}{% set y = [] %}", "{{ x == y }}{{ 1 }}");
    check_refused(deep, RT_EXIT_FAILED, "nested too deep");
    check_refused(json, RT_EXIT_FAILED, "nested too deep");
    check_refused(equal, RT_EXIT_FAILED, "too many steps");
    check_refused(wide, RT_EXIT_FAILED, "too many steps");
    check_refused(alike, RT_EXIT_FAILED, "too many steps");
    check_refused("{{ 'ab' * 1000000000000 }}", RT_EXIT_RESOURCES, "16 MiB");
    check_refused("{{ [1] * 1000000000000 }}", RT_EXIT_FAILED, "too many steps");
    check_refused("{{ 'a' | center(9000000000000000000) }}", RT_EXIT_RESOURCES, "16 MiB");
    check_refused("{{ '%9999d' % 1 }}", RT_EXIT_FAILED, "width");
    check_refused(
        "{{ range(100000) | batch(100000, 1) | map('length') | list | map('string') | batch(1, 2) | list | length * 'x' | nope }}",
        RT_EXIT_UNSUPPORTED, "nope");
}

static void bounds_trimming(void)
{
    RT_FREE char *set = repeat("bcdefgh", 36, "{{ ('a' * 1000 * 8000).strip('", "a') }}");
    RT_FREE char *none = repeat("bcdefgh", 36, "{{ ('a' * 1000 * 8000).strip('", "') | length }}");
    check_refused(set, RT_EXIT_FAILED, "too many steps");
    check_text(none, "8000000");
    check_refused("{{ ('a' * 1000 * 8000).rfind('a' * 1000 * 1000 ~ 'b') }}", RT_EXIT_FAILED, "too many steps");
}

static void bounds_macros(void)
{
    check_refused("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", RT_EXIT_FAILED, "nested too deep");
    check_refused("{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m('x') }}", RT_EXIT_RESOURCES, "16 MiB");
    check_refused("{% macro m(x) %}{% for i in range(9) %}{% if x %}{{ m(x - 1) }}{% endif %}{% endfor %}{% endmacro %}{{ m(20) }}",
                  RT_EXIT_FAILED, "too many steps");
    check_refused("{% macro m() %}{% call m() %}{% endcall %}{{ caller }}{% endmacro %}{% call m() %}{% endcall %}", RT_EXIT_FAILED,
                  "nested too deep");
    check_refused(
        "{% set ns = namespace() %}{% for i in range(2000) %}{% set x = dict([(i, i)]) %}{% endfor %}{{ range(2000) | map('string') | "
        "map('upper') | list | unique | list | length }}",
        RT_EXIT_FAILED, "too many steps");
}

static void bounds_variables(void)
{
    char source[1200 * 24] = "";
    size_t used = 0;
    for (int i = 0; i < 1200; i++)
        used += (size_t)snprintf(source + used, sizeof source - used, "{%% set v%d = 1 %%}", i);
    check_refused(source, RT_EXIT_FAILED, "variables");
}

CHECK_MAIN(CHECK_TEST(bounds_nesting), CHECK_TEST(bounds_chains), CHECK_TEST(bounds_work), CHECK_TEST(bounds_variables),
           CHECK_TEST(bounds_conversations), CHECK_TEST(bounds_values), CHECK_TEST(bounds_trimming), CHECK_TEST(bounds_macros))
