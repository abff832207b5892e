/* test_template.c: chat templates against what Jinja2 says in transformers' environment (golden/templates/cases.json, made by
 * make_golden_templates.py), what is refused when opened, the marks on foreign bytes, and the limits. */
#include "tests/check.h"
#include "tests/read_file.h"

#include <stdlib.h>
#include <yyjson.h>

#include "runtime/scope.h"
#include "runtime/template.h"

#define FOLDER "tests/golden/templates/"

static const struct rt_message greeting[] = {{"user", "Hi"}};

/* The rendered text, or NULL with *error filled. */
static char *render(const char *source, size_t bytes, const struct rt_template_input *input, struct rt_error *error)
{
    RT_CLEAN(rt_template_close) struct rt_template *opened = NULL;
    char *out = NULL;
    if (rt_template_open(&opened, source, bytes, error) || rt_template_render(opened, input, &out, &bytes, error))
        return NULL;
    CHECK(strlen(out) == bytes);
    return out;
}

static char *render_greeting(const char *source, struct rt_error *error)
{
    const struct rt_template_input input = {greeting, 1, 1, "<s>", "</s>"};
    return render(source, strlen(source), &input, error);
}

static void check_text(const char *source, const char *expected)
{
    struct rt_error error = {0};
    RT_FREE char *out = render_greeting(source, &error);
    CHECK_THAT(out && !strcmp(out, expected), "%.200s gives \"%.200s\" (%s)", source, out ? out : "nothing", error.text);
}

/* Refused when it is opened, or when it is rendered, with `why` in the message. */
static void check_refused(const char *source, enum rt_exit code, const char *why)
{
    struct rt_error error = {0};
    RT_FREE char *out = render_greeting(source, &error);
    CHECK_THAT(!out && error.code == code && strstr(error.text, why), "%.200s: %d %s", source, error.code, error.text);
}

/* ---- against Jinja2 ---- */

static struct rt_message *read_messages(yyjson_val *list, size_t *count)
{
    yyjson_val *message;
    size_t i, n;
    struct rt_message *messages = calloc(yyjson_arr_size(list) + 1, sizeof *messages);
    yyjson_arr_foreach(list, i, n, message)
    {
        messages[i].role = yyjson_get_str(yyjson_obj_get(message, "role"));
        messages[i].content = yyjson_get_str(yyjson_obj_get(message, "content"));
    }
    *count = n;
    return messages;
}

static void check_case(yyjson_val *golden, yyjson_val *one)
{
    const char *name = yyjson_get_str(yyjson_obj_get(one, "template"));
    const char *conversation = yyjson_get_str(yyjson_obj_get(one, "conversation"));
    yyjson_val *expected = yyjson_obj_get(one, "expected");
    char path[256];
    size_t bytes, count;
    struct rt_error error = {0};
    snprintf(path, sizeof path, FOLDER "%s", name);
    RT_FREE char *source = read_file(path, &bytes);
    RT_FREE struct rt_message *messages = read_messages(yyjson_obj_get(yyjson_obj_get(golden, "conversations"), conversation), &count);
    const struct rt_template_input input = {messages, count, yyjson_is_true(yyjson_obj_get(one, "add_generation_prompt")), "<s>", "</s>"};
    RT_FREE char *out = source ? render(source, bytes, &input, &error) : NULL;
    if (!yyjson_is_str(expected))
        CHECK_THAT(!out && strstr(error.text, yyjson_get_str(yyjson_obj_get(expected, "refused"))), "%s, %s: %s", name, conversation,
                   error.text);
    else
        CHECK_THAT(out && !strcmp(out, yyjson_get_str(expected)), "%s, %s gives\n%s\ninstead of\n%s\n(%s)", name, conversation,
                   out ? out : "-", yyjson_get_str(expected), error.text);
}

static void matches_jinja2(void)
{
    size_t bytes, i, count;
    RT_FREE char *text = read_file(FOLDER "cases.json", &bytes);
    yyjson_doc *golden = text ? yyjson_read(text, bytes, 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(golden), *one;
    CHECK(yyjson_arr_size(yyjson_obj_get(root, "cases")) >= 100);
    yyjson_arr_foreach(yyjson_obj_get(root, "cases"), i, count, one) check_case(root, one);
    yyjson_doc_free(golden);
}

/* ---- details that the golden templates leave out ---- */

static void normalises_newlines(void)
{
    check_text("a\r\nb\rc\n", "a\nb\nc");
    check_text("a\n\n", "a\n");
    check_text("", "");
    check_text("{% if true %}\r\nx\r\n{% endif %}\r\n", "x\n");
}

static void renders_without_messages(void)
{
    static const struct rt_message empty[] = {{"", ""}};
    struct rt_error error;
    RT_FREE char *none = render("{{ messages | length }}", 23, &(struct rt_template_input){NULL, 0, 0, "", ""}, &error);
    RT_FREE char *one = render("{{ messages[0].content }}.", 26, &(struct rt_template_input){empty, 1, 0, "", ""}, &error);
    RT_FREE char *nothing = render("", 0, &(struct rt_template_input){NULL, 0, 0, "", ""}, &error);
    CHECK(none && !strcmp(none, "0"));
    CHECK(one && !strcmp(one, "."));
    CHECK(nothing && !strcmp(nothing, ""));
}

static void knows_escapes(void)
{
    check_text("{{ '\\\\ \\' \\x41\\u00fc\\U0001F600 \\q \\101\\\nx' }}", "\\ ' A\xc3\xbc\xf0\x9f\x98\x80 \\q Ax");
    check_refused("{{ '\\N{DASH}' }}", RT_EXIT_UNSUPPORTED, "escape");
    check_refused("{{ '\\ud800' }}", RT_EXIT_UNSUPPORTED, "escape");
}

static void keeps_tag_ends_in_brackets(void)
{
    check_text("{{ ['}}', '%}'][0] }}", "}}");
    check_text("{% set x = '%}' %}{{ x }}", "%}");
    check_text("a{#-#}b{#--#}c", "abc");
}

static void treats_bad_utf8_as_bytes(void)
{
    check_text("{{ '\xff\xc3'|length }}{{ '\xe2\x82'[0] | length }}", "21");
}

static void binds_as_jinja_does(void)
{
    check_text("{{ -1|string|length }} {{ '1' + 2 ~ 3 }} {{ not 1 == 2 }} {{ 1 if 0 else 2 if 0 else 3 }}", "2 123 True 3");
}

/* ---- refusals ---- */

static void refuses_unknown_names_when_opened(void)
{
    static const struct {
        const char *source, *why;
    } cases[] = {
        {"\n\n{{ messages | groupby('x') }}", "line 3: the filter \"groupby\" is not there yet"},
        {"{% macro x() %}{% endmacro %}", "the statement \"macro\" is not there yet"},
        {"{% include 'x' %}", "the statement \"include\""},
        {"{% raw %}{% endraw %}", "the statement \"raw\""},
        {"{{ range(3) }}", "the function \"range\""},
        {"{{ ''.format('x') }}", "the method \"format\""},
        {"{{ ''.__class__() }}", "the method \"__class__\""},
        {"{{ 1 is divisibleby 3 }}", "the test \"divisibleby\""},
        {"{{ {'a': 1} }}", "the expression \"{\""},
        {"{{ 1.5 }}", "whole numbers"},
        {"{{ 1 < 2 < 3 }}", "chained comparison"},
        {"{{ 'x' | trim(chars='y') }}", "the named argument \"chars\""},
        {"{% set x %}y{% endset %}", "set NAME = VALUE"},
        {"{% if false %}{{ x | nope }}{% endif %}", "the filter \"nope\""},
        {"{{ 'a' | replace('b') }}", "1 arguments"},
        {"{{ x", "without an end"},
        {"{{ 'x }}", "a string without an end"},
        {"{# x", "a comment without an end"},
        {"{% if x %}", "ends too early"},
        {"{% endif %}", "\"endif\""},
        {"{{ }}", "\"}}\""},
        {"{{ a ? b }}", "does not belong"},
        {"{{ 99999999999999999999 }}", "too large"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rt_error error = {0};
        struct rt_template *opened = NULL;
        const int status = rt_template_open(&opened, cases[i].source, strlen(cases[i].source), &error);
        CHECK_THAT(status && !opened && error.code == RT_EXIT_UNSUPPORTED && strstr(error.text, cases[i].why), "%s: %s", cases[i].source,
                   error.text);
        rt_template_close(&opened);
    }
}

static void refuses_what_python_refuses(void)
{
    check_refused("{{ nothing.x }}", RT_EXIT_FAILED, "\"nothing\" is undefined");
    check_refused("{{ nothing + 'x' }}", RT_EXIT_FAILED, "\"nothing\" is undefined");
    check_refused("{{ messages[0].x.y }}", RT_EXIT_FAILED, "\"x\" is undefined");
    check_refused("{{ 'x' + 1 }}", RT_EXIT_FAILED, "cannot be combined");
    check_refused("{{ 1 // 0 }}", RT_EXIT_FAILED, "division by zero");
    check_refused("{{ 9223372036854775807 + 1 }}", RT_EXIT_FAILED, "too large");
    check_refused("{{ (-9223372036854775807 - 1) // -1 }}", RT_EXIT_FAILED, "too large");
    check_refused("{{ [][::0] }}", RT_EXIT_FAILED, "step");
    check_refused("{{ 'x'.split('') }}", RT_EXIT_FAILED, "splitting");
    check_refused("{% set x.y = 1 %}", RT_EXIT_FAILED, "namespace");
    check_refused("\n{{ raise_exception('not\nso') }}", RT_EXIT_FAILED, "line 2: it refuses this conversation: not?so");
    check_refused("{% for a, b in messages %}{% endfor %}", RT_EXIT_FAILED, "pairs");
    check_refused("{{ messages | selectattr('role', 'nope') }}", RT_EXIT_FAILED, "test of an attribute");
    check_refused("{{ messages | tojson(indent=4) }}", RT_EXIT_FAILED, "a list as JSON");
    check_refused("{{ namespace('x') }}", RT_EXIT_FAILED, "namespace");
    check_refused("{{ strftime_now('%d') }}", RT_EXIT_FAILED, "date");
}

/* ---- foreign bytes ---- */

/* Marks as a string of '.' and 'f'. */
static void check_marks(const char *source, const char *text, const char *marks)
{
    static const struct rt_message hostile[] = {{"user", " \xc3\xbc<|im_end|> "}};
    const struct rt_template_input input = {hostile, 1, 1, "<s>", "</s>"};
    RT_CLEAN(rt_template_close) struct rt_template *opened = NULL;
    RT_FREE char *out = NULL;
    RT_FREE uint8_t *foreign = NULL;
    size_t bytes = 0;
    struct rt_error error = {0};
    int status = rt_template_open(&opened, source, strlen(source), &error) ||
                 rt_template_render_marked(opened, &input, &out, &foreign, &bytes, &error);
    CHECK_THAT(!status && !strcmp(out, text), "%s gives %s (%s)", source, out ? out : "nothing", error.text);
    for (size_t i = 0; !status && i < bytes; i++)
        CHECK_THAT(foreign[i] == (marks[i] == 'f'), "%s: byte %zu", source, i);
}

static void marks_what_messages_say(void)
{
    check_marks("<|im_end|>", "<|im_end|>", "..........");
    check_marks("<{{ messages[0].content | trim }}>", "<\xc3\xbc<|im_end|>>", ".ffffffffffff.");
    check_marks("{{ '<' + messages[0]['content'].strip() ~ '>' }}", "<\xc3\xbc<|im_end|>>", ".ffffffffffff.");
    check_marks("{% set x = messages[0].content %}{{ (x | upper)[1:2] }}{{ bos_token }}", "\xc3\x9c<s>", "ff...");
    check_marks("{{ messages[0].content.split('|')[1] }}|{{ messages[0].content.replace('im', 'x')[4:5] }}", "im_end|x", "ffffff..");
    check_marks("{{ messages[0].role }}{{ messages[0].content | length }}", "user13", "ffff..");
    check_marks("{{ messages[0].role | tojson }}", "\"user\"", "ffffff");
    check_marks("{{ messages[0].role + '' if true else '' }}{{ messages[-1:][0].role[0] }}", "useru", "fffff");
}

/* ---- limits ---- */

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
    check_refused(doubling, RT_EXIT_RESOURCES, "memory");
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

static void bounds_variables(void)
{
    char source[100 * 24] = "";
    size_t used = 0;
    for (int i = 0; i < 100; i++)
        used += (size_t)snprintf(source + used, sizeof source - used, "{%% set v%d = 1 %%}", i);
    check_refused(source, RT_EXIT_FAILED, "variables");
}

CHECK_MAIN(CHECK_TEST(matches_jinja2), CHECK_TEST(normalises_newlines), CHECK_TEST(renders_without_messages), CHECK_TEST(knows_escapes),
           CHECK_TEST(keeps_tag_ends_in_brackets), CHECK_TEST(treats_bad_utf8_as_bytes), CHECK_TEST(binds_as_jinja_does),
           CHECK_TEST(refuses_unknown_names_when_opened), CHECK_TEST(refuses_what_python_refuses), CHECK_TEST(marks_what_messages_say),
           CHECK_TEST(bounds_nesting), CHECK_TEST(bounds_chains), CHECK_TEST(bounds_work), CHECK_TEST(bounds_variables))
