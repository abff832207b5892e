/* receipt.c: receipts as text and as JSON, and their digests (n1 §13). */
#include "runtime/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/json_fields.h"
#include "runtime/scope.h"

enum { TEXT_BYTES = 1024, TOKENS_MAX = 1 << 24 };

static const char *const isa_names[] = {"portable", "avx2", "avx512", "vnni", "amx", NULL};
static const char *const kv_names[] = {"f32", "bf16", "int8", NULL};
static const char *const grammar_names[] = {"none", "schema", "gbnf", "json", NULL};
static const char *const form_names[] = {"chat", "raw", NULL};

struct hex {
    char text[2 * CR_DIGEST_BYTES + 1];
};

static struct hex hex_of(const uint8_t digest[CR_DIGEST_BYTES])
{
    struct hex hex;
    cr_digest_hex(hex.text, digest);
    return hex;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void rt_receipt_close(struct rt_receipt *receipt)
{
    rt_tokens_close(&receipt->prompt);
    rt_tokens_close(&receipt->output);
    free(receipt->biases);
    free(receipt->grammar);
    receipt->biases = NULL;
    receipt->grammar = NULL;
}

/* ---- digests ---- */

void rt_tokens_digest(uint8_t out[CR_DIGEST_BYTES], const struct rt_tokens *tokens)
{
    cr_digest(out, tokens->ids, tokens->count * sizeof *tokens->ids);
}

/* A line that only receipts have which need it. */
static void feed_float(struct cr_hash *hash, const char *name, float value)
{
    char text[64];
    if (value != 0)
        cr_hash_feed(hash, text, (size_t)snprintf(text, sizeof text, "%s %08" PRIx32 "\n", name, bits_of(value)));
}

static void feed_grammar(struct cr_hash *hash, const struct rt_receipt *r)
{
    uint8_t digest[CR_DIGEST_BYTES];
    char text[2 * CR_DIGEST_BYTES + 32];
    const char *grammar = r->grammar ? r->grammar : "";
    if (r->grammar_kind == RT_GRAMMAR_NONE)
        return;
    cr_digest(digest, grammar, strlen(grammar));
    cr_hash_feed(hash, text, (size_t)snprintf(text, sizeof text, "grammar %s %s\n", grammar_names[r->grammar_kind], hex_of(digest).text));
}

static void digest_parameters(uint8_t out[CR_DIGEST_BYTES], const struct rt_receipt *r)
{
    const struct rt_sampling *s = &r->sampling;
    char text[TEXT_BYTES];
    struct cr_hash hash;
    cr_hash_start(&hash);
    const int bytes = snprintf(text, sizeof text,
                               "kv %s\ntemperature %08" PRIx32 "\ntop_k %" PRIu32 "\ntop_p %08" PRIx32 "\nmin_p %08" PRIx32
                               "\nrepeat_penalty %08" PRIx32 "\nseed %" PRIu64 "\n",
                               kv_names[r->kv], bits_of(s->temperature), s->top_k, bits_of(s->top_p), bits_of(s->min_p),
                               bits_of(s->repeat_penalty), s->seed);
    cr_hash_feed(&hash, text, (size_t)bytes);
    feed_float(&hash, "frequency_penalty", s->frequency_penalty);
    feed_float(&hash, "presence_penalty", s->presence_penalty);
    for (uint32_t i = 0; i < s->bias_count; i++)
        cr_hash_feed(
            &hash, text,
            (size_t)snprintf(text, sizeof text, "bias %" PRIu32 " %08" PRIx32 "\n", s->biases[i].id, bits_of(s->biases[i].amount)));
    feed_grammar(&hash, r);
    cr_hash_end(&hash, out);
}

void rt_receipt_terms(const struct rt_receipt *r, uint8_t parameters[CR_DIGEST_BYTES], uint8_t terms[CR_DIGEST_BYTES])
{
    char text[TEXT_BYTES];
    digest_parameters(parameters, r);
    const int bytes = snprintf(text, sizeof text,
                               "cloister receipt 1\nprogram %s\nnumerics n1\nisa %s\nthreads %" PRIu32 "\nbundle %s\nversion %" PRIu64
                               "\nmanifest %s\nparameters %s\nprompt %s %" PRIu32 " %s\n",
                               r->program, isa_names[r->isa], r->threads, r->bundle_name, r->bundle_version, hex_of(r->bundle).text,
                               hex_of(parameters).text, form_names[r->form], r->prompt_count, hex_of(r->prompt_digest).text);
    cr_digest(terms, text, (size_t)bytes);
}

void rt_logits_chain(uint8_t chain[CR_DIGEST_BYTES], const float *logits, uint32_t vocab)
{
    struct cr_hash hash;
    cr_hash_start(&hash);
    cr_hash_feed(&hash, chain, CR_DIGEST_BYTES);
    cr_hash_feed(&hash, logits, vocab * sizeof *logits);
    cr_hash_end(&hash, chain);
}

/* ---- to JSON ---- */

static void add_hex(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const uint8_t digest[CR_DIGEST_BYTES])
{
    yyjson_mut_obj_add_strcpy(doc, object, key, hex_of(digest).text);
}

static void add_tokens(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct rt_tokens *tokens)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, object, "tokens");
    for (size_t i = 0; i < tokens->count; i++)
        yyjson_mut_arr_add_uint(doc, list, tokens->ids[i]);
}

static void add_grammar(yyjson_mut_doc *doc, yyjson_mut_val *parameters, const struct rt_receipt *r)
{
    if (r->grammar_kind == RT_GRAMMAR_NONE)
        return;
    yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, parameters, "grammar");
    yyjson_mut_obj_add_str(doc, object, "kind", grammar_names[r->grammar_kind]);
    if (r->grammar)
        yyjson_mut_obj_add_str(doc, object, "text", r->grammar);
}

static void add_biases(yyjson_mut_doc *doc, yyjson_mut_val *parameters, const struct rt_sampling *s)
{
    if (!s->bias_count)
        return;
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, parameters, "biases");
    for (uint32_t i = 0; i < s->bias_count; i++) {
        yyjson_mut_val *pair = yyjson_mut_arr_add_arr(doc, list);
        yyjson_mut_arr_add_uint(doc, pair, s->biases[i].id);
        yyjson_mut_arr_add_real(doc, pair, (double)s->biases[i].amount);
    }
}

static void add_parameters(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct rt_receipt *r)
{
    yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, root, "parameters");
    yyjson_mut_obj_add_str(doc, object, "kv", kv_names[r->kv]);
    yyjson_mut_obj_add_real(doc, object, "temperature", (double)r->sampling.temperature);
    yyjson_mut_obj_add_uint(doc, object, "top_k", r->sampling.top_k);
    yyjson_mut_obj_add_real(doc, object, "top_p", (double)r->sampling.top_p);
    yyjson_mut_obj_add_real(doc, object, "min_p", (double)r->sampling.min_p);
    yyjson_mut_obj_add_real(doc, object, "repeat_penalty", (double)r->sampling.repeat_penalty);
    yyjson_mut_obj_add_uint(doc, object, "seed", r->sampling.seed);
    if (r->sampling.frequency_penalty != 0)
        yyjson_mut_obj_add_real(doc, object, "frequency_penalty", (double)r->sampling.frequency_penalty);
    if (r->sampling.presence_penalty != 0)
        yyjson_mut_obj_add_real(doc, object, "presence_penalty", (double)r->sampling.presence_penalty);
    add_biases(doc, object, &r->sampling);
    add_grammar(doc, object, r);
    add_hex(doc, object, "digest", r->parameters);
}

static void add_terms(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct rt_receipt *r)
{
    yyjson_mut_obj_add_uint(doc, root, "receipt", 1);
    yyjson_mut_obj_add_str(doc, root, "program", r->program);
    yyjson_mut_obj_add_str(doc, root, "numerics", "n1");
    yyjson_mut_obj_add_str(doc, root, "isa", isa_names[r->isa]);
    yyjson_mut_obj_add_uint(doc, root, "threads", r->threads);
    yyjson_mut_val *bundle = yyjson_mut_obj_add_obj(doc, root, "bundle");
    yyjson_mut_obj_add_str(doc, bundle, "name", r->bundle_name);
    yyjson_mut_obj_add_uint(doc, bundle, "version", r->bundle_version);
    add_hex(doc, bundle, "digest", r->bundle);
    add_parameters(doc, root, r);
    yyjson_mut_val *prompt = yyjson_mut_obj_add_obj(doc, root, "prompt");
    yyjson_mut_obj_add_str(doc, prompt, "form", form_names[r->form]);
    yyjson_mut_obj_add_uint(doc, prompt, "count", r->prompt_count);
    add_hex(doc, prompt, "digest", r->prompt_digest);
    if (r->prompt.count)
        add_tokens(doc, prompt, &r->prompt);
    add_hex(doc, root, "terms", r->terms);
}

char *rt_receipt_print(const struct rt_receipt *r)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    add_terms(doc, root, r);
    yyjson_mut_val *output = yyjson_mut_obj_add_obj(doc, root, "output");
    add_tokens(doc, output, &r->output);
    add_hex(doc, output, "digest", r->output_digest);
    add_hex(doc, root, "logits", r->logits);
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, NULL);
    yyjson_mut_doc_free(doc);
    return text;
}

/* ---- from JSON ---- */

struct receipt_values {
    struct rt_receipt receipt;
    uint32_t format;
    enum { NUMERICS_N1 } numerics;
    yyjson_val *bundle, *parameters, *biases, *grammar, *prompt, *prompt_tokens, *output, *output_tokens;
};

#define MEMBER(member, name, ...) RT_FIELD(struct receipt_values, member, name, __VA_ARGS__)

static const char *const numerics_names[] = {"n1", NULL};

static const struct rt_field root_fields[] = {
    MEMBER(format, "receipt", U32, REQUIRED, .min = 1, .max = 1),
    RT_TEXT(struct receipt_values, receipt.program, "program", REQUIRED),
    MEMBER(numerics, "numerics", ENUM, REQUIRED, .names = numerics_names),
    MEMBER(receipt.isa, "isa", ENUM, REQUIRED, .names = isa_names),
    MEMBER(receipt.threads, "threads", U32, REQUIRED, .max = UINT32_MAX),
    MEMBER(bundle, "bundle", OBJECT, REQUIRED),
    MEMBER(parameters, "parameters", OBJECT, REQUIRED),
    MEMBER(prompt, "prompt", OBJECT, REQUIRED),
    MEMBER(receipt.terms, "terms", DIGEST, REQUIRED),
    MEMBER(output, "output", OBJECT, REQUIRED),
    MEMBER(receipt.logits, "logits", DIGEST, REQUIRED),
};

static const struct rt_field bundle_fields[] = {
    RT_TEXT(struct receipt_values, receipt.bundle_name, "name", REQUIRED),
    MEMBER(receipt.bundle_version, "version", U64, REQUIRED, .max = UINT64_MAX),
    MEMBER(receipt.bundle, "digest", DIGEST, REQUIRED),
};

static const struct rt_field parameter_fields[] = {
    MEMBER(receipt.kv, "kv", ENUM, REQUIRED, .names = kv_names),
    MEMBER(receipt.sampling.temperature, "temperature", F32, REQUIRED, .low = 0, .high = 100),
    MEMBER(receipt.sampling.top_k, "top_k", U32, REQUIRED, .max = UINT32_MAX),
    MEMBER(receipt.sampling.top_p, "top_p", F32, REQUIRED, .low = 0, .high = 1),
    MEMBER(receipt.sampling.min_p, "min_p", F32, REQUIRED, .low = 0, .high = 1),
    MEMBER(receipt.sampling.repeat_penalty, "repeat_penalty", F32, REQUIRED, .low = 0.01f, .high = 100),
    MEMBER(receipt.sampling.seed, "seed", U64, REQUIRED, .max = UINT64_MAX),
    MEMBER(receipt.sampling.frequency_penalty, "frequency_penalty", F32, OPTIONAL, .low = -100, .high = 100),
    MEMBER(receipt.sampling.presence_penalty, "presence_penalty", F32, OPTIONAL, .low = -100, .high = 100),
    MEMBER(biases, "biases", ARRAY, OPTIONAL, .min = 1, .max = RT_BIASES_MAX),
    MEMBER(grammar, "grammar", OBJECT, OPTIONAL),
    MEMBER(receipt.parameters, "digest", DIGEST, REQUIRED),
};

static const struct rt_field prompt_fields[] = {
    MEMBER(receipt.form, "form", ENUM, REQUIRED, .names = form_names),
    MEMBER(receipt.prompt_count, "count", U32, REQUIRED, .min = 1, .max = UINT32_MAX),
    MEMBER(receipt.prompt_digest, "digest", DIGEST, REQUIRED),
    MEMBER(prompt_tokens, "tokens", ARRAY, OPTIONAL, .min = 1, .max = TOKENS_MAX),
};

static const struct rt_field output_fields[] = {
    MEMBER(output_tokens, "tokens", ARRAY, REQUIRED, .max = TOKENS_MAX),
    MEMBER(receipt.output_digest, "digest", DIGEST, REQUIRED),
};

static int read_tokens(struct rt_tokens *out, yyjson_val *list, struct rt_error *error)
{
    static const struct rt_field id = {.key = "tokens", .kind = RT_FIELD_U32, .max = UINT32_MAX};
    out->room = yyjson_arr_size(list) + 1;
    out->ids = calloc(out->room, sizeof *out->ids);
    if (!out->ids)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the receipt's tokens");
    yyjson_arr_iter iter = yyjson_arr_iter_with(list);
    for (yyjson_val *value; (value = yyjson_arr_iter_next(&iter));)
        if (rt_field_read(&out->ids[out->count++], value, &id, error))
            return -1;
    return 0;
}

static int read_biases(struct rt_receipt *r, yyjson_val *list, struct rt_error *error)
{
    static const struct rt_field id = {.key = "biases", .kind = RT_FIELD_U32, .max = UINT32_MAX};
    static const struct rt_field amount = {.key = "biases", .kind = RT_FIELD_F32, .low = -1e6, .high = 1e6};
    r->biases = calloc(yyjson_arr_size(list), sizeof *r->biases);
    if (!r->biases)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the receipt's biases");
    r->sampling.biases = r->biases;
    yyjson_arr_iter iter = yyjson_arr_iter_with(list);
    for (yyjson_val *pair; (pair = yyjson_arr_iter_next(&iter));) {
        struct rt_bias *bias = &r->biases[r->sampling.bias_count];
        if (yyjson_arr_size(pair) != 2)
            return rt_fail(error, RT_EXIT_TRUST, "biases: an element is not [ID, AMOUNT]");
        if (rt_field_read(&bias->id, yyjson_arr_get(pair, 0), &id, error) ||
            rt_field_read(&bias->amount, yyjson_arr_get(pair, 1), &amount, error))
            return -1;
        r->sampling.bias_count++;
    }
    return 0;
}

/* Its text may hold anything, line ends too. */
static int read_grammar(struct rt_receipt *r, yyjson_val *object, struct rt_error *error)
{
    const char *kind = yyjson_get_str(yyjson_obj_get(object, "kind"));
    yyjson_val *text = yyjson_obj_get(object, "text");
    for (int i = RT_GRAMMAR_SCHEMA; kind && grammar_names[i]; i++)
        if (!strcmp(kind, grammar_names[i]))
            r->grammar_kind = (enum rt_grammar_kind)i;
    const int wants_text = r->grammar_kind != RT_GRAMMAR_JSON;
    if (r->grammar_kind == RT_GRAMMAR_NONE || yyjson_obj_size(object) != 1 + (size_t)wants_text || yyjson_is_str(text) != wants_text)
        return rt_fail(error, RT_EXIT_TRUST, "grammar: not a kind that is known, with its text");
    if (!wants_text)
        return 0;
    if (strlen(yyjson_get_str(text)) != yyjson_get_len(text))
        return rt_fail(error, RT_EXIT_TRUST, "grammar: a zero byte in its text");
    r->grammar = strdup(yyjson_get_str(text));
    return r->grammar ? 0 : rt_fail(error, RT_EXIT_RESOURCES, "no memory for the receipt's grammar");
}

static int read_values(struct receipt_values *v, yyjson_val *root, struct rt_error *error)
{
    if (RT_FIELDS_READ(v, root, root_fields, error) || RT_FIELDS_READ(v, v->bundle, bundle_fields, error) ||
        RT_FIELDS_READ(v, v->parameters, parameter_fields, error) || RT_FIELDS_READ(v, v->prompt, prompt_fields, error) ||
        RT_FIELDS_READ(v, v->output, output_fields, error))
        return -1;
    if ((v->biases && read_biases(&v->receipt, v->biases, error)) || (v->grammar && read_grammar(&v->receipt, v->grammar, error)))
        return -1;
    if (v->prompt_tokens && read_tokens(&v->receipt.prompt, v->prompt_tokens, error))
        return -1;
    return read_tokens(&v->receipt.output, v->output_tokens, error);
}

static int differ(const uint8_t a[CR_DIGEST_BYTES], const uint8_t b[CR_DIGEST_BYTES])
{
    return !cr_digest_equal(a, b);
}

/* Names the part that was changed since the receipt was made. */
static int check_digests(const struct rt_receipt *r, struct rt_error *error)
{
    uint8_t parameters[CR_DIGEST_BYTES], terms[CR_DIGEST_BYTES], prompt[CR_DIGEST_BYTES];
    rt_receipt_terms(r, parameters, terms);
    rt_tokens_digest(prompt, &r->prompt);
    if (differ(parameters, r->parameters))
        return rt_fail(error, RT_EXIT_TRUST, "its parameters are not those that it was made with: their digest is another");
    if (r->prompt.count && (r->prompt.count != r->prompt_count || differ(prompt, r->prompt_digest)))
        return rt_fail(error, RT_EXIT_TRUST, "the prompt in it is not the one that it was made with: its digest is another");
    if (differ(terms, r->terms))
        return rt_fail(error, RT_EXIT_TRUST,
                       "its program, isa, threads, bundle, prompt or their digests were changed since it was made: its terms are others");
    return 0;
}

static void close_values(struct receipt_values *v)
{
    rt_receipt_close(&v->receipt);
}

static void close_doc(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

int rt_receipt_read(struct rt_receipt *out, const char *json, size_t bytes, struct rt_error *error)
{
    RT_CLEAN(close_doc) yyjson_doc *doc = yyjson_read(json, bytes, 0);
    RT_CLEAN(close_values) struct receipt_values v = {0};
    if (!doc)
        return rt_fail(error, RT_EXIT_TRUST, "not a receipt: no JSON");
    if (read_values(&v, yyjson_doc_get_root(doc), error) || check_digests(&v.receipt, error))
        return -1;
    *out = v.receipt;
    v.receipt = (struct rt_receipt){0};
    return 0;
}
