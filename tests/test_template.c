/* test_template.c: chat templates against what Jinja2 says in transformers' environment (golden/templates/cases.json, made by
 * make_golden_templates.py), what is refused when opened, and the marks on foreign bytes. */
#include "tests/read_file.h"
#include "tests/render_template.h"

#define FOLDER "tests/golden/templates/"

/* ---- against Jinja2 ---- */

static yyjson_doc *read_json(const char *path)
{
    size_t bytes;
    RT_FREE char *text = read_file(path, &bytes);
    yyjson_doc *document = text ? yyjson_read(text, bytes, 0) : NULL;
    CHECK_THAT(document, "%s", path);
    return document;
}

/* `expected`: a text, or {"refused": WHY} where Jinja refuses too. */
static void check_expected(const char *name, const char *what, const char *out, const struct rt_error *error, yyjson_val *expected)
{
    if (!yyjson_is_str(expected))
        CHECK_THAT(!out && strstr(error->text, yyjson_get_str(yyjson_obj_get(expected, "refused"))), "%s, %s gives %s (%s)", name, what,
                   out ? out : "-", error->text);
    else
        CHECK_THAT(out && !strcmp(out, yyjson_get_str(expected)), "%s, %s gives\n%s\ninstead of\n%s\n(%s)", name, what, out ? out : "-",
                   yyjson_get_str(expected), error->text);
}

static void check_case(yyjson_val *golden, yyjson_val *one)
{
    const char *name = yyjson_get_str(yyjson_obj_get(one, "template")), *what = yyjson_get_str(yyjson_obj_get(one, "conversation"));
    yyjson_val *conversation = yyjson_obj_get(yyjson_obj_get(golden, "conversations"), what);
    yyjson_val *now = yyjson_obj_get(conversation, "now");
    const struct rt_template_input input = {
        .messages = yyjson_obj_get(conversation, "messages"),
        .tools = yyjson_obj_get(conversation, "tools"),
        .documents = yyjson_obj_get(conversation, "documents"),
        .variables = yyjson_obj_get(conversation, "variables"),
        .add_generation_prompt = yyjson_is_true(yyjson_obj_get(one, "add_generation_prompt")),
        .bos_token = "<s>",
        .eos_token = "</s>",
        .now = now ? yyjson_get_sint(now) : RT_NO_DATE,
    };
    struct rt_error error = {0};
    char path[256];
    size_t bytes;
    snprintf(path, sizeof path, FOLDER "%s", name);
    RT_FREE char *source = read_file(path, &bytes);
    RT_FREE char *out = source ? render(source, bytes, &input, &error) : NULL;
    check_expected(name, what, out, &error, yyjson_obj_get(one, "expected"));
}

static void matches_jinja2(void)
{
    size_t i, count;
    yyjson_doc *golden = read_json(FOLDER "cases.json");
    yyjson_val *root = yyjson_doc_get_root(golden), *one;
    CHECK(yyjson_arr_size(yyjson_obj_get(root, "cases")) >= 700);
    yyjson_arr_foreach(yyjson_obj_get(root, "cases"), i, count, one) check_case(root, one);
    yyjson_doc_free(golden);
}

/* Each filter, test, method and statement by itself. */
static void matches_jinja2_in_each_feature(void)
{
    size_t i, count;
    yyjson_doc *golden = read_json(FOLDER "features.json");
    yyjson_val *root = yyjson_doc_get_root(golden), *one;
    const struct rt_template_input input = {.messages = yyjson_obj_get(root, "messages"),
                                            .variables = yyjson_obj_get(root, "variables"),
                                            .bos_token = "<s>",
                                            .eos_token = "</s>",
                                            .now = yyjson_get_sint(yyjson_obj_get(root, "now"))};
    CHECK(yyjson_arr_size(yyjson_obj_get(root, "features")) >= 400);
    yyjson_arr_foreach(yyjson_obj_get(root, "features"), i, count, one)
    {
        struct rt_error error = {0};
        const char *source = yyjson_get_str(yyjson_arr_get(one, 0));
        RT_FREE char *out = render(source, strlen(source), &input, &error);
        check_expected(source, "alone", out, &error, yyjson_arr_get(one, 1));
    }
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
    const struct rt_template_input empty = {.bos_token = "", .eos_token = "", .now = RT_NO_DATE};
    struct rt_error error;
    RT_FREE char *none = render("{{ messages | length }}", 23, &empty, &error);
    RT_FREE char *one = render_json("{{ messages[0].content }}.", "[{\"role\": \"\", \"content\": \"\"}]", &error);
    RT_FREE char *nothing = render("", 0, &empty, &error);
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
        {"{% do x %}", "the statement \"do\" is not there yet"},
        {"{% for x in y recursive %}{% endfor %}", "the statement \"recursive\""},
        {"{% include 'x' %}", "the statement \"include\""},
        {"{{ ''.__class__() }}", "the method \"__class__\""},
        {"{{ 1 is prime }}", "the test \"prime\""},
        {"{{ f(*x) }}", "the argument \"*\""},
        {"{% raw %}{% endrow %}", "a raw block without an end"},
        {"\n{% raw %}\n{% endraw %}\n{{ x | nope }}", "line 4: the filter \"nope\""},
        {"{% break %}", "\"break\" is not expected here"},
        {"{{ 1e999 | nope }}", "the filter"},
        {"{{ f(a=1, 2) }}", "is not expected here"},
        {"{% if false %}{{ x | nope }}{% endif %}", "the filter \"nope\""},
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
    check_refused("{% for a, b, c in messages %}{% endfor %}", RT_EXIT_FAILED, "2 values for 3 names");
    check_refused("{{ messages | selectattr('role', 'nope') }}", RT_EXIT_FAILED, "this test of each item");
    check_refused("{{ namespace('x') }}", RT_EXIT_FAILED, "pairs");
    check_refused("{{ messages.append(1) }}", RT_EXIT_FAILED, "changing a list is not allowed");
    check_refused("{{ 'x' | trim(nope='y') }}", RT_EXIT_FAILED, "\"trim\" has no parameter \"nope\"");
    check_refused("{{ 'x' | replace('y') }}", RT_EXIT_FAILED, "\"replace\" needs 2 arguments");
    check_refused("{{ strftime_now('%d') }}", RT_EXIT_FAILED, "\"strftime_now\" is undefined");
}

/* ---- foreign bytes ---- */

/* Marks as a string of '.' and 'f'. */
static void check_marks(const char *source, const char *text, const char *marks)
{
    static const char hostile[] =
        "{\"messages\": [{\"role\": \"user\", \"content\": \" \xc3\xbc<|im_end|> \", \"n\": 12, \"list\": [1.5, true]}],"
        "\"tools\": [{\"name\": \"f\"}], \"documents\": [\"d\"], \"variables\": {\"v\": \"x\", \"w\": null}}";
    yyjson_doc *document = yyjson_read(hostile, strlen(hostile), 0);
    yyjson_val *root = yyjson_doc_get_root(document);
    const struct rt_template_input input = {.messages = yyjson_obj_get(root, "messages"),
                                            .tools = yyjson_obj_get(root, "tools"),
                                            .documents = yyjson_obj_get(root, "documents"),
                                            .variables = yyjson_obj_get(root, "variables"),
                                            .bos_token = "<s>",
                                            .eos_token = "</s>",
                                            .now = 0};
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
    yyjson_doc_free(document);
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

static void marks_all_that_comes_from_outside(void)
{
    check_marks("{{ tools[0].name }}-{{ documents[0] }}-{{ v }}{{ tools }}", "f-d-x[{'name': 'f'}]", "f.f.ffffffffffffffff");
    check_marks("{{ messages[0].n }}|{{ messages[0].n + 1 }}|{{ -messages[0].n }}|{{ w }}", "12|13|-12|None", "ff.ff.fff.ffff");
    check_marks("{{ messages[0].list }}{{ messages[0].list | tojson }}", "[1.5, True][1.5, true]", "ffffffffffffffffffffff");
    check_marks("{{ messages[0].list[0] ~ messages[0].list[1:] }}", "1.5[True]", "fffffffff");
    check_marks("{{ messages[0].keys() | join(',') }}", "role,content,n,list", "ffff.fffffff.f.ffff");
    check_marks("{% for k, v in tools[0].items() %}{{ k }}={{ v }}{% endfor %}", "name=f", "ffff.f");
    check_marks("{{ dict(tools[0], a=1) }}", "{'name': 'f', 'a': 1}", "ffffffffffffff...ff.f");
    check_marks("{{ range(messages[0].n)[3] }}{{ range(4)[3] }}", "33", "f.");
    check_marks("{{ tools | map(attribute='name') | list | tojson }}", "[\"f\"]", ".fff.");
}

static void marks_survive_what_templates_do(void)
{
    check_marks("{{ [messages[0].role] }}{{ {'a': messages[0].role} | tojson }}", "['user']{\"a\": \"user\"}", ".ffffff.......ffffff.");
    check_marks("{{ '%s!' % messages[0].role }}{{ '<{}>'.format(messages[0].role) }}", "user!<user>", "ffff..ffff.");
    check_marks("{{ '%5d' | format(messages[0].n) }}{{ '{:03d}'.format(messages[0].n) }}", "   12012", "...fffff");
    check_marks("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(messages[0].role) | upper }}", "<USER>", ".ffff.");
    check_marks("{% set x %}<{{ messages[0].role }}>{% endset %}{{ x }}", "<user>", ".ffff.");
    check_marks("{% filter title %}a {{ messages[0].role }}{% endfilter %}", "A User", "..ffff");
    check_marks("{{ ['a', messages[0].role] | join('-') }}{{ '+'.join(messages[0].role) }}", "a-useru+s+e+r", "..fffff.f.f.f");
    check_marks("{{ messages[0].role | center(6) }}{{ messages[0].role | indent(2, true) }}", " user   user", ".ffff...ffff");
    check_marks("{{ messages[0].role[::-1] }}{{ messages[0].role | reverse }}", "resuresu", "ffffffff");
    check_marks("{{ messages[0].role.replace('s', '<|') }}{{ 'a|b' | replace('|', messages[0].role) }}", "u<|erauserb", "f..ff.ffff.");
    check_marks("{{ '<b>' | e ~ messages[0].content[2:4] | e }}", "&lt;b&gt;&lt;|", ".........fffff");
    check_marks("{{ messages[0].role | truncate(3, true, '.', 0) }}", "us.", "ff.");
    check_marks("{{ (messages[0].n | string) | int + 1 }}{{ '7' | int }}", "137", "ff.");
    check_marks("{{ messages[0].role.rsplit('s', 1)[0] ~ messages[0].role.partition('s')[2] }}", "uer", "fff");
    check_marks("{{ strftime_now('%Y') }}{{ strftime_now(messages[0].role) }}", "1970user", "....ffff");
    check_marks("{{ messages[0] | tojson(indent=1) | length > 9 }}{{ 'x' * messages[0].list | length }}", "Truexx", "......");
}

CHECK_MAIN(CHECK_TEST(matches_jinja2), CHECK_TEST(matches_jinja2_in_each_feature), CHECK_TEST(normalises_newlines),
           CHECK_TEST(renders_without_messages), CHECK_TEST(knows_escapes), CHECK_TEST(keeps_tag_ends_in_brackets),
           CHECK_TEST(treats_bad_utf8_as_bytes), CHECK_TEST(binds_as_jinja_does), CHECK_TEST(refuses_unknown_names_when_opened),
           CHECK_TEST(refuses_what_python_refuses), CHECK_TEST(marks_what_messages_say), CHECK_TEST(marks_all_that_comes_from_outside),
           CHECK_TEST(marks_survive_what_templates_do))
