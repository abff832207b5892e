/* cmd_pack.c: `cloister-pack pack`: a Hugging Face directory becomes a bundle, yet unsigned. The order is: read and check everything that is
 * small, plan every tensor, and only then write. One thread; packing and digesting start their own. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "packaging/pack/bundle_files.h"
#include "packaging/pack/interrupt.h"
#include "packaging/pack/json_text.h"
#include "packaging/pack/manifest_write.h"
#include "packaging/pack/pack_commands.h"
#include "packaging/pack/stream_writer.h"
#include "packaging/pack/texts_pack.h"
#include "packaging/pack/weights_pack.h"
#include "runtime/clock.h"
#include "runtime/options.h"
#include "runtime/scope.h"

#define CONFIG_FILE "config.json"
enum { CONFIG_MAX_BYTES = 16 << 20 };

static const char *source_date_epoch;

struct pack {
    const char *model, *bundle, *quant_text, *name, *created;
    uint64_t version, part_mib;
    int json;
    enum pk_quant quant;
    char created_text[32];
    int directory; /* the model's */
    yyjson_doc *config_json;
    struct pk_config config;
    struct pk_weights *weights;
    struct pk_plan plan;
    struct pk_texts texts;
    struct pk_files files;
    struct pk_output *output;
    double started;
};

void pk_source_date_epoch(const char *seconds)
{
    source_date_epoch = seconds;
}

static void close_pack(struct pack *pack)
{
    pk_output_close(&pack->output);
    pk_files_close(&pack->files);
    pk_texts_close(&pack->texts);
    pk_plan_close(&pack->plan);
    pk_weights_close(&pack->weights);
    yyjson_doc_free(pack->config_json);
    rt_clean_fd(&pack->directory);
}

/* ---- what the command line says ---- */

static int read_quant(struct pack *pack, struct rt_error *error)
{
    for (int quant = PK_QUANT_BF16; quant <= PK_QUANT_W4; quant++)
        if (pack->quant_text && strcmp(pack->quant_text, pk_quant_name((enum pk_quant)quant)) == 0) {
            pack->quant = (enum pk_quant)quant;
            return 0;
        }
    return rt_fail(error, RT_EXIT_USAGE, "--quant: give w4, w8 or bf16");
}

static int format_time(char *out, size_t room, time_t seconds)
{
    struct tm time;
    return gmtime_r(&seconds, &time) && time.tm_year + 1900 <= 9999 && strftime(out, room, "%Y-%m-%dT%H:%M:%SZ", &time) ? 0 : -1;
}

/* Only a text that prints back as itself is a time: "2026-02-30T…" is not. */
static int check_time(const char *text)
{
    struct tm time = {0};
    char again[32];
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &time);
    if (!end || *end)
        return -1;
    return format_time(again, sizeof again, timegm(&time)) || strcmp(again, text) ? -1 : 0;
}

static int read_created(struct pack *pack, struct rt_error *error)
{
    if (pack->created)
        return check_time(pack->created) ? rt_fail(error, RT_EXIT_USAGE, "--created: give a time like 2026-11-23T00:00:00Z") : 0;
    if (!source_date_epoch)
        return 0;
    char *end;
    errno = 0;
    long long seconds = strtoll(source_date_epoch, &end, 10);
    if (end == source_date_epoch || *end || errno || seconds < 0 ||
        format_time(pack->created_text, sizeof pack->created_text, (time_t)seconds))
        return rt_fail(error, RT_EXIT_USAGE, "SOURCE_DATE_EPOCH is not a number of seconds");
    pack->created = pack->created_text;
    return 0;
}

static int check_name(const char *name, struct rt_error *error)
{
    size_t length = strlen(name);
    int plain = length > 0 && length < RT_NAME_MAX;
    for (size_t i = 0; i < length; i++)
        plain = plain && name[i] >= 0x20 && name[i] < 0x7f;
    return plain ? 0
                 : rt_fail(error, RT_EXIT_USAGE, "the bundle's name must be 1 to %d printable ASCII characters; give one with --name",
                           RT_NAME_MAX - 1);
}

static int read_options(struct pack *pack, const struct rt_call *call, struct rt_error *error)
{
    const struct rt_option options[] = {
        {"-o", RT_OPTION_TEXT, &pack->bundle, "BUNDLE", "directory to write; must not exist", 0},
        {"--quant", RT_OPTION_TEXT, &pack->quant_text, "KIND", "w4 (4 bits a weight), w8 or bf16", 0},
        {"--name", RT_OPTION_TEXT, &pack->name, "NAME", "what the bundle is called; BUNDLE's last part unless given", 0},
        {"--version", RT_OPTION_UNSIGNED, &pack->version, "N", "only ever grows from one bundle of a name to the next (1)", INT64_MAX},
        {"--created", RT_OPTION_TEXT, &pack->created, "TIME", "like 2026-11-23T00:00:00Z; else SOURCE_DATE_EPOCH, else left out", 0},
        {"--part-mib", RT_OPTION_UNSIGNED, &pack->part_mib, "N", "size of the files of weights, at most 4095 (FAT32) and unless given",
         PK_PART_MIB_MAX},
        {"--json", RT_OPTION_FLAG, &pack->json, NULL, "print the result as JSON, and no progress", 0},
    };
    size_t count = 1;
    int status = rt_options_parse(call, options, sizeof options / sizeof *options, &pack->model, &count, error);
    if (status)
        return status;
    if (count != 1 || !pack->bundle)
        return rt_fail(error, RT_EXIT_USAGE, "give a Hugging Face directory and -o BUNDLE");
    if (pack->part_mib == 0)
        return rt_fail(error, RT_EXIT_USAGE, "--part-mib: at least 1");
    return read_quant(pack, error) || read_created(pack, error) ? -1 : 0;
}

/* ---- reading ---- */

static int read_config(struct pack *pack, struct rt_error *error)
{
    if (pk_json_open(&pack->config_json, pack->directory, CONFIG_FILE, CONFIG_MAX_BYTES, error))
        return -1;
    if (!pack->config_json)
        return rt_fail(error, RT_EXIT_FAILED, "%s: has no config.json; give the directory that save_pretrained wrote", pack->model);
    return pk_config_read(&pack->config, yyjson_doc_get_root(pack->config_json), CONFIG_FILE, error);
}

static int read_model(struct pack *pack, struct rt_error *error)
{
    pack->directory = open(pack->model, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (pack->directory < 0)
        return rt_fail(error, RT_EXIT_USAGE, "%s: %s; give the directory of a Hugging Face model", pack->model, strerror(errno));
    if (read_config(pack, error))
        return -1;
    uint32_t vocab = pack->config.sizes[PK_VOCAB];
    if (pk_texts_open(&pack->texts, pack->directory, yyjson_doc_get_root(pack->config_json), vocab, error))
        return -1;
    if (pk_weights_open(&pack->weights, pack->directory, error))
        return -1;
    return pk_plan_open(&pack->plan, &pack->config, pack->weights, pack->quant, error);
}

/* ---- writing ---- */

static int write_stream(struct pack *pack, struct pk_stream *stream, struct rt_error *error)
{
    struct rt_progress_bar bar;
    rt_progress_bar_open(&bar, "packing", pack->json);
    int failed = pk_weights_pack(&pack->plan, pack->weights, stream, &bar, error);
    rt_progress_bar_close(&bar);
    return failed || pk_stream_sync(stream, error) ? -1 : 0;
}

static int write_weights(struct pack *pack, struct rt_error *error)
{
    struct pk_stream stream;
    if (pk_stream_open(&stream, pk_output_directory(pack->output), pack->plan.stream_bytes, pack->part_mib, error))
        return -1;
    int failed = write_stream(pack, &stream, error);
    for (uint32_t i = 0; i < stream.count && !failed; i++) {
        char name[64];
        pk_stream_name(name, sizeof name, i, stream.count);
        failed = pk_files_add(&pack->files, name, RT_ROLE_WEIGHTS, pk_stream_file_bytes(&stream, i), error);
    }
    pk_stream_close(&stream);
    return failed ? -1 : 0;
}

static int write_texts(struct pack *pack, struct rt_error *error)
{
    for (size_t i = 0; i < pack->texts.count; i++) {
        const struct pk_text *text = &pack->texts.list[i];
        if (pk_output_write(pack->output, text->name, text->text, text->bytes, error) ||
            pk_files_add(&pack->files, text->name, text->role, text->bytes, error))
            return -1;
    }
    return 0;
}

static int digest_files(struct pack *pack, struct rt_error *error)
{
    struct rt_progress_bar bar;
    rt_progress_bar_open(&bar, "hashing", pack->json);
    int failed = pk_files_digest(&pack->files, pack->output, &bar, error);
    rt_progress_bar_close(&bar);
    return failed;
}

static int write_manifest(struct pack *pack, struct rt_error *error)
{
    const struct pk_manifest manifest = {pack->name, pack->created, pack->version, pack->quant, &pack->config, &pack->plan, &pack->files};
    RT_FREE char *text = NULL;
    size_t bytes;
    if (pk_manifest_print(&text, &bytes, &manifest, error))
        return -1;
    return pk_output_write(pack->output, "manifest.json", text, bytes, error);
}

static int write_bundle(struct pack *pack, struct rt_error *error)
{
    if (write_texts(pack, error) || write_weights(pack, error) || digest_files(pack, error) || write_manifest(pack, error))
        return -1;
    return pk_interrupted() ? pk_interrupt_error(error) : pk_output_commit(pack->output, error);
}

/* ---- the result ---- */

static int print_json(const struct pack *pack, size_t files, uint64_t bytes, struct rt_error *error)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "bundle", pack->bundle);
    yyjson_mut_obj_add_str(doc, root, "name", pack->name);
    yyjson_mut_obj_add_uint(doc, root, "version", pack->version);
    yyjson_mut_obj_add_str(doc, root, "quant", pk_quant_name(pack->quant));
    yyjson_mut_obj_add_uint(doc, root, "files", files);
    yyjson_mut_obj_add_uint(doc, root, "bytes", bytes);
    yyjson_mut_obj_add_uint(doc, root, "parameters", pack->plan.parameters);
    yyjson_mut_obj_add_real(doc, root, "seconds", rt_seconds() - pack->started);
    RT_FREE char *text = yyjson_mut_write(doc, YYJSON_WRITE_ALLOW_INVALID_UNICODE, NULL);
    yyjson_mut_doc_free(doc);
    if (!text)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to print the result");
    puts(text);
    return 0;
}

static void print_warnings(const struct pack *pack)
{
    if (pack->config.sizes[PK_CONTEXT] < pack->config.uncut_context)
        fprintf(stderr,
                "cloister-pack: warning: the context is cut from %u to the sliding window's %u tokens; results up to there are the same\n",
                pack->config.uncut_context, pack->config.sizes[PK_CONTEXT]);
    for (size_t i = 0; i < pack->texts.warning_count; i++)
        fprintf(stderr, "cloister-pack: warning: %s\n", pack->texts.warnings[i]);
}

static int print_result(const struct pack *pack, struct rt_error *error)
{
    print_warnings(pack);
    size_t files = pack->files.count + 2; /* chunks.b2 and the manifest */
    uint64_t bytes = pack->files.total_bytes + pack->files.chunks.size;
    if (pack->json)
        return print_json(pack, files, bytes, error);
    printf("%s: %s version %" PRIu64 ", %s, %.1f million parameters, %.1f MB in %zu files; now sign it with cloister-pack sign\n",
           pack->bundle, pack->name, pack->version, pk_quant_name(pack->quant), (double)pack->plan.parameters / 1e6, (double)bytes / 1e6,
           files);
    return 0;
}

static int run(struct pack *pack, struct rt_error *error)
{
    if (cr_init() != CR_OK)
        return rt_fail(error, RT_EXIT_FAILED, "libsodium does not start");
    pk_interrupt_watch();
    pack->started = rt_seconds();
    if (read_model(pack, error) || pk_output_open(&pack->output, pack->bundle, error))
        return -1;
    if (!pack->name)
        pack->name = pk_output_name(pack->output);
    return check_name(pack->name, error) || write_bundle(pack, error) || print_result(pack, error) ? -1 : 0;
}

int pk_cmd_pack(const struct rt_call *call, struct rt_error *error)
{
    RT_CLEAN(close_pack) struct pack pack = {.version = 1, .part_mib = PK_PART_MIB_MAX, .directory = -1};
    int status = read_options(&pack, call, error);
    if (status)
        return status < 0 ? -1 : 0; /* 1: --help was printed */
    return run(&pack, error);
}
