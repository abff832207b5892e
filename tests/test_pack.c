/* test_pack.c: the packer's parts below its command line: config.json in both spellings and broken, generation.json, the stream of
 * weights cut into files, the pool of jobs, the directory that appears whole or not at all. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packaging/pack/bundle_output.h"
#include "packaging/pack/generation.h"
#include "packaging/pack/hf_config.h"
#include "packaging/pack/json_text.h"
#include "packaging/pack/pack_jobs.h"
#include "packaging/pack/stream_writer.h"
#include "tests/check.h"

/* ---- config.json ---- */

/* Reads a configuration in which ' stands for ". */
static int read_config(struct pk_config *config, const char *text, struct rt_error *error)
{
    char json[2048];
    snprintf(json, sizeof json, "%s", text);
    for (char *c = json; *c; c++)
        if (*c == '\'')
            *c = '"';
    yyjson_doc *doc;
    if (pk_json_parse(&doc, json, strlen(json), 64, "config.json", error))
        return -1;
    int status = pk_config_read(config, yyjson_doc_get_root(doc), "config.json", error);
    yyjson_doc_free(doc);
    return status;
}

#define SHAPE "'vocab_size':100,'hidden_size':64,'intermediate_size':96,'num_hidden_layers':4,'num_attention_heads':4"

static void expect_same(const char *left, const char *right)
{
    struct pk_config a, b;
    struct rt_error error = {0};
    int failed = read_config(&a, left, &error) || read_config(&b, right, &error);
    CHECK_THAT(!failed, "%s", error.text);
    if (failed)
        return;
    CHECK(a.architecture == b.architecture && a.features == b.features && a.eps == b.eps && a.uncut_context == b.uncut_context);
    CHECK(memcmp(a.sizes, b.sizes, sizeof a.sizes) == 0 && memcmp(a.mixture, b.mixture, sizeof a.mixture) == 0);
    CHECK(a.rope.scaling == b.rope.scaling && a.rope.theta == b.rope.theta && a.rope.factor == b.rope.factor);
    CHECK(a.rope.original_context == b.rope.original_context && a.rope.truncate == b.rope.truncate);
    CHECK(a.rope.beta_fast == b.rope.beta_fast && a.rope.low_freq_factor == b.rope.low_freq_factor);
}

static void test_spellings(void)
{
    expect_same("{'model_type':'llama'," SHAPE ",'rope_theta':500000.0,'rope_scaling':null,'torch_dtype':'bfloat16'}",
                "{'model_type':'llama'," SHAPE ",'rope_parameters':{'rope_type':'default','rope_theta':500000.0},'dtype':'bfloat16'}");
    expect_same(
        "{'model_type':'llama'," SHAPE ",'rope_theta':500000.0,'max_position_embeddings':131072,'rope_scaling':{'rope_type':'llama3',"
        "'factor':8.0,'low_freq_factor':1.0,'high_freq_factor':4.0,'original_max_position_embeddings':8192}}",
        "{'model_type':'llama'," SHAPE ",'max_position_embeddings':131072,'rope_parameters':{'rope_type':'llama3','rope_theta':500000,"
        "'factor':8,'low_freq_factor':1,'high_freq_factor':4,'original_max_position_embeddings':8192}}");
    expect_same("{'model_type':'qwen3','num_key_value_heads':2," SHAPE
                ",'rope_theta':1e6,'rope_scaling':{'type':'yarn','factor':4,'original_max_position_embeddings':32768}}",
                "{'model_type':'qwen3','num_key_value_heads':2," SHAPE ",'rope_parameters':{'rope_type':'yarn','rope_theta':1e6,'factor':4,"
                "'original_max_position_embeddings':32768}}");
    expect_same("{'model_type':'qwen3_moe'," SHAPE ",'num_experts':8,'num_experts_per_tok':2}",
                "{'model_type':'qwen3_moe'," SHAPE ",'num_local_experts':8,'num_experts_per_tok':2}");
    expect_same("{'model_type':'llama'," SHAPE "}",
                "{'model_type':'llama'," SHAPE ",'num_key_value_heads':4,'head_dim':16,'rms_norm_eps':1e-6,"
                "'rope_theta':1e4,'tie_word_embeddings':false,'max_position_embeddings':2048,'attention_bias':false}");
}

static void test_defaults(void)
{
    static const struct {
        const char *text;
        uint32_t kv_heads, head_dim, context;
        double theta, eps;
    } cases[] = {
        {"{'model_type':'llama'," SHAPE "}", 4, 16, 2048, 1e4, 1e-6},
        {"{'model_type':'mistral'," SHAPE ",'num_key_value_heads':2,'sliding_window':null}", 2, 16, 131072, 1e4, 1e-6},
        {"{'model_type':'mistral'," SHAPE ",'num_key_value_heads':2}", 2, 16, 4096, 1e4, 1e-6}, /* its default window */
        {"{'model_type':'mixtral'," SHAPE ",'num_key_value_heads':2}", 2, 16, 131072, 1e6, 1e-5},
        {"{'model_type':'qwen3'," SHAPE ",'num_key_value_heads':null}", 4, 128, 32768, 1e4, 1e-6},
        {"{'model_type':'qwen3_moe'," SHAPE "}", 4, 16, 32768, 1e4, 1e-6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pk_config config;
        struct rt_error error = {0};
        CHECK_THAT(read_config(&config, cases[i].text, &error) == 0, "%s: %s", cases[i].text, error.text);
        CHECK_THAT(config.sizes[PK_KV_HEADS] == cases[i].kv_heads && config.sizes[PK_HEAD_DIM] == cases[i].head_dim, "%s", cases[i].text);
        CHECK_THAT(config.sizes[PK_CONTEXT] == cases[i].context, "%s: %u", cases[i].text, config.sizes[PK_CONTEXT]);
        CHECK_THAT(config.rope.theta == cases[i].theta && config.eps == cases[i].eps, "%s", cases[i].text);
        CHECK_THAT(config.features & PK_UNTIED, "%s", cases[i].text);
    }
}

static void test_windows(void)
{
    static const struct {
        const char *more;
        uint32_t context;
    } cases[] = {
        {"'sliding_window':512", 32768},                           /* not switched on */
        {"'use_sliding_window':true,'sliding_window':512", 32768}, /* no layer has it: max_window_layers is 28 */
        {"'use_sliding_window':true,'sliding_window':512,'max_window_layers':3", 512},
        {"'use_sliding_window':true,'sliding_window':512,'max_window_layers':4", 32768},
        {"'use_sliding_window':true,'sliding_window':512,'layer_types':['full_attention','sliding_attention']", 512},
        {"'use_sliding_window':true,'sliding_window':512,'max_window_layers':0,'layer_types':['full_attention']", 32768},
        {"'use_sliding_window':true,'sliding_window':65536,'max_window_layers':0", 32768},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        struct pk_config config;
        struct rt_error error = {0};
        snprintf(text, sizeof text, "{'model_type':'qwen3','num_key_value_heads':4," SHAPE ",%s}", cases[i].more);
        CHECK_THAT(read_config(&config, text, &error) == 0, "%s", error.text);
        CHECK_THAT(config.sizes[PK_CONTEXT] == cases[i].context && config.uncut_context == 32768, "%s: %u", cases[i].more,
                   config.sizes[PK_CONTEXT]);
    }
}

static void test_mixtures(void)
{
    static const struct {
        const char *more;
        const char *mixture;
    } cases[] = {
        {"'num_experts':4", "1111"},
        {"'num_experts':4,'decoder_sparse_step':2", "0101"},
        {"'num_experts':4,'mlp_only_layers':[0,3]", "0110"},
        {"'num_experts':4,'decoder_sparse_step':2,'mlp_only_layers':[1]", "0001"},
        {"'num_experts':0", "0000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024], mixture[5] = "";
        struct pk_config config;
        struct rt_error error = {0};
        snprintf(text, sizeof text, "{'model_type':'qwen3_moe','num_experts_per_tok':2," SHAPE ",%s}", cases[i].more);
        CHECK_THAT(read_config(&config, text, &error) == 0, "%s", error.text);
        for (int j = 0; j < 4; j++)
            mixture[j] = (char)('0' + config.mixture[j]);
        CHECK_THAT(strcmp(mixture, cases[i].mixture) == 0, "%s: %s", cases[i].more, mixture);
    }
}

static void test_config_errors(void)
{
    static const struct {
        const char *text;
        enum rt_exit code;
        const char *message;
    } cases[] = {
        {"{}", RT_EXIT_FAILED, "config.json: \"model_type\" is missing"},
        {"{'model_type':'gpt2'}", RT_EXIT_UNSUPPORTED,
         "config.json: model_type \"gpt2\" is not supported; these are: llama, mistral, mixtral, qwen3, qwen3_moe"},
        {"{'model_type':7}", RT_EXIT_FAILED, "config.json: \"model_type\" is not a text"},
        {"{'model_type':'llama','vocab_size':100}", RT_EXIT_FAILED, "config.json: \"hidden_size\" is missing"},
        {"{'model_type':'llama'," SHAPE ",'hidden_size':-3}", RT_EXIT_OK, ""}, /* the first of two counts, as in yyjson */
        {"{'model_type':'llama','vocab_size':1e3}", RT_EXIT_FAILED, "config.json: \"vocab_size\" is not an integer from 1 to 16777216"},
        {"{'model_type':'llama','vocab_size':99999999999}", RT_EXIT_FAILED,
         "config.json: \"vocab_size\" is not an integer from 1 to 16777216"},
        {"{'model_type':'llama'," SHAPE ",'head_dim':7}", RT_EXIT_FAILED, "config.json: heads of 7 elements; the number must be even"},
        {"{'model_type':'llama'," SHAPE ",'num_key_value_heads':3}", RT_EXIT_FAILED,
         "config.json: \"num_attention_heads\" is no multiple of \"num_key_value_heads\""},
        {"{'model_type':'llama'," SHAPE ",'hidden_act':'gelu'}", RT_EXIT_UNSUPPORTED,
         "config.json: activation \"gelu\" is not supported; silu is"},
        {"{'model_type':'llama'," SHAPE ",'quantization_config':{}}", RT_EXIT_UNSUPPORTED,
         "config.json: the weights are already quantised; pack the original in F32, F16 or BF16"},
        {"{'model_type':'llama'," SHAPE ",'rope_scaling':{'type':'longrope'}}", RT_EXIT_UNSUPPORTED,
         "config.json: RoPE scaling \"longrope\" is not supported; default, linear, llama3 and yarn are"},
        {"{'model_type':'llama'," SHAPE ",'rope_scaling':{'type':'linear'}}", RT_EXIT_FAILED, "config.json: \"factor\" is missing"},
        {"{'model_type':'llama'," SHAPE ",'rope_scaling':{'type':'linear','factor':0}}", RT_EXIT_FAILED,
         "config.json: \"factor\" is not a number from 1e-06 to 1e+18"},
        {"{'model_type':'llama'," SHAPE ",'rope_parameters':{'full_attention':{'rope_type':'default'}}}", RT_EXIT_UNSUPPORTED,
         "config.json: \"rope_parameters\" differ from layer to layer, which is not supported"},
        {"{'model_type':'llama'," SHAPE ",'partial_rotary_factor':0.5}", RT_EXIT_UNSUPPORTED,
         "config.json: \"partial_rotary_factor\" other than 1 is not supported"},
        {"{'model_type':'mixtral'," SHAPE ",'num_key_value_heads':2,'num_experts_per_tok':9}", RT_EXIT_FAILED,
         "config.json: \"num_experts_per_tok\" is larger than the number of experts"},
        {"{'model_type':'llama'," SHAPE ",'rms_norm_eps':'x'}", RT_EXIT_FAILED,
         "config.json: \"rms_norm_eps\" is not a number from 0 to 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pk_config config;
        struct rt_error error = {0};
        int status = read_config(&config, cases[i].text, &error);
        CHECK_THAT((status == 0) == (cases[i].code == RT_EXIT_OK) && error.code == cases[i].code &&
                       strcmp(error.text, cases[i].message) == 0,
                   "%s: %d \"%s\"", cases[i].text, error.code, error.text);
    }
}

/* ---- generation.json ---- */

static void test_generation(void)
{
    static const struct {
        const char *generation, *config, *want; /* want NULL: refused */
    } cases[] = {
        {"{}", "{\"eos_token_id\":2,\"bos_token_id\":1}", "{\n  \"eos_ids\": [\n    2\n  ],\n  \"bos_id\": 1\n}\n"},
        {"{\"eos_token_id\":[5,6],\"temperature\":0.6,\"top_k\":20,\"top_p\":0.95,\"min_p\":0,\"repetition_penalty\":1.5}",
         "{\"eos_token_id\":2}",
         "{\n  \"eos_ids\": [\n    5,\n    6\n  ],\n  \"temperature\": 0.6,\n  \"top_k\": 20,\n  \"top_p\": 0.95,\n  \"min_p\": 0.0,\n  "
         "\"repetition_penalty\": 1.5\n}\n"},
        {"{\"do_sample\":false,\"temperature\":0.6}", "{}", "{}\n"},
        {"{\"eos_token_id\":100}", "{}", NULL},
        {"{\"top_p\":1.5}", "{}", NULL},
        {"{\"eos_token_id\":\"</s>\"}", "{}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rt_error error = {0};
        char *text;
        size_t bytes = 0;
        yyjson_doc *generation = yyjson_read(cases[i].generation, strlen(cases[i].generation), 0);
        yyjson_doc *config = yyjson_read(cases[i].config, strlen(cases[i].config), 0);
        int status = pk_generation_print(&text, &bytes, yyjson_doc_get_root(generation), yyjson_doc_get_root(config), 100, &error);
        CHECK_THAT((status == 0) == (cases[i].want != NULL), "%s: %s", cases[i].generation, error.text);
        if (status == 0)
            CHECK_THAT(cases[i].want && strcmp(text, cases[i].want) == 0 && bytes == strlen(text), "%s", text);
        free(text);
        yyjson_doc_free(generation);
        yyjson_doc_free(config);
    }
}

/* ---- the stream, in files ---- */

static void make_folder(char path[64])
{
    snprintf(path, 64, "/tmp/test_pack.XXXXXX");
    CHECK(mkdtemp(path) != NULL);
}

static void remove_folder(const char *path)
{
    DIR *list = opendir(path);
    for (struct dirent *entry; list && (entry = readdir(list));)
        unlinkat(dirfd(list), entry->d_name, 0);
    if (list)
        closedir(list);
    rmdir(path);
}

static void check_part(int folder, const char *name, off_t size)
{
    struct stat info = {0};
    CHECK_THAT(fstatat(folder, name, &info, 0) == 0 && info.st_size == size, "%s: %lld", name, (long long)info.st_size);
}

static void test_stream(void)
{
    char path[64];
    make_folder(path);
    int folder = open(path, O_RDONLY | O_DIRECTORY);
    struct pk_stream stream;
    struct rt_error error = {0};
    const size_t mib = 1 << 20, all = 2 * mib + 100;
    uint8_t *bytes = malloc(all), *back = calloc(1, all);
    for (size_t i = 0; i < all; i++)
        bytes[i] = (uint8_t)(i * 7 + (i >> 9));
    CHECK_THAT(pk_stream_open(&stream, folder, all, 1, &error) == 0, "%s", error.text);
    CHECK(stream.count == 3);
    CHECK(pk_stream_write(&stream, mib - 10, bytes + mib - 10, mib + 60, &error) == 0); /* over two borders */
    CHECK(pk_stream_write(&stream, 0, bytes, mib - 10, &error) == 0);
    CHECK(pk_stream_sync(&stream, &error) == 0);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(pread(stream.fds[i], back + i * mib, pk_stream_file_bytes(&stream, i), 0) == (ssize_t)pk_stream_file_bytes(&stream, i));
    CHECK(memcmp(bytes, back, 2 * mib + 50) == 0);
    CHECK(back[all - 1] == 0); /* never written */
    pk_stream_close(&stream);
    check_part(folder, "weights-00001-of-00003.bin", 1 << 20);
    check_part(folder, "weights-00003-of-00003.bin", 100);
    CHECK((uint64_t)PK_PART_MIB_MAX << 20 < UINT64_C(4) << 30);
    free(bytes);
    free(back);
    close(folder);
    remove_folder(path);
}

/* ---- jobs ---- */

enum { JOBS = 1000 };

struct count {
    atomic_int ran[JOBS];
    size_t fails_at;
    _Atomic uint64_t done;
};

static int count_job(void *user, void *room, size_t job, struct rt_error *error)
{
    struct count *count = user;
    memset(room, (int)job, 100);
    atomic_fetch_add(&count->ran[job], 1);
    atomic_fetch_add(&count->done, 1);
    return job >= count->fails_at ? rt_fail(error, RT_EXIT_FAILED, "job %zu", job) : 0;
}

static int run_counted(struct count *count, struct rt_error *error)
{
    struct rt_progress_bar bar;
    rt_progress_bar_open(&bar, "", 1);
    const struct pk_jobs jobs = {JOBS, count_job, count, 100, &count->done, JOBS, &bar};
    return pk_jobs_run(&jobs, error);
}

static void test_jobs(void)
{
    static struct count count;
    struct rt_error error;
    count.fails_at = JOBS;
    CHECK(run_counted(&count, &error) == 0);
    for (size_t i = 0; i < JOBS; i++)
        CHECK(count.ran[i] == 1);
}

static void test_jobs_first_error(void)
{
    for (int i = 0; i < 50; i++) {
        static struct count count;
        struct rt_error error;
        count.fails_at = 77;
        CHECK(run_counted(&count, &error) == -1);
        CHECK_THAT(strcmp(error.text, "job 77") == 0, "%s", error.text); /* though a later one may have failed earlier */
    }
}

/* ---- whole or not at all ---- */

static void test_output(void)
{
    char path[64], bundle[80], inside[128];
    struct pk_output *output;
    struct rt_error error = {0};
    make_folder(path);
    snprintf(bundle, sizeof bundle, "%s/b/", path);
    CHECK_THAT(pk_output_open(&output, bundle, &error) == 0, "%s", error.text);
    CHECK(strcmp(pk_output_name(output), "b") == 0);
    CHECK(pk_output_write(output, "x", "abc", 3, &error) == 0 && access(bundle, F_OK) == -1);
    pk_output_close(&output);
    CHECK(rmdir(path) == 0); /* nothing was left behind */

    CHECK(mkdir(path, 0700) == 0 && pk_output_open(&output, bundle, &error) == 0);
    CHECK(pk_output_write(output, "x", "abc", 3, &error) == 0 && pk_output_commit(output, &error) == 0);
    pk_output_close(&output);
    snprintf(inside, sizeof inside, "%sx", bundle);
    CHECK(access(inside, R_OK) == 0);
    CHECK(pk_output_open(&output, bundle, &error) == -1 && error.code == RT_EXIT_USAGE && strstr(error.text, "exists already"));
    CHECK(output == NULL);
    CHECK(unlink(inside) == 0 && rmdir(bundle) == 0 && rmdir(path) == 0);
    CHECK(pk_output_open(&output, "/", &error) == -1 && pk_output_open(&output, "", &error) == -1 &&
          pk_output_open(&output, "..", &error) == -1);
}

CHECK_MAIN(CHECK_TEST(test_spellings), CHECK_TEST(test_defaults), CHECK_TEST(test_windows), CHECK_TEST(test_mixtures),
           CHECK_TEST(test_config_errors), CHECK_TEST(test_generation), CHECK_TEST(test_stream), CHECK_TEST(test_jobs),
           CHECK_TEST(test_jobs_first_error), CHECK_TEST(test_output))
