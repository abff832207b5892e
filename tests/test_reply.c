/* test_reply.c: replies of each form, cut in every way: what comes out, that nothing is lost where no call is whole, and that hostile ones
 * take linear time. */
#include "tests/check.h"
#include "tests/read_file.h"
#include "tests/reply_log.h"

#include <stdlib.h>
#include <time.h>

#include "runtime/scope.h"

static const char tools[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":{\"type\":\"object\",\"properties\":{"
    "\"city\":{\"type\":\"string\"},\"days\":{\"type\":\"integer\"},\"metric\":{\"type\":[\"boolean\",\"null\"]},"
    "\"tags\":{\"anyOf\":[{\"type\":\"array\"},{\"type\":\"string\"}]},\"at\":{\"$ref\":\"#/$defs/at\"}},"
    "\"$defs\":{\"at\":{\"type\":\"string\"}}}}},{\"type\":\"function\",\"function\":{\"name\":\"now\"}}]";

#define THINK "<|im_start|>"
#define QWEN "<think> </think> <tool_call>"
#define HARMONY "<|channel|> <|message|>"
#define SEED "<seed:think> <seed:tool_call>"
#define CODER "<tool_call> <function= <parameter="
#define GLM "<think> <tool_call> <arg_key>"
#define MINIMAX "<think> <minimax:tool_call>"
#define DEEPSEEK "<｜tool▁calls▁begin｜> ```json"
#define DEEPSEEK31 "</think> <｜tool▁calls▁begin｜>"
#define KIMI "<|tool_calls_section_begin|>"
#define MAGISTRAL "[THINK] [TOOL_CALLS] [ARGS]"
#define MISTRAL "[TOOL_CALLS]"
#define APERTUS "<|inner_prefix|> <|tools_prefix|>"
#define COMMAND "<|START_THINKING|> <|START_ACTION|>"
#define PHI "<|tool_call|> <|/tool_call|>"
#define GRANITE "<|tool_call|>"
#define NEMOTRON "<TOOLCALL>"
#define HUNYUAN "<tool_calls>"
#define FUNCTIONS "<function="
#define LLAMA "<|python_tag|>"
#define LLAMA32 "\"parameters\": dictionary"

static const struct {
    const char *way;
    int opened;
    const char *text, *says;
} replies[] = {
    /* plain */
    {THINK, 0, "Hello <think>there</think>.\n", "C(Hello <think>there</think>.\n)"},
    {QWEN, 0, "  Hello there.\n", "C(  Hello there.\n)"},
    {QWEN, 0, "", ""},
    {QWEN, 0, " \n", "C( \n)"},
    {QWEN, 0, "Say <think> and </think>, <|im_end|>a < b, <tool_cal", "C(Say <think> and </think>, a < b, <tool_cal)"},
    {MISTRAL, 0, "a[TOOL_CALL", "C(a[TOOL_CALL)"},
    {LLAMA, 0, "It is 7 degrees.", "C(It is 7 degrees.)"},
    /* reasoning */
    {QWEN, 0, "<think>\nHm, a < b.\n</think>\n\nYes.\n", "R(Hm, a < b.)C(Yes.\n)"},
    {QWEN, 0, "\n<think>\n\n</think>\n\nYes.", "C(Yes.)"},
    {QWEN, 0, "<think>Hm </thin", "R(Hm </thin)"},
    {QWEN, 1, "\nHm\n</think>Yes, <think>", "R(Hm)C(Yes, <think>)"},
    {QWEN, 1, "<think>\nHm</think>Yes", "R(Hm)C(Yes)"},
    {QWEN, 1, "<thin", "R(<thin)"},
    {QWEN, 1, "", ""},
    {QWEN, 0, "<think>a <tool_call>{\"name\":\"now\"}</tool_call></think>b", "R(a <tool_call>{\"name\":\"now\"}</tool_call>)C(b)"},
    {MAGISTRAL, 0, "[THINK]Hm[/THINK]Yes[THINK]", "R(Hm)C(Yes[THINK])"},
    {APERTUS, 0, "<|inner_prefix|>Hm<|inner_suffix|>Yes", "R(Hm)C(Yes)"},
    {COMMAND, 0, "<|START_THINKING|>Hm<|END_THINKING|><|START_RESPONSE|>Yes<|END_RESPONSE|>", "R(Hm)C(Yes)"},
    {SEED, 0, "<seed:think>Hm</seed:think>Yes", "R(Hm)C(Yes)"},
    {"<thought> </thought>", 0, "<thought>\nHm\n</thought>\n\nYes", "R(Hm)C(Yes)"},
    /* Hermes */
    {QWEN, 0, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Bern\", \"days\": 1.50}}\n</tool_call>",
     "T0:get_weather({\"city\":\"Bern\",\"days\":1.50})"},
    {QWEN, 0,
     "<think>Hm</think>\n\nI look.\n<tool_call>\n{\"name\":\"now\",\"arguments\":{}}\n</tool_call>\n<tool_call>\n"
     "{\"name\":\"get_weather\",\"arguments\":{\"city\":\"</tool_call>\"}}\n</tool_call>\n",
     "R(Hm)C(I look.)T0:now({})T1:get_weather({\"city\":\"</tool_call>\"})"},
    {QWEN, 0, "<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call> Done.", "T0:now({})C(Done.)"},
    {QWEN, 0, "<tool_call>{\"name\":\"now\"}", "T0:now({})"},
    {QWEN, 0, "<tool_call>{\"name\":\"now\"}</tool_", "T0:now({})"},
    {QWEN, 0, "<tool_call>[{\"name\":\"now\"},{\"name\":\"now\",\"arguments\":null}]</tool_call>", "T0:now({})T1:now({})"},
    {QWEN, 0, "<tool_call>{\"name\":\"x\",\"arguments\":\"{\\\"a\\\":1}\"}</tool_call>", "T0:x({\"a\":1})"},
    {QWEN, 0, "<tool_call>{\"type\":\"function\",\"function\":{\"name\":\"x\",\"arguments\":{\"a\":[]}}}</tool_call>", "T0:x({\"a\":[]})"},
    {QWEN, 0, "a \n<tool_call>{\"name\":\"now\",", "C(a \n<tool_call>{\"name\":\"now\",)"},
    {QWEN, 0, "<tool_call>{\"name\":\"now\",}</tool_call>", "C(<tool_call>{\"name\":\"now\",}</tool_call>)"},
    {QWEN, 0, "<tool_call>{\"name\":\"no, sir\"}</tool_call>", "C(<tool_call>{\"name\":\"no, sir\"}</tool_call>)"},
    {QWEN, 0, "<tool_call>{\"name\":\"x\",\"arguments\":7}</tool_call>", "C(<tool_call>{\"name\":\"x\",\"arguments\":7}</tool_call>)"},
    {QWEN, 0, "<tool_call>{\"a\":1}</tool_call>", "C(<tool_call>{\"a\":1}</tool_call>)"},
    {QWEN, 0, "<tool_call>[]</tool_call>", "C(<tool_call>[]</tool_call>)"},
    {QWEN, 0, "<tool_call>{<tool_call>{\"name\":\"now\"}</tool_call>", "C(<tool_call>{)T0:now({})"},
    {QWEN, 0, "<tool_call>no <tool_call>{\"name\":\"now\"}</tool_call>", "C(<tool_call>no)T0:now({})"},
    {QWEN, 0, "<tool_call><tool_call>{\"name\":\"now\"}</tool_call>", "C(<tool_call>)T0:now({})"},
    {NEMOTRON, 0, "<TOOLCALL>[{\"name\": \"now\", \"arguments\": {}}]</TOOLCALL>", "T0:now({})"},
    {HUNYUAN, 0, "<tool_calls>[{\"name\":\"now\",\"arguments\":{}},{\"name\":\"now\",\"arguments\":{}}]</tool_calls>",
     "T0:now({})T1:now({})"},
    {GRANITE, 0, "<|tool_call|>[{\"name\":\"now\",\"arguments\":{}}]", "T0:now({})"},
    {PHI, 0, "<|tool_call|>[{\"name\":\"now\",\"arguments\":{}}]<|/tool_call|>", "T0:now({})"},
    {COMMAND, 0,
     "<|START_THINKING|>Hm<|END_THINKING|><|START_ACTION|>[\n {\"tool_call_id\":\"0\",\"tool_name\":\"now\",\"parameters\":{}}\n]"
     "<|END_ACTION|>",
     "R(Hm)T0:now({})"},
    {APERTUS, 0, "Yes <|tools_prefix|>[{\"now\": {}}, {\"get_weather\": {\"city\": \"Bern\"}}]<|tools_suffix|>",
     "C(Yes)T0:now({})T1:get_weather({\"city\":\"Bern\"})"},
    {APERTUS, 0, "<|tools_prefix|>[{\"now\": {}}, {\"a\": 1}]<|tools_suffix|>.",
     "C(<|tools_prefix|>[{\"now\": {}}, {\"a\": 1}]<|tools_suffix|>.)"},
    /* Mistral */
    {MISTRAL, 0, "[TOOL_CALLS] [{\"name\": \"now\", \"arguments\": {}, \"id\": \"abc\"}]", "T0:now({})"},
    {MISTRAL, 0, "[TOOL_CALLS] now", "C([TOOL_CALLS] now)"},
    {MAGISTRAL, 0, "[THINK]Hm[/THINK][TOOL_CALLS]now[ARGS]{}[TOOL_CALLS]get_weather[CALL_ID]x1[ARGS]{\"city\": \"[ARGS]\"}",
     "R(Hm)T0:now({})T1:get_weather({\"city\": \"[ARGS]\"})"},
    {MAGISTRAL, 0, "[TOOL_CALLS]now[ARGS]7", "C([TOOL_CALLS]now[ARGS]7)"},
    {MAGISTRAL, 0, "[TOOL_CALLS]what [TOOL_CALLS]now[ARGS]{}", "C([TOOL_CALLS]what )T0:now({})"},
    {MAGISTRAL, 0, "[TOOL_CALLS][{\"name\":\"now\",\"arguments\":{}}]", "T0:now({})"},
    /* DeepSeek, Kimi */
    {DEEPSEEK, 0,
     "I look.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜>\n"
     "<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{\"city\":\"Bern\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     "C(I look.)T0:now({})T1:get_weather({\"city\":\"Bern\"})"},
    {DEEPSEEK, 0, "<｜tool▁calls▁begin｜><｜tool▁calls▁end｜>", "C(<｜tool▁calls▁begin｜><｜tool▁calls▁end｜>)"},
    {DEEPSEEK31, 1,
     "Hm</think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>"
     "{\"a\":1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     "R(Hm)T0:now({})T1:now({\"a\":1})"},
    {DEEPSEEK31, 0, "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜> well", "T0:now({})C(well)"},
    {DEEPSEEK31, 0, "<｜tool▁calls▁begin｜>what", "C(<｜tool▁calls▁begin｜>what)"},
    {KIMI, 0,
     "<|tool_calls_section_begin|><|tool_call_begin|>functions.now:0<|tool_call_argument_begin|>{}<|tool_call_end|>"
     "<|tool_calls_section_end|>",
     "T0:now({})"},
    /* Qwen 3 Coder, Seed, GLM, MiniMax */
    {CODER, 0,
     "I look.\n\n<tool_call>\n<function=get_weather>\n<parameter=city>\nBern\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
     "<parameter=metric>\nTrue\n</parameter>\n<parameter=tags>\n[\"a\", 1]\n</parameter>\n<parameter=what>\n7\n</parameter>\n</function>\n"
     "</tool_call>",
     "C(I look.)T0:get_weather({\"city\":\"Bern\",\"days\":3,\"metric\":true,\"tags\":[\"a\",1],\"what\":\"7\"})"},
    {CODER, 0,
     "<tool_call>\n<function=get_weather>\n<parameter=city>\n\n</parameter>\n "
     "\"x\"\n\n</parameter>\n<parameter=metric>\nNone\n</parameter>\n"
     "<parameter=days>\nsome\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=now>\n</function>\n</tool_call>",
     "T0:get_weather({\"city\":\"\\n</parameter>\\n \\\"x\\\"\\n\",\"metric\":null,\"days\":\"some\"})T1:now({})"},
    {CODER, 0, "<function=now>\n</function>\n</tool_call> ok", "T0:now({})C(ok)"},
    {CODER, 0, "<tool_call><function=now></function>\n</tool_ca", "T0:now({})"},
    {CODER, 0, "<tool_call><function=now></function>\n<funct", "T0:now({})"},
    {CODER, 0, "<tool_call><function=now></function>\nwell", "T0:now({})C(well)"},
    {CODER, 0, "<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>", "T0:now({})"},
    {CODER, 0, "<tool_call>\n<function=now>\nwhat</function>", "C(<tool_call>\n<function=now>\nwhat</function>)"},
    {CODER, 0, "<tool_call>\n<function=now>\n<parameter=a>1", "C(<tool_call>\n<function=now>\n<parameter=a>1)"},
    {SEED, 0, "<seed:tool_call>\n<function=now>\n<parameter=a>\n1\n</parameter>\n</function>\n</seed:tool_call>", "T0:now({\"a\":\"1\"})"},
    {GLM, 0,
     "<think>Hm</think>\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Bern</arg_value>\n<arg_key>days</arg_key>\n"
     "<arg_value>-1</arg_value>\n</tool_call>\n<tool_call>now</tool_call>",
     "R(Hm)T0:get_weather({\"city\":\"Bern\",\"days\":-1})T1:now({})"},
    {GLM, 0, "<tool_call>now<arg_key>a</arg_key>b", "C(<tool_call>now<arg_key>a</arg_key>b)"},
    {MINIMAX, 0,
     "<minimax:tool_call>\n<invoke name=\"get_weather\">\n<parameter name=\"city\">Bern</parameter>\n</invoke>\n<invoke name=\"now\">\n"
     "</invoke>\n</minimax:tool_call>",
     "T0:get_weather({\"city\":\"Bern\"})T1:now({})"},
    {FUNCTIONS, 0, "<function=get_weather>{\"city\": \"Bern\"}</function>", "T0:get_weather({\"city\": \"Bern\"})"},
    /* Llama */
    {LLAMA, 0, "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Bern\"}}", "T0:get_weather({\"city\":\"Bern\"})"},
    {LLAMA, 0, "<|python_tag|>{\"name\": \"now\", \"parameters\": {}}; {\"name\": \"now\", \"parameters\": {}}", "T0:now({})T1:now({})"},
    {LLAMA32, 0, "{\"name\": \"now\", \"parameters\": {}}; {\"name\": \"now\", \"parameters\": {}}", "T0:now({})T1:now({})"},
    {LLAMA32, 0, "{\"name\": \"Anna\", \"parameters\": {}}", "C({\"name\": \"Anna\", \"parameters\": {}})"},
    {LLAMA32, 0, "Here: {\"name\": \"now\", \"parameters\": {}}", "C(Here: {\"name\": \"now\", \"parameters\": {}})"},
    {LLAMA, 0, "<|python_tag|>print(1)", "C(<|python_tag|>print(1))"},
    {"<think> <|python_tag|>", 1, "Hm</think>\n\n{\"name\": \"now\", \"parameters\": {}}", "R(Hm)T0:now({})"},
    {"<think> <|python_tag|>", 1, "{\"name\": \"now\", \"parameters\": {}} hm</think>ok",
     "R({\"name\": \"now\", \"parameters\": {}} hm)C(ok)"},
    /* harmony */
    {"<|message|> <|channel|>", 0, "to=functions.now<|channel|>commentary<|message|>{}<|call|>", "T0:now({})"},
    {HARMONY, 0, "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.\n<|return|>",
     "R(Hm.)C(Yes.\n)"},
    {HARMONY, 0,
     "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary<|message|>I look.<|end|><|start|>assistant"
     "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{\"city\":\"Bern\"}<|call|>",
     "R(Hm.)C(I look.)T0:get_weather({\"city\":\"Bern\"})"},
    {HARMONY, 0, "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant to=functions.now<|channel|>commentary json<|message|>{}",
     "R(Hm.)T0:now({})"},
    {HARMONY, 0, " to=functions.now<|channel|>commentary<|message|>{}", "T0:now({})"},
    {HARMONY, 0, "<|channel|>commentary to=functions <|constrain|>json<|message|>{\"name\":\"now\",\"arguments\":{}}", "T0:now({})"},
    {HARMONY, 0, "<|channel|>commentary to=functions.now<|message|>what", "C(what)"},
    {HARMONY, 0, "<|channel|>analysis<|message|> Hm <|end|><|start|>assistant<|channel|>final<|message|> Yes ", "R(Hm)C( Yes )"},
    {HARMONY, 0, "Just so.", "C(Just so.)"},
    {HARMONY, 0, "to=5", "C(to=5)"},
    {HARMONY, 0, "<|channel|>fin", ""},
    {HARMONY, 0, "<|channel|>final<|message|>Say <|im_end|>.", "C(Say <|im_end|>.)"},
};
enum { REPLIES = sizeof replies / sizeof *replies };

/* ---- cutting ---- */

static size_t cut_nowhere(void *user)
{
    (void)user;
    return (size_t)-1;
}

static size_t cut_everywhere(void *user)
{
    (void)user;
    return 1;
}

static size_t cut_at_random(void *user) /* xorshift32 */
{
    uint32_t *state = user;
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return 1 + *state % 13;
}

static void run(const struct reply_bench *bench, const char *text, size_t bytes, int opened, size_t (*next)(void *user), void *user,
                struct reply_log *log)
{
    struct rt_error error = {0};
    CHECK_THAT(!reply_bench_run(bench, NULL, text, bytes, opened, next, user, log, &error), "%s: %s", text, error.text);
    CHECK(!log->broken);
}

static int same(const struct reply_log *log, const char *says)
{
    return log->text && !strcmp(log->text, says);
}

static void each_form_says_what_it_says(void)
{
    for (size_t i = 0; i < REPLIES; i++) {
        RT_CLEAN(reply_bench_close) struct reply_bench bench;
        RT_CLEAN(reply_log_close) struct reply_log log = {0};
        struct rt_error error = {0};
        const struct reply_way *way = reply_way(replies[i].way);
        CHECK_THAT(way, "%s", replies[i].way);
        if (!way)
            return;
        CHECK_THAT(!reply_bench_open(&bench, way, tools, &error), "%s", error.text);
        run(&bench, replies[i].text, strlen(replies[i].text), replies[i].opened, cut_nowhere, NULL, &log);
        CHECK_THAT(same(&log, replies[i].says), "%s: %s\n    gives %s", way->chat_template, replies[i].text, log.text);
    }
}

static void cuts_change_nothing(void)
{
    uint32_t state = 20240229;
    for (size_t i = 0; i < REPLIES; i++) {
        RT_CLEAN(reply_bench_close) struct reply_bench bench;
        struct rt_error error = {0};
        CHECK(!reply_bench_open(&bench, reply_way(replies[i].way), tools, &error));
        for (unsigned trial = 0; trial < 20; trial++) {
            RT_CLEAN(reply_log_close) struct reply_log log = {0};
            run(&bench, replies[i].text, strlen(replies[i].text), replies[i].opened, trial ? cut_at_random : cut_everywhere, &state, &log);
            CHECK_THAT(same(&log, replies[i].says), "%s: %s\n    gives %s", replies[i].way, replies[i].text, log.text);
        }
    }
}

/* What comes out of a text with nothing in it but content. */
static size_t content_only(const char *way, const char *text, size_t bytes, char *out)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes;) {
        size_t skip = strcmp(way, QWEN) || strncmp(text + i, "<|im_end|>", 10) ? 0 : 10;
        if (!skip)
            out[count++] = text[i];
        i += skip ? skip : 1;
    }
    return count;
}

/* An answer that ends anywhere: the same however it is cut, and all of it content if nothing else is in it. */
static void ends_anywhere(void)
{
    for (size_t i = 0; i < REPLIES; i++) {
        RT_CLEAN(reply_bench_close) struct reply_bench bench;
        struct rt_error error = {0};
        CHECK(!reply_bench_open(&bench, reply_way(replies[i].way), tools, &error));
        for (size_t bytes = 0; bytes < strlen(replies[i].text); bytes++) {
            RT_CLEAN(reply_log_close) struct reply_log whole = {0}, cut = {0};
            char plain[1024];
            run(&bench, replies[i].text, bytes, replies[i].opened, cut_nowhere, NULL, &whole);
            run(&bench, replies[i].text, bytes, replies[i].opened, cut_everywhere, NULL, &cut);
            CHECK_THAT(same(&cut, whole.text), "%.*s\n    gives %s\n    and %s", (int)bytes, replies[i].text, whole.text, cut.text);
            if (whole.calls || strstr(replies[i].says, "R(") || strstr(replies[i].way, "<|channel|>") || strstr(replies[i].text, "<think>"))
                continue;
            const size_t want = content_only(replies[i].way, replies[i].text, bytes, plain);
            CHECK_THAT(whole.content_bytes == want && (!want || !memcmp(whole.text + 2, plain, want)), "%.*s\n    gives %s", (int)bytes,
                       replies[i].text, whole.text);
        }
    }
}

static void without_tools_calls_are_content(void)
{
    for (size_t i = 0; i < REPLIES; i++) {
        RT_CLEAN(reply_bench_close) struct reply_bench bench;
        RT_CLEAN(reply_log_close) struct reply_log log = {0};
        struct rt_error error = {0};
        CHECK(!reply_bench_open(&bench, reply_way(replies[i].way), i % 2 ? "[]" : NULL, &error));
        run(&bench, replies[i].text, strlen(replies[i].text), replies[i].opened, cut_everywhere, NULL, &log);
        CHECK_THAT(!log.calls && !strstr(replies[i].says, "R(") == !log.reasoning_bytes, "%s\n    gives %s", replies[i].text, log.text);
        CHECK_THAT(!strchr(replies[i].says, 'T') || log.content_bytes, "%s\n    gives %s", replies[i].text, log.text);
    }
}

static void without_tools_their_special_tokens_are_dropped(void)
{
    RT_CLEAN(reply_bench_close) struct reply_bench bench;
    RT_CLEAN(reply_log_close) struct reply_log log = {0};
    struct rt_error error = {0};
    CHECK(!reply_bench_open(&bench, reply_way(MAGISTRAL), NULL, &error));
    static const char text[] = "[THINK]Hm[/THINK][TOOL_CALLS]now[ARGS]{}";
    run(&bench, text, strlen(text), 0, cut_everywhere, NULL, &log);
    CHECK_THAT(same(&log, "R(Hm)C(now{})"), "%s", log.text);
}

/* ---- by which door ---- */

static void spelled_out_special_tokens_are_text(void)
{
    static const struct {
        const char *way, *text;
    } spelled[] = {
        {MAGISTRAL, "[THINK]Hm[/THINK][TOOL_CALLS]now[ARGS]{}"},
        {MISTRAL, "[TOOL_CALLS][{\"name\":\"now\",\"arguments\":{}}]"},
        {HARMONY, "<|channel|>analysis<|message|>Hm<|end|>"},
        {DEEPSEEK31, "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}"},
        {QWEN, "\xff<\xfftool_call>{\"name\":\"now\xff\"}"},
    };
    for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++) {
        static const struct reply_way no_specials = {0};
        RT_CLEAN(reply_bench_close) struct reply_bench bench;
        RT_CLEAN(reply_log_close) struct reply_log log = {0};
        struct rt_error error = {0};
        char content[256];
        CHECK(!reply_bench_open(&bench, reply_way(spelled[i].way), tools, &error));
        bench.way = &no_specials; /* everything by the text's door */
        run(&bench, spelled[i].text, strlen(spelled[i].text), 0, cut_everywhere, NULL, &log);
        snprintf(content, sizeof content, "C(%s)", spelled[i].text);
        CHECK_THAT(same(&log, strcmp(spelled[i].way, QWEN) ? content : "T0:now({})"), "%s", log.text);
    }
}

/* A tokenizer whose added tokens are all special, or as its file says. */
static struct rt_tokenizer *open_qwen(int all_special)
{
    struct rt_tokenizer *tokenizer = NULL;
    struct rt_error error = {0};
    size_t bytes;
    RT_FREE char *json = read_file("tests/golden/tokenizers/qwen.tokenizer.json", &bytes);
    static const char plain[] = "\"special\":false", special[] = "\"special\":true ";
    for (char *at = json; all_special && at && (at = strstr(at, plain));)
        memcpy(at, special, sizeof special - 1);
    CHECK_THAT(json && !rt_tokenizer_open(&tokenizer, json, bytes, NULL, 0, &error), "%s", error.text);
    return tokenizer;
}

/* As a server does: what tokens add to the text, and the special ones that add none. */
static int feed_tokens(struct rt_reply *reply, const struct rt_tokenizer *tokenizer, const struct rt_tokens *tokens, struct rt_error *error)
{
    RT_CLEAN(rt_decoder_close) struct rt_decoder *decoder = NULL;
    size_t bytes;
    if (rt_decoder_open(&decoder, tokenizer, 0, error))
        return -1;
    for (size_t i = 0; i < tokens->count; i++) {
        const char *text = rt_decoder_feed(decoder, tokens->ids[i], &bytes);
        if (bytes ? rt_reply_feed(reply, text, bytes, error) : 0)
            return -1;
        if (bytes || !rt_tokenizer_special(tokenizer, tokens->ids[i]))
            continue;
        text = rt_tokenizer_text(tokenizer, tokens->ids[i], &bytes);
        if (rt_reply_special(reply, text, bytes, error))
            return -1;
    }
    return rt_reply_end(reply, error);
}

static void tokens_come_by_the_right_door(void)
{
    static const char text[] = "<think>\nHm, größer?\n</think>\n\nYes.\n<tool_call>\n{\"name\": \"now\"}\n</tool_call><|im_end|>";
    static const char apart[] = "R(Hm, größer?)C(Yes.)T0:now({})";
    static const char *const says[2][2] = {{apart, apart}, {NULL, apart}}; /* [all special][written as special tokens] */
    for (int special = 0; special < 2; special++)
        for (int written = 0; written < 2; written++) {
            RT_CLEAN(rt_tokenizer_close) struct rt_tokenizer *tokenizer = open_qwen(special);
            RT_CLEAN(rt_reply_form_close) struct rt_reply_form *form = NULL;
            RT_CLEAN(rt_reply_close) struct rt_reply *reply = NULL;
            RT_CLEAN(rt_tokens_close) struct rt_tokens tokens = {0};
            RT_CLEAN(reply_log_close) struct reply_log log = {0};
            struct rt_error error = {0};
            yyjson_doc *doc = yyjson_read(tools, sizeof tools - 1, 0);
            CHECK(!rt_reply_form_open(&form, QWEN, strlen(QWEN), tokenizer, &error));
            const struct rt_reply_terms terms = {form, yyjson_doc_get_root(doc), 0, reply_log_take, &log};
            CHECK(!rt_tokenizer_encode(tokenizer, text, strlen(text), written ? RT_ENCODE_SPECIAL : 0, &tokens, &error));
            CHECK(!rt_reply_open(&reply, &terms, &error) && !feed_tokens(reply, tokenizer, &tokens, &error));
            CHECK(!reply_log_end(&log, &error) && rt_reply_calls(reply) == log.calls);
            const char *want = says[special][written];
            if (want)
                CHECK_THAT(!strncmp(log.text, want, strlen(want)), "%d %d: %s", special, written, log.text);
            else
                CHECK_THAT(log.bytes == strlen(text) + 3 && !strncmp(log.text + 2, text, strlen(text)), "%s", log.text);
            yyjson_doc_free(doc);
        }
}

static void sees_what_the_prompt_has_opened(void)
{
    static const struct {
        const char *way, *prompt;
        int opened;
    } prompts[] = {
        {QWEN, "<|im_start|>assistant\n<think>\n", 1},
        {QWEN, "<|im_start|>assistant\n<think>", 1},
        {QWEN, "<|im_start|>assistant\n<think>\n\n</think>\n\n", 0},
        {QWEN, "<|im_start|>assistant\n", 0},
        {QWEN, "think>", 0},
        {QWEN, "", 0},
        {MAGISTRAL, "[/INST][THINK]", 1},
        {MISTRAL, "<think>", 0},
        {HARMONY, "<|start|>assistant", 0},
    };
    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++) {
        RT_CLEAN(reply_bench_close) struct reply_bench bench;
        struct rt_error error = {0};
        CHECK(!reply_bench_open(&bench, reply_way(prompts[i].way), NULL, &error));
        CHECK_THAT(rt_reply_form_opened(bench.form, prompts[i].prompt, strlen(prompts[i].prompt)) == prompts[i].opened, "%s",
                   prompts[i].prompt);
    }
}

/* The golden templates are like those of models; what they use is known by its words. */
static void knows_forms_by_their_templates(void)
{
    static const struct {
        const char *file, *reasoning, *calls;
    } known[] = {
        {"chatml", NULL, NULL},
        {"thinking", "<think>", NULL},
        {"headers_tools", NULL, "<|python_tag|>"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        static const struct reply_way way = {.chat_template = ""};
        RT_CLEAN(reply_bench_close) struct reply_bench bench;
        RT_CLEAN(rt_reply_form_close) struct rt_reply_form *form = NULL;
        struct rt_error error = {0};
        char path[128];
        size_t bytes;
        snprintf(path, sizeof path, "tests/golden/templates/%s.jinja", known[i].file);
        RT_FREE char *text = read_file(path, &bytes);
        CHECK(text && !reply_bench_open(&bench, &way, NULL, &error) && !rt_reply_form_open(&form, text, bytes, bench.tokenizer, &error));
        const char *reasoning = rt_reply_form_reasoning(form), *calls = rt_reply_form_calls(form);
        CHECK_THAT(!reasoning == !known[i].reasoning && (!reasoning || !strcmp(reasoning, known[i].reasoning)), "%s: %s", path, reasoning);
        CHECK_THAT(!calls == !known[i].calls && (!calls || !strcmp(calls, known[i].calls)), "%s: %s", path, calls);
    }
}

/* ---- calls that must come ---- */

static char *repeat(const char *head, const char *unit, size_t bytes, size_t *length)
{
    const size_t head_bytes = strlen(head), unit_bytes = strlen(unit);
    char *text = malloc(head_bytes + bytes + unit_bytes + 1);
    memcpy(text, head, head_bytes);
    for (*length = head_bytes; *length < bytes; *length += unit_bytes)
        memcpy(text + *length, unit, unit_bytes);
    text[*length] = 0;
    return text;
}

static const struct {
    const char *way, *only;
    int parallel, opened;
    const char *prefix, *json, *suffix, *says; /* what the schema asks for, and how the whole is understood */
    const char *place, *value;                 /* a place in the schema (JSON pointer), and what is there */
} rules[] = {
    {QWEN, NULL, 1, 0, "<tool_call>\n", "{\"name\":\"now\",\"arguments\":{}}", "\n</tool_call>", "T0:now({})",
     "/anyOf/0/properties/arguments/properties/at/$ref", "\"#/anyOf/0/properties/arguments/$defs/at\""},
    {QWEN, NULL, 1, 1, "\n</think>\n\n<tool_call>\n", "{\"name\":\"now\",\"arguments\":{}}", "\n</tool_call>", "T0:now({})",
     "/anyOf/1/properties/arguments/additionalProperties", "false"},
    {QWEN, "now", 0, 0, "<tool_call>\n", "{\"name\":\"now\",\"arguments\":{}}", "\n</tool_call>", "T0:now({})", "/properties/name/const",
     "\"now\""},
    {LLAMA, "get_weather", 0, 0, "", "{\"name\":\"get_weather\",\"parameters\":{}}", "", "T0:get_weather({})", "/required",
     "[\"name\",\"parameters\"]"},
    {MISTRAL, "now", 0, 0, "[TOOL_CALLS]", "[{\"name\":\"now\",\"arguments\":{}}]", "", "T0:now({})", "/maxItems", "1"},
    {MISTRAL, NULL, 1, 0, "[TOOL_CALLS]", "[{\"name\":\"now\",\"arguments\":{}},{\"name\":\"now\",\"arguments\":{}}]", "",
     "T0:now({})T1:now({})", "/items/anyOf/0/properties/arguments/properties/at/$ref", "\"#/items/anyOf/0/properties/arguments/$defs/at\""},
    {MAGISTRAL, "get_weather", 0, 1, "\n[/THINK]\n\n[TOOL_CALLS]get_weather[ARGS]", "{\"city\":\"Bern\"}", "",
     "T0:get_weather({\"city\":\"Bern\"})", "/properties/at/$ref", "\"#/$defs/at\""},
    {MAGISTRAL, NULL, 0, 0, "[TOOL_CALLS]", "{\"name\":\"now\",\"arguments\":{}}", "", "T0:now({})", "/anyOf/1/properties/name/const",
     "\"now\""},
    {HARMONY, "now", 0, 0, "<|channel|>commentary to=functions.now <|constrain|>json<|message|>", "{}", "<|call|>", "T0:now({})", "/type",
     "\"object\""},
    {HARMONY, NULL, 0, 0, "<|channel|>commentary to=functions <|constrain|>json<|message|>", "{\"name\":\"now\",\"arguments\":{}}",
     "<|call|>", "T0:now({})", "/anyOf/0/required", "[\"name\",\"arguments\"]"},
    {CODER, NULL, 1, 0, "<tool_call>\n", "{\"name\":\"now\",\"arguments\":{}}", "\n</tool_call>", "T0:now({})", "/anyOf/1/type",
     "\"object\""},
    {GLM, "now", 1, 0, "<tool_call>", "{\"name\":\"now\",\"arguments\":{}}", "</tool_call>", "T0:now({})", "/type", "\"object\""},
    {DEEPSEEK, "now", 0, 0, "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n", "{}",
     "```<｜tool▁call▁end｜><｜tool▁calls▁end｜>", "T0:now({})", "/type", "\"object\""},
    {KIMI, "now", 0, 0, "<|tool_calls_section_begin|><|tool_call_begin|>functions.now:0<|tool_call_argument_begin|>", "{}",
     "<|tool_call_end|><|tool_calls_section_end|>", "T0:now({})", "/type", "\"object\""},
    {APERTUS, "get_weather", 0, 0, "<|tools_prefix|>", "[{\"get_weather\":{\"city\":\"Bern\"}}]", "<|tools_suffix|>",
     "T0:get_weather({\"city\":\"Bern\"})", "/items/properties/get_weather/properties/at/$ref",
     "\"#/items/properties/get_weather/$defs/at\""},
};

static void check_place(const char *schema, const char *place, const char *value)
{
    yyjson_doc *doc = yyjson_read(schema, strlen(schema), 0);
    RT_FREE char *found = yyjson_val_write(yyjson_doc_ptr_get(doc, place), 0, NULL);
    CHECK_THAT(found && !strcmp(found, value), "%s is %s in %s", place, found, schema);
    yyjson_doc_free(doc);
}

/* With and without the suffix: after the JSON the answer may end. */
static void rules_make_calls_that_are_understood(void)
{
    for (size_t i = 0; i < 2 * sizeof rules / sizeof *rules; i++) {
        RT_CLEAN(reply_bench_close) struct reply_bench bench;
        RT_CLEAN(rt_reply_rule_close) struct rt_reply_rule rule = {0};
        RT_CLEAN(reply_log_close) struct reply_log log = {0};
        struct rt_error error = {0};
        char rest[512];
        CHECK(!reply_bench_open(&bench, reply_way(rules[i / 2].way), tools, &error));
        CHECK_THAT(!rt_reply_rule_open(&rule, bench.form, yyjson_doc_get_root(bench.tools), rules[i / 2].only, rules[i / 2].parallel,
                                       rules[i / 2].opened, &error),
                   "%s", error.text);
        CHECK_THAT(!strcmp(rule.prefix, rules[i / 2].prefix) && !strcmp(rule.suffix, rules[i / 2].suffix), "%s…%s", rule.prefix,
                   rule.suffix);
        check_place(rule.schema, rules[i / 2].place, rules[i / 2].value);
        snprintf(rest, sizeof rest, "%s%s", rules[i / 2].json, i % 2 ? rule.suffix : "");
        CHECK_THAT(!reply_bench_run(&bench, &rule, rest, strlen(rest), rules[i / 2].opened, cut_everywhere, NULL, &log, &error), "%s",
                   error.text);
        CHECK_THAT(same(&log, rules[i / 2].says), "%s%s: %s", rule.prefix, rest, log.text);
    }
}

static void check_rule_refused(const char *way, const char *given, const char *only, enum rt_exit code, const char *why)
{
    RT_CLEAN(reply_bench_close) struct reply_bench bench;
    RT_CLEAN(rt_reply_rule_close) struct rt_reply_rule rule = {0};
    struct rt_error error = {0};
    CHECK(!reply_bench_open(&bench, reply_way(way), given, &error));
    CHECK_THAT(rt_reply_rule_open(&rule, bench.form, yyjson_doc_get_root(bench.tools), only, 0, 0, &error) == -1 && error.code == code &&
                   strstr(error.text, why),
               "%s: %s", given, error.text);
}

static void rules_that_cannot_be_are_refused(void)
{
    size_t bytes;
    RT_FREE char *nested = repeat("[{\"function\":{\"name\":\"x\",\"parameters\":", "{\"a\":", 500, &bytes);
    RT_FREE char *levels = repeat("1", "}", (bytes - 38) / 5 + 1, &bytes);
    RT_FREE char *deep = NULL;
    CHECK(asprintf(&deep, "%s%s}}]", nested, levels) > 0);
    check_rule_refused(QWEN, deep, NULL, RT_EXIT_USAGE, "64 levels");
    check_rule_refused(THINK, tools, NULL, RT_EXIT_UNSUPPORTED, "chat template");
    check_rule_refused(QWEN, "[]", NULL, RT_EXIT_USAGE, "\"tools\"");
    check_rule_refused(QWEN, tools, "tomorrow", RT_EXIT_USAGE, "\"tomorrow\"");
    check_rule_refused(QWEN, "[{\"function\":{\"name\":\"a b\"}}]", NULL, RT_EXIT_USAGE, "tools/0/function/name");
    check_rule_refused(QWEN, "[7]", NULL, RT_EXIT_USAGE, "tools/0/function/name");
}

/* ---- hostile replies ---- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double time_of(const char *way, const char *head, const char *unit, size_t bytes, struct reply_log *log)
{
    RT_CLEAN(reply_bench_close) struct reply_bench bench;
    struct rt_error error = {0};
    size_t length;
    RT_FREE char *text = repeat(head, unit, bytes, &length);
    CHECK(!reply_bench_open(&bench, reply_way(way), tools, &error));
    const double before = seconds();
    run(&bench, text, length, 0, cut_everywhere, NULL, log);
    return seconds() - before;
}

static const struct {
    const char *way, *head, *unit;
} hostile[] = {
    {QWEN, "", " "},
    {QWEN, "", "<tool_call>"},
    {QWEN, "", "<tool_call"},
    {QWEN, "<think>", " "},
    {QWEN, "<think>", "</think"},
    {QWEN, "<tool_call>{\"name\":\"", "a"},
    {QWEN, "<tool_call>{\"name\":\"now\",\"arguments\":{\"a\":[", "1,"},
    {QWEN, "<tool_call>", "{\"a\":"},
    {QWEN, "", "<tool_call>{\"a\":\"<tool_call>{\"}"},
    {QWEN, "<tool_call>", " "},
    {QWEN, "", "<tool_call>{\"name\":\"now\"}</tool_call>"},
    {LLAMA, "", "{\"name\":\"now\"};"},
    {LLAMA, "", "{\"name\":\"no\"};"},
    {MAGISTRAL, "", "[TOOL_CALLS]"},
    {MAGISTRAL, "", "[TOOL_CALLS]now[ARGS]{}"},
    {MAGISTRAL, "[TOOL_CALLS]", "a"},
    {HARMONY, "", "<|channel|>"},
    {HARMONY, "", " "},
    {HARMONY, "", "<|channel|>analysis<|message|>a<|end|>"},
    {CODER, "", "<function=now>"},
    {CODER, "<tool_call>", "<function=now></function>"},
    {CODER, "<tool_call><function=now>", "<parameter=a>"},
    {CODER, "<tool_call><function=now>", "<parameter=a>1</parameter>"},
    {CODER, "<tool_call><function=now><parameter=a>", "</parameter>"},
    {CODER, "<tool_call><function=now><parameter=a></parameter>", " "},
    {DEEPSEEK, "<｜tool▁calls▁begin｜>", "\n"},
    {KIMI, "<|tool_calls_section_begin|>", "<|tool_call_begin|>now<|tool_call_argument_begin|>{}<|tool_call_end|>"},
};

/* Byte by byte; eight times the text may take as much more time, and twice over for the noise of short runs. */
static void hostile_replies_take_linear_time(void)
{
    enum { SHORT = 128 << 10, LONG = 1 << 20, TIMES = 16 };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        RT_CLEAN(reply_log_close) struct reply_log some = {0}, many = {0};
        const double brief = time_of(hostile[i].way, hostile[i].head, hostile[i].unit, SHORT, &some);
        const double full = time_of(hostile[i].way, hostile[i].head, hostile[i].unit, LONG, &many);
        CHECK_THAT(full < TIMES * (brief + 0.01), "%s %s…: %.3f s, then %.3f s", hostile[i].head, hostile[i].unit, brief, full);
    }
}

static void many_calls_all_come(void)
{
    enum { CALLS = 10000 };
    static const char call[] = "<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>\n";
    RT_CLEAN(reply_log_close) struct reply_log log = {0};
    time_of(QWEN, "", call, CALLS * (sizeof call - 1), &log);
    CHECK_THAT(log.calls == CALLS && !log.content_bytes, "%zu calls, %zu bytes of content", log.calls, log.content_bytes);
}

static void what_is_too_long_to_hold_is_content(void)
{
    RT_CLEAN(reply_bench_close) struct reply_bench bench;
    RT_CLEAN(reply_log_close) struct reply_log log = {0};
    struct rt_error error = {0};
    size_t bytes;
    RT_FREE char *text = repeat("<tool_call>{\"name\":\"", "aaaaaaaa", RT_REPLY_HELD_MAX + 64, &bytes);
    CHECK(!reply_bench_open(&bench, reply_way(QWEN), tools, &error));
    uint32_t state = 7;
    run(&bench, text, bytes, 0, cut_at_random, &state, &log);
    CHECK(!log.calls && log.content_bytes == bytes);
}

CHECK_MAIN(CHECK_TEST(each_form_says_what_it_says), CHECK_TEST(cuts_change_nothing), CHECK_TEST(ends_anywhere),
           CHECK_TEST(without_tools_calls_are_content), CHECK_TEST(without_tools_their_special_tokens_are_dropped),
           CHECK_TEST(spelled_out_special_tokens_are_text), CHECK_TEST(tokens_come_by_the_right_door),
           CHECK_TEST(sees_what_the_prompt_has_opened), CHECK_TEST(knows_forms_by_their_templates),
           CHECK_TEST(rules_make_calls_that_are_understood), CHECK_TEST(rules_that_cannot_be_are_refused),
           CHECK_TEST(hostile_replies_take_linear_time), CHECK_TEST(many_calls_all_come), CHECK_TEST(what_is_too_long_to_hold_is_content))
