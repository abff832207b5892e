/* fuzz_tokenizer.c: a tokenizer.json, a 0 byte, and a text. Whatever opens must encode the text or fail cleanly,
 * and decoding its ids token by token must give what decoding them at once gives. */
#include <stdlib.h>
#include <string.h>

#include "runtime/tokenizer.h"

enum { INPUT_BYTES_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
    if (!condition)
        abort();
}

static void compare_stream(const struct rt_tokenizer *tokenizer, const struct rt_tokens *ids, int keep)
{
    struct rt_error error = {0};
    struct rt_decoder *decoder = NULL;
    char *text = NULL;
    size_t bytes = 0, done = 0, length;
    if (rt_tokenizer_decode(tokenizer, ids->ids, ids->count, keep, &text, &bytes, &error))
        return;
    demand(!rt_decoder_open(&decoder, tokenizer, keep, &error));
    for (size_t i = 0; i <= ids->count; i++) {
        const char *piece = i < ids->count ? rt_decoder_feed(decoder, ids->ids[i], &length) : rt_decoder_end(decoder, &length);
        demand(length <= bytes - done && !memcmp(piece, text + done, length));
        done += length;
    }
    demand(done == bytes);
    rt_decoder_close(&decoder);
    free(text);
}

static void encode(const struct rt_tokenizer *tokenizer, const char *text, size_t bytes, unsigned flags)
{
    struct rt_error error = {0};
    struct rt_tokens ids = {0};
    if (!rt_tokenizer_encode(tokenizer, text, bytes, flags, &ids, &error)) {
        for (size_t i = 0; i < ids.count; i++)
            demand(ids.ids[i] < rt_tokenizer_size(tokenizer));
        compare_stream(tokenizer, &ids, 1);
        compare_stream(tokenizer, &ids, 0);
    }
    rt_tokens_close(&ids);
}

/* The bytes of the text as ids: sequences that no text encodes to. */
static void decode_bytes(const struct rt_tokenizer *tokenizer, const uint8_t *bytes, size_t count)
{
    struct rt_tokens ids = {.ids = calloc(count + 1, sizeof *ids.ids), .count = count};
    for (size_t i = 0; ids.ids && i < count; i++)
        ids.ids[i] = bytes[i];
    if (ids.ids)
        compare_stream(tokenizer, &ids, count & 1);
    rt_tokens_close(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_error error = {0};
    struct rt_tokenizer *tokenizer = NULL;
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    if (!end || size > INPUT_BYTES_MAX)
        return 0;
    size_t json_bytes = (size_t)(end - data);
    if (rt_tokenizer_open(&tokenizer, (const char *)data, json_bytes, NULL, 0, &error)) {
        demand(error.code != RT_EXIT_OK && !tokenizer);
        return 0;
    }
    encode(tokenizer, (const char *)end + 1, size - json_bytes - 1, RT_ENCODE_SPECIAL | RT_ENCODE_TEMPLATE);
    encode(tokenizer, (const char *)end + 1, size - json_bytes - 1, 0);
    decode_bytes(tokenizer, end + 1, size - json_bytes - 1);
    rt_tokenizer_close(&tokenizer);
    return 0;
}
