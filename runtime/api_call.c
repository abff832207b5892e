/* api_call.c: see api_call.h. */
#include "runtime/api_call.h"

#include <stdio.h>
#include <time.h>

void rt_api_site_describe(struct rt_api_site *at, struct rt_site *site, const char *model)
{
    char digest[2 * CR_DIGEST_BYTES + 1];
    cr_digest_hex(digest, site->manifest_digest);
    snprintf(at->answerer.fingerprint, sizeof at->answerer.fingerprint, "fp_%.12s_n1", digest);
    at->answerer.site = site;
    at->answerer.model = model;
    at->limits = (struct rt_api_limits){
        .vocab = site->manifest->model.vocab,
        .context = site->context,
        .sampling = site->generation.sampling,
    };
    at->started = time(NULL);
}

int rt_api_reply(struct rt_api_call *call, yyjson_mut_doc *doc, struct rt_api_error *error)
{
    call->text = yyjson_mut_write(doc, YYJSON_WRITE_ALLOW_INVALID_UNICODE | YYJSON_WRITE_NEWLINE_AT_END, &call->bytes);
    yyjson_mut_doc_free(doc);
    return call->text ? 0 : rt_api_fail(error, 503, NULL, NULL, "no memory for the reply");
}

struct rt_answer_terms rt_api_terms(const struct rt_api_call *call, enum rt_answer_kind kind)
{
    return (struct rt_answer_terms){
        .kind = kind,
        .owner = call->owner->id,
        .domain = call->at->share_prefixes ? 0 : call->owner->id,
    };
}
