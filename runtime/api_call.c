/* api_call.c: see api_call.h. */
#include "runtime/api_call.h"

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
