/* site_weights.c: memory for the weights, and what fills it: the bundle, or what a service manager has kept. See site_weights.h. */
#include "runtime/site_weights.h"

#include <stdio.h>
#include <unistd.h>

#include "runtime/machine_memory.h"
#include "runtime/progress.h"
#include "runtime/weights_files.h"

enum { FREE_TRIES = 100, FREE_WAIT_US = 100000 }; /* looks for memory that a service manager is about to give back */

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

int rt_site_weights_open(struct rt_site *site, const struct rt_site_options *options, const struct rt_engine_options *engine,
                         struct rt_texts *texts, struct rt_error *error)
{
    const int is_kept = options->store && options->store->notify->fd >= 0; /* somebody is there who keeps them */
    return is_kept ? open_with_store(site, options, engine, texts, error) : open_private(site, options, engine, texts, error);
}
