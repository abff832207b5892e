/* reply_form.c: the ways in which models mark reasoning and calls. To add one, add a row; the first whose words are all in the chat template
 * counts, so the more particular ones stand first. Sources of truth: the chat templates of the models named. */
#include <stdlib.h>
#include <string.h>

#include "runtime/reply_parts.h"
#include "runtime/scope.h"

enum { LOOKS = 3, SPECIAL_BYTES_MAX = 64 };

struct row {
    const char *name;
    const char *look[LOOKS]; /* all of these are in the template */
    unsigned flags;
    const char *marks[RT_MARKS];
};

#define PAIR(kind, open, close) [RT_MARK_##kind] = (open), [RT_MARK_##kind##_END] = (close)

static const struct row reasoning_rows[] = {
    {"channels", {"<|channel|>", "<|message|>"}, RT_REPLY_CHANNELS, {[RT_MARK_THINK_END] = "<|end|>"}}, /* gpt-oss */
    {"[THINK]", {"[THINK]"}, 0, {PAIR(THINK, "[THINK]", "[/THINK]")}},                                  /* Magistral */
    {"<seed:think>", {"<seed:think>"}, 0, {PAIR(THINK, "<seed:think>", "</seed:think>")}},
    {"<thought>", {"<thought>"}, 0, {PAIR(THINK, "<thought>", "</thought>")}},                                  /* EXAONE Deep */
    {"<|START_THINKING|>", {"<|START_THINKING|>"}, 0, {PAIR(THINK, "<|START_THINKING|>", "<|END_THINKING|>")}}, /* Command */
    {"<|inner_prefix|>", {"<|inner_prefix|>"}, 0, {PAIR(THINK, "<|inner_prefix|>", "<|inner_suffix|>")}},       /* Apertus */
    {"<think>", {"think>"}, 0, {PAIR(THINK, "<think>", "</think>")}}, /* Qwen 3, DeepSeek R1, GLM 4.5, SmolLM 3, Phi 4, Granite 3.3, … */
};

#define DEEPSEEK_CALLS PAIR(SECTION, "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>")
#define FUNCTION_XML \
    PAIR(CALL, "<function=", "</function>"), [RT_MARK_NAME_END] = ">", PAIR(KEY, "<parameter=", ">"), [RT_MARK_VALUE_END] = "</parameter>"

static const struct row call_rows[] = {
    {"channels",
     {"<|channel|>", "<|message|>"},
     RT_REPLY_CHANNELS,
     {[RT_MARK_START] = "<|start|>",
      [RT_MARK_CHANNEL] = "<|channel|>",
      [RT_MARK_MESSAGE] = "<|message|>",
      [RT_MARK_CALL_END] = "<|call|>",
      [RT_MARK_RETURN] = "<|return|>"}},
    {"<seed:tool_call>",
     {"<seed:tool_call>"},
     RT_REPLY_LINES | RT_REPLY_LOOSE,
     {PAIR(SECTION, "<seed:tool_call>", "</seed:tool_call>"), FUNCTION_XML}},
    {"<function=><parameter=>", /* Qwen 3 Coder */
     {"<function=", "<parameter="},
     RT_REPLY_LINES | RT_REPLY_LOOSE,
     {PAIR(SECTION, "<tool_call>", "</tool_call>"), FUNCTION_XML}},
    {"<arg_key>", /* GLM 4.5 */
     {"<arg_key>"},
     0,
     {PAIR(CALL, "<tool_call>", "</tool_call>"), PAIR(KEY, "<arg_key>", "</arg_key>"), PAIR(VALUE, "<arg_value>", "</arg_value>")}},
    {"<minimax:tool_call>",
     {"<minimax:tool_call>"},
     0,
     {PAIR(SECTION, "<minimax:tool_call>", "</minimax:tool_call>"), PAIR(CALL, "<invoke name=\"", "</invoke>"), [RT_MARK_NAME_END] = "\">",
      PAIR(KEY, "<parameter name=\"", "\">"), [RT_MARK_VALUE_END] = "</parameter>"}},
    {"<｜tool▁calls▁begin｜>```json", /* DeepSeek V3, R1 */
     {"<｜tool▁calls▁begin｜>", "```json"},
     0,
     {DEEPSEEK_CALLS,
      PAIR(CALL, "<｜tool▁call▁begin｜>function<｜tool▁sep｜>", "```<｜tool▁call▁end｜>"), [RT_MARK_NAME_END] = "\n```json\n"}},
    {"<｜tool▁calls▁begin｜>", /* DeepSeek V3.1 */
     {"<｜tool▁calls▁begin｜>"},
     0,
     {DEEPSEEK_CALLS, PAIR(CALL, "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>"), [RT_MARK_NAME_END] = "<｜tool▁sep｜>"}},
    {"<|tool_calls_section_begin|>", /* Kimi */
     {"<|tool_calls_section_begin|>"},
     RT_REPLY_NUMBERED,
     {PAIR(SECTION, "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
      PAIR(CALL, "<|tool_call_begin|>", "<|tool_call_end|>"), [RT_MARK_NAME_END] = "<|tool_call_argument_begin|>"}},
    {"[TOOL_CALLS][ARGS]", /* Mistral since v11 */
     {"[TOOL_CALLS]", "[ARGS]"},
     0,
     {[RT_MARK_CALL] = "[TOOL_CALLS]", [RT_MARK_NAME_END] = "[ARGS]", [RT_MARK_NAME_CUT] = "[CALL_ID]"}},
    {"[TOOL_CALLS]", {"[TOOL_CALLS]"}, RT_REPLY_LISTS, {[RT_MARK_CALL] = "[TOOL_CALLS]"}}, /* Mistral before */
    {"<|tools_prefix|>",
     {"<|tools_prefix|>"},
     RT_REPLY_LISTS | RT_REPLY_KEYED,
     {PAIR(CALL, "<|tools_prefix|>", "<|tools_suffix|>")}},                                                               /* Apertus */
    {"<|START_ACTION|>", {"<|START_ACTION|>"}, RT_REPLY_LISTS, {PAIR(CALL, "<|START_ACTION|>", "<|END_ACTION|>")}},       /* Command */
    {"<|tool_call|><|/tool_call|>", {"<|/tool_call|>"}, RT_REPLY_LISTS, {PAIR(CALL, "<|tool_call|>", "<|/tool_call|>")}}, /* Phi 4 mini */
    {"<|tool_call|>", {"<|tool_call|>"}, RT_REPLY_LISTS, {[RT_MARK_CALL] = "<|tool_call|>"}},                             /* Granite 3 */
    {"<TOOLCALL>", {"<TOOLCALL>"}, RT_REPLY_LISTS, {PAIR(CALL, "<TOOLCALL>", "</TOOLCALL>")}},                            /* Nemotron */
    {"<tool_calls>", {"<tool_calls>"}, RT_REPLY_LISTS, {PAIR(CALL, "<tool_calls>", "</tool_calls>")}},                    /* Hunyuan */
    {"<tool_call>",
     {"<tool_call>"},
     RT_REPLY_LINES,
     {PAIR(CALL, "<tool_call>", "</tool_call>")}}, /* Hermes, Qwen 2.5 and 3, Granite 4, … */
    {"<function=>", {"<function="}, 0, {PAIR(CALL, "<function=", "</function>"), [RT_MARK_NAME_END] = ">"}},
    {"<|python_tag|>", {"<|python_tag|>"}, RT_REPLY_BARE, {[RT_MARK_CALL] = "<|python_tag|>"}},             /* Llama 3.1, 3.3 */
    {"\"parameters\"", {"\"parameters\": dictionary"}, RT_REPLY_BARE, {[RT_MARK_CALL] = "<|python_tag|>"}}, /* Llama 3.2 */
};

static const struct row *find_row(const struct row *rows, size_t count, const char *text, size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        size_t found = 0;
        while (found < LOOKS && rows[i].look[found] && memmem(text, bytes, rows[i].look[found], strlen(rows[i].look[found])))
            found++;
        if (found == LOOKS || !rows[i].look[found])
            return &rows[i];
    }
    return NULL;
}

/* ---- special tokens ---- */

/* Bytes of the longest special token that the text begins with; 0: none. */
static size_t special_at(const struct rt_tokenizer *tokenizer, const char *text)
{
    char token[SPECIAL_BYTES_MAX + 1];
    for (size_t bytes = strnlen(text, SPECIAL_BYTES_MAX); bytes; bytes--) {
        memcpy(token, text, bytes);
        token[bytes] = 0;
        const int id = rt_tokenizer_id(tokenizer, token);
        if (id >= 0 && rt_tokenizer_special(tokenizer, (uint32_t)id))
            return bytes;
    }
    return 0;
}

char *rt_reply_mark_specials(const struct rt_tokenizer *tokenizer, const char *text, size_t *bytes)
{
    char *out = malloc(2 * strlen(text) + 1), *end = out;
    if (!out)
        return NULL;
    while (*text) {
        const size_t special = special_at(tokenizer, text), count = special ? special : 1;
        if (special)
            *end++ = (char)RT_SPECIAL_BYTE;
        memcpy(end, text, count);
        end += count;
        text += count;
    }
    *end = 0;
    *bytes = (size_t)(end - out);
    return out;
}

/* ---- the form ---- */

static int use_row(struct rt_reply_form *form, const struct row *row, struct rt_error *error)
{
    form->flags |= row->flags;
    for (size_t i = 0; i < RT_MARKS; i++) {
        struct rt_mark_text *mark = &form->marks[i];
        if (!row->marks[i])
            continue;
        mark->text = rt_reply_mark_specials(form->tokenizer, row->marks[i], &mark->bytes);
        if (!mark->text)
            return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the form of replies");
    }
    return 0;
}

int rt_reply_form_open(struct rt_reply_form **out, const char *chat_template, size_t bytes, const struct rt_tokenizer *tokenizer,
                       struct rt_error *error)
{
    RT_CLEAN(rt_reply_form_close) struct rt_reply_form *form = calloc(1, sizeof *form);
    const struct row *reasoning = find_row(reasoning_rows, sizeof reasoning_rows / sizeof *reasoning_rows, chat_template, bytes);
    const struct row *calls = find_row(call_rows, sizeof call_rows / sizeof *call_rows, chat_template, bytes);
    *out = NULL;
    if (!form)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the form of replies");
    form->tokenizer = tokenizer;
    form->reasoning = reasoning ? reasoning->name : NULL;
    form->calls = calls ? calls->name : NULL;
    if ((reasoning && use_row(form, reasoning, error)) || (calls && use_row(form, calls, error)))
        return -1;
    *out = RT_MOVE(form);
    return 0;
}

void rt_reply_form_close(struct rt_reply_form **form)
{
    for (size_t i = 0; *form && i < RT_MARKS; i++)
        free((*form)->marks[i].text);
    free(*form);
    *form = NULL;
}

const char *rt_reply_form_reasoning(const struct rt_reply_form *form)
{
    return form->reasoning;
}

const char *rt_reply_form_calls(const struct rt_reply_form *form)
{
    return form->calls;
}

/* The prompt is text in which special tokens are spelled out: their FF does not count. */
int rt_reply_form_opened(const struct rt_reply_form *form, const char *prompt, size_t bytes)
{
    const struct rt_mark_text *think = &form->marks[RT_MARK_THINK];
    if (!think->text)
        return 0;
    const size_t marked = (unsigned char)*think->text == RT_SPECIAL_BYTE, count = think->bytes - marked;
    while (bytes && rt_reply_is_space(prompt[bytes - 1]))
        bytes--;
    return bytes >= count && !memcmp(prompt + bytes - count, think->text + marked, count);
}
