/* test_manifest.c: what rt_manifest_open and rt_model_bind accept and refuse: one whole manifest, and many with one thing changed. */
#include <stdlib.h>

#include "tests/check.h"
#include "tests/tiny_bundle.h"

struct change {
    const char *from, *to;
    enum rt_exit code;
    const char *message; /* part of it */
};

static const struct tiny_key *signer(void)
{
    static struct tiny_key key;
    if (!key.secret)
        tiny_key_open(&key);
    return &key;
}

/* Opens the text (which it frees): 0, or -1 with *error. */
static int open_text(struct rt_manifest **out, char *text, struct rt_error *error)
{
    struct cr_manifest *verified = tiny_verified(signer(), text);
    int status = rt_manifest_open(out, verified, "b/manifest.json", error);
    CHECK((status == 0) == (*out != NULL));
    cr_manifest_close(&verified);
    free(text);
    return status;
}

static void check_changes(const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct rt_error error = {0};
        struct rt_manifest *m;
        int status = open_text(&m, tiny_replace(tiny_manifest(), changes[i].from, changes[i].to), &error);
        CHECK_THAT(status == -1 && error.code == changes[i].code && strstr(error.text, changes[i].message),
                   "%s -> %s: status %d, code %d, %s", changes[i].from, changes[i].to, status, (int)error.code, error.text);
        CHECK_THAT(status == 0 || strncmp(error.text, "b/manifest.json: ", 17) == 0, "%s", error.text);
        rt_manifest_close(&m);
    }
}

#define CHECK_CHANGES(...) \
    do { \
        static const struct change changes_[] = {__VA_ARGS__}; \
        check_changes(changes_, sizeof changes_ / sizeof *changes_); \
    } while (0)

/* ---- what is accepted ---- */

static void a_whole_manifest_is_read(void)
{
    struct rt_error error = {0};
    struct rt_manifest *m;
    CHECK_THAT(open_text(&m, tiny_manifest(), &error) == 0, "%s", error.text);
    CHECK(strcmp(m->name, "tiny") == 0 && m->version == 7 && strcmp(m->created, "2026-11-23T00:00:00Z") == 0 && !m->expires[0]);
    CHECK(m->file_count == 3 && m->files[0].role == RT_ROLE_TOKENIZER && m->files[2].role == RT_ROLE_WEIGHTS);
    CHECK(m->files[1].first_chunk == 1 && m->files[2].first_chunk == 3);
    CHECK(m->files[2].stream_offset == 2 * CR_CHUNK_BYTES && m->stream_bytes == m->files[1].size + m->files[2].size);
    CHECK(m->chunk_count * CR_DIGEST_BYTES == m->chunks_file.size);
    CHECK(m->model.vocab == 20000 && m->model.embedding_multiplier == 2 && m->model.head_multiplier == 0.5f);
    CHECK(m->model.layer_count == 2 && m->model.layers[0].count == 2 && m->model.layers[1].count == 1);
    const struct rt_block *attention = &m->model.layers[0].blocks[0], *mlp = &m->model.layers[0].blocks[1];
    CHECK(attention->kind == RT_BLOCK_ATTENTION && attention->attention.heads == 2 && attention->attention.rope == 0);
    CHECK(attention->norm_in.eps == 1e-5f && attention->norm_out.kind == RT_NORM_NONE && attention->multiplier == 1);
    CHECK(mlp->norm_out.kind == RT_NORM_RMS && mlp->multiplier == 0.25f && mlp->mlp.inner == 96);
    CHECK(m->biases[0][0] == 5 && m->biases[0][1] == 4 && m->biases[1][0] == 0);
    CHECK(m->model.layers[1].blocks[0].moe.top_k == 2 && m->model.layers[1].blocks[0].moe.renormalise == 1);
    CHECK(m->model.codebook_count == 1 && m->model.codebooks[0].codes[0] == -11);
    rt_manifest_close(&m);
    rt_manifest_close(&m);
}

static void layers_are_run_length_coded(void)
{
    struct rt_error error = {0};
    struct rt_manifest *m;
    CHECK(open_text(&m, tiny_replace(tiny_manifest(), "\"repeat\":1", "\"repeat\":1023"), &error) == 0);
    CHECK(m->model.layer_count == 1024 && m->model.layers[1022].blocks[1].mlp.inner == 96 && m->model.layers[1023].count == 1);
    CHECK(m->biases[1022][0] == 5);
    rt_manifest_close(&m);
}

static void a_later_expiry_is_accepted(void)
{
    struct rt_error error = {0};
    struct rt_manifest *m;
    CHECK(open_text(&m, tiny_replace(tiny_manifest(), "\"version\":7", "\"version\":7,\"expires\":\"9999-12-31T23:59:59Z\""), &error) == 0);
    CHECK(strcmp(m->expires, "9999-12-31T23:59:59Z") == 0);
    rt_manifest_close(&m);
    CHECK(open_text(&m, tiny_replace(tiny_manifest(), "\"version\":7", "\"version\":18446744073709551615"), &error) == 0);
    CHECK(m->version == UINT64_MAX);
    rt_manifest_close(&m);
}

/* ---- what is refused ---- */

static void the_top_is_strict(void)
{
    CHECK_CHANGES({"{\"format\":1", "{\"format\":2", RT_EXIT_UNSUPPORTED, "format 2"},
                  {"\"format\":1,", "", RT_EXIT_TRUST, "\"format\" is missing"},
                  {"\"name\"", "\"title\"", RT_EXIT_UNSUPPORTED, "\"title\" is not known here"},
                  {"\"name\":\"tiny\"", "\"name\":\"tiny\",\"name\":\"tiny\"", RT_EXIT_TRUST, "\"name\" is there twice"},
                  {"\"name\":\"tiny\"", "\"name\":7", RT_EXIT_TRUST, "\"name\" is not a string"},
                  {"\"name\":\"tiny\"", "\"name\":\"\"", RT_EXIT_TRUST, "\"name\" is empty"},
                  {"\"name\":\"tiny\"", "\"name\":\"ti\\u0000ny\"", RT_EXIT_TRUST, "control character"},
                  {"\"name\":\"tiny\"", "\"name\":\"ti\\u001bny\"", RT_EXIT_TRUST, "control character"},
                  {"\"version\":7", "\"version\":-7", RT_EXIT_TRUST, "\"version\" is not a whole number"},
                  {"\"version\":7", "\"version\":7.0", RT_EXIT_TRUST, "\"version\" is not a whole number"},
                  {"\"version\":7", "\"version\":18446744073709551616", RT_EXIT_TRUST, "\"version\" is not a whole number"},
                  {"\"numerics\":\"n1\"", "\"numerics\":\"n2\"", RT_EXIT_UNSUPPORTED, "\"n2\""},
                  {"\"quant\":\"w4\"", "\"quant\":\"wwwwwwwwwwwwwwww\"", RT_EXIT_TRUST, "longer than 15"},
                  {"]}\n", "]} x", RT_EXIT_TRUST, "not JSON"}, {"{\"format\"", "[{\"format\"", RT_EXIT_TRUST, "not JSON"},
                  {"\"name\":\"tiny\"", "\"name\":\"\xff\"", RT_EXIT_TRUST, "not JSON"},
                  {"\"name\":\"tiny\"", "\"name\":NaN", RT_EXIT_TRUST, "not JSON"}, );
}

static void times_are_strict(void)
{
    CHECK_CHANGES({"2026-11-23T00:00:00Z", "2026-02-30T00:00:00Z", RT_EXIT_TRUST, "\"created\""},
                  {"2026-11-23T00:00:00Z", "2026-11-23T00:00:00", RT_EXIT_TRUST, "\"created\""},
                  {"2026-11-23T00:00:00Z", "2026-11-23T00:00:00Zx", RT_EXIT_TRUST, "\"created\""},
                  {"2026-11-23T00:00:00Z", "2026-11-23T-0:00:00Z", RT_EXIT_TRUST, "\"created\""},
                  {"2026-11-23T00:00:00Z", "2026-11-23T24:00:00Z", RT_EXIT_TRUST, "\"created\""},
                  {"2026-11-23T00:00:00Z", "2026-11-23 00:00:00Z", RT_EXIT_TRUST, "\"created\""},
                  {"\"version\":7", "\"version\":7,\"expires\":\"tomorrow\"", RT_EXIT_TRUST, "\"expires\""},
                  {"\"version\":7", "\"version\":7,\"expires\":\"2020-01-01T00:00:00Z\"", RT_EXIT_TRUST, "expired at 2020-01-01"}, );
}

static void files_are_plain_and_whole(void)
{
    CHECK_CHANGES(
        {"\"path\":\"tokenizer.json\"", "\"path\":\"../tokenizer.json\"", RT_EXIT_TRUST, "not a plain file name"},
        {"\"path\":\"tokenizer.json\"", "\"path\":\"/etc/passwd\"", RT_EXIT_TRUST, "not a plain file name"},
        {"\"path\":\"tokenizer.json\"", "\"path\":\"..\"", RT_EXIT_TRUST, "not a plain file name"},
        {"\"path\":\"tokenizer.json\"", "\"path\":\".hidden\"", RT_EXIT_TRUST, "not a plain file name"},
        {"\"path\":\"tokenizer.json\"", "\"path\":\"-rf\"", RT_EXIT_TRUST, "not a plain file name"},
        {"\"path\":\"tokenizer.json\"", "\"path\":\"a b\"", RT_EXIT_TRUST, "not a plain file name"},
        {"\"path\":\"tokenizer.json\"", "\"path\":\"a\\\\b\"", RT_EXIT_TRUST, "not a plain file name"},
        {"\"path\":\"tokenizer.json\"", "\"path\":\"\"", RT_EXIT_TRUST, "empty"},
        {"\"path\":\"tokenizer.json\"", "\"path\":\"manifest.json\"", RT_EXIT_TRUST, "a name for the manifest"},
        {"\"path\":\"tokenizer.json\"", "\"path\":\"manifest.json.0123456789ABCDEF.minisig\"", RT_EXIT_TRUST, "a name for the manifest"},
        {"\"path\":\"tokenizer.json\"", "\"path\":\"chunks.b2\"", RT_EXIT_TRUST, "listed twice"},
        {"\"path\":\"tokenizer.json\"", "\"path\":\"WEIGHTS-00001-of-00002.BIN\"", RT_EXIT_TRUST, "listed twice"},
        {"\"role\":\"tokenizer\"", "\"role\":\"firmware\"", RT_EXIT_UNSUPPORTED, "\"firmware\""},
        {"\"size\":5000", "\"size\":0", RT_EXIT_TRUST, "files[0]"},
        {"\"size\":5000", "\"size\":562949953421312", RT_EXIT_TRUST, "files[0]"},
        {"\"size\":5000", "\"size\":1048577", RT_EXIT_TRUST, "chunks: \"size\""},
        {"\"size\":5000", "\"size\":300000000", RT_EXIT_TRUST, "larger than"},
        {"\"size\":2097152", "\"size\":2097151", RT_EXIT_TRUST, "files[2]: weights before it do not end with a whole chunk"},
        {"\"role\":\"weights\"", "\"role\":\"tokenizer\"", RT_EXIT_TRUST, "second file with the role"},
        {"\"blake2b\":\"", "\"blake2b\":\"A", RT_EXIT_TRUST, "\"blake2b\" is not a digest"},
        {"\"chunks_blake2b\":\"", "\"chunks_blake2b\":\"0", RT_EXIT_TRUST, "\"chunks_blake2b\" is not a digest"}, );
}

static void codebooks_fit_eight_bits(void)
{
    CHECK_CHANGES({"-11,-8", "-12,-8", RT_EXIT_TRUST, "codebooks[0]: its products"}, {"[1,2,3,", "[0,2,3,", RT_EXIT_TRUST, "multipliers"},
                  {"-11,-8", "18446744073709551615,-8", RT_EXIT_TRUST, "codes are"}, {"8,11],", "8],", RT_EXIT_TRUST, "15 elements"},
                  {"-11,-8", "-11.5,-8", RT_EXIT_TRUST, "codes are"},
                  {"\"codebook\":0", "\"codebook\":1", RT_EXIT_TRUST, "without one of the codebooks"},
                  {"\"codebook\":0,", "", RT_EXIT_TRUST, "without one of the codebooks"},
                  {"\"format\":\"w8\",", "\"format\":\"w8\",\"codebook\":0,", RT_EXIT_TRUST, "only a w4 tensor"}, );
}

static void tensors_lie_where_they_can(void)
{
    CHECK_CHANGES({"\"embedding\",\"format\"", "\"head\",\"format\"", RT_EXIT_TRUST, "\"head\" is listed twice"},
                  {"\"offset\":0,", "\"offset\":64,", RT_EXIT_TRUST, "not aligned"},
                  {"\"offset\":0,", "\"offset\":4096,", RT_EXIT_TRUST, "\"head\": overlaps"},
                  {"\"offset\":0,", "\"offset\":9223372036854771712,", RT_EXIT_TRUST, "beyond the weights"},
                  {"\"size\":2560000", "\"size\":2560001", RT_EXIT_TRUST, "format and shape make 2560000"},
                  {"[20000,64]", "[20000,63]", RT_EXIT_TRUST, "format and shape make"}, {"[20000,64]", "[]", RT_EXIT_TRUST, "0 elements"},
                  {"[20000,64]", "[1,1,20000,64]", RT_EXIT_TRUST, "4 elements"},
                  {"[20000,64]", "[20000,0]", RT_EXIT_TRUST, "\"shape\" is 0"},
                  {"[20000,64]", "[1,20000,64]", RT_EXIT_TRUST, "cannot have this shape"},
                  {"[20000,64]", "[16777217,16777217]", RT_EXIT_TRUST, "\"shape\" is 16777217"},
                  {"\"bf16_rows\"", "\"q4_0\"", RT_EXIT_UNSUPPORTED, "\"q4_0\""},
                  {"\"shape\":[4,32,64]", "\"shape\":[4096,32,64]", RT_EXIT_TRUST, "cannot have this shape"},
                  {"\"shape\":[4,64,32]", "\"shape\":[4,64,131073]", RT_EXIT_TRUST, "cannot have this shape"}, );
}

static void the_model_is_strict(void)
{
    CHECK_CHANGES(
        {"\"vocab\":20000", "\"vocab\":0", RT_EXIT_TRUST, "model: \"vocab\""},
        {"\"vocab\":20000", "\"vocab\":16777217", RT_EXIT_TRUST, "model: \"vocab\""},
        {"\"hidden\":64", "\"hidden\":65537", RT_EXIT_TRUST, "model: \"hidden\""},
        {"\"context\":256", "\"context\":4294967552", RT_EXIT_TRUST, "model: \"context\""},
        {"\"multiplier\":2", "\"multiplier\":1e300", RT_EXIT_TRUST, "embedding: \"multiplier\""},
        {"\"multiplier\":2", "\"multiplier\":0", RT_EXIT_TRUST, "embedding: \"multiplier\""},
        {"\"tied\":false", "\"tied\":0", RT_EXIT_TRUST, "head: \"tied\""},
        {"\"kind\":\"half\"", "\"kind\":\"interleaved\"", RT_EXIT_UNSUPPORTED, "ropes[0]: \"kind\""},
        {"\"dim\":32", "\"dim\":31", RT_EXIT_TRUST, "odd"}, {"\"dim\":32", "\"dim\":64", RT_EXIT_TRUST, "\"rope\""},
        {"\"rope\":0", "\"rope\":1", RT_EXIT_TRUST, "\"rope\""}, {"\"heads\":2", "\"heads\":3,\"heads\":2", RT_EXIT_TRUST, "twice"},
        {"\"kv_heads\":1", "\"kv_heads\":0", RT_EXIT_TRUST, "\"kv_heads\""},
        {"\"kv_heads\":1", "\"kv_heads\":4", RT_EXIT_TRUST, "not a multiple"},
        {"\"head_dim\":32", "\"head_dim\":33", RT_EXIT_TRUST, "\"head_dim\""},
        {"\"scale\":0.17677669", "\"scale\":-1", RT_EXIT_TRUST, "\"scale\""},
        {"\"scale\":0.17677669", "\"scale\":1e999", RT_EXIT_TRUST, "not JSON"},
        {"\"eps\":1e-5", "\"eps\":0", RT_EXIT_TRUST, "layers[0]: blocks[0]: norm_in: \"eps\""},
        {"\"bias\":[\"q\",\"v\"]", "\"bias\":[\"q\",\"q\"]", RT_EXIT_TRUST, "one twice"},
        {"\"bias\":[\"q\",\"v\"]", "\"bias\":[\"gate\"]", RT_EXIT_UNSUPPORTED, "\"gate\""},
        {"\"activation\":\"silu\"", "\"activation\":\"gelu\"", RT_EXIT_UNSUPPORTED, "\"gelu\""},
        {"\"kind\":\"mlp\"", "\"kind\":\"mamba\"", RT_EXIT_UNSUPPORTED, "blocks[1]: \"kind\""},
        {"\"kind\":\"mlp\",", "", RT_EXIT_TRUST, "\"kind\" is missing"},
        {"\"top_k\":2", "\"top_k\":5", RT_EXIT_TRUST, "larger than \"experts\""},
        {"\"experts\":4", "\"experts\":1025", RT_EXIT_TRUST, "\"experts\""},
        {"\"renormalise\":true", "\"renormalise\":true,\"bias\":1", RT_EXIT_UNSUPPORTED, "router: \"bias\""},
        {"\"repeat\":1", "\"repeat\":1024", RT_EXIT_TRUST, "more than 1024 layers"},
        {"\"repeat\":1", "\"repeat\":0", RT_EXIT_TRUST, "\"repeat\""},
        {"\"blocks\":[", "\"blocks\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]],", RT_EXIT_TRUST, "\"kind\" is missing"},
        {"\"blocks\":[", "\"blocks\":[{\"kind\":\"mlp\",\"norm_in\":{\"kind\":\"rms\",\"eps\":1},\"inner\":1,\"activation\":\"silu\"},",
         RT_EXIT_TRUST, "two blocks of the kind"}, );
}

/* ---- binding ---- */

/* Binds the text (which it frees) and returns the status. */
static int bind_text(char *text, struct rt_error *error)
{
    struct rt_manifest *m;
    size_t bytes;
    uint8_t *stream = tiny_stream(&bytes);
    int status = open_text(&m, text, error);
    CHECK_THAT(status == 0, "%s", error->text);
    if (status == 0)
        status = tiny_bind(m, stream, error);
    rt_manifest_close(&m);
    free(stream);
    return status;
}

static void weights_are_bound_where_they_lie(void)
{
    struct rt_error error = {0};
    struct rt_manifest *m;
    size_t bytes;
    uint8_t *stream = tiny_stream(&bytes);
    CHECK(open_text(&m, tiny_manifest(), &error) == 0 && bytes == m->stream_bytes);
    CHECK_THAT(tiny_bind(m, stream, &error) == 0, "%s", error.text);
    const struct rt_model *model = &m->model;
    CHECK((const uint8_t *)model->embedding == stream && model->head.w.panels == stream + m->tensors[1].offset);
    CHECK(model->head.w.format == KN_W8 && model->head.w.n == 20000 && model->head.w.k == 64 && !model->head.bias);
    const struct rt_attention *a = &model->layers[0].blocks[0].attention;
    CHECK(a->q.w.codebook == &model->codebooks[0] && a->q.bias && !a->k.bias && a->v.bias && !a->o.bias && !a->k.w.codebook);
    CHECK(a->q_norm.weight && model->ropes[0].inv_freq && model->final_norm.weight);
    const struct rt_block *mlp = &model->layers[0].blocks[1];
    CHECK(mlp->norm_out.weight && mlp->mlp.down.bias && mlp->mlp.down.w.k == 96 && mlp->mlp.down.w.n == 64);
    const struct rt_moe *moe = &model->layers[1].blocks[0].moe;
    CHECK(moe->router.w.format == KN_BF16 && moe->router.w.n == 4 && moe->gate_stride == kn_matrix_bytes(KN_W4, 32, 64));
    CHECK(moe->down.n == 64 && moe->down.k == 32 && moe->down_stride == kn_matrix_bytes(KN_W8, 64, 32));
    rt_manifest_close(&m);
    free(stream);
}

static void tensors_and_parts_agree(void)
{
    static const struct change changes[] = {
        {"\"name\":\"layers.0.attention.q\"", "\"name\":\"layers.0.attention.x\"", RT_EXIT_TRUST, "\"layers.0.attention.q\" is missing"},
        {"\"name\":\"final_norm\"", "\"name\":\"final_norm2\"", RT_EXIT_TRUST, "\"final_norm\" is missing"},
        {"\"bias\":[\"q\",\"v\"]", "\"bias\":[\"q\"]", RT_EXIT_TRUST, "\"layers.0.attention.v_bias\" is not part of the model"},
        {"\"bias\":[\"down\"]", "\"bias\":[\"up\"]", RT_EXIT_TRUST, "\"layers.0.mlp.up_bias\" is missing"},
        {"\"vocab\":20000", "\"vocab\":20001", RT_EXIT_TRUST, "\"embedding\" has another shape"},
        {"\"experts\":4", "\"experts\":3", RT_EXIT_TRUST, "\"layers.1.moe.router\" has another shape"},
        {"\"heads\":2", "\"heads\":4", RT_EXIT_TRUST, "\"layers.0.attention.q\" has another shape"},
        {"\"repeat\":1", "\"repeat\":2", RT_EXIT_TRUST, "\"layers.1.attention.norm_in\" is missing"},
        {"\"q_norm\":{\"kind\":\"rms\",\"eps\":1e-6},", "", RT_EXIT_TRUST, "\"layers.0.attention.q_norm\" is not part of the model"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct rt_error error = {0};
        CHECK_THAT(bind_text(tiny_replace(tiny_manifest(), changes[i].from, changes[i].to), &error) == -1 &&
                       error.code == changes[i].code && strstr(error.text, changes[i].message),
                   "%s -> %s: %s", changes[i].from, changes[i].to, error.text);
    }
}

static void formats_suit_their_parts(void)
{
    struct rt_error error = {0};
    char size[64];
    snprintf(size, sizeof size, "\"size\":%zu", kn_matrix_bytes(KN_BF16, 4, 64));
    char *text = tiny_replace(tiny_manifest(), "router\",\"format\":\"bf16\"", "router\",\"format\":\"w8\"");
    char *at = strstr(strstr(text, "moe.router\""), size);
    CHECK(at != NULL);
    if (at) { /* a w8 router of the same shape is smaller, so it fits where the bf16 one was */
        char number[32];
        snprintf(number, sizeof number, "\"size\":%zu", kn_matrix_bytes(KN_W8, 4, 64));
        memcpy(at, number, strlen(number));
        memset(at + strlen(number), ' ', strlen(size) - strlen(number));
    }
    CHECK_THAT(bind_text(text, &error) == -1 && strstr(error.text, "\"layers.1.moe.router\" is not bf16"), "%s", error.text);
}

CHECK_MAIN(CHECK_TEST(a_whole_manifest_is_read), CHECK_TEST(layers_are_run_length_coded), CHECK_TEST(a_later_expiry_is_accepted),
           CHECK_TEST(the_top_is_strict), CHECK_TEST(times_are_strict), CHECK_TEST(files_are_plain_and_whole),
           CHECK_TEST(codebooks_fit_eight_bits), CHECK_TEST(tensors_lie_where_they_can), CHECK_TEST(the_model_is_strict),
           CHECK_TEST(weights_are_bound_where_they_lie), CHECK_TEST(tensors_and_parts_agree), CHECK_TEST(formats_suit_their_parts))
