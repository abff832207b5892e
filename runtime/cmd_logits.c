/* cmd_logits.c: `cloister logits`: the model's numbers for given token ids, for whoever compares them with another implementation. Keys and
 * values are cached in f32 unless asked otherwise, since this is the parity path. */
#include <inttypes.h>
#include <stdlib.h>

#include "runtime/cache.h"
#include "runtime/commands.h"
#include "runtime/input.h"
#include "runtime/isa.h"
#include "runtime/options.h"
#include "runtime/scope.h"
#include "runtime/site.h"

enum { SHOWN = 10 }; /* largest logits shown to a person */

struct logits_options {
    struct rt_site_options site;
    const char *tokens, *kv;
    uint64_t threads;
    int all, json;
};

/* Nine digits bring every float back exactly. JSON has no NaN. */
static void print_json_row(const float *logits, uint32_t vocab)
{
    putchar('[');
    for (uint32_t i = 0; i < vocab; i++)
        if (logits[i] - logits[i] == 0)
            printf("%s%.9g", i ? "," : "", (double)logits[i]);
        else
            printf("%snull", i ? "," : "");
    putchar(']');
}

static void print_table(const struct rt_site *site, uint32_t position, const float *logits)
{
    uint32_t vocab = site->manifest->model.vocab, last = UINT32_MAX;
    printf("position %" PRIu32 "\n", position);
    for (int shown = 0; shown < SHOWN && shown < (int)vocab; shown++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < vocab; i++) { /* the largest after `last`, ties by id */
            int after = last == UINT32_MAX || logits[i] < logits[last] || (logits[i] == logits[last] && i > last);
            if (after && (best == UINT32_MAX || logits[i] > logits[best]))
                best = i;
        }
        if (best == UINT32_MAX)
            return;
        size_t bytes = 0;
        const char *text = site->tokenizer ? rt_tokenizer_text(site->tokenizer, best, &bytes) : NULL;
        printf("%8" PRIu32 "  %12.6f  %.*s\n", best, (double)logits[best], (int)bytes, text ? text : "");
        last = best;
    }
}

static void print_rows(struct rt_site *site, const struct logits_options *options, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const float *logits = rt_engine_logits(site->engine, i);
        if (!options->json)
            print_table(site, first + i, logits);
        else {
            if (options->all && first + i)
                putchar(',');
            print_json_row(logits, site->manifest->model.vocab);
        }
    }
}

static int compute(struct rt_site *site, const struct logits_options *options, const struct rt_tokens *tokens, struct rt_error *error)
{
    struct rt_sequence *sequence = rt_sequence_open(site->engine);
    uint32_t count = (uint32_t)tokens->count;
    if (options->json)
        printf(options->all ? "{\"logits\":[" : "{\"logits\":");
    for (uint32_t done = 0, step; done < count; done += step) {
        step = count - done < site->max_rows ? count - done : site->max_rows;
        struct rt_run run = {.sequence = sequence, .tokens = tokens->ids + done, .count = step, .all_logits = options->all};
        if (rt_engine_step(site->engine, &run, 1, error))
            return -1;
        if (options->all || done + step == count)
            print_rows(site, options, options->all ? done : count - 1, options->all ? step : 1);
    }
    if (options->json)
        puts(options->all ? "]}" : "}");
    return 0;
}

static int check_tokens(const struct rt_site *site, const struct rt_tokens *tokens, struct rt_error *error)
{
    if (!tokens->count)
        return rt_fail(error, RT_EXIT_USAGE, "--tokens: give at least one token");
    if (tokens->count > site->context)
        return rt_fail(error, RT_EXIT_USAGE, "--tokens: %zu tokens are more than the context of %" PRIu32, tokens->count, site->context);
    for (size_t i = 0; i < tokens->count; i++)
        if (tokens->ids[i] >= site->manifest->model.vocab)
            return rt_fail(error, RT_EXIT_USAGE, "--tokens: %" PRIu32 " is not in the vocabulary of %" PRIu32, tokens->ids[i],
                           site->manifest->model.vocab);
    return 0;
}

int cmd_logits(const struct rt_call *call, struct rt_error *error)
{
    struct logits_options options = {.site = {.trust = RT_TRUST_DIRECTORY}, .kv = "f32"};
    const struct rt_option table[] = {
        {"--tokens", RT_OPTION_TEXT, &options.tokens, "1,2,3", "token ids to run", 0},
        {"--all", RT_OPTION_FLAG, &options.all, NULL, "logits after every token, not only the last", 0},
        {"--kv", RT_OPTION_TEXT, &options.kv, "f32|bf16|int8", "how keys and values are cached (default f32)", 0},
        {"--isa", RT_OPTION_TEXT, &options.site.isa, RT_ISA_NAMES, RT_ISA_HELP, 0},
        {"-t", RT_OPTION_UNSIGNED, &options.threads, "N", "use N physical cores (default all allowed)", 4096},
        {"--trust", RT_OPTION_TEXT, &options.site.trust, "DIR", "directory of trusted public keys", 0},
        {"--json", RT_OPTION_FLAG, &options.json, NULL, "print {\"logits\":[…]}", 0},
    };
    const char *bundle = NULL;
    size_t count = 1;
    int parsed = rt_options_parse(call, table, sizeof table / sizeof *table, &bundle, &count, error);
    if (parsed)
        return parsed < 0 ? -1 : 0;
    if (count != 1 || !options.tokens)
        return rt_fail(error, RT_EXIT_USAGE, "give a bundle and --tokens");
    if (rt_cache_kind(&options.site.kv, options.kv, error))
        return -1;
    RT_CLEAN(rt_tokens_close) struct rt_tokens tokens = {0};
    if (rt_input_ids("--tokens", options.tokens, &tokens, error))
        return -1;
    options.site.bundle = bundle;
    options.site.threads = (unsigned)options.threads;
    options.site.context = (uint32_t)(tokens.count ? tokens.count : 1);
    options.site.max_logits = options.all ? UINT32_MAX : 1;
    options.site.json = options.json;
    RT_CLEAN(rt_site_close) struct rt_site site = {0};
    if (rt_site_open(&site, &options.site, error) || check_tokens(&site, &tokens, error))
        return -1;
    return compute(&site, &options, &tokens, error);
}
