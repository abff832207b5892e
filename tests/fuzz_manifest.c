/* fuzz_manifest.c: rt_manifest_open and rt_model_bind on any text. Each input is signed here, since nothing else is ever parsed. What is
 * accepted must keep what manifest.h promises to those downstream. */
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "runtime/manifest.h"
#include "tests/minisign_samples.h"
#include "tests/tiny_bundle.h"

#define MUST(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

static struct cr_manifest *sign_and_verify(const uint8_t *data, size_t size)
{
    static struct cr_secret_key *secret;
    static struct cr_trust *trust;
    struct cr_public_key pub;
    struct cr_manifest *verified = NULL;
    char *signature;
    if (!secret) {
        MUST(cr_init() == CR_OK && cr_secret_key_parse(&secret, sample_secret, strlen(sample_secret), NULL) == CR_OK);
        cr_secret_key_public(&pub, secret);
        MUST(cr_trust_open(&trust) == CR_OK && cr_trust_add(trust, &pub) == CR_OK);
    }
    MUST(cr_sign(&signature, secret, data, size, "fuzz") == CR_OK);
    const struct cr_signature_text text = {signature, strlen(signature)};
    MUST(cr_manifest_verify(&verified, trust, data, size, &text, 1, NULL) == CR_OK);
    cr_text_wipe(&signature);
    return verified;
}

static void check_promises(const struct rt_manifest *m)
{
    uint64_t end = 0, chunks = 0;
    for (size_t i = 0; i < m->file_count; i++) {
        MUST(!strchr(m->files[i].path, '/') && m->files[i].path[0] != '.' && m->files[i].path[0]);
        MUST(m->files[i].first_chunk == chunks);
        chunks += (m->files[i].size + CR_CHUNK_BYTES - 1) / CR_CHUNK_BYTES;
    }
    MUST(m->chunk_count == chunks && m->chunks_file.size == chunks * CR_DIGEST_BYTES);
    for (size_t i = 0; i < m->tensor_count; i++) {
        const struct rt_tensor *t = &m->tensors[i];
        MUST(t->offset >= end && t->offset % 64 == 0 && t->dims >= 1 && t->dims <= 3);
        end = t->offset + t->size;
        MUST(end <= m->stream_bytes);
    }
    MUST(m->model.layer_count >= 1 && m->model.layer_count <= RT_LAYERS_MAX && m->model.hidden && m->model.vocab);
}

/* Every matrix must lie inside the stream as a whole. */
static void check_matrix(const struct rt_manifest *m, const uint8_t *stream, const struct kn_matrix *w, size_t count)
{
    size_t bytes = kn_matrix_bytes(w->format, w->n, w->k);
    MUST(bytes && (uint64_t)(w->panels - stream) + bytes * count <= m->stream_bytes);
    MUST((w->format == KN_W4) == (w->codebook != NULL));
}

static void check_bound(const struct rt_manifest *m, const uint8_t *stream)
{
    for (uint32_t i = 0; i < m->model.layer_count; i++)
        for (uint32_t j = 0; j < m->model.layers[i].count; j++) {
            const struct rt_block *b = &m->model.layers[i].blocks[j];
            if (b->kind == RT_BLOCK_MLP)
                check_matrix(m, stream, &b->mlp.down.w, 1);
            else if (b->kind == RT_BLOCK_MOE)
                check_matrix(m, stream, &b->moe.down, b->moe.experts);
            else
                check_matrix(m, stream, &b->attention.o.w, 1);
        }
    check_matrix(m, stream, &m->model.head.w, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t stream[64]; /* binding points into it and reads nothing */
    struct rt_error error = {0};
    struct rt_manifest *m;
    if (size == 0)
        return 0;
    struct cr_manifest *verified = sign_and_verify(data, size);
    int status = rt_manifest_open(&m, verified, "manifest.json", &error);
    cr_manifest_close(&verified);
    MUST((status == 0) == (m != NULL));
    if (status) {
        MUST(error.code == RT_EXIT_TRUST || error.code == RT_EXIT_UNSUPPORTED);
        return 0;
    }
    check_promises(m);
    if (tiny_bind(m, stream, &error) == 0)
        check_bound(m, stream);
    rt_manifest_close(&m);
    return 0;
}
