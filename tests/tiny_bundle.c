/* tiny_bundle.c: makes the miniature bundle. Dies where the machine fails it: there is no test without one. */
#include "tests/tiny_bundle.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEED(condition) \
    do { \
        if (!(condition)) { \
            perror(#condition); \
            abort(); \
        } \
    } while (0)

enum { VOCAB = 20000, HIDDEN = 64, FIRST_BYTES = 2 * CR_CHUNK_BYTES, TEXT_BYTES = 5000 };

struct row {
    const char *name, *format;
    uint32_t dims, shape[3];
};

static const struct row rows[] = {
    {"embedding", "bf16_rows", 2, {VOCAB, HIDDEN}},
    {"head", "w8", 2, {VOCAB, HIDDEN}},
    {"final_norm", "f32", 1, {HIDDEN}},
    {"rope.0.inv_freq", "f32", 1, {16}},
    {"layers.0.attention.norm_in", "f32", 1, {HIDDEN}},
    {"layers.0.attention.q", "w4", 2, {64, HIDDEN}},
    {"layers.0.attention.k", "w8", 2, {32, HIDDEN}},
    {"layers.0.attention.v", "bf16", 2, {32, HIDDEN}},
    {"layers.0.attention.o", "w4", 2, {HIDDEN, 64}},
    {"layers.0.attention.q_bias", "f32", 1, {64}},
    {"layers.0.attention.v_bias", "f32", 1, {32}},
    {"layers.0.attention.q_norm", "f32", 1, {32}},
    {"layers.0.attention.k_norm", "f32", 1, {32}},
    {"layers.0.mlp.norm_in", "f32", 1, {HIDDEN}},
    {"layers.0.mlp.norm_out", "f32", 1, {HIDDEN}},
    {"layers.0.mlp.gate", "w8", 2, {96, HIDDEN}},
    {"layers.0.mlp.up", "w8", 2, {96, HIDDEN}},
    {"layers.0.mlp.down", "w8", 2, {HIDDEN, 96}},
    {"layers.0.mlp.down_bias", "f32", 1, {HIDDEN}},
    {"layers.1.moe.norm_in", "f32", 1, {HIDDEN}},
    {"layers.1.moe.router", "bf16", 2, {4, HIDDEN}},
    {"layers.1.moe.gate", "w4", 3, {4, 32, HIDDEN}},
    {"layers.1.moe.up", "w4", 3, {4, 32, HIDDEN}},
    {"layers.1.moe.down", "w8", 3, {4, HIDDEN, 32}},
};

static const char model_json[] =
    "{\"architecture\":\"tiny\",\"vocab\":20000,\"hidden\":64,\"context\":256,"
    "\"embedding\":{\"multiplier\":2},\"head\":{\"tied\":false,\"multiplier\":0.5},\"final_norm\":{\"kind\":\"rms\",\"eps\":1e-6},"
    "\"ropes\":[{\"kind\":\"half\",\"dim\":32,\"attention_factor\":1,\"theta\":1e6,\"scaling\":\"default\"}],"
    "\"layers\":[{\"repeat\":1,\"blocks\":["
    "{\"kind\":\"attention\",\"norm_in\":{\"kind\":\"rms\",\"eps\":1e-5},\"heads\":2,\"kv_heads\":1,\"head_dim\":32,\"scale\":0.17677669,"
    "\"rope\":0,\"q_norm\":{\"kind\":\"rms\",\"eps\":1e-6},\"k_norm\":{\"kind\":\"rms\",\"eps\":1e-6},\"bias\":[\"q\",\"v\"]},"
    "{\"kind\":\"mlp\",\"norm_in\":{\"kind\":\"rms\",\"eps\":1e-6},\"norm_out\":{\"kind\":\"rms\",\"eps\":1e-6},\"multiplier\":0.25,"
    "\"inner\":96,\"activation\":\"silu\",\"bias\":[\"down\"]}]},"
    "{\"blocks\":[{\"kind\":\"moe\",\"norm_in\":{\"kind\":\"rms\",\"eps\":1e-6},\"experts\":4,\"top_k\":2,\"inner\":32,"
    "\"activation\":\"silu\",\"router\":{\"kind\":\"softmax\",\"renormalise\":true}}]}]}";

static const char codebooks_json[] = "[{\"codes\":[-11,-8,-6,-5,-4,-3,-2,-1,0,1,2,3,4,6,8,11],"
                                     "\"multipliers\":[1,2,3,4,5,6,7,8,9,10,11,11,11,11,11,11]}]";

/* ---- keys ---- */

void tiny_key_open(struct tiny_key *key)
{
    NEED(cr_init() == CR_OK);
    NEED(cr_secret_key_generate(&key->secret, &key->pub) == CR_OK);
    NEED(cr_trust_open(&key->trust) == CR_OK && cr_trust_add(key->trust, &key->pub) == CR_OK);
}

void tiny_key_close(struct tiny_key *key)
{
    cr_secret_key_close(&key->secret);
    cr_trust_close(&key->trust);
}

/* ---- weights and texts ---- */

static size_t row_bytes(const struct row *row)
{
    size_t n = row->shape[row->dims >= 2 ? row->dims - 2 : 0], k = row->dims >= 2 ? row->shape[row->dims - 1] : 1;
    size_t count = row->dims == 3 ? row->shape[0] : 1;
    if (!strcmp(row->format, "f32"))
        return kn_pad(n) * sizeof(float);
    if (!strcmp(row->format, "bf16_rows"))
        return n * k * 2;
    return count * kn_matrix_bytes(!strcmp(row->format, "w4") ? KN_W4 : !strcmp(row->format, "w8") ? KN_W8 : KN_BF16, n, k);
}

static size_t row_offset(size_t after, size_t bytes)
{
    size_t align = bytes >= 65536 ? 4096 : 64;
    return (after + align - 1) / align * align;
}

uint8_t *tiny_stream(size_t *bytes)
{
    size_t end = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        end = row_offset(end, row_bytes(&rows[i])) + row_bytes(&rows[i]);
    uint8_t *stream = aligned_alloc(4096, (end + 4095) / 4096 * 4096);
    NEED(stream);
    for (size_t i = 0; i < end; i++)
        stream[i] = (uint8_t)(i * 7 + i / 251);
    *bytes = end;
    return stream;
}

static uint8_t text_byte(size_t i)
{
    return (uint8_t)('a' + i % 26);
}

/* ---- the manifest ---- */

struct payload { /* in the manifest's order */
    const char *path, *role;
    const uint8_t *bytes;
    size_t count;
};

static uint8_t *chunk_list(const struct payload *files, size_t count, size_t *bytes)
{
    uint8_t *list = NULL;
    *bytes = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < files[i].count; at += CR_CHUNK_BYTES, *bytes += CR_DIGEST_BYTES) {
            size_t rest = files[i].count - at;
            NEED((list = realloc(list, *bytes + CR_DIGEST_BYTES)));
            cr_digest(list + *bytes, files[i].bytes + at, rest < CR_CHUNK_BYTES ? rest : CR_CHUNK_BYTES);
        }
    return list;
}

static void print_digest(FILE *out, const char *key, const void *bytes, size_t count)
{
    uint8_t digest[CR_DIGEST_BYTES];
    char hex[2 * CR_DIGEST_BYTES + 1];
    cr_digest(digest, bytes, count);
    cr_digest_hex(hex, digest);
    fprintf(out, ",\"%s\":\"%s\"", key, hex);
}

static void print_files(FILE *out, const struct payload *files, size_t count, const uint8_t *chunks)
{
    for (size_t i = 0; i < count; i++) {
        size_t list = (files[i].count + CR_CHUNK_BYTES - 1) / CR_CHUNK_BYTES * CR_DIGEST_BYTES;
        fprintf(out, "%s{\"path\":\"%s\",\"role\":\"%s\",\"size\":%zu", i ? "," : "", files[i].path, files[i].role, files[i].count);
        print_digest(out, "blake2b", files[i].bytes, files[i].count);
        print_digest(out, "chunks_blake2b", chunks, list);
        fprintf(out, "}");
        chunks += list;
    }
}

static void print_tensors(FILE *out)
{
    size_t end = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        size_t bytes = row_bytes(row), offset = row_offset(end, bytes);
        fprintf(out, "%s{\"name\":\"%s\",\"format\":\"%s\",\"shape\":[%u", i ? "," : "", row->name, row->format, row->shape[0]);
        for (uint32_t d = 1; d < row->dims; d++)
            fprintf(out, ",%u", row->shape[d]);
        fprintf(out, "],%s\"offset\":%zu,\"size\":%zu}", strcmp(row->format, "w4") ? "" : "\"codebook\":0,", offset, bytes);
        end = offset + bytes;
    }
}

enum { FILES = 3 };

static void fill_payload(struct payload files[FILES], const uint8_t *stream, size_t bytes, uint8_t *text)
{
    for (size_t i = 0; i < TEXT_BYTES; i++)
        text[i] = text_byte(i);
    files[0] = (struct payload){"tokenizer.json", "tokenizer", text, TEXT_BYTES};
    files[1] = (struct payload){"weights-00001-of-00002.bin", "weights", stream, FIRST_BYTES};
    files[2] = (struct payload){"weights-00002-of-00002.bin", "weights", stream + FIRST_BYTES, bytes - FIRST_BYTES};
}

char *tiny_manifest(void)
{
    size_t bytes, list_bytes, text_bytes;
    uint8_t *stream = tiny_stream(&bytes), text[TEXT_BYTES];
    struct payload files[FILES];
    char *json;
    fill_payload(files, stream, bytes, text);
    uint8_t *list = chunk_list(files, FILES, &list_bytes);
    FILE *out = open_memstream(&json, &text_bytes);
    NEED(out);
    fprintf(out,
            "{\"format\":1,\"name\":\"tiny\",\"version\":7,\"created\":\"2026-11-23T00:00:00Z\",\"numerics\":\"n1\",\"quant\":\"w4\","
            "\"program\":\"tiny_bundle\",\"chunks\":{\"path\":\"chunks.b2\",\"size\":%zu",
            list_bytes);
    print_digest(out, "blake2b", list, list_bytes);
    fprintf(out, "},\"files\":[");
    print_files(out, files, FILES, list);
    fprintf(out, "],\"codebooks\":%s,\"model\":%s,\"tensors\":[", codebooks_json, model_json);
    print_tensors(out);
    fprintf(out, "]}\n");
    NEED(fclose(out) == 0);
    free(list);
    free(stream);
    return json;
}

char *tiny_replace(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from), *out;
    if (!at)
        fprintf(stderr, "tiny_replace: no %s\n", from);
    NEED(at);
    NEED(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) >= 0);
    free(text);
    return out;
}

int tiny_bind(struct rt_manifest *manifest, uint8_t *stream, struct rt_error *error)
{
    struct rt_tensor_place *places = calloc(manifest->tensor_count, sizeof *places);
    NEED(places);
    for (size_t i = 0; i < manifest->tensor_count; i++)
        places[i] = (struct rt_tensor_place){stream + manifest->tensors[i].offset, 0, rt_tensor_panels(&manifest->tensors[i])};
    int status = rt_model_bind(&manifest->model, manifest, places, error);
    free(places);
    return status;
}

struct cr_manifest *tiny_verified(const struct tiny_key *key, const char *text)
{
    struct cr_manifest *verified;
    char *signature;
    NEED(cr_sign(&signature, key->secret, (const uint8_t *)text, strlen(text), "tiny") == CR_OK);
    const struct cr_signature_text list = {signature, strlen(signature)};
    NEED(cr_manifest_verify(&verified, key->trust, (const uint8_t *)text, strlen(text), &list, 1, NULL) == CR_OK);
    free(signature);
    return verified;
}

/* ---- on disk ---- */

void tiny_write(const char *directory, const char *name, const void *bytes, size_t count)
{
    char path[512];
    NEED(snprintf(path, sizeof path, "%s/%s", directory, name) < (int)sizeof path);
    FILE *out = fopen(path, "wb");
    NEED(out && fwrite(bytes, 1, count, out) == count && fclose(out) == 0);
}

void tiny_sign(const struct tiny_key *key, const char *directory, const char *manifest)
{
    char *signature, name[64], id[CR_KEY_ID_HEX];
    NEED(cr_sign(&signature, key->secret, (const uint8_t *)manifest, strlen(manifest), "tiny") == CR_OK);
    cr_key_id_hex(id, key->pub.id);
    snprintf(name, sizeof name, "manifest.json.%s.minisig", id);
    tiny_write(directory, name, signature, strlen(signature));
    free(signature);
}

char *tiny_bundle(const struct tiny_key *key, const char *manifest)
{
    char pattern[] = "tiny_bundle.XXXXXX", *directory, *made = NULL;
    size_t bytes, list_bytes;
    uint8_t *stream = tiny_stream(&bytes), text[TEXT_BYTES];
    struct payload files[FILES];
    fill_payload(files, stream, bytes, text);
    uint8_t *list = chunk_list(files, FILES, &list_bytes);
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ".";
    NEED(asprintf(&directory, "%s/%s", base, pattern) >= 0 && mkdtemp(directory));
    if (!manifest)
        manifest = made = tiny_manifest();
    for (size_t i = 0; i < FILES; i++)
        tiny_write(directory, files[i].path, files[i].bytes, files[i].count);
    tiny_write(directory, "chunks.b2", list, list_bytes);
    tiny_write(directory, "manifest.json", manifest, strlen(manifest));
    tiny_sign(key, directory, manifest);
    free(made);
    free(list);
    free(stream);
    return directory;
}

void tiny_remove(char *directory)
{
    DIR *dir = opendir(directory);
    NEED(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        unlinkat(dirfd(dir), entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0); /* "." and ".." refuse */
    closedir(dir);
    NEED(rmdir(directory) == 0);
    free(directory);
}
