/* site.c: the start order. Everything that reads a file, makes code executable or binds memory to a node happens before the seal; what reads
 * texts from outside (tokenizer, template) happens behind it. */
#include "runtime/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/isa.h"
#include "runtime/machine_memory.h"
#include "runtime/progress.h"
#include "runtime/scope.h"
#include "runtime/seal.h"
#include "runtime/topology.h"
#include "runtime/weights_files.h"

enum {
    DEFAULT_CONTEXT = 4096,
    ROWS_MAX = 512, /* tokens in one step, fewer where what they add to the buffers is more than the next lines allow */
    BUFFERS_BYTES = 40 << 20,
    BUFFERS_PART = 256, /* of the weights, where that is more */
    ROWS_MIN = 16,
    FREE_TRIES = 100, /* looks for memory that a service manager is about to give back */
    FREE_WAIT_US = 100000,
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
    struct rt_engine_options engine = {.kv = options->kv, .max_tokens = site->context, .max_sequences = 2, .max_logits = 1};
    rt_site_choose_rows(&engine, site, options->max_logits > 1);
    return engine;
}

/* Refuses before anything large is read, with the figures, instead of being killed later. weights: bytes of them that are yet to come. */
static int check_memory(const struct rt_site *site, const struct rt_engine_options *engine, uint64_t weights, struct rt_error *error)
{
    uint64_t cache, buffers, available = rt_memory_available();
    rt_engine_size(&site->manifest->model, site->kernels, engine, rt_workers_count(site->workers), &cache, &buffers);
    uint64_t needed = weights + cache + buffers;
    available += rt_memory_reserved(RT_NODE_ANY) >= weights && available ? weights : 0; /* set aside, so not among what is free */
    if (available && needed > available)
        return rt_fail(error, RT_EXIT_RESOURCES,
                       "%s needs %llu MiB (weights %llu, cache of %u tokens %llu, buffers %llu) and %llu MiB are free; "
                       "give a smaller --ctx, pack with fewer bits, or free memory",
                       site->manifest->name, (unsigned long long)needed >> 20, (unsigned long long)weights >> 20, engine->max_tokens,
                       (unsigned long long)cache >> 20, (unsigned long long)buffers >> 20, (unsigned long long)available >> 20);
    return 0;
}

static int load_weights(struct rt_site *site, const struct rt_site_options *options, struct rt_error *error)
{
    struct rt_progress_bar bar;
    rt_progress_bar_open(&bar, "loading", options->json || options->quiet);
    int failed = rt_bundle_load(site->bundle, site->weights, site->workers, &(struct rt_progress){rt_progress_bar_report, &bar}, error);
    rt_progress_bar_close(&bar);
    return failed ? -1 : 0;
}

static int read_texts(struct rt_bundle *bundle, struct rt_texts *texts, struct rt_error *error)
{
    for (int role = RT_ROLE_TOKENIZER; role < RT_ROLES; role++)
        if (rt_bundle_read(bundle, (enum rt_role)role, &texts->of[role].at, &texts->of[role].bytes, error))
            return -1;
    return 0;
}

/* Into memory of this process alone. */
static int open_private(struct rt_site *site, const struct rt_site_options *options, const struct rt_engine_options *engine,
                        struct rt_texts *texts, struct rt_error *error)
{
    if (check_memory(site, engine, rt_weights_bytes(site->manifest, site->workers), error) ||
        rt_weights_open(&site->weights, site->manifest, site->workers, error) || load_weights(site, options, error))
        return -1;
    rt_weights_protect(site->weights);
    return read_texts(site->bundle, texts, error);
}

/* ---- weights that are kept over a restart ---- */

static void say_why(const char *what, const struct rt_error *why)
{
    fprintf(stderr, "cloister: %s: %s\n", what, why->text);
}

/* What the store gives back takes the service manager a moment. */
static int wait_for_memory(const struct rt_site *site, const struct rt_engine_options *engine, int dropped, struct rt_error *error)
{
    const uint64_t weights = rt_weights_bytes(site->manifest, site->workers);
    int failed = check_memory(site, engine, weights, error);
    for (int i = 0; failed && dropped && i < FREE_TRIES; i++) {
        usleep(FREE_WAIT_US);
        failed = check_memory(site, engine, weights, error);
    }
    return failed;
}

/* That they cannot be kept is no reason not to serve. */
static int load_and_keep(struct rt_site *site, const struct rt_site_options *options, struct rt_texts *texts, struct rt_error *error)
{
    struct rt_error why;
    if (rt_weights_files_open(&site->weights, site->manifest, site->workers, error) || load_weights(site, options, error) ||
        read_texts(site->bundle, texts, error) || rt_weights_files_seal(site->weights, site->workers, error))
        return -1;
    if (rt_kept_put(options->store, site->weights, texts, site->manifest_digest, site->workers, &why))
        say_why("the weights are not kept for the next start", &why);
    rt_weights_files_release(site->weights);
    return 0;
}

static int open_with_store(struct rt_site *site, const struct rt_site_options *options, const struct rt_engine_options *engine,
                           struct rt_texts *texts, struct rt_error *error)
{
    struct rt_error why;
    const int kept = rt_kept_is_there(options->store);
    site->is_warm = kept &&
                    !rt_kept_take(&site->weights, texts, options->store, site->manifest, site->manifest_digest, site->workers, &why);
    if (site->is_warm)
        return check_memory(site, engine, 0, error);
    if (kept) {
        say_why("the weights that were kept are not used, they are loaded again", &why);
        rt_kept_drop(options->store);
    }
    return wait_for_memory(site, engine, kept, error) ? -1 : load_and_keep(site, options, texts, error);
}

static int open_weights(struct rt_site *site, const struct rt_site_options *options, const struct rt_engine_options *engine,
                        struct rt_texts *texts, struct rt_error *error)
{
    return options->store ? open_with_store(site, options, engine, texts, error) : open_private(site, options, engine, texts, error);
}

/* ---- behind the seal ---- */

static int open_language(struct rt_site *site, const struct rt_texts *texts, struct rt_error *error)
{
    const char *tokenizer = texts->of[RT_ROLE_TOKENIZER].at, *config = texts->of[RT_ROLE_TOKENIZER_CONFIG].at;
    const char *chat_template = texts->of[RT_ROLE_TEMPLATE].at, *generation = texts->of[RT_ROLE_GENERATION].at;
    site->generation = (struct rt_generation){.sampling = {.top_p = 1, .repeat_penalty = 1}};
    if (tokenizer && rt_tokenizer_open(&site->tokenizer, tokenizer, texts->of[RT_ROLE_TOKENIZER].bytes, config,
                                       texts->of[RT_ROLE_TOKENIZER_CONFIG].bytes, error))
        return rt_wrap(error, "tokenizer.json");
    if (chat_template)
        (void)!rt_template_open(&site->chat_template, chat_template, texts->of[RT_ROLE_TEMPLATE].bytes, &site->template_error);
    else
        rt_fail(&site->template_error, RT_EXIT_UNSUPPORTED, "the bundle has no chat template");
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

static int open_verified(struct rt_site *site, const struct rt_site_options *options, struct rt_error *error)
{
    RT_CLEAN(cr_trust_close) struct cr_trust *trust = NULL;
    if (rt_trust_open(&trust, options->trust, error) || rt_bundle_open(&site->bundle, options->bundle, trust, error))
        return -1;
    site->manifest = rt_bundle_manifest(site->bundle);
    if (check_digest(site, options, error))
        return -1;
    site->kv = options->kv;
    uint32_t context = options->context ? options->context : DEFAULT_CONTEXT;
    site->context = context < site->manifest->model.context ? context : site->manifest->model.context;
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
    if (open_weights(site, options, &engine, &texts, error) ||
        rt_engine_open(&site->engine, rt_weights_models(site->weights), site->kernels, site->workers, &engine, error))
        return -1;
    site->manifest = rt_bundle_take_manifest(site->bundle);
    site->manifest_owned = 1;
    rt_bundle_close(&site->bundle);
    if (rt_seal(error) || open_language(site, &texts, error))
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
    rt_template_close(&site->chat_template);
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
