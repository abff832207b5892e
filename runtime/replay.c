/* replay.c: see replay.h. */
#include "runtime/replay.h"

#include <string.h>

#include "runtime/scope.h"

struct replay { /* under way */
    struct rt_site *site;
    struct rt_sequence *sequence;
    struct rt_sampler *sampler;
    struct rt_sampler_space *space;
    struct rt_constraint *constraint; /* NULL: the answer follows no grammar */
    uint32_t *allowed;
    const struct rt_receipt *receipt;
    const char *path;
    size_t chosen;                  /* tokens of the output that are chosen again */
    uint8_t chain[CR_DIGEST_BYTES]; /* of the logits so far */
};

struct token_text {
    char text[48];
};

/* A token as people know it, quoted; empty where there is no text for it. */
static struct token_text text_of(const struct rt_site *site, uint32_t id)
{
    struct token_text out = {""};
    size_t bytes = 0;
    const char *text = site->tokenizer && id < rt_tokenizer_size(site->tokenizer) ? rt_tokenizer_text(site->tokenizer, id, &bytes) : NULL;
    if (text)
        snprintf(out.text, sizeof out.text, " (\"%.*s\")", bytes < 32 ? (int)bytes : 32, text);
    return out;
}

static int fail_token(const struct replay *r, uint32_t id, struct rt_error *error)
{
    const uint32_t said = r->receipt->output.ids[r->chosen];
    return rt_fail(error, RT_EXIT_TRUST,
                   "%s: token %zu of the output differs, counted from 0: the receipt says %u%s, and this bundle gives %u%s", r->path,
                   r->chosen, said, text_of(r->site, said).text, id, text_of(r->site, id).text);
}

/* One choice from a row of logits; the output's token then counts as seen. */
static int choose(struct replay *r, float *logits, struct rt_error *error)
{
    const uint64_t position = r->receipt->prompt_count + r->chosen;
    rt_logits_chain(r->chain, logits, r->site->manifest->model.vocab);
    if (r->constraint)
        rt_constraint_mask(r->constraint, r->allowed);
    const uint32_t id = rt_sampler_pick(r->sampler, r->space, logits, r->constraint ? r->allowed : NULL, position);
    if (id != r->receipt->output.ids[r->chosen])
        return fail_token(r, id, error);
    rt_sampler_answer(r->sampler, id);
    if (r->constraint && r->chosen + 1 < r->receipt->output.count && rt_constraint_accept(r->constraint, id))
        return rt_fail(error, RT_EXIT_TRUST, "%s: token %zu of the output ends the grammar, and more follow", r->path, r->chosen);
    r->chosen++;
    return 0;
}

/* Leaves the logits behind the last token in the engine. */
static int read_prompt(struct replay *r, const struct rt_tokens *prompt, struct rt_error *error)
{
    for (size_t done = 0, count; done < prompt->count; done += count) {
        count = prompt->count - done < r->site->max_rows ? prompt->count - done : r->site->max_rows;
        const struct rt_run run = {.sequence = r->sequence, .tokens = prompt->ids + done, .count = (uint32_t)count};
        if (rt_engine_step(r->site->engine, &run, 1, error))
            return -1;
    }
    for (size_t i = 0; i < prompt->count; i++)
        rt_sampler_see(r->sampler, prompt->ids[i]);
    return 0;
}

/* The output's tokens but the last, behind which nothing was chosen. */
static int read_output(struct replay *r, struct rt_error *error)
{
    const struct rt_tokens *output = &r->receipt->output;
    for (size_t done = 0, count; done + 1 < output->count; done += count) {
        count = output->count - 1 - done < r->site->max_rows ? output->count - 1 - done : r->site->max_rows;
        const struct rt_run run = {.sequence = r->sequence, .tokens = output->ids + done, .count = (uint32_t)count, .all_logits = 1};
        if (rt_engine_step(r->site->engine, &run, 1, error))
            return -1;
        for (uint32_t i = 0; i < count; i++)
            if (choose(r, rt_engine_logits(r->site->engine, i), error))
                return -1;
    }
    return 0;
}

static int check_digests(const struct replay *r, struct rt_error *error)
{
    uint8_t output[CR_DIGEST_BYTES];
    rt_tokens_digest(output, &r->receipt->output);
    if (!cr_digest_equal(output, r->receipt->output_digest))
        return rt_fail(error, RT_EXIT_TRUST, "%s: the tokens are right, but their digest in the receipt is another", r->path);
    if (!cr_digest_equal(r->chain, r->receipt->logits))
        return rt_fail(error, RT_EXIT_TRUST, "%s: the tokens are right, but the digest of their logits in the receipt is another", r->path);
    return 0;
}

static int compute(struct replay *r, const struct rt_tokens *prompt, struct rt_error *error)
{
    memcpy(r->chain, r->receipt->terms, sizeof r->chain);
    if (read_prompt(r, prompt, error))
        return -1;
    if (r->receipt->output.count && choose(r, rt_engine_logits(r->site->engine, 0), error))
        return -1;
    return read_output(r, error) ? -1 : check_digests(r, error);
}

/* Tokens out of a receipt are anybody's numbers. */
static int check_tokens(const struct replay *r, struct rt_error *error)
{
    const uint32_t vocab = r->site->manifest->model.vocab;
    for (size_t i = 0; i < r->receipt->output.count; i++)
        if (r->receipt->output.ids[i] >= vocab)
            return rt_fail(error, RT_EXIT_TRUST, "%s: token %zu of the output, %u, is not in the bundle's vocabulary of %u", r->path, i,
                           r->receipt->output.ids[i], vocab);
    return 0;
}

struct follower { /* of the receipt's grammar */
    struct rt_grammar *grammar;
    struct rt_token_bytes *bytes;
    struct rt_constraint *constraint;
    uint32_t *allowed;
};

static void follower_close(struct follower *f)
{
    rt_constraint_close(&f->constraint);
    rt_token_bytes_close(&f->bytes);
    rt_grammar_close(&f->grammar);
    free(f->allowed);
}

static int follower_open(struct follower *f, const struct rt_site *site, const struct rt_receipt *receipt, const char *path,
                         struct rt_error *error)
{
    const struct rt_generation *generation = &site->generation;
    const uint32_t vocab = site->manifest->model.vocab;
    const char *text = receipt->grammar ? receipt->grammar : "";
    if (receipt->grammar_kind == RT_GRAMMAR_NONE)
        return 0;
    if (!site->tokenizer || !generation->stop_count)
        return rt_fail(error, RT_EXIT_TRUST, "%s: its answer follows a grammar, and this bundle's cannot", path);
    if (rt_grammar_open(&f->grammar, receipt->grammar_kind, text, strlen(text), error))
        return rt_wrap(error, "%s: its grammar", path);
    f->allowed = calloc((vocab + 31) / 32, sizeof *f->allowed);
    if (!f->allowed)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a grammar");
    if (rt_token_bytes_open(&f->bytes, site->tokenizer, error))
        return -1;
    return rt_constraint_open(&f->constraint, f->grammar, f->bytes, vocab, generation->stop_ids, generation->stop_count, error);
}

int rt_replay(struct rt_site *site, const struct rt_receipt *receipt, const struct rt_tokens *prompt, const char *path,
              struct rt_error *error)
{
    RT_CLEAN(rt_sampler_close) struct rt_sampler *sampler = NULL;
    RT_CLEAN(rt_sampler_space_close) struct rt_sampler_space *space = NULL;
    RT_CLEAN(follower_close) struct follower follower = {0};
    struct replay r = {.site = site, .receipt = receipt, .path = path};
    const uint32_t vocab = site->manifest->model.vocab;
    if (check_tokens(&r, error) || rt_sampler_open(&sampler, site->kernels, vocab, &receipt->sampling, error) ||
        rt_sampler_space_open(&space, vocab, error) || follower_open(&follower, site, receipt, path, error))
        return -1;
    r.constraint = follower.constraint;
    r.allowed = follower.allowed;
    r.sampler = sampler;
    r.space = space;
    r.sequence = rt_sequence_open(site->engine);
    if (!r.sequence)
        return rt_fail(error, RT_EXIT_RESOURCES, "no sequence is left for the prompt");
    const int status = compute(&r, prompt, error);
    rt_sequence_close(site->engine, &r.sequence);
    return status;
}
