/* cmd_replay.c: `cloister replay`: whether a receipt tells the truth about a bundle. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/commands.h"
#include "runtime/file_read.h"
#include "runtime/isa.h"
#include "runtime/question.h"
#include "runtime/replay.h"
#include "runtime/report.h"
#include "runtime/scope.h"

struct replay_options {
    struct rt_site_options site;
    struct rt_question question;
    const char *receipt, *signer;
    uint64_t threads;
    int json;
};

/* 0, 1 after --help, or -1. */
static int parse(const struct rt_call *call, struct replay_options *o, struct rt_error *error)
{
    const struct rt_option table[] = {
        {"-p", RT_OPTION_TEXT, &o->question.text, "TEXT", "the message that was answered, where the receipt has its digest only", 0},
        {"-f", RT_OPTION_TEXT, &o->question.file, "FILE", "the same in FILE; \"-\" is standard input", 0},
        {"--signer", RT_OPTION_TEXT, &o->signer, "FILE", "this public key must have signed the receipt, in RECEIPT.minisig", 0},
        {"-t", RT_OPTION_UNSIGNED, &o->threads, "N", "use N physical cores (default: all allowed)", 4096},
        {"--isa", RT_OPTION_TEXT, &o->site.isa, RT_ISA_NAMES, RT_ISA_HELP, 0},
        {"--trust", RT_OPTION_TEXT, &o->site.trust, "DIR", "directory of trusted public keys", 0},
        {"--json", RT_OPTION_FLAG, &o->json, NULL, "print a JSON object", 0},
    };
    const char *positional[2];
    size_t count = 2;
    const int status = rt_options_parse(call, table, sizeof table / sizeof *table, positional, &count, error);
    if (status)
        return status;
    if (count != 2)
        return rt_fail(error, RT_EXIT_USAGE, "give a receipt and the bundle that it tells of");
    if (o->question.text && o->question.file)
        return rt_fail(error, RT_EXIT_USAGE, "-p and -f exclude each other");
    o->receipt = positional[0];
    o->site.bundle = positional[1];
    o->site.threads = (unsigned)o->threads;
    o->site.json = o->json;
    return 0;
}

/* ---- the receipt ---- */

static int read_file(char **text, size_t *bytes, const char *path, size_t max, struct rt_error *error)
{
    if (rt_file_read(text, bytes, AT_FDCWD, path, max, error))
        return -1;
    return *text ? 0 : rt_fail(error, RT_EXIT_FAILED, "%s: no such file", path);
}

static int verify_with(const struct replay_options *o, const char *receipt, size_t bytes, const char *signature_path,
                       struct rt_error *error)
{
    RT_CLEAN(cr_trust_close) struct cr_trust *trust = NULL;
    RT_CLEAN(cr_manifest_close) struct cr_manifest *verified = NULL;
    RT_FREE char *key = NULL, *signature = NULL;
    struct cr_signature_text text;
    struct cr_public_key pub;
    size_t key_bytes;
    if (read_file(&key, &key_bytes, o->signer, CR_PUBLIC_KEY_MAX_BYTES, error) ||
        read_file(&signature, &text.bytes, signature_path, CR_SIGNATURE_MAX_BYTES, error))
        return -1;
    text.text = signature;
    if (cr_public_key_parse(&pub, key, key_bytes))
        return rt_fail(error, RT_EXIT_TRUST, "%s: not a minisign public key", o->signer);
    if (cr_init() || cr_trust_open(&trust) || cr_trust_add(trust, &pub))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to verify the receipt");
    if (cr_manifest_verify(&verified, trust, (const uint8_t *)receipt, bytes, &text, 1, NULL))
        return rt_fail(error, RT_EXIT_TRUST, "%s: not a signature of %s by the key in %s: one of them was changed", signature_path,
                       o->receipt, o->signer);
    return 0;
}

static int verify_signature(const struct replay_options *o, const char *receipt, size_t bytes, struct rt_error *error)
{
    RT_FREE char *path = NULL;
    if (asprintf(&path, "%s.minisig", o->receipt) < 0) {
        path = NULL;
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    }
    return verify_with(o, receipt, bytes, path, error);
}

static int read_receipt(struct rt_receipt *receipt, const struct replay_options *o, struct rt_error *error)
{
    RT_FREE char *text = NULL;
    size_t bytes;
    if (read_file(&text, &bytes, o->receipt, RT_RECEIPT_MAX_BYTES, error) || (o->signer && verify_signature(o, text, bytes, error)))
        return -1;
    if (rt_receipt_read(receipt, text, bytes, error))
        return rt_wrap(error, "%s", o->receipt);
    if (!receipt->prompt.count && !rt_question_asked(&o->question))
        return rt_fail(error, RT_EXIT_USAGE, "%s has the digest of its prompt only: give the prompt with -p or -f", o->receipt);
    return 0;
}

/* ---- the answer ---- */

static int open_site(struct rt_site *site, const struct rt_receipt *receipt, struct replay_options *o, struct rt_error *error)
{
    const uint64_t tokens = (uint64_t)receipt->prompt_count + receipt->output.count;
    o->site.context = tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
    o->site.kv = receipt->kv;
    o->site.max_logits = UINT32_MAX;
    o->site.manifest_digest = receipt->bundle;
    if (rt_site_open(site, &o->site, error))
        return -1;
    if (tokens > (uint64_t)site->context + 1) /* the last one needs no place */
        return rt_fail(error, RT_EXIT_TRUST, "%s: its %llu tokens are more than the model's context of %u", o->receipt,
                       (unsigned long long)tokens, site->context);
    return 0;
}

/* The prompt that was given, which must be the receipt's; without one the receipt's own. */
static int find_prompt(struct rt_tokens *prompt, const struct rt_site *site, const struct rt_receipt *receipt, const char *text,
                       const struct replay_options *o, struct rt_error *error)
{
    uint8_t digest[CR_DIGEST_BYTES];
    if (rt_question_possible(site, o->site.bundle, receipt->form == RT_PROMPT_RAW, error) ||
        rt_question_encode(site, text, receipt->form == RT_PROMPT_RAW, prompt, error))
        return -1;
    rt_tokens_digest(digest, prompt);
    if (prompt->count == receipt->prompt_count && cr_digest_equal(digest, receipt->prompt_digest))
        return 0;
    return rt_fail(error, RT_EXIT_TRUST, "%s: made with another prompt: this one has %zu tokens, the receipt's %u, and other digests",
                   o->receipt, prompt->count, receipt->prompt_count);
}

static int print_equal(const struct rt_site *site, const struct rt_receipt *receipt, const struct replay_options *o, struct rt_error *error)
{
    const char *isa = kn_isa_name(kn_context_isa(site->kernels));
    if (!o->json) {
        printf("equal: %zu tokens and their logits; made by %s on %s, computed again on %s\n", receipt->output.count, receipt->program,
               kn_isa_name(receipt->isa), isa);
        return 0;
    }
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_bool(doc, root, "equal", 1);
    yyjson_mut_obj_add_uint(doc, root, "tokens", receipt->output.count);
    yyjson_mut_obj_add_bool(doc, root, "signed", o->signer != NULL);
    yyjson_mut_obj_add_str(doc, root, "made_on", kn_isa_name(receipt->isa));
    yyjson_mut_obj_add_str(doc, root, "computed_on", isa);
    return rt_report_json(doc, error);
}

int cmd_replay(const struct rt_call *call, struct rt_error *error)
{
    struct replay_options options = {.site.trust = RT_TRUST_DIRECTORY};
    RT_FREE char *text = NULL;
    RT_CLEAN(rt_receipt_close) struct rt_receipt receipt = {0};
    RT_CLEAN(rt_tokens_close) struct rt_tokens given = {0};
    RT_CLEAN(rt_site_close) struct rt_site site = {0};
    const int status = parse(call, &options, error);
    if (status)
        return status < 0 ? -1 : 0;
    if (read_receipt(&receipt, &options, error) ||
        (rt_question_asked(&options.question) && rt_question_read(&options.question, &text, error)) ||
        open_site(&site, &receipt, &options, error) || (text && find_prompt(&given, &site, &receipt, text, &options, error)) ||
        rt_replay(&site, &receipt, text ? &given : &receipt.prompt, options.receipt, error))
        return -1;
    return print_equal(&site, &receipt, &options, error);
}
