/* site.h: a bundle brought to life in the order of the promises: workers, verify, parse, plan memory, generate every kernel, load, close,
 * seal; then tokenizer and template. One thread. */
#ifndef CLOISTER_SITE_H
#define CLOISTER_SITE_H

#include "runtime/bundle.h"
#include "runtime/engine.h"
#include "runtime/generation_defaults.h"
#include "runtime/grammar.h"
#include "runtime/kept_weights.h"
#include "runtime/reply.h"
#include "runtime/template.h"
#include "runtime/tokenizer.h"
#include "runtime/weights.h"

struct rt_site;

struct rt_site_options {
    const char *bundle, *trust;
    unsigned threads; /* 0: all allowed cores */
    uint32_t context; /* tokens of cache; 0: the model's context, at most 4096, for each slot */
    uint32_t slots;   /* answers at once, whose beginnings are kept (scheduler.h); 0: one after another */
    enum kn_kv kv;
    const char *isa;                     /* --isa: no better instruction set than this; NULL: the best */
    int vectors;                         /* hidden states can be asked for, where there are slots */
    uint32_t max_logits;                 /* 1, or more for `logits --all` */
    int json, quiet;                     /* where progress goes: nowhere with either */
    const uint8_t *manifest_digest;      /* NULL, or the only one that will do: RT_EXIT_TRUST for another */
    int (*seal)(struct rt_error *error); /* NULL: rt_seal */
    int (*before_seal)(void *user, struct rt_site *site, struct rt_error *error); /* the last that may open anything; may be NULL */
    void *user;
    const struct rt_weights_store *store; /* where weights are kept over a restart, and taken from; NULL: nowhere */
};

struct rt_site {              /* all members stay the site's; NULL where the bundle has none */
    struct rt_bundle *bundle; /* NULL once sealed */
    struct rt_manifest *manifest;
    struct rt_placement *placement;
    struct rt_workers *workers;
    struct kn_context *kernels;
    struct rt_weights *weights;
    struct rt_engine *engine;
    struct rt_tokenizer *tokenizer;
    struct rt_token_bytes *token_bytes; /* for grammars; NULL without slots */
    struct rt_template *chat_template;  /* NULL: none, or unsupported; why is in template_error */
    struct rt_error template_error;
    struct rt_reply_form *reply_form; /* how the template's model marks what it says; NULL without a template or slots */
    struct rt_generation generation;  /* greedy, and the tokenizer's end, where the bundle says nothing */
    uint32_t context;                 /* tokens that a sequence can have */
    uint32_t cache_tokens;            /* and all together */
    uint32_t max_rows;                /* tokens in one step */
    uint8_t manifest_digest[CR_DIGEST_BYTES];
    enum kn_kv kv;
    int manifest_owned;
    int is_warm; /* the weights were kept, not loaded */
    double load_s;
};

/* On failure the site is closed. */
RT_MUST_CHECK int rt_site_open(struct rt_site *site, const struct rt_site_options *options, struct rt_error *error);
void rt_site_close(struct rt_site *site);

/* Sets max_rows: as many tokens a step as modest buffers hold beside these weights; and max_logits to the same with all_logits. */
void rt_site_choose_rows(struct rt_engine_options *engine, const struct rt_site *site, int all_logits);

#endif
