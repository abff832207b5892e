/* cmd_bench.c: `cloister bench`: how fast a bundle, or a shape with random weights, runs here, beside what this machine can do at most. */
#include <stdio.h>
#include <string.h>

#include "runtime/bench.h"
#include "runtime/bench_kernels.h"
#include "runtime/cache.h"
#include "runtime/commands.h"
#include "runtime/isa.h"
#include "runtime/scope.h"
#include "runtime/topology.h"

struct bench_arguments { /* as the command line gives them */
    const char *quant, *kv;
    uint64_t prefill, decode, depth, batch, threads, repetitions, layers;
};

/* ---- the command line ---- */

static int name_index(const char *option, const char *given, const char *const *names, struct rt_error *error)
{
    char list[64] = "";
    for (int i = 0; names[i]; i++) {
        if (!strcmp(given, names[i]))
            return i;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", names[i]);
    }
    return rt_fail(error, RT_EXIT_USAGE, "%s %.20s: it is one of %s", option, given, list);
}

static int take_names(struct rt_bench_options *options, const struct bench_arguments *arguments, struct rt_error *error)
{
    static const char *const quants[] = {"bf16", "w8", "w4", NULL};
    static const enum kn_format formats[] = {KN_BF16, KN_W8, KN_W4};
    int quant = name_index("--quant", arguments->quant, quants, error);
    if (quant < 0)
        return -1;
    options->quant = formats[quant];
    return rt_cache_kind(&options->kv, arguments->kv, error);
}

static int take_numbers(struct rt_bench_options *options, const struct bench_arguments *arguments, struct rt_error *error)
{
    options->prefill = (uint32_t)arguments->prefill;
    options->decode = (uint32_t)arguments->decode;
    options->depth = (uint32_t)arguments->depth;
    options->batch = (uint32_t)arguments->batch;
    options->threads = (uint32_t)arguments->threads;
    options->repetitions = (uint32_t)arguments->repetitions;
    options->layers = (uint32_t)arguments->layers;
    if (!options->batch || !options->repetitions)
        return rt_fail(error, RT_EXIT_USAGE, "%s is at least 1", options->batch ? "-r" : "-b");
    if (!options->prefill && !options->decode)
        return rt_fail(error, RT_EXIT_USAGE, "-p 0 -n 0 leaves nothing to measure");
    return 0;
}

static int check_subject(const struct rt_bench_options *options, size_t bundles, struct rt_error *error)
{
    size_t subjects = bundles + (options->synthetic != NULL) + (options->shape != NULL);
    if (options->kernels)
        return subjects ? rt_fail(error, RT_EXIT_USAGE, "--kernels measures no model") : 0;
    if (subjects != 1)
        return rt_fail(error, RT_EXIT_USAGE, "give a bundle, or --synthetic NAME, or --shape FILE");
    if (bundles && (options->scaling || options->layers))
        return rt_fail(error, RT_EXIT_USAGE, "--scaling and --layers need random weights: --synthetic or --shape");
    if (options->scaling && (options->json || !options->prefill || !options->decode))
        return rt_fail(error, RT_EXIT_USAGE, "--scaling prints a table of both phases");
    return 0;
}

/* 0, 1 after --help, or -1. */
static int parse(const struct rt_call *call, struct rt_bench_options *options, struct rt_error *error)
{
    struct bench_arguments arguments = {.quant = "w8", .kv = "bf16", .prefill = 512, .decode = 64, .batch = 1, .repetitions = 3};
    const struct rt_option table[] = {
        {"--synthetic", RT_OPTION_TEXT, &options->synthetic, "NAME", "a known shape with random weights: moe-7b, dense-1b, …", 0},
        {"--shape", RT_OPTION_TEXT, &options->shape, "FILE", "a shape in the form of the manifest's \"model\", likewise", 0},
        {"--quant", RT_OPTION_TEXT, &arguments.quant, "w8|w4|bf16", "format of random weights (default w8)", 0},
        {"--layers", RT_OPTION_UNSIGNED, &arguments.layers, "N", "only the first N layers of a shape", RT_LAYERS_MAX},
        {"-p", RT_OPTION_UNSIGNED, &arguments.prefill, "N", "tokens of a prompt (default 512); 0: no prefill", 1 << 20},
        {"-n", RT_OPTION_UNSIGNED, &arguments.decode, "N", "tokens of an answer (default 64); 0: no decode", 1 << 20},
        {"-d", RT_OPTION_UNSIGNED, &arguments.depth, "N", "tokens in the cache before either (default 0)", 1 << 24},
        {"-b", RT_OPTION_UNSIGNED, &arguments.batch, "N", "sequences that decode at once (default 1)", 1024},
        {"-t", RT_OPTION_UNSIGNED, &arguments.threads, "N", "use N physical cores (default: all allowed)", 4096},
        {"-r", RT_OPTION_UNSIGNED, &arguments.repetitions, "N", "repetitions (default 3)", RT_BENCH_REPETITIONS_MAX},
        {"--kv", RT_OPTION_TEXT, &arguments.kv, "f32|bf16|int8", "how keys and values are cached (default bf16)", 0},
        {"--isa", RT_OPTION_TEXT, &options->isa, RT_ISA_NAMES, RT_ISA_HELP, 0},
        {"--scaling", RT_OPTION_FLAG, &options->scaling, NULL, "from one thread to all, a line each", 0},
        {"--kernels", RT_OPTION_FLAG, &options->kernels, NULL, "every kernel by itself on one thread, a line each", 0},
        {"--trust", RT_OPTION_TEXT, &options->trust, "DIR", "directory of trusted public keys", 0},
        {"--json", RT_OPTION_FLAG, &options->json, NULL, "print the figures as a JSON object", 0},
        {"--quiet", RT_OPTION_FLAG, &options->quiet, NULL, "no progress on stderr", 0},
    };
    size_t count = 1;
    const int status = rt_options_parse(call, table, sizeof table / sizeof *table, &options->bundle, &count, error);
    if (status)
        return status;
    if (take_names(options, &arguments, error) || take_numbers(options, &arguments, error))
        return -1;
    return check_subject(options, count, error);
}

/* ---- what is run ---- */

static int bench_once(const struct rt_bench_options *options, struct rt_error *error)
{
    RT_CLEAN(rt_site_close) struct rt_site site = {0};
    struct rt_bench_result result;
    if (rt_bench_open(&site, options, error) || rt_bench_run(&result, &site, options, error))
        return -1;
    if (options->json)
        return rt_bench_print_json(&result, &site, options, error);
    rt_bench_print(&result, &site, options);
    return 0;
}

static int bench_threads(struct rt_bench_result *result, const struct rt_bench_options *options, unsigned threads, struct rt_error *error)
{
    RT_CLEAN(rt_site_close) struct rt_site site = {0};
    struct rt_bench_options some = *options;
    some.threads = threads;
    return rt_bench_open(&site, &some, error) || rt_bench_run(result, &site, &some, error) ? -1 : 0;
}

/* 1, 2, 4, … threads and all of them; every number has its own memory, placed for it. */
static int bench_scaling(const struct rt_bench_options *options, struct rt_error *error)
{
    RT_FREE struct rt_placement *placement = NULL;
    struct rt_bench_result one, more;
    if (rt_placement_open(&placement, options->threads, error) || bench_threads(&one, options, 1, error))
        return -1;
    rt_bench_print_scaling(&one, &one);
    for (unsigned threads = 1; threads < placement->count;) {
        threads = 2 * threads < placement->count ? 2 * threads : placement->count;
        if (bench_threads(&more, options, threads, error))
            return -1;
        rt_bench_print_scaling(&more, &one);
    }
    return 0;
}

static int bench_kernels(const struct rt_bench_options *options, struct rt_error *error)
{
    enum kn_isa isa;
    return rt_isa_choose(&isa, options->isa, error) ? -1 : rt_bench_kernels(isa, error);
}

int cmd_bench(const struct rt_call *call, struct rt_error *error)
{
    struct rt_bench_options options = {.trust = RT_TRUST_DIRECTORY};
    const int status = parse(call, &options, error);
    if (status)
        return status < 0 ? -1 : 0;
    if (options.kernels)
        return bench_kernels(&options, error);
    return options.scaling ? bench_scaling(&options, error) : bench_once(&options, error);
}
