/* cmd_batch.c: `cloister batch`: a file of requests in, a file of answers out, as many at once as the machine likes. */
#include <stdio.h>

#include "runtime/batch.h"
#include "runtime/cache.h"
#include "runtime/commands.h"
#include "runtime/isa.h"
#include "runtime/report.h"
#include "runtime/scope.h"

struct batch_options {
    struct rt_site_options site;
    const char *requests, *answers, *part, *kv;
    uint64_t threads, slots, context;
    int json;
};

static int read_part(struct rt_batch_part *out, const char *text, struct rt_error *error)
{
    unsigned long long nth, of;
    char more;
    if (sscanf(text, "%9llu/%9llu%c", &nth, &of, &more) != 2 || !nth || nth > of)
        return rt_fail(error, RT_EXIT_USAGE, "--part %.40s: give K/N, the Kth of N parts", text);
    *out = (struct rt_batch_part){nth, of};
    return 0;
}

/* 0, 1 after --help, or -1. */
static int parse(const struct rt_call *call, struct batch_options *o, struct rt_batch_part *part, struct rt_error *error)
{
    const struct rt_option table[] = {
        {"-o", RT_OPTION_TEXT, &o->answers, "FILE", "where the answers go; those that it holds already are not asked again", 0},
        {"--part", RT_OPTION_TEXT, &o->part, "K/N", "only the Kth of N parts of the requests, for several servers", 0},
        {"--slots", RT_OPTION_UNSIGNED, &o->slots, "N", "answers that are computed at the same time (default 32)", 1024},
        {"--ctx", RT_OPTION_UNSIGNED, &o->context, "N", "tokens of cache, over all answers (default: 4096 for each slot)", UINT32_MAX},
        {"-t", RT_OPTION_UNSIGNED, &o->threads, "N", "use N physical cores (default: all allowed)", 4096},
        {"--kv", RT_OPTION_TEXT, &o->kv, "f32|bf16|int8", "how keys and values are cached (default bf16)", 0},
        {"--isa", RT_OPTION_TEXT, &o->site.isa, RT_ISA_NAMES, RT_ISA_HELP, 0},
        {"--trust", RT_OPTION_TEXT, &o->site.trust, "DIR", "directory of trusted public keys", 0},
        {"--quiet", RT_OPTION_FLAG, &o->site.quiet, NULL, "no progress on stderr", 0},
        {"--json", RT_OPTION_FLAG, &o->json, NULL, "print what was done as a JSON object", 0},
    };
    const char *positional[2];
    size_t count = 2;
    const int status = rt_options_parse(call, table, sizeof table / sizeof *table, positional, &count, error);
    if (status)
        return status;
    if (count != 2)
        return rt_fail(error, RT_EXIT_USAGE, "give a bundle and a file of requests");
    if (!o->answers)
        return rt_fail(error, RT_EXIT_USAGE, "where do the answers go? give -o FILE");
    if (!o->slots)
        return rt_fail(error, RT_EXIT_USAGE, "--slots 0: give at least 1");
    o->site.bundle = positional[0];
    o->requests = positional[1];
    o->site.threads = (unsigned)o->threads;
    o->site.slots = (uint32_t)o->slots;
    o->site.context = (uint32_t)o->context;
    o->site.json = o->json;
    if (o->part && read_part(part, o->part, error))
        return -1;
    return rt_cache_kind(&o->site.kv, o->kv, error);
}

static int print(const struct rt_batch_counts *counts, const struct rt_batch_result *result, int json, struct rt_error *error)
{
    if (!json) {
        printf("%llu answered, %llu refused, %llu were there; %llu tokens in %.1f s, %.1f tok/s\n", (unsigned long long)result->answered,
               (unsigned long long)result->refused, (unsigned long long)counts->there, (unsigned long long)result->answer_tokens,
               result->seconds, result->seconds > 0 ? (double)result->answer_tokens / result->seconds : 0);
        return 0;
    }
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_uint(doc, root, "answered", result->answered);
    yyjson_mut_obj_add_uint(doc, root, "refused", result->refused);
    yyjson_mut_obj_add_uint(doc, root, "there", counts->there);
    yyjson_mut_obj_add_uint(doc, root, "prompt_tokens", result->prompt_tokens);
    yyjson_mut_obj_add_uint(doc, root, "answer_tokens", result->answer_tokens);
    yyjson_mut_obj_add_real(doc, root, "seconds", result->seconds);
    return rt_report_json(doc, error);
}

static int start_threads(void *user, struct rt_site *site, struct rt_error *error)
{
    (void)site;
    return rt_batch_open(user, error);
}

int cmd_batch(const struct rt_call *call, struct rt_error *error)
{
    struct batch_options options = {.site.trust = RT_TRUST_DIRECTORY, .site.vectors = 1, .kv = "bf16", .slots = 32};
    struct rt_batch_part part = {1, 1};
    struct rt_batch_counts counts;
    struct rt_batch_result result = {0};
    RT_CLEAN(rt_batch_files_close) struct rt_batch_files *files = NULL;
    RT_CLEAN(rt_site_close) struct rt_site site = {0};
    RT_CLEAN(rt_batch_close) struct rt_batch *batch = NULL;
    const int status = parse(call, &options, &part, error);
    if (status)
        return status < 0 ? -1 : 0;
    options.site.before_seal = start_threads;
    options.site.user = &batch;
    if (rt_batch_files_open(&files, options.requests, options.answers, error) || rt_site_open(&site, &options.site, error) ||
        rt_batch_files_check(files, part, &counts, error))
        return -1;
    if (counts.asked &&
        rt_batch_run(batch, &site, files, (uint32_t)options.slots, counts.asked, options.site.quiet || options.json, &result, error))
        return -1;
    return print(&counts, &result, options.json, error);
}
