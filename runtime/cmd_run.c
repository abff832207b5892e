/* cmd_run.c: `cloister run`: one prompt and its answer, or a chat. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cache.h"
#include "runtime/chat.h"
#include "runtime/commands.h"
#include "runtime/console.h"
#include "runtime/generate.h"
#include "runtime/isa.h"
#include "runtime/question.h"
#include "runtime/receipt_keeper.h"
#include "runtime/receipt_of.h"
#include "runtime/report.h"
#include "runtime/scope.h"

struct run_options {
    struct rt_site_options site;
    struct rt_question question;
    const char *kv, *receipt, *site_key;
    uint64_t threads, context, max_new, top_k, seed;
    double temperature, top_p, min_p, repeat_penalty; /* NaN-free; UNSET where not given */
    struct rt_text_list stops;
    int raw, json, receipt_prompt;
};

static const double UNSET = -1e300;
static const uint64_t UNSET_COUNT = UINT64_MAX;

/* ---- the command line ---- */

static int check_range(const char *name, double value, double lowest, double highest, struct rt_error *error)
{
    if (value == UNSET || (value >= lowest && value <= highest))
        return 0;
    return rt_fail(error, RT_EXIT_USAGE, "%s %g is not between %g and %g", name, value, lowest, highest);
}

static int check_options(const struct run_options *options, struct rt_error *error)
{
    if (check_range("--temp", options->temperature, 0, 100, error) || check_range("--top-p", options->top_p, 0, 1, error) ||
        check_range("--min-p", options->min_p, 0, 1, error) || check_range("--repeat-penalty", options->repeat_penalty, 0.01, 100, error))
        return -1;
    if (options->question.text && options->question.file)
        return rt_fail(error, RT_EXIT_USAGE, "-p and -f exclude each other");
    if (!options->receipt && (options->site_key || options->receipt_prompt))
        return rt_fail(error, RT_EXIT_USAGE, "%s needs --receipt FILE", options->site_key ? "--site-key" : "--receipt-prompt");
    if (rt_question_asked(&options->question) || !(options->raw || options->json || options->receipt))
        return 0;
    return rt_fail(error, RT_EXIT_USAGE, "%s needs a prompt: -p or -f", options->raw ? "--raw" : options->json ? "--json" : "--receipt");
}

/* 0, 1 after --help, or -1. */
static int parse(const struct rt_call *call, struct run_options *options, struct rt_error *error)
{
    const struct rt_option table[] = {
        {"-p", RT_OPTION_TEXT, &options->question.text, "TEXT", "answer this message", 0},
        {"-f", RT_OPTION_TEXT, &options->question.file, "FILE", "answer the message in FILE; \"-\" is standard input", 0},
        {"--raw", RT_OPTION_FLAG, &options->raw, NULL, "give the text as it is, without the chat template", 0},
        {"-n", RT_OPTION_UNSIGNED, &options->max_new, "N", "at most N new tokens (default: until the context is full)", UINT32_MAX},
        {"--temp", RT_OPTION_FLOAT, &options->temperature, "X", "temperature; 0 takes the likeliest token", 0},
        {"--top-k", RT_OPTION_UNSIGNED, &options->top_k, "N", "choose among the N likeliest; 0 is off", UINT32_MAX},
        {"--top-p", RT_OPTION_FLOAT, &options->top_p, "X", "choose among the likeliest that sum to X", 0},
        {"--min-p", RT_OPTION_FLOAT, &options->min_p, "X", "leave out what is X times less likely than the likeliest", 0},
        {"--repeat-penalty", RT_OPTION_FLOAT, &options->repeat_penalty, "X", "make tokens that were there less likely; 1 is off", 0},
        {"--seed", RT_OPTION_UNSIGNED, &options->seed, "N", "the same seed gives the same answer (default 0)", 0},
        {"--stop", RT_OPTION_LIST, &options->stops, "TEXT", "end the answer before TEXT; may be repeated", 0},
        {"-t", RT_OPTION_UNSIGNED, &options->threads, "N", "use N physical cores (default: all allowed)", 4096},
        {"--kv", RT_OPTION_TEXT, &options->kv, "f32|bf16|int8", "how keys and values are cached (default bf16)", 0},
        {"--isa", RT_OPTION_TEXT, &options->site.isa, RT_ISA_NAMES, RT_ISA_HELP, 0},
        {"--ctx", RT_OPTION_UNSIGNED, &options->context, "N", "tokens of context (default: the model's, at most 4096)", UINT32_MAX},
        {"--trust", RT_OPTION_TEXT, &options->site.trust, "DIR", "directory of trusted public keys", 0},
        {"--receipt", RT_OPTION_TEXT, &options->receipt, "FILE", "write down what `cloister replay` computes again", 0},
        {"--receipt-prompt", RT_OPTION_FLAG, &options->receipt_prompt, NULL, "with the prompt's tokens, not only their digest", 0},
        {"--site-key", RT_OPTION_TEXT, &options->site_key, "FILE", "sign the receipt with this secret key of the site", 0},
        {"--json", RT_OPTION_FLAG, &options->json, NULL, "print the answer as a JSON object when it is done", 0},
    };
    size_t count = 1;
    const int status = rt_options_parse(call, table, sizeof table / sizeof *table, &options->site.bundle, &count, error);
    if (status)
        return status;
    if (!count)
        return rt_fail(error, RT_EXIT_USAGE, "which bundle?");
    options->site.threads = (unsigned)options->threads;
    options->site.context = (uint32_t)options->context;
    options->site.json = options->json;
    return rt_cache_kind(&options->site.kv, options->kv, error) ? -1 : check_options(options, error);
}

static void override(float *value, double option)
{
    if (option != UNSET)
        *value = (float)option;
}

/* The publisher's parameters where the command line says nothing. */
static struct rt_sampling choose_sampling(const struct rt_site *site, const struct run_options *options)
{
    struct rt_sampling sampling = site->generation.sampling;
    override(&sampling.temperature, options->temperature);
    override(&sampling.top_p, options->top_p);
    override(&sampling.min_p, options->min_p);
    override(&sampling.repeat_penalty, options->repeat_penalty);
    if (options->top_k != UNSET_COUNT)
        sampling.top_k = (uint32_t)options->top_k;
    sampling.seed = options->seed;
    return sampling;
}

/* ---- one answer ---- */

static yyjson_mut_val *tokens_json(yyjson_mut_doc *doc, const struct rt_tokens *tokens)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < tokens->count; i++)
        yyjson_mut_arr_add_uint(doc, list, tokens->ids[i]);
    return list;
}

static void add_sampling(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct rt_sampling *sampling)
{
    yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, root, "sampling");
    yyjson_mut_obj_add_real(doc, object, "temperature", (double)sampling->temperature);
    yyjson_mut_obj_add_uint(doc, object, "top_k", sampling->top_k);
    yyjson_mut_obj_add_real(doc, object, "top_p", (double)sampling->top_p);
    yyjson_mut_obj_add_real(doc, object, "min_p", (double)sampling->min_p);
    yyjson_mut_obj_add_real(doc, object, "repeat_penalty", (double)sampling->repeat_penalty);
    yyjson_mut_obj_add_uint(doc, object, "seed", sampling->seed);
}

/* Where the weights lie, and on what pages. */
static void add_memory(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct rt_weights *weights)
{
    unsigned count;
    const struct rt_memory_report *reports = rt_weights_report(weights, &count);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "memory");
    for (unsigned i = 0; i < count; i++)
        yyjson_mut_arr_append(list, rt_memory_report_json(doc, &reports[i]));
}

/* Everything that an auditor needs to ask again, and the answer. */
static int print_json(const struct rt_site *site, const struct rt_request *request, const struct rt_result *result, struct rt_error *error)
{
    static const char *const finishes[] = {"stop", "length", "cancelled"};
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *timings;
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_strn(doc, root, "text", result->text, result->text_bytes);
    yyjson_mut_obj_add_val(doc, root, "tokens", tokens_json(doc, &result->tokens));
    yyjson_mut_obj_add_uint(doc, root, "prompt_tokens", result->prompt_tokens);
    yyjson_mut_obj_add_str(doc, root, "finish", finishes[result->finish]);
    timings = yyjson_mut_obj_add_obj(doc, root, "timings");
    yyjson_mut_obj_add_real(doc, timings, "load_s", site->load_s);
    yyjson_mut_obj_add_real(doc, timings, "prefill_s", result->prefill_s);
    yyjson_mut_obj_add_real(doc, timings, "decode_s", result->decode_s);
    add_sampling(doc, root, &request->sampling);
    add_memory(doc, root, site->weights);
    yyjson_mut_obj_add_str(doc, root, "bundle", site->manifest->name);
    yyjson_mut_obj_add_uint(doc, root, "version", site->manifest->version);
    return rt_report_json(doc, error);
}

/* Giving the weights back takes a while, and the reader need not wait; a failure shows at the end. */
static void end_line(void)
{
    putchar('\n');
    fflush(stdout);
}

static int generate(struct rt_site *site, const struct rt_request *request, struct rt_result *result, struct rt_error *error)
{
    struct rt_sequence *sequence = rt_sequence_open(site->engine);
    if (!sequence)
        return rt_fail(error, RT_EXIT_RESOURCES, "no sequence is left for the prompt");
    const int status = rt_generate(site, sequence, request, result, error);
    rt_sequence_close(site->engine, &sequence);
    return status;
}

static int write_receipt(struct rt_receipt_keeper *keeper, struct rt_receipt *receipt, const struct rt_result *result,
                         struct rt_error *error)
{
    if (rt_receipt_end(receipt, result, error))
        return -1;
    RT_FREE char *text = rt_receipt_print(receipt);
    return text ? rt_receipt_keeper_write(keeper, text, error) : rt_fail(error, RT_EXIT_RESOURCES, "no memory for the receipt");
}

/* keeper: of the receipt, or NULL. */
static int answer_prompt(struct rt_site *site, const struct run_options *options, const char *text, struct rt_receipt_keeper *keeper,
                         struct rt_error *error)
{
    RT_CLEAN(rt_tokens_close) struct rt_tokens prompt = {0};
    RT_CLEAN(rt_result_close) struct rt_result result = {0};
    RT_CLEAN(rt_receipt_close) struct rt_receipt receipt = {0};
    if (rt_question_encode(site, text, options->raw, &prompt, error))
        return -1;
    if (prompt.count >= site->context)
        return rt_fail(error, RT_EXIT_RESOURCES, "the prompt has %zu tokens and the context %u: shorten it, or give a larger --ctx",
                       prompt.count, (unsigned)site->context);
    const uint32_t room = site->context - (uint32_t)prompt.count;
    const struct rt_request request = {
        .prompt = prompt.ids,
        .prompt_count = (uint32_t)prompt.count,
        .max_new = options->max_new < room ? (uint32_t)options->max_new : room,
        .sampling = choose_sampling(site, options),
        .stops = options->stops.items,
        .stop_count = options->stops.count,
        .emit = options->json ? NULL : rt_console_emit,
        .logits_chain = keeper ? receipt.logits : NULL,
    };
    if (keeper && rt_receipt_begin(&receipt, site, &request.sampling, NULL, &prompt, options->raw ? RT_PROMPT_RAW : RT_PROMPT_CHAT,
                                   options->receipt_prompt, error))
        return -1;
    if (generate(site, &request, &result, error))
        return -1;
    if (!options->json)
        end_line();
    if (keeper && write_receipt(keeper, &receipt, &result, error))
        return -1;
    if (options->json)
        return print_json(site, &request, &result, error);
    rt_console_timing(&result);
    return 0;
}

static int chat(struct rt_site *site, const struct run_options *options, struct rt_error *error)
{
    const struct rt_chat_settings settings = {
        .sampling = choose_sampling(site, options),
        .max_new = options->max_new < UINT32_MAX ? (uint32_t)options->max_new : UINT32_MAX,
        .stops = options->stops,
    };
    return rt_chat(site, &settings, error);
}

int cmd_run(const struct rt_call *call, struct rt_error *error)
{
    struct run_options options = {
        .site.trust = RT_TRUST_DIRECTORY,
        .kv = "bf16",
        .max_new = UNSET_COUNT,
        .top_k = UNSET_COUNT,
        .temperature = UNSET,
        .top_p = UNSET,
        .min_p = UNSET,
        .repeat_penalty = UNSET,
    };
    RT_FREE char *text = NULL;
    RT_CLEAN(rt_receipt_keeper_close) struct rt_receipt_keeper *keeper = NULL;
    RT_CLEAN(rt_site_close) struct rt_site site = {0};
    const int status = parse(call, &options, error);
    if (status)
        return status < 0 ? -1 : 0;
    const int one_prompt = rt_question_asked(&options.question);
    if ((options.receipt && rt_receipt_keeper_open(&keeper, options.receipt, options.site_key, options.site.trust, error)) ||
        (one_prompt && rt_question_read(&options.question, &text, error)) || rt_site_open(&site, &options.site, error) ||
        rt_question_possible(&site, options.site.bundle, options.raw, error))
        return -1;
    return one_prompt ? answer_prompt(&site, &options, text, keeper, error) : chat(&site, &options, error);
}
