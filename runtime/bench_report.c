/* bench_report.c: figures for people and for programs. Measures nothing. */
#include <stdio.h>
#include <string.h>

#include "kernels/peak.h"
#include "runtime/bench.h"
#include "runtime/report.h"
#include "runtime/version.h"

static const double GIGA = 1e9;

static const char *const part_names[RT_PARTS] = {
    [RT_PART_ROWS] = "rows",       [RT_PART_PROJECTIONS] = "projections", [RT_PART_ATTENTION] = "attention",
    [RT_PART_ROUTER] = "router",   [RT_PART_EXPERTS] = "experts",         [RT_PART_HEAD] = "head",
    [RT_PART_WAITING] = "waiting",
};
static const char *const format_names[] = {[KN_F32] = "f32", [KN_BF16] = "bf16", [KN_W8] = "w8", [KN_W4] = "w4"};

struct part { /* of one phase, a second or as a share of it */
    double seconds, share, operations_s, bytes_s;
};

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static struct part part_of(const struct rt_bench_phase *phase, int part)
{
    const struct rt_work *work = &phase->cost.parts[part];
    double all = 0, seconds = phase->seconds[part];
    for (int i = 0; i < RT_PARTS; i++)
        all += phase->seconds[i];
    return (struct part){
        .seconds = seconds,
        .share = ratio(seconds, all),
        .operations_s = ratio(work->int8_operations + work->float_operations, seconds),
        .bytes_s = ratio(work->weight_bytes + work->cache_bytes, seconds),
    };
}

/* ---- for people ---- */

static void print_figure(const char *name, const struct rt_figure *figure, double unit, const char *unit_name)
{
    printf("%-22s %9.1f %s (%.1f to %.1f)", name, figure->median / unit, unit_name, figure->min / unit, figure->max / unit);
}

static void print_parts(const struct rt_bench_phase *phase)
{
    printf("  %-12s %9s %7s %9s %8s\n", "part", "seconds", "share", "GOPS", "GB/s");
    for (int i = 0; i < RT_PARTS; i++) {
        struct part part = part_of(phase, i);
        printf("  %-12s %9.3f %6.1f%% %9.1f %8.2f\n", part_names[i], part.seconds, 100 * part.share, part.operations_s / GIGA,
               part.bytes_s / GIGA);
    }
}

static void print_prefill(const struct rt_bench_result *result, const struct rt_bench_options *options)
{
    const struct rt_bench_phase *phase = &result->prefill;
    char name[64];
    snprintf(name, sizeof name, "prefill %u at %u", options->prefill, options->depth);
    print_figure(name, &phase->tokens_s, 1, "tok/s");
    printf(", %.1f GOPS, %.1f%% of the int8 peak\n", phase->int8_operations_s.median / GIGA, 100 * phase->of_limit.median);
    print_parts(phase);
}

static void print_decode(const struct rt_bench_result *result, const struct rt_bench_options *options)
{
    const struct rt_bench_phase *phase = &result->decode;
    char name[64];
    snprintf(name, sizeof name, options->batch > 1 ? "decode %u at %u x%u" : "decode %u at %u", options->decode, options->depth,
             options->batch);
    print_figure(name, &phase->tokens_s, 1, "tok/s");
    printf(", %.2f GB/s, %.1f%% of reading\n", phase->bytes_s.median / GIGA, 100 * phase->of_limit.median);
    print_parts(phase);
}

void rt_bench_print(const struct rt_bench_result *result, const struct rt_site *site, const struct rt_bench_options *options)
{
    const struct rt_model *model = &site->manifest->model;
    printf("%s, %s%s, %s%u layers, cache %s; %s, %s, %u threads\n", site->manifest->name, site->manifest->quant,
           options->bundle ? "" : " (random weights)", options->layers ? "cut to " : "", model->layer_count, kn_kv_name(options->kv),
           kn_cpu()->name, kn_isa_name(result->isa), result->threads);
    print_figure(kn_peak_instruction(result->isa), &result->prefill.limit, GIGA, "GOPS");
    putchar('\n');
    print_figure("reading memory", &result->decode.limit, GIGA, "GB/s");
    putchar('\n');
    if (options->prefill)
        print_prefill(result, options);
    if (options->decode)
        print_decode(result, options);
}

void rt_bench_print_scaling(const struct rt_bench_result *result, const struct rt_bench_result *one)
{
    if (result == one)
        printf("%7s %10s %7s %10s %7s %10s %7s %10s %7s\n", "threads", "GOPS", "", "GB/s", "", "prefill/s", "", "decode/s", "");
    printf("%7u %10.1f %6.2fx %10.1f %6.2fx %10.1f %6.2fx %10.1f %6.2fx\n", result->threads, result->prefill.limit.median / GIGA,
           ratio(result->prefill.limit.median, one->prefill.limit.median), result->decode.limit.median / GIGA,
           ratio(result->decode.limit.median, one->decode.limit.median), result->prefill.tokens_s.median,
           ratio(result->prefill.tokens_s.median, one->prefill.tokens_s.median), result->decode.tokens_s.median,
           ratio(result->decode.tokens_s.median, one->decode.tokens_s.median));
    fflush(stdout);
}

/* ---- for programs ---- */

/* "tok_s", and beside it "tok_s_min" and "tok_s_max". */
static void add_figure(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const struct rt_figure *figure, double unit)
{
    const struct {
        const char *suffix;
        double value;
    } members[] = {{"", figure->median}, {"_min", figure->min}, {"_max", figure->max}};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s%s", name, members[i].suffix);
        yyjson_mut_obj_add(object, yyjson_mut_strcpy(doc, key), yyjson_mut_real(doc, members[i].value / unit));
    }
}

static void add_parts(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct rt_bench_phase *phase)
{
    yyjson_mut_val *parts = yyjson_mut_obj_add_obj(doc, object, "parts");
    for (int i = 0; i < RT_PARTS; i++) {
        struct part part = part_of(phase, i);
        yyjson_mut_val *member = yyjson_mut_obj_add_obj(doc, parts, part_names[i]);
        yyjson_mut_obj_add_real(doc, member, "seconds", part.seconds);
        yyjson_mut_obj_add_real(doc, member, "share", part.share);
        yyjson_mut_obj_add_real(doc, member, "gops", part.operations_s / GIGA);
        yyjson_mut_obj_add_real(doc, member, "gb_s", part.bytes_s / GIGA);
    }
}

static yyjson_mut_val *add_phase(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *name, const struct rt_bench_phase *phase,
                                 const struct rt_bench_options *options)
{
    yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, root, name);
    yyjson_mut_obj_add_uint(doc, object, "tokens", phase->tokens);
    yyjson_mut_obj_add_uint(doc, object, "depth", options->depth);
    add_figure(doc, object, "tok_s", &phase->tokens_s, 1);
    add_figure(doc, object, "int8_gops", &phase->int8_operations_s, GIGA);
    add_figure(doc, object, "gb_s", &phase->bytes_s, GIGA);
    yyjson_mut_obj_add_real(doc, object, "int8_operations", phase->cost.sum.int8_operations);
    yyjson_mut_obj_add_real(doc, object, "float_operations", phase->cost.sum.float_operations);
    yyjson_mut_obj_add_real(doc, object, "weight_bytes", phase->cost.sum.weight_bytes);
    yyjson_mut_obj_add_real(doc, object, "cache_bytes", phase->cost.sum.cache_bytes);
    add_parts(doc, object, phase);
    return object;
}

static void add_subject(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct rt_bench_result *result, const struct rt_site *site,
                        const struct rt_bench_options *options)
{
    yyjson_mut_obj_add_str(doc, root, "version", CLOISTER_VERSION);
    yyjson_mut_obj_add_str(doc, root, "model", site->manifest->name);
    yyjson_mut_obj_add_bool(doc, root, "random", !options->bundle);
    yyjson_mut_obj_add_uint(doc, root, "layers", site->manifest->model.layer_count);
    yyjson_mut_obj_add_bool(doc, root, "cut", options->layers != 0);
    yyjson_mut_obj_add_str(doc, root, "quant", format_names[result->formats.matrices]);
    yyjson_mut_obj_add_str(doc, root, "kv", kn_kv_name(options->kv));
    yyjson_mut_obj_add_str(doc, root, "cpu", kn_cpu()->name);
    yyjson_mut_obj_add_str(doc, root, "isa", kn_isa_name(result->isa));
    yyjson_mut_obj_add_uint(doc, root, "threads", result->threads);
    yyjson_mut_obj_add_uint(doc, root, "repetitions", options->repetitions);
}

int rt_bench_print_json(const struct rt_bench_result *result, const struct rt_site *site, const struct rt_bench_options *options,
                        struct rt_error *error)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *limits, *phase;
    yyjson_mut_doc_set_root(doc, root);
    add_subject(doc, root, result, site, options);
    limits = yyjson_mut_obj_add_obj(doc, root, "limits");
    yyjson_mut_obj_add_str(doc, limits, "instruction", kn_peak_instruction(result->isa));
    add_figure(doc, limits, "int8_gops", &result->prefill.limit, GIGA);
    add_figure(doc, limits, "read_gb_s", &result->decode.limit, GIGA);
    if (options->prefill) {
        phase = add_phase(doc, root, "prefill", &result->prefill, options);
        yyjson_mut_obj_add_uint(doc, phase, "step", site->max_rows);
        add_figure(doc, phase, "of_peak", &result->prefill.of_limit, 1);
    }
    if (options->decode) {
        phase = add_phase(doc, root, "decode", &result->decode, options);
        yyjson_mut_obj_add_uint(doc, phase, "batch", options->batch);
        add_figure(doc, phase, "of_bandwidth", &result->decode.of_limit, 1);
    }
    return rt_report_json(doc, error);
}
