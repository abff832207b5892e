/* fuzz_config.c: config.json, and the same bytes as generation_config.json. What is accepted must keep the promises that the rest of the
 * packer relies on. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "packaging/pack/generation.h"
#include "packaging/pack/hf_config.h"
#include "packaging/pack/json_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_config(const struct pk_config *config)
{
    const uint32_t *sizes = config->sizes;
    if (!sizes[PK_VOCAB] || !sizes[PK_HIDDEN] || !sizes[PK_LAYERS] || sizes[PK_LAYERS] > RT_LAYERS_MAX || !sizes[PK_CONTEXT])
        abort();
    if (!sizes[PK_KV_HEADS] || sizes[PK_HEADS] % sizes[PK_KV_HEADS] || sizes[PK_HEAD_DIM] % 2 || !sizes[PK_QUERY] || !sizes[PK_KEY_VALUE])
        abort();
    for (uint32_t i = 0; i < sizes[PK_LAYERS]; i++)
        if (config->mixture[i] &&
            (!sizes[PK_EXPERTS] || !sizes[PK_TOP_K] || sizes[PK_TOP_K] > sizes[PK_EXPERTS] || !sizes[PK_EXPERT_INNER]))
            abort();
}

static void compute_rope(const struct pk_config *config)
{
    float *table = malloc(config->sizes[PK_HEAD_DIM] / 2 * sizeof *table);
    pk_rope_table(table, &config->rope, config->sizes[PK_HEAD_DIM]);
    if (isnan(pk_rope_attention_factor(&config->rope)))
        abort();
    free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_error error;
    yyjson_doc *doc;
    if (pk_json_parse(&doc, (const char *)data, size, 64, "config.json", &error))
        return 0;
    yyjson_val *root = yyjson_doc_get_root(doc);
    struct pk_config config;
    if (pk_config_read(&config, root, "config.json", &error) == 0) {
        check_config(&config);
        compute_rope(&config);
    }
    char *text;
    size_t bytes;
    if (pk_generation_print(&text, &bytes, root, root, 1000, &error) == 0)
        free(text);
    yyjson_doc_free(doc);
    return 0;
}
