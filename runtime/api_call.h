/* api_call.h: one request to the API and what comes of it, without the HTTP around it; and the functions that answer, api_*.c, one endpoint or
 * family each. They return 0 with an answer under way, or with a text; or -1 with *error filled. The server's thread. */
#ifndef CLOISTER_API_CALL_H
#define CLOISTER_API_CALL_H

#include "runtime/answer.h"
#include "runtime/metrics.h"
#include "runtime/receipt_ring.h"
#include "runtime/seal_test.h"

struct rt_owner { /* whose request it is */
    uint64_t id;
    char name[80]; /* for people: "uid 1000", or an API key's name */
};

struct rt_api_site { /* what all requests share */
    struct rt_answerer answerer;
    struct rt_api_limits limits;
    struct rt_receipt_ring *receipts;
    struct rt_metrics *metrics;
    const struct rt_seal_report *seal; /* what a process sealed like this one has tried */
    int64_t started;
    int share_prefixes; /* cached beginnings of prompts are everybody's */
};

/* Fills in what follows from the site: limits, and the fingerprint of its bits. model: the name that is shown; it stays the caller's. */
void rt_api_site_describe(struct rt_api_site *at, struct rt_site *site, const char *model);

struct rt_api_call {
    const struct rt_api_site *at;
    const struct rt_owner *owner;
    const char *rest; /* of the path, behind the endpoint: an id */
    const char *body;
    size_t body_bytes;
    /* What comes of it: an answer under way, or a text. */
    struct rt_answer *answer;
    const char *type;                     /* of the text; NULL: JSON */
    const struct rt_page_header *headers; /* NULL, or those that the text is to be sent with, its type among them */
    char *text;                           /* freed with the call */
    size_t bytes;
};

typedef int rt_api_function(struct rt_api_call *call, struct rt_api_error *error);

rt_api_function rt_api_chat, rt_api_completions, rt_api_embeddings; /* POST /v1/… */
rt_api_function rt_api_models, rt_api_receipt;                      /* GET /v1/… */
rt_api_function rt_api_tokenize, rt_api_detokenize;                 /* POST /tokenize, /detokenize */
rt_api_function rt_api_health, rt_api_metrics, rt_api_page;         /* GET /health, /metrics, / */

/* For them: the text is a document, which is freed. */
RT_MUST_CHECK int rt_api_reply(struct rt_api_call *call, yyjson_mut_doc *doc, struct rt_api_error *error);
/* For them: terms with the call's owner. */
struct rt_answer_terms rt_api_terms(const struct rt_api_call *call, enum rt_answer_kind kind);

#endif
