/* receipt.h: what `run --receipt` writes down about an answer, so that anybody who has the bundle can compute it again. A receipt is a claim;
 * `replay` proves it. Its digests are defined in kernels/NUMERICS.md §13, so that other programs can make and check them. Any thread.
 *
 *   {"receipt":1, "program":"cloister 0.1", "numerics":"n1", "isa":"vnni", "threads":56,
 *    "bundle":{"name":"demo","version":1,"digest":HEX of manifest.json},
 *    "parameters":{"kv":"bf16","temperature":0.8,"top_k":0,"top_p":1,"min_p":0,"repeat_penalty":1,"seed":7,"digest":HEX},
 *    "prompt":{"form":"chat","count":13,"digest":HEX,"tokens":[…]},     ("raw": without the chat template; tokens only if asked for)
 *    "terms":HEX, all of the above; "output":{"tokens":[…],"digest":HEX}, with the token that ended it; "logits":HEX} */
#ifndef CLOISTER_RECEIPT_H
#define CLOISTER_RECEIPT_H

#include "crypto/crypto.h"
#include "runtime/grammar.h"
#include "runtime/manifest.h"
#include "runtime/sampler.h"
#include "runtime/tokenizer.h"

enum { RT_RECEIPT_MAX_BYTES = CR_MANIFEST_MAX_BYTES };

enum rt_prompt_form { RT_PROMPT_CHAT, RT_PROMPT_RAW };

struct rt_receipt { /* rt_receipt_close frees */
    char program[64];
    enum kn_isa isa; /* it and threads change no bit: for people */
    uint32_t threads;
    char bundle_name[RT_NAME_MAX];
    uint64_t bundle_version;
    enum kn_kv kv;
    struct rt_sampling sampling;
    struct rt_bias *biases; /* what sampling.biases points to */
    enum rt_grammar_kind grammar_kind;
    char *grammar; /* its text, 0-terminated; NULL with RT_GRAMMAR_NONE and RT_GRAMMAR_JSON */
    enum rt_prompt_form form;
    uint32_t prompt_count;
    struct rt_tokens prompt; /* empty where they are kept out */
    struct rt_tokens output; /* every token that was chosen */
    uint8_t bundle[CR_DIGEST_BYTES], parameters[CR_DIGEST_BYTES], prompt_digest[CR_DIGEST_BYTES], terms[CR_DIGEST_BYTES];
    uint8_t output_digest[CR_DIGEST_BYTES], logits[CR_DIGEST_BYTES];
};

void rt_receipt_close(struct rt_receipt *receipt);

/* The digest of token ids. */
void rt_tokens_digest(uint8_t out[CR_DIGEST_BYTES], const struct rt_tokens *tokens);
/* The digest of the parameters, and with it and the rest that of the terms, from the other members. */
void rt_receipt_terms(const struct rt_receipt *receipt, uint8_t parameters[CR_DIGEST_BYTES], uint8_t terms[CR_DIGEST_BYTES]);
/* The chained digest of logits begins as the terms' and takes in one row for each token that is chosen, before the sampler changes it. */
void rt_logits_chain(uint8_t chain[CR_DIGEST_BYTES], const float *logits, uint32_t vocab);

/* The receipt as JSON, a line; free it. NULL without memory. */
char *rt_receipt_print(const struct rt_receipt *receipt);
/* Reads one, and checks that its digests are those of what it says: RT_EXIT_TRUST where they are not or it is none, RT_EXIT_UNSUPPORTED for
 * another format. That it is true is another matter. */
RT_MUST_CHECK int rt_receipt_read(struct rt_receipt *out, const char *json, size_t bytes, struct rt_error *error);

#endif
