/* site.c: the start order. Everything that reads a file, makes code executable or binds memory to a node happens before the seal; what reads
 * texts from outside (tokenizer, template) happens behind it. */
#include "runtime/site.h"

#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/isa.h"
#include "runtime/scheduler.h"
#include "runtime/scope.h"
#include "runtime/seal.h"
#include "runtime/site_weights.h"
#include "runtime/topology.h"

enum {
    DEFAULT_CONTEXT = 4096,
    ROWS_MAX = 512, /* tokens in one step, fewer where what they add to the buffers is more than the next lines allow */
    BUFFERS_BYTES = 40 << 20,
    BUFFERS_PART = 256, /* of the weights, where that is more */
    ROWS_MIN = 16,
};

/* ---- kernels and memory ---- */

/* The length of the rows that a block's last product reads; its others read the model's width. */
static size_t last_input(const struct rt_block *block)
{
    switch (block->kind) {
    case RT_BLOCK_ATTENTION: return (size_t)block->attention.heads * block->attention.head_dim;
    case RT_BLOCK_MLP: return block->mlp.inner;
    case RT_BLOCK_MOE: return block->moe.inner;
    }
    return 0;
}

/* The lengths of rows that the model's products read, repeats and all; k has room for one more than all blocks. */
static size_t list_inputs(const struct rt_model *model, size_t *k)
{
    size_t count = 0;
    k[count++] = model->hidden;
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t b = 0; b < model->layers[l].count; b++)
            k[count++] = last_input(&model->layers[l].blocks[b]);
    return count;
}

static int open_kernels(struct rt_site *site, enum kn_isa isa, struct rt_error *error)
{
    const struct rt_model *model = &site->manifest->model;
    RT_FREE size_t *k = calloc((size_t)model->layer_count * RT_BLOCKS_MAX + 1, sizeof *k);
    if (!k)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the list of kernels");
    return rt_isa_open(&site->kernels, isa, k, list_inputs(model, k), error);
}

static uint64_t buffers_of(const struct rt_site *site, const struct rt_engine_options *engine)
{
    uint64_t cache, buffers;
    rt_engine_size(&site->manifest->model, site->kernels, engine, rt_workers_count(site->workers), &cache, &buffers);
    return buffers;
}

static void set_rows(struct rt_engine_options *engine, uint32_t rows, int all_logits)
{
    engine->max_rows = rows;
    engine->max_logits = all_logits ? rows : engine->max_logits;
}

/* What the shortest step takes is every worker's own memory and cannot be saved: only what rows add is held down. */
void rt_site_choose_rows(struct rt_engine_options *engine, const struct rt_site *site, int all_logits)
{
    uint64_t most = site->manifest->stream_bytes / BUFFERS_PART;
    most = most > BUFFERS_BYTES ? most : BUFFERS_BYTES;
    set_rows(engine, ROWS_MIN, all_logits);
    uint64_t least = buffers_of(site, engine);
    uint32_t rows = ROWS_MAX;
    for (; rows > ROWS_MIN; rows /= 2) {
        set_rows(engine, rows, all_logits);
        if (buffers_of(site, engine) - least <= most)
            return;
    }
    set_rows(engine, ROWS_MIN, all_logits);
}

static struct rt_engine_options engine_options(const struct rt_site *site, const struct rt_site_options *options)
{
    struct rt_engine_options engine = {.kv = options->kv, .max_tokens = site->cache_tokens, .max_sequences = 2, .max_logits = 1};
    if (options->slots) {
        engine.max_sequences = options->slots;
        engine.max_logits = options->slots + RT_SCHEDULER_GUESSES;
        engine.keep_prefixes = engine.touch = 1;
    }
    rt_site_choose_rows(&engine, site, options->max_logits > 1);
    if (engine.max_rows < engine.max_logits) /* every answer gets its token in every step */
        engine.max_rows = engine.max_logits;
    engine.max_hidden = options->vectors ? engine.max_rows : 0;
    return engine;
}

/* ---- behind the seal ---- */

static int open_language(struct rt_site *site, const struct rt_site_options *options, const struct rt_texts *texts, struct rt_error *error)
{
    const char *tokenizer = texts->of[RT_ROLE_TOKENIZER].at, *config = texts->of[RT_ROLE_TOKENIZER_CONFIG].at;
    const char *chat_template = texts->of[RT_ROLE_TEMPLATE].at, *generation = texts->of[RT_ROLE_GENERATION].at;
    site->generation = (struct rt_generation){.sampling = {.top_p = 1, .repeat_penalty = 1}};
    if (tokenizer && rt_tokenizer_open(&site->tokenizer, tokenizer, texts->of[RT_ROLE_TOKENIZER].bytes, config,
                                       texts->of[RT_ROLE_TOKENIZER_CONFIG].bytes, error))
        return rt_wrap(error, "tokenizer.json");
    if (site->tokenizer && options->slots && rt_token_bytes_open(&site->token_bytes, site->tokenizer, error))
        return -1;
    if (chat_template)
        (void)!rt_template_open(&site->chat_template, chat_template, texts->of[RT_ROLE_TEMPLATE].bytes, &site->template_error);
    else
        rt_fail(&site->template_error, RT_EXIT_UNSUPPORTED, "the bundle has no chat template");
    if (site->chat_template && site->tokenizer && options->slots &&
        rt_reply_form_open(&site->reply_form, chat_template, texts->of[RT_ROLE_TEMPLATE].bytes, site->tokenizer, error))
        return -1;
    if (generation && rt_generation_read(&site->generation, generation, texts->of[RT_ROLE_GENERATION].bytes, error))
        return -1;
    if (!site->generation.stop_count && site->tokenizer && rt_tokenizer_eos(site->tokenizer) >= 0)
        site->generation.stop_ids[site->generation.stop_count++] = (uint32_t)rt_tokenizer_eos(site->tokenizer);
    return 0;
}

/* ---- all of it ---- */

static int check_digest(struct rt_site *site, const struct rt_site_options *options, struct rt_error *error)
{
    cr_manifest_digest(site->manifest_digest, rt_bundle_verified(site->bundle));
    if (!options->manifest_digest || cr_digest_equal(site->manifest_digest, options->manifest_digest))
        return 0;
    char is[2 * CR_DIGEST_BYTES + 1], wanted[2 * CR_DIGEST_BYTES + 1];
    cr_digest_hex(is, site->manifest_digest);
    cr_digest_hex(wanted, options->manifest_digest);
    return rt_fail(error, RT_EXIT_TRUST, "%s: another bundle: %s version %llu, whose manifest has the digest %s; that of %s is wanted",
                   options->bundle, site->manifest->name, (unsigned long long)site->manifest->version, is, wanted);
}

static void choose_context(struct rt_site *site, const struct rt_site_options *options)
{
    const uint32_t most = site->manifest->model.context, slots = options->slots ? options->slots : 1;
    const uint64_t each = DEFAULT_CONTEXT < most ? DEFAULT_CONTEXT : most, all = options->context ? options->context : each * slots;
    const uint64_t useful = (uint64_t)most * slots;
    site->cache_tokens = (uint32_t)(all < useful ? all : useful);
    site->context = site->cache_tokens < most ? site->cache_tokens : most;
}

static int open_verified(struct rt_site *site, const struct rt_site_options *options, struct rt_error *error)
{
    RT_CLEAN(cr_trust_close) struct cr_trust *trust = NULL;
    if (rt_trust_open(&trust, options->trust, error) || rt_bundle_open(&site->bundle, options->bundle, trust, error))
        return -1;
    site->manifest = rt_bundle_manifest(site->bundle);
    if (check_digest(site, options, error))
        return -1;
    site->kv = options->kv;
    choose_context(site, options);
    return 0;
}

static int open_site(struct rt_site *site, const struct rt_site_options *options, struct rt_error *error)
{
    double start = rt_seconds();
    RT_CLEAN(rt_texts_close) struct rt_texts texts = {0};
    enum kn_isa isa;
    if (rt_isa_choose(&isa, options->isa, error) || rt_placement_open(&site->placement, options->threads, error) ||
        rt_workers_open(&site->workers, site->placement, error) || open_verified(site, options, error) || open_kernels(site, isa, error))
        return -1;
    struct rt_engine_options engine = engine_options(site, options);
    if (rt_site_weights_open(site, options, &engine, &texts, error) ||
        rt_engine_open(&site->engine, rt_weights_models(site->weights), site->kernels, site->workers, &engine, error))
        return -1;
    site->manifest = rt_bundle_take_manifest(site->bundle);
    site->manifest_owned = 1;
    rt_bundle_close(&site->bundle);
    if (options->before_seal && options->before_seal(options->user, site, error))
        return -1;
    if ((options->seal ? options->seal : rt_seal)(error) || open_language(site, options, &texts, error))
        return -1;
    site->max_rows = engine.max_rows;
    site->load_s = rt_seconds() - start;
    return 0;
}

int rt_site_open(struct rt_site *site, const struct rt_site_options *options, struct rt_error *error)
{
    *site = (struct rt_site){0};
    if (open_site(site, options, error)) {
        rt_site_close(site);
        return -1;
    }
    return 0;
}

void rt_site_close(struct rt_site *site)
{
    rt_engine_close(&site->engine);
    rt_reply_form_close(&site->reply_form);
    rt_template_close(&site->chat_template);
    rt_token_bytes_close(&site->token_bytes);
    rt_tokenizer_close(&site->tokenizer);
    rt_weights_close(&site->weights);
    kn_context_close(&site->kernels);
    if (site->manifest_owned)
        rt_manifest_close(&site->manifest);
    rt_bundle_close(&site->bundle);
    rt_workers_close(&site->workers);
    free(site->placement);
    *site = (struct rt_site){0};
}
