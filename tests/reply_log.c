/* reply_log.c: the ways are the words by which templates are known, and which of them are special tokens there. */
#include "tests/reply_log.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"

#define DEEPSEEK_SPECIALS \
    {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"}

const struct reply_way reply_ways[] = {
    {"<|im_start|>", {"<|im_end|>"}},
    {"<think> </think> <tool_call>", {"<|im_end|>"}},
    {"<|channel|> <|message|>", {"<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>", "<|return|>", "<|constrain|>"}},
    {"<seed:think> <seed:tool_call>", {NULL}},
    {"<tool_call> <function= <parameter=", {NULL}},
    {"<think> <tool_call> <arg_key>", {NULL}},
    {"<think> <minimax:tool_call>", {NULL}},
    {"<｜tool▁calls▁begin｜> ```json", DEEPSEEK_SPECIALS},
    {"</think> <｜tool▁calls▁begin｜>", DEEPSEEK_SPECIALS},
    {"<|tool_calls_section_begin|>",
     {"<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", "<|tool_call_begin|>", "<|tool_call_end|>",
      "<|tool_call_argument_begin|>"}},
    {"[THINK] [TOOL_CALLS] [ARGS]", {"[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "[THINK]", "[/THINK]"}},
    {"[TOOL_CALLS]", {"[TOOL_CALLS]"}},
    {"<|inner_prefix|> <|tools_prefix|>", {"<|inner_prefix|>", "<|inner_suffix|>", "<|tools_prefix|>", "<|tools_suffix|>"}},
    {"<|START_THINKING|> <|START_ACTION|>",
     {"<|START_THINKING|>", "<|END_THINKING|>", "<|START_ACTION|>", "<|END_ACTION|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"}},
    {"<|tool_call|> <|/tool_call|>", {"<|tool_call|>", "<|/tool_call|>"}},
    {"<|tool_call|>", {"<|tool_call|>"}},
    {"<TOOLCALL>", {NULL}},
    {"<tool_calls>", {NULL}},
    {"<function=", {NULL}},
    {"<|python_tag|>", {"<|python_tag|>"}},
    {"\"parameters\": dictionary", {"<|python_tag|>"}},
    {"<thought> </thought>", {NULL}},
    {"<think> <|python_tag|>", {NULL}},
    {"<|message|> <|channel|>", {NULL}},
};
const size_t reply_way_count = sizeof reply_ways / sizeof *reply_ways;

/* ---- the log ---- */

static int add(struct reply_log *log, const char *text, size_t bytes)
{
    size_t room = log->room ? log->room : 1024;
    while (room - log->bytes <= bytes)
        room *= 2;
    char *grown = room > log->room ? realloc(log->text, room) : log->text;
    if (!grown)
        return -1;
    log->text = grown;
    log->room = room;
    memcpy(log->text + log->bytes, text, bytes);
    log->bytes += bytes;
    log->text[log->bytes] = 0;
    return 0;
}

static int is_object(const char *text, size_t bytes)
{
    yyjson_doc *doc = yyjson_read(text, bytes, 0);
    const int answer = yyjson_is_obj(yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return answer;
}

static int end_last(struct reply_log *log)
{
    return log->kind ? add(log, ")", 1) : 0;
}

int reply_log_take(void *user, const struct rt_reply_piece *piece, struct rt_error *error)
{
    struct reply_log *log = user;
    const char kind = "CRT"[piece->kind];
    char head[32 + RT_REPLY_NAME_MAX];
    int failed = 0;
    if (kind == 'T' || kind != log->kind) {
        snprintf(head, sizeof head, "%c(", kind);
        if (kind == 'T')
            snprintf(head, sizeof head, "T%zu:%s(", piece->index, piece->name);
        failed = end_last(log) || add(log, head, strlen(head));
    }
    log->kind = kind;
    log->calls += kind == 'T';
    log->broken += kind == 'T' && !is_object(piece->text, piece->bytes);
    log->content_bytes += kind == 'C' ? piece->bytes : 0;
    log->reasoning_bytes += kind == 'R' ? piece->bytes : 0;
    return failed || add(log, piece->text, piece->bytes) ? rt_fail(error, RT_EXIT_RESOURCES, "no memory for the log") : 0;
}

int reply_log_end(struct reply_log *log, struct rt_error *error)
{
    return end_last(log) || add(log, "", 0) ? rt_fail(error, RT_EXIT_RESOURCES, "no memory for the log") : 0;
}

void reply_log_close(struct reply_log *log)
{
    free(log->text);
    *log = (struct reply_log){0};
}

/* ---- the bench ---- */

static int open_tokenizer(struct reply_bench *bench, struct rt_error *error)
{
    RT_FREE char *json = NULL;
    size_t bytes;
    FILE *out = open_memstream(&json, &bytes);
    if (!out)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a tokenizer");
    fputs("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"added_tokens\":[", out);
    for (unsigned i = 0; i < REPLY_SPECIALS && bench->way->specials[i]; i++)
        fprintf(out, "%s{\"id\":%u,\"content\":\"%s\",\"special\":true,\"normalized\":false}", i ? "," : "", i + 1,
                bench->way->specials[i]);
    fputs("]}", out);
    if (fclose(out))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a tokenizer");
    return rt_tokenizer_open(&bench->tokenizer, json, bytes, NULL, 0, error);
}

int reply_bench_open(struct reply_bench *bench, const struct reply_way *way, const char *tools, struct rt_error *error)
{
    *bench = (struct reply_bench){.way = way};
    if (tools && !(bench->tools = yyjson_read(tools, strlen(tools), 0)))
        return rt_fail(error, RT_EXIT_USAGE, "the tools are no JSON");
    if (open_tokenizer(bench, error))
        return -1;
    return rt_reply_form_open(&bench->form, way->chat_template, strlen(way->chat_template), bench->tokenizer, error);
}

void reply_bench_close(struct reply_bench *bench)
{
    rt_reply_form_close(&bench->form);
    rt_tokenizer_close(&bench->tokenizer);
    yyjson_doc_free(bench->tools);
}

static size_t special_at(const struct reply_way *way, const char *text, size_t bytes)
{
    for (size_t i = 0; i < REPLY_SPECIALS && way->specials[i]; i++) {
        const size_t count = strlen(way->specials[i]);
        if (count <= bytes && !memcmp(text, way->specials[i], count))
            return count;
    }
    return 0;
}

static int feed(const struct reply_way *way, struct rt_reply *reply, const char *text, size_t bytes, size_t (*next)(void *user), void *user,
                struct rt_error *error)
{
    for (size_t at = 0; at < bytes;) {
        size_t count = special_at(way, text + at, bytes - at);
        if (count) {
            if (rt_reply_special(reply, text + at, count, error))
                return -1;
            at += count;
            continue;
        }
        for (const size_t most = next(user); count < most && at + count < bytes && !special_at(way, text + at + count, bytes - at - count);)
            count++;
        if (rt_reply_feed(reply, text + at, count, error))
            return -1;
        at += count;
    }
    return 0;
}

int reply_bench_run(const struct reply_bench *bench, const struct rt_reply_rule *prefix, const char *text, size_t bytes, int opened,
                    size_t (*next)(void *user), void *user, struct reply_log *log, struct rt_error *error)
{
    RT_CLEAN(rt_reply_close) struct rt_reply *reply = NULL;
    const struct rt_reply_terms terms = {bench->form, yyjson_doc_get_root(bench->tools), opened, reply_log_take, log};
    *log = (struct reply_log){0};
    if (rt_reply_open(&reply, &terms, error) || (prefix && rt_reply_feed_prefix(reply, prefix, error)) ||
        feed(bench->way, reply, text, bytes, next, user, error) || rt_reply_end(reply, error))
        return -1;
    return reply_log_end(log, error);
}

const struct reply_way *reply_way(const char *chat_template)
{
    for (size_t i = 0; i < reply_way_count; i++)
        if (!strcmp(reply_ways[i].chat_template, chat_template))
            return &reply_ways[i];
    return NULL;
}
