/* receipt_of.c: see receipt_of.h. */
#include "runtime/receipt_of.h"

#include <stdio.h>
#include <string.h>

#include "runtime/version.h"

/* With room for one more. */
static int copy_tokens(struct rt_tokens *out, const struct rt_tokens *tokens, struct rt_error *error)
{
    *out = (struct rt_tokens){.ids = malloc((tokens->count + 1) * sizeof *tokens->ids), .count = tokens->count, .room = tokens->count + 1};
    if (!out->ids)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the receipt");
    if (tokens->count)
        memcpy(out->ids, tokens->ids, tokens->count * sizeof *tokens->ids);
    return 0;
}

static int copy_biases(struct rt_receipt *receipt, struct rt_error *error)
{
    const size_t bytes = receipt->sampling.bias_count * sizeof *receipt->biases;
    if (!bytes)
        return 0;
    receipt->biases = malloc(bytes);
    if (!receipt->biases)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the receipt");
    memcpy(receipt->biases, receipt->sampling.biases, bytes);
    receipt->sampling.biases = receipt->biases;
    return 0;
}

static int copy_grammar(struct rt_receipt *receipt, const struct rt_grammar *grammar, struct rt_error *error)
{
    receipt->grammar_kind = grammar ? rt_grammar_kind(grammar) : RT_GRAMMAR_NONE;
    if (receipt->grammar_kind == RT_GRAMMAR_NONE || receipt->grammar_kind == RT_GRAMMAR_JSON)
        return 0;
    receipt->grammar = strdup(rt_grammar_text(grammar));
    return receipt->grammar ? 0 : rt_fail(error, RT_EXIT_RESOURCES, "no memory for the receipt");
}

int rt_receipt_begin(struct rt_receipt *receipt, const struct rt_site *site, const struct rt_sampling *sampling,
                     const struct rt_grammar *grammar, const struct rt_tokens *prompt, enum rt_prompt_form form, int keep_prompt,
                     struct rt_error *error)
{
    *receipt = (struct rt_receipt){
        .program = "cloister " CLOISTER_VERSION,
        .isa = kn_context_isa(site->kernels),
        .threads = rt_workers_count(site->workers),
        .bundle_version = site->manifest->version,
        .kv = site->kv,
        .sampling = *sampling,
        .form = form,
        .prompt_count = (uint32_t)prompt->count,
    };
    snprintf(receipt->bundle_name, sizeof receipt->bundle_name, "%s", site->manifest->name);
    memcpy(receipt->bundle, site->manifest_digest, sizeof receipt->bundle);
    if (copy_biases(receipt, error) || copy_grammar(receipt, grammar, error))
        return -1;
    rt_tokens_digest(receipt->prompt_digest, prompt);
    rt_receipt_terms(receipt, receipt->parameters, receipt->terms);
    memcpy(receipt->logits, receipt->terms, sizeof receipt->logits);
    return keep_prompt ? copy_tokens(&receipt->prompt, prompt, error) : 0;
}

int rt_receipt_end(struct rt_receipt *receipt, const struct rt_result *result, struct rt_error *error)
{
    if (copy_tokens(&receipt->output, &result->tokens, error))
        return -1;
    if (result->end_token >= 0)
        receipt->output.ids[receipt->output.count++] = (uint32_t)result->end_token;
    rt_tokens_digest(receipt->output_digest, &receipt->output);
    return 0;
}
