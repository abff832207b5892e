/* cmd_inspect.c: `inspect` of both programs: what a verified bundle holds, for people, for programs and for b2sum. */
#include "runtime/bundle.h"
#include "runtime/commands.h"
#include "runtime/inspection.h"
#include "runtime/options.h"
#include "runtime/report.h"
#include "runtime/scope.h"

struct inspect_options {
    const char *bundle, *trust;
    int json, b2sums;
};

/* ---- for b2sum -l 256 -c ---- */

static void print_sum(const struct rt_file *file)
{
    char hex[2 * CR_DIGEST_BYTES + 1];
    cr_digest_hex(hex, file->digest);
    printf("%s  %s\n", hex, file->path);
}

static void print_sums(const struct rt_manifest *m)
{
    print_sum(&m->chunks_file);
    for (size_t i = 0; i < m->file_count; i++)
        print_sum(&m->files[i]);
}

/* ---- for people ---- */

static void print_model(const struct rt_inspection *it)
{
    const struct rt_model *model = &it->m->model;
    int large = it->parameters >= 1000000000;
    printf("model %s: %.3g %s parameters, vocabulary %u, hidden %u, context %u\n", model->architecture,
           (double)it->parameters * (large ? 1e-9 : 1e-6), large ? "billion" : "million", model->vocab, model->hidden, model->context);
    for (uint32_t i = 0; i < it->run_count; i++) {
        const struct rt_layer_run *run = &it->runs[i];
        printf(run->first == run->last ? "  layer %u\n" : "  layers %u-%u\n", run->first, run->last);
        for (uint32_t j = 0; j < run->blocks; j++)
            printf("    %-10s %s\n", run->text[j].kind, run->text[j].parts);
    }
}

static void print_text(const struct rt_inspection *it)
{
    const struct rt_manifest *m = it->m;
    printf("%s version %llu, %s, numerics n1\n", m->name, (unsigned long long)m->version, m->quant);
    if (m->created[0] || m->program[0])
        printf("made%s%s%s%s\n", m->created[0] ? " " : "", m->created, m->program[0] ? " by " : "", m->program);
    if (m->expires[0])
        printf("expires %s\n", m->expires);
    rt_report_signers(it->verified);
    print_model(it);
    printf("tensors\n");
    for (size_t i = 0; i < sizeof it->formats / sizeof *it->formats; i++)
        if (it->formats[i].count)
            printf("  %-10s %6llu  %10s\n", it->formats[i].name, (unsigned long long)it->formats[i].count,
                   rt_size_text(it->formats[i].bytes).text);
    printf("files\n  %-10s %18s  %s\n", "chunks", rt_size_text(m->chunks_file.size).text, m->chunks_file.path);
    for (size_t i = 0; i < m->file_count; i++)
        printf("  %-16s %12s  %s\n", rt_role_name(m->files[i].role), rt_size_text(m->files[i].size).text, m->files[i].path);
}

/* ---- for programs ---- */

static void add_block_json(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rt_block_text *text)
{
    yyjson_mut_val *block = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_str(doc, block, "kind", text->kind);
    yyjson_mut_obj_add_str(doc, block, "parts", text->parts);
}

static yyjson_mut_val *layers_json(yyjson_mut_doc *doc, const struct rt_inspection *it)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (uint32_t i = 0; i < it->run_count; i++) {
        yyjson_mut_val *run = yyjson_mut_arr_add_obj(doc, list);
        yyjson_mut_obj_add_uint(doc, run, "first", it->runs[i].first);
        yyjson_mut_obj_add_uint(doc, run, "last", it->runs[i].last);
        yyjson_mut_val *blocks = yyjson_mut_obj_add_arr(doc, run, "blocks");
        for (uint32_t j = 0; j < it->runs[i].blocks; j++)
            add_block_json(doc, blocks, &it->runs[i].text[j]);
    }
    return list;
}

static yyjson_mut_val *tensors_json(yyjson_mut_doc *doc, const struct rt_inspection *it)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < sizeof it->formats / sizeof *it->formats; i++) {
        if (!it->formats[i].count)
            continue;
        yyjson_mut_val *sum = yyjson_mut_arr_add_obj(doc, list);
        yyjson_mut_obj_add_str(doc, sum, "format", it->formats[i].name);
        yyjson_mut_obj_add_uint(doc, sum, "count", it->formats[i].count);
        yyjson_mut_obj_add_uint(doc, sum, "bytes", it->formats[i].bytes);
    }
    return list;
}

static void add_file_json(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rt_file *file, const char *role)
{
    char hex[2 * CR_DIGEST_BYTES + 1];
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);
    cr_digest_hex(hex, file->digest);
    yyjson_mut_obj_add_str(doc, object, "path", file->path);
    yyjson_mut_obj_add_str(doc, object, "role", role);
    yyjson_mut_obj_add_uint(doc, object, "size", file->size);
    yyjson_mut_obj_add_strcpy(doc, object, "blake2b", hex);
}

static yyjson_mut_val *files_json(yyjson_mut_doc *doc, const struct rt_manifest *m)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    add_file_json(doc, list, &m->chunks_file, "chunks");
    for (size_t i = 0; i < m->file_count; i++)
        add_file_json(doc, list, &m->files[i], rt_role_name(m->files[i].role));
    return list;
}

static void add_text_json(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *key, const char *text)
{
    if (text[0])
        yyjson_mut_obj_add_str(doc, root, key, text);
}

static int print_json(const struct rt_inspection *it, struct rt_error *error)
{
    const struct rt_manifest *m = it->m;
    char digest[2 * CR_DIGEST_BYTES + 1];
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    rt_report_manifest_digest(digest, it->verified);
    yyjson_mut_doc_set_root(doc, root);
    add_text_json(doc, root, "name", m->name);
    yyjson_mut_obj_add_uint(doc, root, "version", m->version);
    add_text_json(doc, root, "created", m->created);
    add_text_json(doc, root, "expires", m->expires);
    add_text_json(doc, root, "program", m->program);
    add_text_json(doc, root, "quant", m->quant);
    add_text_json(doc, root, "numerics", "n1");
    add_text_json(doc, root, "architecture", m->model.architecture);
    yyjson_mut_obj_add_uint(doc, root, "parameters", it->parameters);
    yyjson_mut_obj_add_uint(doc, root, "vocab", m->model.vocab);
    yyjson_mut_obj_add_uint(doc, root, "hidden", m->model.hidden);
    yyjson_mut_obj_add_uint(doc, root, "context", m->model.context);
    yyjson_mut_obj_add_val(doc, root, "layers", layers_json(doc, it));
    yyjson_mut_obj_add_val(doc, root, "tensors", tensors_json(doc, it));
    yyjson_mut_obj_add_val(doc, root, "files", files_json(doc, m));
    yyjson_mut_obj_add_val(doc, root, "signers", rt_report_signers_json(doc, it->verified));
    yyjson_mut_obj_add_str(doc, root, "manifest_blake2b", digest);
    return rt_report_json(doc, error);
}

/* ---- the command ---- */

static int inspect(const struct inspect_options *options, struct rt_error *error)
{
    RT_CLEAN(cr_trust_close) struct cr_trust *trust = NULL;
    RT_CLEAN(rt_bundle_close) struct rt_bundle *bundle = NULL;
    RT_CLEAN(rt_inspection_close) struct rt_inspection inspection = {0};
    if (rt_trust_open(&trust, options->trust, error) || rt_bundle_open(&bundle, options->bundle, trust, error))
        return -1;
    if (options->b2sums) {
        print_sums(rt_bundle_manifest(bundle));
        return 0;
    }
    if (rt_inspection_open(&inspection, rt_bundle_manifest(bundle), rt_bundle_verified(bundle), error))
        return -1;
    if (options->json)
        return print_json(&inspection, error);
    print_text(&inspection);
    return 0;
}

int cmd_inspect(const struct rt_call *call, struct rt_error *error)
{
    struct inspect_options options = {.trust = RT_TRUST_DIRECTORY};
    const struct rt_option table[] = {
        {"--trust", RT_OPTION_TEXT, &options.trust, "DIR", "directory of trusted public keys", 0},
        {"--json", RT_OPTION_FLAG, &options.json, NULL, "print it as JSON", 0},
        {"--b2sums", RT_OPTION_FLAG, &options.b2sums, NULL, "print digests for `b2sum -l 256 -c`", 0},
    };
    size_t count = 1;
    int parsed = rt_options_parse(call, table, sizeof table / sizeof *table, &options.bundle, &count, error);
    if (parsed)
        return parsed < 0 ? -1 : 0;
    if (count != 1)
        return rt_fail(error, RT_EXIT_USAGE, "inspect: give the directory of a bundle; `inspect --help` shows how");
    return inspect(&options, error);
}
